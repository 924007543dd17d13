"""A client's scripts: what sievelib writes, we check and run; what we are given, it parses as well."""

import pytest
from sievelib.factory import FiltersSet
from sievelib.parser import Parser

from support.script import actions, complaints


def written(conditions: list[tuple[str, ...]], steps: list[tuple[str, ...]], match: str = "anyof") -> str:
    filters = FiltersSet("test")
    filters.addfilter("rule", conditions, steps, match)
    return str(filters)


@pytest.mark.parametrize(
    ("conditions", "steps", "message", "expected"),
    [
        ([("Sender", ":is", "toto@toto.com")], [("fileinto", "Toto")], "Sender: toto@toto.com\n\n", ["fileinto Toto"]),
        ([("Subject", ":contains", "sale")], [("discard",)], "Subject: Big SALE\n\n", []),
        ([("size", ":over", "100k")], [("redirect", "a@b.example")], "Subject: x\n\n", ["implicit keep"]),
        ([("exists", "X-Spam", "Subject")], [("keep",)], "Subject: x\nX-Spam: y\n\n", ["keep"]),
    ],
)
def test_written_by_sievelib(
    conditions: list[tuple[str, ...]], steps: list[tuple[str, ...]], message: str, expected: list[str]
) -> None:
    script = written(conditions, steps)
    assert complaints(script) == []
    assert actions(script, message) == expected


@pytest.mark.parametrize(
    "script",
    [
        'require ["fileinto", "copy"];\nif allof (header :is "a" "b", not size :over 5K) { fileinto :copy "x"; }',
        'require "vacation";\nvacation :days 3 :subject "s" :addresses ["a@b", "c@d"] text:\nGone.\n.\n;',
        'require ["reject"];\nif address :domain :is ["from", "sender"] "x.example" { reject "no"; stop; }',
    ],
)
def test_both_take_it(script: str) -> None:
    assert complaints(script) == []
    assert Parser().parse(script)
