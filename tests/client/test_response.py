"""Responses as values, and what any octets may do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.client.response import envelope, leaves, parse_fetched, parse_status, parse_untagged, read_value
from verbena.model.envelope import Address
from verbena.model.errors import PeerError
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import Cursor

TRIP = (
    b'(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23)("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" '
    b'"trip.txt") "<960723163407.20117h@washington.example.com>" "Your trip details" "BASE64" 4554 73) "MIXED")'
)
NO_ENVELOPE = b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
NESTED = (
    b'(("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 900 ' + NO_ENVELOPE + b' (("TEXT" "PLAIN" NIL NIL NIL "7BIT" 5 1)'
    b'("IMAGE" "PNG" NIL NIL NIL "BASE64" 60 NIL ("ATTACHMENT" ("FILENAME" "a.png")) NIL NIL) "MIXED") 20)'
    b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 90 ' + NO_ENVELOPE + b' ("TEXT" "HTML" NIL NIL NIL "7BIT" 7 1) 4) "MIXED")'
)


@pytest.mark.rfc("5550 §8.4")
def test_leaves_of_the_trip_message() -> None:
    first, second = leaves(read_value(Cursor(TRIP)))
    assert (first.path, first.name) == ((1,), None)
    assert (second.path, second.media_type, second.encoding) == ((2,), b"text/plain", b"base64")
    assert (second.size_octets, second.name) == (4554, b"trip.txt")


@pytest.mark.rfc("3501 §6.4.5")
def test_leaves_of_attached_messages() -> None:
    found = leaves(read_value(Cursor(NESTED)))
    assert [(leaf.path, leaf.name) for leaf in found] == [((1, 1), None), ((1, 2), b"a.png"), ((2, 1), None)]


@pytest.mark.rfc("3501 §7.4.2")
def test_envelope() -> None:
    octets = (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary" (("Terry Gray" NIL "gray" "cac")) '
        b'NIL NIL ((NIL NIL "imap" "cac")) NIL NIL NIL "<B27397-0100000@cac.washington.edu>")'
    )
    value = envelope(read_value(Cursor(octets)))
    assert value.subject == b"IMAP4rev1 WG mtg summary"
    assert value.from_ == (Address(b"Terry Gray", None, b"gray", b"cac"),)
    assert value.to[0].mailbox == b"imap"
    assert value.message_id == b"<B27397-0100000@cac.washington.edu>"


STATUS_LINES = [
    (b"OK done", (b"OK", b"", b"", b"done")),
    (b"no [APPENDUID 1 2] x", (b"NO", b"APPENDUID", b"1 2", b"x")),
    (b"OK [READ-ONLY]", (b"OK", b"READ-ONLY", b"", b"")),
    (b"BYE", (b"BYE", b"", b"", b"")),
]


@pytest.mark.parametrize(("text", "fields"), STATUS_LINES)
def test_status(text: bytes, fields: tuple[bytes, bytes, bytes, bytes]) -> None:
    line = parse_status(text)
    assert (line.status, line.code, line.arguments, line.text) == fields


@settings(max_examples=200)
@given(st.binary(max_size=80) | st.text('() "\\[]{}<>{}NIL123ABC.', max_size=60).map(str.encode))
def test_any_octets_give_a_value_or_peer_error(octets: bytes) -> None:
    for parse in (
        lambda: parse_status(octets),
        lambda: parse_fetched(parse_untagged(Frame(b"* 1 FETCH " + octets))),
        lambda: leaves(read_value(Cursor(octets))),
        lambda: envelope(read_value(Cursor(octets))),
    ):
        try:
            parse()
        except PeerError:
            pass
