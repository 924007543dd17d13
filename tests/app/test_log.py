"""What the log must not say, and what it must."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from verbena.app.config import Log, parse_config
from verbena.app.log import start_log

TOKEN = "91354a473744909de610943775f92038"


@pytest.fixture(autouse=True)
def kept_as_it_was() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("verbena")
    kept = (list(root.handlers), root.level, ours.level)
    yield
    structlog.reset_defaults()
    root.handlers[:], ours.level = kept[0], kept[2]
    root.setLevel(kept[1])


def break_down(line: bytes) -> None:
    url = line.decode()
    raise RuntimeError(f"a bug at {len(url)}")


@pytest.mark.rfc("4468 §7")
@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_has_no_variables(capsys: pytest.CaptureFixture[str], form: str) -> None:
    logger = start_log(Log(form=form))
    for log in (logging.getLogger("verbena.smtp.dispatch").exception, logger.exception):
        try:
            break_down(b"imap://alice@mail.example.org/INBOX/;uid=1;urlauth=anonymous:internal:" + TOKEN.encode())
        except RuntimeError:
            log("command failed")
    said = capsys.readouterr().err
    assert TOKEN not in said
    assert said.count("a bug at 102") == 2
    assert "break_down" in said


def test_lines_of_deliveries_are_written_with_their_facts(capsys: pytest.CaptureFixture[str]) -> None:
    start_log(Log(form="json"))
    facts = {"account": "alice@example.org", "recipient": "a@example.org", "outcome": "delivered", "line": "MAIL FROM"}
    logging.getLogger("verbena.lmtp.deliver").info("local delivery", extra=facts)
    logging.getLogger("verbena.lmtp.deliver").debug("not at this level")
    logging.getLogger("some.library").info("nor this")
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["event"], told["outcome"], told["account"]) == ("local delivery", "delivered", "alice@example.org")
    assert "line" not in told


def test_a_configuration_does_not_show_its_passwords() -> None:
    text = '[submission]\ntrusted_imap = ["imap.example.com"]\n[submission.trusted."imap.example.com"]\n'
    config = parse_config(text + 'user = "submit"\npassword = "accio"\n')
    assert config.submission.trusted[0].password == "accio"
    assert "accio" not in repr(config)
