"""Lines and counted octets come out whole, however they arrived."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.wire.buffer import ReceiveBuffer


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """``data`` in pieces, cut at ``places`` modulo its length."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    pieces: list[bytes] = []
    start = 0
    for end in ends:
        pieces.append(data[start:end])
        start = end
    return pieces


@given(st.binary(max_size=200), st.lists(st.integers(0, 300), max_size=10))
def test_lines_do_not_depend_on_cuts(data: bytes, places: list[int]) -> None:
    buffer = ReceiveBuffer()
    lines: list[bytes] = []
    for piece in cut(data, places):
        buffer.feed(piece)
        while (line := buffer.line(1000)) is not None:
            lines.append(line)
    expected = [line.removesuffix(b"\r") for line in data.split(b"\n")[:-1]]
    assert lines == expected
    assert buffer.take_all() == data.split(b"\n")[-1]


def test_one_octet_at_a_time() -> None:
    buffer = ReceiveBuffer()
    line = b"x" * 5000 + b"\r\n"
    for place in range(len(line)):
        buffer.feed(line[place : place + 1])
        got = buffer.line(5000)
        assert got == (line[:-2] if place == len(line) - 1 else None)
    assert buffer.ended_by_crlf


def test_a_bare_lf_is_told() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"a\nb\r\n\n")
    seen = [(buffer.line(10), buffer.ended_by_crlf) for _ in range(3)]
    assert seen == [(b"a", False), (b"b", True), (b"", False)]


@pytest.mark.parametrize("data", [b"x" * 12, b"x" * 11 + b"\n", b"x" * 11 + b"\r\n"])
def test_a_long_line_is_fatal(data: bytes) -> None:
    buffer = ReceiveBuffer()
    buffer.feed(data)
    with pytest.raises(PeerError) as caught:
        buffer.line(10)
    assert caught.value.fatal


def test_a_line_may_have_the_limit() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"x" * 10 + b"\r")
    assert buffer.line(10) is None
    buffer.feed(b"\n")
    assert buffer.line(10) == b"x" * 10


def test_unread_octets_are_bounded() -> None:
    buffer = ReceiveBuffer(100)
    buffer.feed(b"x" * 60)
    with pytest.raises(PeerError):
        buffer.feed(b"x" * 60)


def test_counted_octets_after_an_unfinished_line() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"abc")
    assert buffer.line(10) is None
    buffer.feed(b"def\nrest")
    assert buffer.take(4) == b"abcd"
    assert len(buffer) == 7
    assert buffer.line(10) == b"ef"
    assert buffer.take_all() == b"rest"
    assert buffer.take(5) == b""


def test_a_whole_piece_is_not_copied() -> None:
    buffer = ReceiveBuffer()
    piece = b"x" * 65536
    buffer.feed(piece)
    assert buffer.take(1 << 30) is piece
