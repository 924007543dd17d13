"""The sample configuration and the manual's page are what ``app.config`` says."""

from dataclasses import fields
from pathlib import Path

import pytest

from verbena.app.config import SECTIONS, Config, default_of, keys_of, parse_config
from verbena.app.configdoc import page, sample

MANUAL = Path(__file__).resolve().parent.parent.parent / "docs" / "configuration.md"


def test_sample_is_all_defaults() -> None:
    assert parse_config(sample()) == Config()


def test_sample_with_values() -> None:
    config = parse_config(sample({"data": "mail", "domains": ("a.example",), "listen.imap": "[::1]:143"}))
    assert (config.data, config.domains, config.listen.imap) == ("mail", ("a.example",), ("[::1]:143",))


def test_every_line_of_the_sample_can_be_switched_on() -> None:
    text = "\n".join(
        line.removeprefix("#") if line.startswith("#") and not line.startswith("# ") else line
        for line in sample().splitlines()
        if not line.startswith("#password =")
    )
    config = parse_config(text)
    assert config.listen.imaps == ("127.0.0.1:1993",)
    assert config.relay.smarthost == "smtp.example.net:25"


@pytest.mark.parametrize("section", ["", *SECTIONS])
def test_every_key_is_described(section: str) -> None:
    kind = SECTIONS[section] if section else Config
    for item in fields(kind):
        if item.name in keys_of(kind):
            setting = item.metadata["setting"]
            assert setting.sentence.endswith(".")
            if isinstance(default_of(item), int) and not isinstance(default_of(item), bool):
                assert setting.unit
                assert setting.low <= default_of(item) <= setting.high


def test_the_manual_is_up_to_date() -> None:
    assert MANUAL.read_text("utf-8") == page(), "run: verbena config manual > docs/configuration.md"
