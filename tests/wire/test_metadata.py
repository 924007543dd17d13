"""GETMETADATA, SETMETADATA and METADATA: parse and format are inverses (RFC 5464 §5)."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.model.metadata import MAX_ENTRY_LEVELS, MAX_ENTRY_OCTETS, depth_below, is_entry, is_scope
from verbena.wire.imap.frame import Frame, FrameReader, Literal
from verbena.wire.imap.grammar import Cursor, FrameWriter, cursor_of
from verbena.wire.imap.metadata import (
    MAX_ENTRIES_AT_ONCE,
    GetMetadata,
    MetadataReply,
    SetMetadata,
    format_metadata_changed,
    format_metadata_values,
    parse_getmetadata,
    parse_metadata_reply,
    parse_setmetadata,
    write_getmetadata,
    write_setmetadata,
)


def behind(frame: Frame, name: bytes) -> Cursor:
    assert frame.text.startswith(name)
    return Cursor(frame.text[len(name) :], frame.literals, frame.texts)


@pytest.mark.rfc("5464 §5")
@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"GETMETADATA INBOX (/private/comment)", GetMetadata("INBOX", ("/private/comment",))),
        (b'GETMETADATA "" (/shared)', GetMetadata("", ("/shared",))),
        (
            b"GETMETADATA (MAXSIZE 1024 DEPTH 1) INBOX (/shared/A /private)",
            GetMetadata("INBOX", ("/shared/A", "/private"), 1, 1024),
        ),
        (b'GETMETADATA (DEPTH infinity) a ("/private/a b")', GetMetadata("a", ("/private/a b",), None)),
        (b"GETMETADATA (MAXSIZE 0) a (/private/vendor)", GetMetadata("a", ("/private/vendor",), 0, 0)),
    ],
)
def test_getmetadata_both_ways(octets: bytes, value: GetMetadata) -> None:
    out = FrameWriter()
    write_getmetadata(out, value)
    assert out.frame() == Frame(octets)
    assert parse_getmetadata(Cursor(octets[11:])) == value


@pytest.mark.rfc("5464 §4.2.1")
@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b' "INBOX" (MAXSIZE 10) (/shared/a /private/b)', GetMetadata("INBOX", ("/shared/a", "/private/b"), 0, 10)),
        (b" INBOX (DEPTH 1) /shared/a", GetMetadata("INBOX", ("/shared/a",), 1)),
        (b" INBOX /shared/a /shared/b", GetMetadata("INBOX", ("/shared/a", "/shared/b"))),
        (b' INBOX ("/shared/a" /shared/b)', GetMetadata("INBOX", ("/shared/a", "/shared/b"))),
        (b" (depth INFINITY) inbox /shared/a", GetMetadata("INBOX", ("/shared/a",), None)),
        (b" INBOX (DEPTH 0) (/shared/a)", GetMetadata("INBOX", ("/shared/a",))),
    ],
)
def test_where_clients_put_the_options(octets: bytes, value: GetMetadata) -> None:
    assert parse_getmetadata(Cursor(octets)) == value


@pytest.mark.rfc("5464 §5")
@pytest.mark.parametrize(
    ("frame", "value"),
    [
        (
            Frame(b'SETMETADATA INBOX (/private/comment "x" /shared/a NIL)'),
            SetMetadata("INBOX", (("/private/comment", b"x"), ("/shared/a", None))),
        ),
        (
            Frame(b"SETMETADATA a (/private/b ", (Literal(b"a\0b", True),), (b")",)),
            SetMetadata("a", (("/private/b", b"a\0b"),)),
        ),
        (
            Frame(b"SETMETADATA a (/private/b ", (Literal(b"two\r\nlines"),), (b' /private/c "")',)),
            SetMetadata("a", (("/private/b", b"two\r\nlines"), ("/private/c", b""))),
        ),
    ],
)
def test_setmetadata_both_ways(frame: Frame, value: SetMetadata) -> None:
    out = FrameWriter()
    write_setmetadata(out, value)
    assert out.frame() == frame
    assert parse_setmetadata(behind(frame, b"SETMETADATA")) == value


def read_reply(octets: bytes) -> MetadataReply:
    reader = FrameReader(responses=True)
    reader.feed(octets)
    event = reader.next_event()
    while not isinstance(event, Frame):
        reader.accept()
        event = reader.next_event()
    cursor = cursor_of(event)
    assert cursor.skip_word(b"*") or cursor.skip(ord("*"))
    cursor.sp()
    assert cursor.keyword() == "METADATA"
    return parse_metadata_reply(cursor)


@pytest.mark.rfc("5464 §4.4")
@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (
            b'* METADATA "" (/shared/comment "My comment")\r\n',
            MetadataReply("", (("/shared/comment", b"My comment"),)),
        ),
        (
            b"* METADATA INBOX (/shared/a NIL /private/b ~{3}\r\na\0b /private/c {2}\r\n\r\n)\r\n",
            MetadataReply("INBOX", (("/shared/a", None), ("/private/b", b"a\0b"), ("/private/c", b"\r\n"))),
        ),
        (
            b"* METADATA INBOX /shared/comment /private/comment\r\n",
            MetadataReply("INBOX", changed=("/shared/comment", "/private/comment")),
        ),
    ],
)
def test_replies_both_ways(octets: bytes, value: MetadataReply) -> None:
    if value.changed:
        assert format_metadata_changed(value.mailbox, value.changed) == octets
    else:
        assert format_metadata_values(value.mailbox, value.values) == octets
    assert read_reply(octets) == value


@pytest.mark.rfc("5464 §3.2")
@pytest.mark.parametrize(
    ("name", "scope", "entry"),
    [
        ("/private/comment", True, True),
        ("/shared/a/b/c", True, True),
        ("/private", True, False),
        ("/shared/vendor", True, False),
        ("/shared/vendor/token", True, False),
        ("/shared/vendor/token/x", True, True),
        ("/private/vendors", True, True),
        ('/private/a b"\\', True, True),
        ("", False, False),
        ("/", False, False),
        ("private/a", False, False),
        ("/private/", False, False),
        ("/private//a", False, False),
        ("/privat/a", False, False),
        ("/comment", False, False),
        ("/private/a*", False, False),
        ("/private/50%", False, False),
        ("/private/\x7f", False, False),
        ("/private/a\nb", False, False),
        ("/private/\xe4", False, False),
        ("/private/" + "x" * (MAX_ENTRY_OCTETS - 9), True, True),
        ("/private/" + "x" * (MAX_ENTRY_OCTETS - 8), False, False),
        ("/private" + "/a" * (MAX_ENTRY_LEVELS - 1), True, True),
        ("/private" + "/a" * MAX_ENTRY_LEVELS, False, False),
    ],
)
def test_names_of_entries(name: str, scope: bool, entry: bool) -> None:
    assert (is_scope(name), is_entry(name)) == (scope, entry)


@pytest.mark.rfc("5464 §4.2.2")
def test_depth() -> None:
    assert [depth_below("/a", name) for name in ("/a", "/a/b", "/a/b/c", "/ab", "/b")] == [0, 1, 2, -1, -1]


@pytest.mark.parametrize(
    ("parse", "octets"),
    [
        (parse_getmetadata, b" INBOX " + b" ".join([b"/private/a"] * (MAX_ENTRIES_AT_ONCE + 1))),
        (parse_setmetadata, b" INBOX (" + b" ".join(b"/private/%d NIL" % n for n in range(101)) + b")"),
        (parse_getmetadata, b" INBOX (/private/a"),
        (parse_getmetadata, b" INBOX /private/a)"),
        (parse_getmetadata, b" INBOX (DEPTH) /private/a"),
        (parse_getmetadata, b" INBOX (DEPTH 1)"),
        (parse_getmetadata, b""),
        (parse_setmetadata, b' "" (/private/a "x"'),
        (parse_setmetadata, b" INBOX (/private/a NIL) x"),
    ],
)
def test_what_is_refused(parse: Callable[[Cursor], object], octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse(Cursor(octets))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([parse_getmetadata, parse_setmetadata, parse_metadata_reply]),
    st.lists(
        st.sampled_from([b" ", b"(", b")", b"/private/a", b"DEPTH 1", b"MAXSIZE", b"NIL", b'"x"', b"7", b"{"])
    ).map(b"".join)
    | st.binary(max_size=60),
)
def test_any_octets_give_a_value_or_a_peer_error(parse: Callable[[Cursor], object], octets: bytes) -> None:
    try:
        parse(Cursor(b" INBOX " + octets))
        parse(Cursor(octets))
    except PeerError:
        pass
