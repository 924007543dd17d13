"""i;unicode-casemap, and reading text in pieces."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.mime.body import format_envelope, read_envelope
from verbena.mime.casemap import casemap
from verbena.mime.coding import TextDecoder, decode_text
from verbena.mime.envelope import parse_envelope
from verbena.model.envelope import Address, Envelope


@pytest.mark.rfc("5051 §2")
@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("abc", "ABC"),
        ("\u00c4rger", "\u00e4RGER"),
        ("\u01c4", "\u01c6"),
        ("\u03c3", "\u03a3"),
        ("\u0440\u0443\u0441", "\u0420\u0423\u0421"),
        ("e\u0301", "\u00c9"),
        ("\ufb01x", "\ufb01X"),
        ("\uff21", "a"),
    ],
)
def test_same(left: str, right: str) -> None:
    assert casemap(left) == casemap(right)


@pytest.mark.parametrize(("left", "right"), [("a", "b"), ("e", "\u00e9"), ("\u00df", "ss")])
def test_different(left: str, right: str) -> None:
    assert casemap(left) != casemap(right)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_characters_stand_alone(left: str, right: str) -> None:
    """But for the order of combining marks, so that what is found in a piece is found in the whole."""
    assert sorted(casemap(left + right)) == sorted(casemap(left) + casemap(right))


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=30),
    st.sampled_from([b"utf-8", b"us-ascii", b"utf-16", b"iso-2022-jp", b"gb18030", b"x-none"]),
    st.integers(1, 4),
)
def test_text_in_pieces(text: str, charset: bytes, piece: int) -> None:
    codec = {b"us-ascii": "utf-8", b"x-none": "utf-8"}.get(charset, charset.decode())
    data = text.encode(codec, "replace")
    reading = TextDecoder(charset)
    pieces = [reading.feed(data[at : at + piece]) for at in range(0, len(data), piece)]
    assert "".join(pieces) + reading.finish() == decode_text(data, charset)


def test_octets_that_are_no_utf8() -> None:
    reading = TextDecoder(None)
    assert reading.feed(b"caf\xe9 \xc3") + reading.feed(b"\xa9") + reading.finish() == "caf\u00e9 \u00e9"


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40), st.sampled_from([b"utf-7", b"hz-gb-2312", b"utf-16", b"iso-2022-kr", b"big5", b"ascii"]))
def test_reading_never_fails(data: bytes, charset: bytes) -> None:
    reading = TextDecoder(charset)
    reading.feed(data)
    reading.finish()


TEXT = st.none() | st.text(alphabet='a"\\ (){}\r\n\u00e9', max_size=8).map(lambda text: text.encode())
ADDRESSES = st.lists(st.builds(Address, TEXT, TEXT, TEXT, TEXT), max_size=3).map(tuple)


@pytest.mark.rfc("3501 §7.4.2")
@settings(max_examples=200, deadline=None)
@given(st.builds(Envelope, TEXT, TEXT, ADDRESSES, ADDRESSES, ADDRESSES, ADDRESSES, ADDRESSES, ADDRESSES, TEXT, TEXT))
def test_envelope_is_read_back(envelope: Envelope) -> None:
    assert read_envelope(format_envelope(envelope)) == envelope


def test_envelope_of_a_header_is_read_back() -> None:
    envelope = parse_envelope(b'From: "a \\"b\\\\" <c@d>\r\nTo: g:x@y;\r\nSubject: caf\xc3\xa9\r\n\r\n')
    assert read_envelope(format_envelope(envelope)) == envelope
