"""encoded-character: RFC 5228's table of examples, and its place before variables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.script import actions, complaints
from support.sieve import holds
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place, ScriptError
from verbena.sieve.ext.encodedcharacter import substitute
from verbena.sieve.registry import Registry

CHECKER = Checker(Registry(()))


def decoded(octets: bytes) -> bytes:
    return substitute(CHECKER, octets, Place(1, 1)).octets


@pytest.mark.rfc("5228 §2.4.2.4")
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (b"$${hex:40}", b"$@"),
        (b"${hex: 40 }", b"@"),
        (b"${HEX: 40}", b"@"),
        (b"${hex:40", b"${hex:40"),
        (b"${hex:400}", b"${hex:400}"),
        (b"${hex:4${hex:30}}", b"${hex:40}"),
        (b"${unicode:40}", b"@"),
        (b"${ unicode:40}", b"${ unicode:40}"),
        (b"${UNICODE:40}", b"@"),
        (b"${UnICoDE:0000040}", b"@"),
        (b"${Unicode:40}", b"@"),
        (b"${Unicode:Cool}", b"${Unicode:Cool}"),
        (b"${hex:24 24}", b"$$"),
        (b"${hex:\r\n24\t24\r\n}", b"$$"),
        (b"${hex:}", b"${hex:}"),
        (b"${hex:4 0}x${hex:41}", b"\x04\0xA"),
        (b"${unicode:20ac 10FFFF}", "€\U0010ffff".encode()),
        (b"${unicode: d7ff e000}", "\ud7ff\ue000".encode()),
        (b"${}${hex:zz}${", b"${}${hex:zz}${"),
    ],
)
def test_sequences(written: bytes, meant: bytes) -> None:
    assert decoded(written) == meant


@pytest.mark.rfc("5228 §2.4.2.4")
@pytest.mark.parametrize("written", ["${unicode:200000}", "${Unicode:DF01}", "${unicode:" + "f" * 99 + "}"])
def test_no_character(written: str) -> None:
    assert "is no Unicode character" in complaints(f'require "encoded-character"; redirect "{written}@x";')[0]


def test_without_require() -> None:
    assert not holds('header :contains "Subject" "$${hex:24 24}"', "Subject: $$$\n\n")


@pytest.mark.rfc("5228 §2.4.2.4")
def test_example() -> None:
    script = 'require "encoded-character"; if header :contains "Subject" "$${hex:24 24}" { discard; }'
    assert actions(script, "Subject: $$$ YOU, TOO\n\n") == []
    assert actions(script, "Subject: hello\n\n") == ["implicit keep"]


def test_variables_come_after() -> None:
    script = """require ["encoded-character", "variables", "fileinto"];
        set "a" "b"; fileinto "${hex:24}{a}";"""
    assert actions(script) == ["fileinto b"]


@given(st.binary(max_size=60).map(lambda octets: b"${hex:" + octets + b"}${unicode:" + octets + b"}"))
def test_any_octets(octets: bytes) -> None:
    try:
        decoded(octets)
    except ScriptError:
        return
