"""Lines, DATA and chunks are cut the same however the octets arrive, and only CRLF.CRLF ends a message."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.wire.smtp.frame import MAX_LINE_OCTETS, SmtpFrame, stuff_dots

CUTS = (1, 2, 3, 7, 100_000)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def read_data(data: bytes, size: int) -> tuple[bytes, bool, bool, int]:
    """(content, whether broken, whether at the end, octets left over)."""
    frame = SmtpFrame()
    frame.begin_data()
    content = bytearray()
    for piece in pieces(data, size):
        frame.feed(piece)
        content += frame.data()
    return bytes(content), frame.data_is_broken, frame.data_done, frame.waiting_octets


@pytest.mark.rfc("5321 §2.3.8")
@pytest.mark.parametrize("size", CUTS)
def test_lines_end_in_crlf(size: int) -> None:
    frame = SmtpFrame()
    lines = []
    for piece in pieces(b"EHLO a\r\n\r\nNOOP\r\nQU", size):
        frame.feed(piece)
        while (line := frame.line()) is not None:
            lines.append(line)
    assert lines == [b"EHLO a", b"", b"NOOP"]
    assert frame.waiting_octets == 2


@pytest.mark.parametrize(
    ("octets", "fatal"),
    [
        (b"NOOP\n", True),
        (b"RCPT TO:<a\nRCPT TO:<b>\r\n", True),
        (b"\n", True),
        (b"NO\rOP\r\n", False),
        (b"NOOP\r\r\n", False),
        (b"NO\x00OP\r\n", False),
        (b"x" * (MAX_LINE_OCTETS + 1) + b"\r\n", False),
        (b"x" * 200_000 + b"\r\n", False),
    ],
)
@pytest.mark.parametrize("size", [1000, 1_000_000])
def test_bad_lines(octets: bytes, fatal: bool, size: int) -> None:
    frame = SmtpFrame()
    for piece in pieces(octets[:-1], size):
        frame.feed(piece)
        if b"\n" not in piece:
            assert frame.line() is None
    frame.feed(octets[-1:])
    with pytest.raises(PeerError) as caught:
        frame.line()
    assert caught.value.fatal == fatal
    if not fatal:
        frame.feed(b"NOOP\r\n")
        assert frame.line() == b"NOOP"


def test_an_endless_line_is_not_kept() -> None:
    frame = SmtpFrame()
    for _ in range(100):
        frame.feed(b"x" * 65_536)
        assert frame.line() is None
        assert frame.waiting_octets <= MAX_LINE_OCTETS + 1


@pytest.mark.rfc("5321 §4.5.2")
@pytest.mark.parametrize("size", CUTS)
@pytest.mark.parametrize(
    ("octets", "content", "broken", "rest"),
    [
        (b".\r\n", b"", False, 0),
        (b"a\r\n.\r\nNOOP", b"a\r\n", False, 4),
        (b"a\r\n..\r\n.\r\n", b"a\r\n.\r\n", False, 0),
        (b"..a\r\n.b\r\n.\r\n", b".a\r\nb\r\n", False, 0),
        (b"\r\n\r\n.\r\n", b"\r\n\r\n", False, 0),
        (b"a.\r\n.\r\n", b"a.\r\n", False, 0),
        # none of these ends a message but for the last line
        (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", True, 0),
        (b"a\n.\r\nb\r\n.\r\n", b"a\n.\r\nb\r\n", True, 0),
        (b"a\r\n.\nb\r\n.\r\n", b"a\r\n\nb\r\n", True, 0),
        (b"a\r.\r\nb\r\n.\r\n", b"a\r.\r\nb\r\n", True, 0),
        (b"a\r\n.\rb\r\n.\r\n", b"a\r\n\rb\r\n", True, 0),
        (b"a\r\n.\r\r\nb\r\n.\r\n", b"a\r\n\r\r\nb\r\n", True, 0),
        (b"a\r\r\n.\r\n", b"a\r\r\n", True, 0),
        (b"a\n\r\n.\r\n", b"a\n\r\n", True, 0),
        (b"a\x00\r\n.\r\n", b"a\x00\r\n", False, 0),
    ],
)
def test_data(octets: bytes, content: bytes, broken: bool, rest: int, size: int) -> None:
    read, was_broken, done, left = read_data(octets, len(octets) if size > len(octets) else size)
    assert (read, was_broken, done) == (content, broken, True)
    assert left == rest


@given(
    st.lists(st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"a", b"\x00", b"\r\n."]), max_size=30), st.integers(1, 9)
)
@settings(max_examples=200)
def test_data_is_the_same_in_any_cut(words: list[bytes], size: int) -> None:
    octets = b"".join(words)
    whole = read_data(octets, max(len(octets), 1))
    cut = read_data(octets, size)
    assert cut == whole
    assert whole[2] == (octets.startswith(b".\r\n") or b"\r\n.\r\n" in octets)


@given(st.lists(st.sampled_from([b"\r\n", b".", b"a", b".\r\n"]), max_size=30))
def test_stuffing_is_undone(words: list[bytes]) -> None:
    message = b"".join(words) + b"\r\n"
    assert read_data(stuff_dots(message, True) + b".\r\n", 5)[:3] == (message, False, True)


def test_stuffing_over_pieces() -> None:
    assert stuff_dots(b".a\r\n", True) + stuff_dots(b".b\r\n.c", True) == b"..a\r\n..b\r\n..c"
    assert stuff_dots(b".a", False) == b".a"


@pytest.mark.rfc("3030 §2")
@pytest.mark.parametrize("size", CUTS)
def test_chunks_are_counted(size: int) -> None:
    frame = SmtpFrame()
    frame.begin_chunk(6)
    content = bytearray()
    for piece in pieces(b"\r\n.\r\n\nQUIT\r\n", size):
        frame.feed(piece)
        content += frame.chunk()
    assert bytes(content) == b"\r\n.\r\n\n"
    assert frame.chunk_done
    assert frame.line() == b"QUIT"


@given(st.binary(max_size=400), st.integers(1, 50))
@settings(max_examples=200)
def test_any_octets_give_lines_or_peer_errors(octets: bytes, size: int) -> None:
    frame = SmtpFrame()
    for piece in pieces(octets, size):
        frame.feed(piece)
        try:
            while (line := frame.line()) is not None:
                assert b"\n" not in line
        except PeerError:
            pass
