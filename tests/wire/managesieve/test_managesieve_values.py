"""Commands, replies and lines of data: tables read both ways, what is refused, and anything at all."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.model.secret import Secret
from verbena.wire.managesieve.command import (
    Authenticate,
    HaveSpace,
    PutScript,
    RenameScript,
    format_command,
    format_response,
    parse_authenticate,
    parse_have_space,
    parse_name,
    parse_noop,
    parse_nothing,
    parse_put,
    parse_rename,
    parse_response,
    parse_script,
)
from verbena.wire.managesieve.frame import LIMITS_OF_RESPONSES, Frame, FrameReader
from verbena.wire.managesieve.grammar import Cursor
from verbena.wire.managesieve.reply import (
    Capability,
    Code,
    Listed,
    Reply,
    Status,
    format_capability,
    format_challenge,
    format_listed,
    format_reply,
    format_script,
    is_reply,
    parse_capability,
    parse_challenge,
    parse_listed,
    parse_reply,
    parse_script_line,
)


def frame_of(octets: bytes) -> Frame:
    reader = FrameReader(LIMITS_OF_RESPONSES, responses=True)
    reader.feed(octets)
    frame = reader.next_frame()
    assert isinstance(frame, Frame), octets
    assert reader.take_unread() == b""
    return frame


def after_name(octets: bytes) -> Cursor:
    cursor = Cursor(frame_of(octets))
    cursor.keyword()
    return cursor


LONG = "n" * 1025

COMMANDS: list[tuple[bytes, Callable[[Cursor], object], object]] = [
    (b"CAPABILITY\r\n", parse_nothing, None),
    (b'AUTHENTICATE "PLAIN"\r\n', parse_authenticate, Authenticate("PLAIN", None)),
    (b'AUTHENTICATE "PLAIN" ""\r\n', parse_authenticate, Authenticate("PLAIN", Secret(b""))),
    (b'AUTHENTICATE "PLAIN" "YWJj"\r\n', parse_authenticate, Authenticate("PLAIN", Secret(b"abc"))),
    (b'HAVESPACE "myscript" 999999\r\n', parse_have_space, HaveSpace("myscript", 999999)),
    (b'HAVESPACE "" 0\r\n', parse_have_space, HaveSpace("", 0)),
    (b'HAVESPACE "a" 4294967295\r\n', parse_have_space, HaveSpace("a", 0xFFFFFFFF)),
    (b'PUTSCRIPT "foo" {7+}\r\nkeep;\r\n\r\n', parse_put, PutScript("foo", b"keep;\r\n")),
    (b'PUTSCRIPT "foo" "keep;"\r\n', parse_put, PutScript("foo", b"keep;")),
    (b'PUTSCRIPT "a\\"b\\\\" {1+}\r\n\xff\r\n', parse_put, PutScript('a"b\\', b"\xff")),
    (b'CHECKSCRIPT "keep;"\r\n', parse_script, b"keep;"),
    (b'RENAMESCRIPT "foo" "b\xc3\xa4r"\r\n', parse_rename, RenameScript("foo", "bär")),
    (b'SETACTIVE ""\r\n', parse_name, ""),
    (b"GETSCRIPT {1025+}\r\n" + LONG.encode() + b"\r\n", parse_name, LONG),
    (b"NOOP\r\n", parse_noop, None),
    (b'NOOP "STARTTLS-SYNC-42"\r\n', parse_noop, b"STARTTLS-SYNC-42"),
]


def written(name: bytes, value: object) -> bytes:
    match value:
        case None:
            return format_command(name)
        case str() | bytes():
            return format_command(name, value)
        case Authenticate(mechanism, None):
            return format_command(name, mechanism)
        case Authenticate(mechanism, initial) if initial is not None:
            return format_command(name, mechanism, b"YWJj" if initial.reveal() else b"")
        case HaveSpace(script, size_octets):
            return format_command(name, script, size_octets)
        case PutScript(script, octets):
            return format_command(name, script, octets)
        case RenameScript(old_name, script):
            return format_command(name, old_name, script)
    raise AssertionError(value)


@pytest.mark.rfc("5804 §4")
@pytest.mark.parametrize(("octets", "parse", "value"), COMMANDS, ids=lambda value: repr(value)[:20])
def test_commands(octets: bytes, parse: Callable[[Cursor], object], value: object) -> None:
    assert parse(after_name(octets)) == value
    assert written(octets.split(b" ")[0].removesuffix(b"\r\n"), value) == octets


@pytest.mark.parametrize(
    ("octets", "parse"),
    [
        (b"CAPABILITY x\r\n", parse_nothing),
        (b"CAPABILITY \r\n", parse_nothing),
        (b"AUTHENTICATE PLAIN\r\n", parse_authenticate),
        (b'AUTHENTICATE "PLAIN" "AA"\r\n', parse_authenticate),
        (b'AUTHENTICATE "PLAIN" "AAAA" "AAAA"\r\n', parse_authenticate),
        (b'HAVESPACE "a"\r\n', parse_have_space),
        (b'HAVESPACE "a" 01\r\n', parse_have_space),
        (b'HAVESPACE "a" -1\r\n', parse_have_space),
        (b'HAVESPACE "a" 4294967296\r\n', parse_have_space),
        (b'HAVESPACE "a" "5"\r\n', parse_have_space),
        (b'HAVESPACE  "a" 5\r\n', parse_have_space),
        (b"PUTSCRIPT a {1+}\r\nx\r\n", parse_put),
        (b'PUTSCRIPT "a" {1+}\r\nxy\r\n', parse_put),
        (b'GETSCRIPT "a\r\n', parse_name),
        (b'GETSCRIPT "a\\b"\r\n', parse_name),
        (b'GETSCRIPT "a\\\r\n', parse_name),
        (b'GETSCRIPT "a\x00"\r\n', parse_name),
        (b'GETSCRIPT "\xff"\r\n', parse_name),
        (b'NOOP "a" "b"\r\n', parse_noop),
        (b"NOOP {1025+}\r\n" + b"t" * 1025 + b"\r\n", parse_noop),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_commands_that_are_none(octets: bytes, parse: Callable[[Cursor], object]) -> None:
    with pytest.raises(PeerError):
        parse(after_name(octets))


@pytest.mark.rfc("5804 §2.1")
@pytest.mark.parametrize("octets", [b"", b"abc", b"\x00" * 2000, None])
def test_lines_of_an_exchange(octets: bytes | None) -> None:
    answer = parse_response(Cursor(frame_of(format_response(octets))))
    assert (None if answer is None else answer.reveal()) == octets
    if octets is not None:
        assert parse_challenge(frame_of(format_challenge(octets))) == octets


REPLIES = [
    (b"OK\r\n", Reply(Status.OK)),
    (b'OK "NOOP completed"\r\n', Reply(Status.OK, "NOOP completed")),
    (b'NO (QUOTA/MAXSIZE) "Quota exceeded"\r\n', Reply(Status.NO, "Quota exceeded", Code(b"QUOTA/MAXSIZE"))),
    (b'OK (TAG "a \\"b") "Done"\r\n', Reply(Status.OK, "Done", Code(b"TAG", b'a "b'))),
    (b"OK (TAG {3}\r\n\xff\r\n)\r\n", Reply(Status.OK, "", Code(b"TAG", b"\xff\r\n"))),
    (b'OK (SASL "cnNw")\r\n', Reply(Status.OK, "", Code(b"SASL", b"cnNw"))),
    (b"BYE (REFERRAL sieve://b.example)\r\n", Reply(Status.BYE, "", Code(b"REFERRAL", b"sieve://b.example"))),
    (b"NO {14}\r\nline 1\r\nline 2\r\n", Reply(Status.NO, "line 1\r\nline 2")),
]


@pytest.mark.rfc("5804 §1.3", "5804 §4")
@pytest.mark.parametrize(("octets", "reply"), REPLIES, ids=lambda value: repr(value)[:24])
def test_replies(octets: bytes, reply: Reply) -> None:
    frame = frame_of(octets)
    assert is_reply(frame)
    assert parse_reply(frame) == reply
    assert format_reply(reply) == octets


@pytest.mark.parametrize(
    ("octets", "reply"),
    [
        (b"No (nonexistent) {6}\r\nNo one\r\n", Reply(Status.NO, "No one", Code(b"NONEXISTENT"))),
        (b'ok (X-NEW (a "b" (c {1}\r\nd) ()) 5) "t"\r\n', Reply(Status.OK, "t", Code(b"X-NEW"))),
        (
            b'BYE (REFERRAL "sieve://b.example") "go"\r\n',
            Reply(Status.BYE, "go", Code(b"REFERRAL", b"sieve://b.example")),
        ),
    ],
)
def test_replies_of_others(octets: bytes, reply: Reply) -> None:
    assert parse_reply(frame_of(octets)) == reply


@pytest.mark.parametrize(
    "octets",
    [
        b"MAYBE\r\n",
        b"OK \r\n",
        b"OK text\r\n",
        b"OK (A\r\n",
        b"OK ()\r\n",
        b'OK "a" "b"\r\n',
        b"OK (A " + b"(" * 40 + b"\r\n",
    ],
)
def test_replies_that_are_none(octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse_reply(frame_of(octets))


LINES: list[tuple[bytes, Callable[[Frame], object], object, bytes]] = [
    (b'"STARTTLS"\r\n', parse_capability, Capability("STARTTLS"), format_capability(Capability("STARTTLS"))),
    (b'"SASL" ""\r\n', parse_capability, Capability("SASL", ""), format_capability(Capability("SASL", ""))),
    (b'"main" ACTIVE\r\n', parse_listed, Listed("main", True), format_listed(Listed("main", True))),
    (b'"a\\"b"\r\n', parse_listed, Listed('a"b', False), format_listed(Listed('a"b', False))),
    (b"{2}\r\n\r\n\r\n", parse_script_line, b"\r\n", format_script(b"\r\n")),
]


@pytest.mark.rfc("5804 §1.7", "5804 §2.7", "5804 §2.9")
@pytest.mark.parametrize(("octets", "parse", "value", "formatted"), LINES, ids=lambda value: repr(value)[:20])
def test_lines(octets: bytes, parse: Callable[[Frame], object], value: object, formatted: bytes) -> None:
    frame = frame_of(octets)
    assert not is_reply(frame)
    assert parse(frame) == value
    assert formatted == octets


def test_lines_of_others() -> None:
    assert parse_capability(frame_of(b'{4}\r\nSAsl "PLAIN"\r\n')) == Capability("SASL", "PLAIN")
    assert parse_listed(frame_of(b'{13}\r\nclever"script active\r\n')) == Listed('clever"script', True)


@given(st.sampled_from(list(Status)), st.text(max_size=40), st.sampled_from([None, b"TAG"]), st.binary(max_size=20))
@settings(max_examples=200, deadline=None)
def test_a_reply_is_read_as_it_was_written(status: Status, text: str, name: bytes | None, argument: bytes) -> None:
    reply = Reply(status, text, None if name is None else Code(name, argument))
    assert parse_reply(frame_of(format_reply(reply))) == reply


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_line_gives_a_value_or_an_error_of_the_peer(octets: bytes) -> None:
    frame = Frame((octets.replace(b"\n", b""),))
    for parse in (parse_reply, parse_capability, parse_listed, parse_challenge):
        try:
            parse(frame)
        except PeerError:
            pass
    for read in (parse_authenticate, parse_put, parse_rename, parse_have_space, parse_noop, parse_response):
        try:
            read(Cursor(frame))
        except PeerError:
            pass
