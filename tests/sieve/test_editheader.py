"""addheader and deleteheader: RFC 5293's examples, protected fields, and values that try to break out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.script import actions, complaints, outcome
from support.sieve import delivered, message_of
from verbena.mime.header import decode_words, split_fields, unfold
from verbena.sieve.action import Keep, Redirect
from verbena.sieve.fieldtext import format_text_field

MESSAGE = "Subject: s\nX-Hello: one\nReceived: r\nX-Hello: two\nX-Hello: three\nAuto-Submitted: no\n\nbody\n"


def header(script: str, message: str = MESSAGE) -> list[str]:
    """The fields of the message as the implicit keep takes it."""
    octets = delivered(f'require ["editheader", "variables", "relational", "regex"]; {script}', message)
    assert octets.endswith(b"\r\n\r\nbody\r\n")
    return [f"{field.name.decode()}: {field.text().decode()}" for field in message_of(octets).fields]


ALL = ["Subject: s", "X-Hello: one", "Received: r", "X-Hello: two", "X-Hello: three", "Auto-Submitted: no"]


def without(*gone: str) -> list[str]:
    return [each for each in ALL if each not in gone]


@pytest.mark.rfc("5293 §4")
def test_add() -> None:
    assert header('addheader "X-New" "v";') == ["X-New: v", *ALL]
    assert header('addheader :last "X-New" "v";') == [*ALL, "X-New: v"]
    assert header('addheader "A" "1"; addheader "B" "2";') == ["B: 2", "A: 1", *ALL]


@pytest.mark.rfc("5293 §5")
@pytest.mark.parametrize(
    ("command", "left"),
    [
        ('deleteheader "X-Hello";', without("X-Hello: one", "X-Hello: two", "X-Hello: three")),
        ('deleteheader :contains "x-hello" ["w", "z"];', without("X-Hello: two")),
        ('deleteheader "X-Hello" ["one", "three"];', without("X-Hello: one", "X-Hello: three")),
        ('deleteheader :index 2 "X-Hello";', without("X-Hello: two")),
        ('deleteheader :index 1 :last "X-Hello";', without("X-Hello: three")),
        ('deleteheader :index 9 "X-Hello";', ALL),
        ('deleteheader :index 1 :contains "X-Hello" "two";', ALL),
        ('deleteheader :matches "X-Hello" "t*";', without("X-Hello: two", "X-Hello: three")),
        ('deleteheader :regex "X-Hello" "^t.+e$";', without("X-Hello: three")),
        ('deleteheader :value "ge" "X-Hello" "three";', without("X-Hello: two", "X-Hello: three")),
        (
            'deleteheader :index 1 "X-Hello"; deleteheader :index 2 "X-Hello";',
            without("X-Hello: one", "X-Hello: three"),
        ),
        ('addheader "X-Hello" "World"; deleteheader :index 1 "X-Hello";', ALL),
        ('deleteheader "Subject";', without("Subject: s")),
        ('deleteheader "Nothing";', ALL),
    ],
)
def test_delete(command: str, left: list[str]) -> None:
    assert header(command) == left


@pytest.mark.rfc("5293 §6")
@pytest.mark.parametrize(
    "command",
    [
        'deleteheader "Received";',
        'deleteheader "AUTO-SUBMITTED";',
        'addheader "Received" "x";',
        'deleteheader "Original-Subject";',
        'addheader "Original-From" "x";',
    ],
)
def test_protected(command: str) -> None:
    assert header(command) == ALL


@pytest.mark.rfc("5293 §4")
def test_example_redirect_once() -> None:
    script = """require "editheader";
        if not header :contains "X-Sieve-Filtered" ["<kim@job.example.com>", "<kim@home.example.com>"]
        {
                addheader "X-Sieve-Filtered" "<kim@job.example.com>";
                redirect "kim@home.example.com";
        }"""
    result = outcome(script, MESSAGE)
    assert [type(each) for each in result.actions] == [Redirect]
    edition = result.editions[0]
    assert edition is not None
    assert edition.header.startswith(b"X-Sieve-Filtered: <kim@job.example.com>\r\nSubject: s\r\n")
    assert edition.body is None
    assert actions(script, "X-Sieve-Filtered: <kim@job.example.com>\n\n") == ["implicit keep"]


@pytest.mark.rfc("5293 §5")
def test_example_delivered_to() -> None:
    script = """require "editheader"; deleteheader :index 1 :contains "Delivered-To" "bob@example.com";"""
    first = "Delivered-To: bob@example.com\nDelivered-To: x@example.com\n\n"
    assert delivered(script, first) == b"Delivered-To: x@example.com\r\n\r\n"
    second = "Delivered-To: x@example.com\nDelivered-To: bob@example.com\n\n"
    assert outcome(script, second).editions == (None,)


@pytest.mark.rfc("5293 §7")
def test_example_test_sees_the_edit() -> None:
    script = """require ["editheader", "fileinto"];
      addheader "X-Hello" "World";
      if header :contains "X-Hello" "World" { fileinto "international"; }"""
    assert actions(script) == ["fileinto international"]


@pytest.mark.rfc("5293 §7")
def test_example_one_keep() -> None:
    assert len(actions('require "editheader"; keep; addheader "X-Flavor" "vanilla"; keep;')) == 1


@pytest.mark.rfc("5293 §7")
def test_actions_keep_what_they_saw() -> None:
    script = """require ["editheader", "fileinto", "copy"];
        fileinto :copy "before"; addheader "X" "1"; fileinto :copy "after"; addheader "X" "2";"""
    before, after, kept = outcome(script, "Subject: a\n\n").editions
    assert before is None
    assert after is not None
    assert after.header == b"X: 1\r\nSubject: a\r\n\r\n"
    assert kept is not None
    assert kept.header == b"X: 2\r\nX: 1\r\nSubject: a\r\n\r\n"


@pytest.mark.rfc("5293 §7")
def test_failure_keeps_the_original() -> None:
    result = outcome('require ["editheader", "variables"]; addheader "X" "1"; redirect "${x}";')
    assert result.failed is not None
    assert result.actions == (Keep(None),)
    assert result.editions == (None,)


@pytest.mark.rfc("5260 §5.1")
def test_example_processing_date() -> None:
    script = """require ["variables", "date", "editheader"];
      if currentdate :matches "std11" "*" {addheader "Processing-date" "${0}";}"""
    assert delivered(script, "\n") == b"Processing-date: Sun, 01 Mar 2026 12:30:15 +0000\r\n\r\n"


@pytest.mark.parametrize(
    "command",
    [
        'addheader "a b" "v";',
        'addheader "" "v";',
        'addheader "ä" "v";',
        'deleteheader "a:";',
        'addheader "a";',
        'deleteheader :last "a";',
        'deleteheader :index 0 "a";',
        'deleteheader ["a", "b"];',
        'addheader :first "a" "b";',
    ],
)
def test_refused(command: str) -> None:
    assert complaints(f'require "editheader"; {command}')


def test_refused_while_running() -> None:
    start = 'require ["editheader", "variables"]; set "n" "a b"; '
    assert actions(start + 'addheader "${n}" "v";')[0].startswith("failed")
    long = 'set "v" "' + "x" * 9000 + '"; addheader "a" "${v}";'
    assert actions(start + long)[0].startswith("failed")


def test_value_can_not_break_out() -> None:
    script = 'addheader "X" text:\none\n\nEvil: yes\r\n two\n.\n;'
    assert header(script)[0] == "X: one Evil: yes two"


VALUES = st.one_of(st.text(max_size=200).map(str.encode), st.binary(max_size=200))


@settings(max_examples=200)
@given(VALUES)
def test_any_value_stays_one_field(value: bytes) -> None:
    raw = format_text_field(b"X-Name", value)
    block = b"X-Name:" + raw + b"\r\nNext: x\r\n\r\n"
    assert [span[0] for span in split_fields(block)] == [b"x-name", b"next"]
    assert all(32 <= octet < 127 or octet in b"\t\r\n" for octet in raw)
    assert max(len(line) for line in block.split(b"\r\n")) <= 998
    text = value.decode("utf-8", "replace")
    if text.isprintable():
        assert decode_words(unfold(raw)).split() == text.encode("utf-8", "replace").decode().split()
