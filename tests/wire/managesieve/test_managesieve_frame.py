"""Frames: whole, byte by byte, with trailing octets; literals of both sides; limits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError, Refused
from verbena.model.reason import Reason
from verbena.wire.managesieve.command import format_command
from verbena.wire.managesieve.frame import (
    LIMITS_AFTER_LOGIN,
    LIMITS_BEFORE_LOGIN,
    LIMITS_OF_RESPONSES,
    MAX_LINE_OCTETS,
    Frame,
    FrameLimits,
    FrameReader,
    Rejected,
)
from verbena.wire.managesieve.grammar import Cursor

TINY = FrameLimits(4, 10)

# (octets, responses, frame)
TABLE = [
    (b"NOOP\r\n", False, Frame((b"NOOP",))),
    (b"\r\n", False, Frame((b"",))),
    (b"{0+}\r\n\r\n", False, Frame((b"", b""), (b"",))),
    (b"A {3+}\r\nx\r\n {1+}\r\ny z\r\n", False, Frame((b"A ", b" ", b" z"), (b"x\r\n", b"y"))),
    (b'OK (TAG {16}\r\nSTARTTLS-SYNC-42) "Done"\r\n', True, Frame((b"OK (TAG ", b') "Done"'), (b"STARTTLS-SYNC-42",))),
    (b"{3+}\r\nabc\r\n", True, Frame((b"", b""), (b"abc",))),
    (b'A "{3}"\r\n', False, Frame((b'A "{3}"',))),
    (b'A "a {3+}\r\n', False, Frame((b'A "a {3+}',))),
    (b'A "\\"" {3+}\r\nabc\r\n', False, Frame((b'A "\\"" ', b""), (b"abc",))),
    (b"A{3+}\r\n", False, Frame((b"A{3+}",))),
    (b"A {+}\r\n", False, Frame((b"A {+}",))),
    (b"A {-1+}\r\n", False, Frame((b"A {-1+}",))),
    (b"A {12345678901+}\r\n", False, Frame((b"A {12345678901+}",))),
]


@pytest.mark.rfc("5804 §4")
@pytest.mark.parametrize(("octets", "responses", "frame"), TABLE, ids=lambda value: repr(value)[:24])
@pytest.mark.parametrize("step", [1, 2, 1000])
def test_frames(octets: bytes, responses: bool, frame: Frame, step: int) -> None:
    reader = FrameReader(LIMITS_AFTER_LOGIN, responses)
    rest = octets + b"NEXT"
    found: list[Frame | Rejected] = []
    for at in range(0, len(rest), step):
        reader.feed(rest[at : at + step])
        while (got := reader.next_frame()) is not None:
            found.append(got)
    assert found == [frame]
    reader.feed(b"\r\n")
    assert reader.next_frame() == Frame((b"NEXT",))


def test_a_literal_over_its_limit_is_dropped_and_the_next_command_found() -> None:
    reader = FrameReader(TINY)
    reader.feed(b"A {4+}\r\nabcd {1+}\r\ne f\r\nB {10+}\r\n0123456789\r\nC {4+}\r\nabcd\r\n")
    for text in (b"A ", b"B "):
        got = reader.next_frame()
        assert isinstance(got, Rejected)
        assert got.text == text
        assert isinstance(got.error, Refused)
        assert got.error.reason is Reason.TOO_BIG
    assert reader.next_frame() == Frame((b"C ", b""), (b"abcd",))


@pytest.mark.parametrize(
    ("octets", "limits"),
    [
        (b"A {3}\r\nabc\r\n", LIMITS_AFTER_LOGIN),
        (b"A {0}\r\n\r\n", LIMITS_AFTER_LOGIN),
        (b"NOOP\n", LIMITS_AFTER_LOGIN),
        (b"A" * (MAX_LINE_OCTETS + 2), LIMITS_AFTER_LOGIN),
        (b"A {11+}\r\n", TINY),
        (b"A {4294967296+}\r\n", LIMITS_AFTER_LOGIN),
        (b"A {16385+}\r\n", LIMITS_BEFORE_LOGIN),
        (b"A {16384+}\r\n" + b"x" * 16384 + b" {1+}\r\n", LIMITS_BEFORE_LOGIN),
        (b" {0+}\r\n" * 9, LIMITS_AFTER_LOGIN),
    ],
)
def test_what_can_not_be_followed_is_fatal(octets: bytes, limits: FrameLimits) -> None:
    reader = FrameReader(limits)
    with pytest.raises(PeerError) as error:
        for at in range(0, len(octets), 7):
            reader.feed(octets[at : at + 7])
            while reader.next_frame() is not None:
                pass
    assert error.value.fatal


def test_what_is_unread() -> None:
    reader = FrameReader(LIMITS_BEFORE_LOGIN)
    reader.feed(b"STARTTLS\r\nNOOP\r\nNO")
    reader.next_frame()
    assert reader.take_unread() == b"NOOP\r\nNO"
    assert reader.next_frame() is None


@given(st.binary(max_size=200), st.integers(1, 50), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_octets_and_any_cut(octets: bytes, step: int, responses: bool) -> None:
    def read(pieces: int) -> list[object]:
        reader = FrameReader(TINY, responses)
        found: list[object] = []
        try:
            for at in range(0, len(octets), pieces):
                reader.feed(octets[at : at + pieces])
                while (got := reader.next_frame()) is not None:
                    found.append(got.text if isinstance(got, Rejected) else got)
        except PeerError as error:
            found.append(error.told)
        return found

    assert read(step) == read(1000)


@given(st.lists(st.one_of(st.binary(max_size=60), st.text(max_size=20), st.integers(0, 0xFFFFFFFF)), max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_command_is_read_as_it_was_written(arguments: list[bytes | str | int]) -> None:
    reader = FrameReader(LIMITS_OF_RESPONSES)
    reader.feed(format_command(b"WHAT", *arguments))
    frame = reader.next_frame()
    assert isinstance(frame, Frame)
    cursor = Cursor(frame)
    assert cursor.keyword() == "WHAT"
    for argument in arguments:
        cursor.sp()
        if isinstance(argument, int):
            assert cursor.number() == argument
        else:
            assert cursor.string() == (argument.encode() if isinstance(argument, str) else argument)
    cursor.end()
