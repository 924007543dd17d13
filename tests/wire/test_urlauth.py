"""GENURLAUTH, RESETKEY and URLFETCH: parse and format are inverses (RFC 4467 §9, RFC 5524 §5)."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.wire.imap.frame import Frame, Literal
from verbena.wire.imap.grammar import Cursor, FrameWriter, cursor_of
from verbena.wire.imap.urlauth import (
    MAX_URLS,
    ResetKey,
    UrlFetch,
    UrlFetched,
    format_genurlauth_data,
    format_urlfetch_head,
    parse_genurlauth,
    parse_genurlauth_data,
    parse_resetkey,
    parse_urlfetch,
    parse_urlfetch_data,
    write_genurlauth,
    write_resetkey,
    write_urlfetch,
)

URL = b"imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred"


def behind(frame: Frame, name: bytes) -> Cursor:
    assert frame.text.startswith(name)
    return Cursor(frame.text[len(name) :], frame.literals, frame.texts)


@pytest.mark.rfc("4467 §9")
def test_genurlauth_both_ways() -> None:
    pairs = ((URL, "INTERNAL"), (b"x" * 2000, "X-OTHER.1"))
    out = FrameWriter()
    write_genurlauth(out, pairs)
    assert parse_genurlauth(behind(out.frame(), b"GENURLAUTH")) == pairs
    data = format_genurlauth_data([URL, URL])
    assert data == b'* GENURLAUTH "' + URL + b'" "' + URL + b'"\r\n'
    assert parse_genurlauth_data(Cursor(data[12:-2])) == (URL, URL)


@pytest.mark.rfc("4467 §9")
@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"RESETKEY", ResetKey(None, ())),
        (b"RESETKEY INBOX", ResetKey("INBOX", ())),
        (b"RESETKEY INBOX INTERNAL XSAMPLE", ResetKey("INBOX", ("INTERNAL", "XSAMPLE"))),
    ],
)
def test_resetkey_both_ways(octets: bytes, value: ResetKey) -> None:
    out = FrameWriter()
    write_resetkey(out, value)
    assert out.frame().text == octets
    assert parse_resetkey(Cursor(octets[8:])) == value


@pytest.mark.rfc("5524 §5")
@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b' "u"', (UrlFetch(b"u"),)),
        (b' "u" "v"', (UrlFetch(b"u"), UrlFetch(b"v"))),
        (b' ("u" BODYPARTSTRUCTURE BINARY) "v"', (UrlFetch(b"u", True, True), UrlFetch(b"v"))),
        (b' ("u" BODY)', (UrlFetch(b"u", body=True),)),
    ],
)
def test_urlfetch_both_ways(octets: bytes, value: tuple[UrlFetch, ...]) -> None:
    assert parse_urlfetch(Cursor(octets)) == value
    out = FrameWriter()
    write_urlfetch(out, value)
    assert out.frame().text == b"URLFETCH" + octets


@pytest.mark.rfc("5524 §3.1")
def test_parentheses_without_parameters_are_the_plain_form() -> None:
    assert parse_urlfetch(Cursor(b" (u)")) == (UrlFetch(b"u"),)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b" ",
        b" (u BODY BINARY)",
        b" (u BODY BODY)",
        b" (u NOSUCH)",
        b" (u BODY",
        b" u  v",
        b" u" * (MAX_URLS + 1),
    ],
)
def test_bad_urlfetch(octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse_urlfetch(Cursor(octets))


@pytest.mark.parametrize("octets", [b"", b" u", b" u ", b" u A_B", b" u INTERNAL "])
def test_bad_genurlauth(octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse_genurlauth(Cursor(octets))


@pytest.mark.rfc("5524 §5")
def test_urlfetch_responses_are_read() -> None:
    head = format_urlfetch_head(URL)[10:]
    assert parse_urlfetch_data(Cursor(head + b" NIL")) == (UrlFetched(URL, None),)
    assert parse_urlfetch_data(Cursor(head + b" NIL " + head[1:] + b' "x"')) == (
        UrlFetched(URL, None),
        UrlFetched(URL, b"x"),
    )
    frame = Frame(
        head + b' (BODYPARTSTRUCTURE ("IMAGE" "PNG" () NIL NIL "BINARY" 3)) (BINARY ',
        (Literal(b"a\0b", True),),
        (b")",),
    )
    structure = b'("IMAGE" "PNG" () NIL NIL "BINARY" 3)'
    assert parse_urlfetch_data(cursor_of(frame)) == (UrlFetched(URL, b"a\0b", structure),)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([parse_genurlauth, parse_resetkey, parse_urlfetch, parse_genurlauth_data, parse_urlfetch_data]),
    st.lists(st.sampled_from([b" ", b"(", b")", b'"', b"u", b"NIL", b"BODY", b"BINARY", b"\\", b"x"]), max_size=20),
)
def test_any_octets_give_a_value_or_a_peer_error(parse: Callable[[Cursor], object], pieces: list[bytes]) -> None:
    cursor = Cursor(b"".join(pieces))
    try:
        parse(cursor)
    except PeerError:
        return
    assert cursor.at_end()
