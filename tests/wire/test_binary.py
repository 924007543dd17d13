"""BINARY items of FETCH: parse and format are inverses (RFC 3516 §7)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.model.part import PartialRange
from verbena.wire.imap.binary import (
    BINARY,
    BINARY_SIZE,
    FetchBinary,
    FetchBinarySize,
    format_binary_label,
    parse_binary,
    parse_binary_peek,
    parse_binary_size,
    write_binary,
)
from verbena.wire.imap.fetch import FetchAtt
from verbena.wire.imap.grammar import Cursor, FrameWriter

PARSERS = {b"BINARY": parse_binary, b"BINARY.PEEK": parse_binary_peek, b"BINARY.SIZE": parse_binary_size}


def parse(octets: bytes) -> FetchAtt:
    name, bracket, rest = octets.partition(b"[")
    cursor = Cursor(bracket + rest)
    att = PARSERS[name](cursor)
    cursor.end()
    return att


@pytest.mark.rfc("3516 §7")
@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"BINARY[]", FetchBinary(BINARY, ())),
        (b"BINARY[1.2]", FetchBinary(BINARY, (1, 2))),
        (b"BINARY.PEEK[1]<0.10>", FetchBinary(BINARY, (1,), PartialRange(0, 10), True)),
        (b"BINARY.SIZE[3.1]", FetchBinarySize(BINARY_SIZE, (3, 1))),
        (b"BINARY.SIZE[]", FetchBinarySize(BINARY_SIZE, ())),
    ],
)
def test_both_ways(octets: bytes, value: FetchAtt) -> None:
    assert parse(octets) == value
    out = FrameWriter()
    write_binary(out, value)
    assert out.frame().text == octets


def test_a_response_names_the_start_of_a_range_only() -> None:
    assert format_binary_label(FetchBinary(BINARY, (1,), PartialRange(5, 10), True)) == b"BINARY[1]<5>"


@pytest.mark.parametrize(
    "octets",
    [
        b"BINARY",
        b"BINARY[TEXT]",
        b"BINARY[0]",
        b"BINARY[1.]",
        b"BINARY[1",
        b"BINARY[1]<0>",
        b"BINARY[1]<0.0>",
        b"BINARY.SIZE[1]<0.1>",
    ],
)
def test_bad_items(octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse(octets)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(PARSERS)), st.text("[]<>.0123456789 ()", max_size=20))
def test_any_octets_give_an_item_or_a_peer_error(name: bytes, text: str) -> None:
    try:
        att = PARSERS[name](Cursor(text.encode()))
    except PeerError:
        return
    assert isinstance(att, FetchBinary | FetchBinarySize)
