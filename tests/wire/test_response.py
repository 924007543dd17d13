"""Responses: the octets a server sends, and that a client reads the same values from them."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.mime.body import format_body, format_envelope
from verbena.model.date import InternalDate
from verbena.model.envelope import Address, Envelope
from verbena.model.errors import PeerError
from verbena.model.flags import RECENT, SEEN, SEEN_BIT, Flag
from verbena.model.ids import ModSeq
from verbena.model.part import Disposition, Encoding, Part, PartialRange, PartKind, Section, SectionText
from verbena.model.uidset import NumberSet
from verbena.wire.imap import reply
from verbena.wire.imap.body import parse_body, parse_envelope
from verbena.wire.imap.frame import Frame, FrameReader, Literal, LiteralStart
from verbena.wire.imap.grammar import Cursor, cursor_of
from verbena.wire.imap.reply import (
    CapabilityReply,
    Code,
    Condition,
    Continuation,
    EnabledReply,
    ExistsReply,
    ExpungeReply,
    FetchedSection,
    FetchReply,
    FlagsReply,
    FlagText,
    IdReply,
    ListReply,
    MailboxStatusReply,
    NamespaceReply,
    RecentReply,
    SearchReply,
    StatusReply,
    VanishedReply,
)
from verbena.wire.imap.response import (
    OtherReply,
    Response,
    parse_appenduid,
    parse_capability_code,
    parse_copyuid,
    parse_number_code,
    parse_response,
)


def frames(data: bytes) -> list[Frame]:
    reader = FrameReader(responses=True)
    reader.feed(data)
    result: list[Frame] = []
    while (event := reader.next_event()) is not None:
        if isinstance(event, LiteralStart):
            assert reader.accept()
        else:
            assert isinstance(event, Frame)
            result.append(event)
    assert reader.between_commands
    return result


def read(data: bytes) -> Response:
    [frame] = frames(data)
    return parse_response(frame)


SENT: list[tuple[bytes, bytes, Response]] = [
    (
        reply.format_status_reply(StatusReply(Condition.OK, "done", reply.READ_WRITE, b"a1")),
        b"a1 OK [READ-WRITE] done\r\n",
        StatusReply(Condition.OK, "done", reply.READ_WRITE, b"a1"),
    ),
    (
        reply.format_status_reply(StatusReply(Condition.BYE, "later\r\nü")),
        b"* BYE later???\r\n",
        StatusReply(Condition.BYE, "later???"),
    ),
    (reply.format_status_reply(StatusReply(Condition.NO, "")), b"* NO NO\r\n", StatusReply(Condition.NO, "NO")),
    (reply.format_continuation(Continuation(b"biws")), b"+ biws\r\n", Continuation(b"biws")),
    (
        reply.format_capability(["IMAP4rev1", "AUTH=PLAIN"]),
        b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
        CapabilityReply(("IMAP4REV1", "AUTH=PLAIN")),
    ),
    (reply.format_enabled(["CONDSTORE"]), b"* ENABLED CONDSTORE\r\n", EnabledReply(("CONDSTORE",))),
    (reply.format_enabled([]), b"* ENABLED\r\n", EnabledReply(())),
    (reply.format_flags([SEEN, Flag("x")]), b"* FLAGS (\\Seen x)\r\n", FlagsReply((SEEN, Flag("x")))),
    (
        reply.format_list_reply(ListReply(("\\HasChildren", "\\Sent"), "/", "日 本")),
        b'* LIST (\\HasChildren \\Sent) "/" "&ZeU- &Zyw-"\r\n',
        ListReply(("\\HasChildren", "\\Sent"), "/", "日 本"),
    ),
    (
        reply.format_list_reply(ListReply((), None, "", True)),
        b'* LSUB () NIL ""\r\n',
        ListReply((), None, "", True),
    ),
    (
        reply.format_list_reply(ListReply((), "\\", "x" * 1500 + " y")),
        b'* LIST () "\\\\" {1502}\r\n' + b"x" * 1500 + b" y\r\n",
        ListReply((), "\\", "x" * 1500 + " y"),
    ),
    (
        reply.format_mailbox_status(MailboxStatusReply("INBOX", (("MESSAGES", 3), ("HIGHESTMODSEQ", 1 << 60)))),
        b"* STATUS INBOX (MESSAGES 3 HIGHESTMODSEQ 1152921504606846976)\r\n",
        MailboxStatusReply("INBOX", (("MESSAGES", 3), ("HIGHESTMODSEQ", 1 << 60))),
    ),
    (reply.format_exists(7), b"* 7 EXISTS\r\n", ExistsReply(7)),
    (reply.format_recent(0), b"* 0 RECENT\r\n", RecentReply(0)),
    (reply.format_expunges([3]), b"* 3 EXPUNGE\r\n", ExpungeReply(3)),
    (
        reply.format_vanished(NumberSet(((1, 3), (9, 9))), True),
        b"* VANISHED (EARLIER) 1:3,9\r\n",
        VanishedReply(NumberSet(((1, 3), (9, 9))), True),
    ),
    (
        reply.format_vanished(NumberSet(((5, 5),)), False),
        b"* VANISHED 5\r\n",
        VanishedReply(NumberSet(((5, 5),)), False),
    ),
    (reply.format_id_reply(None), b"* ID NIL\r\n", IdReply(None)),
    (
        reply.format_id_reply([(b"name", b"V"), (b"x", None)]),
        b'* ID ("name" "V" "x" NIL)\r\n',
        IdReply(((b"name", b"V"), (b"x", None))),
    ),
    (
        reply.format_namespace(NamespaceReply((("", "/"),), (), (("#s/", None),))),
        b'* NAMESPACE (("" "/")) NIL (("#s/" NIL))\r\n',
        NamespaceReply((("", "/"),), (), (("#s/", None),)),
    ),
    (reply.format_search(SearchReply((2, 84))), b"* SEARCH 2 84\r\n", SearchReply((2, 84))),
    (reply.format_search(SearchReply((2,), 9)), b"* SEARCH 2 (MODSEQ 9)\r\n", SearchReply((2,), 9)),
    (reply.format_search(SearchReply(())), b"* SEARCH\r\n", SearchReply(())),
    (
        reply.format_fetch(
            3,
            [
                reply.format_modseq_att(ModSeq(7)),
                reply.format_internaldate_att(InternalDate(0, 60)),
                b"RFC822.SIZE 12",
                reply.format_body_label(Section((1,), SectionText.MIME), PartialRange(4, 9))
                + b" "
                + reply.format_literal_start(3)
                + b"abc",
                b"BODY[] NIL",
                b"RFC822.HEADER " + b'"x"',
                b"BINARY[2] " + reply.format_literal_start(2, True) + b"\0)",
                b"BINARY.SIZE[2] 2",
                b"X-NEW (a (b))",
            ],
        ),
        b'* 3 FETCH (MODSEQ (7) INTERNALDATE " 1-Jan-1970 01:00:00 +0100" RFC822.SIZE 12 BODY[1.MIME]<4> {3}\r\nabc'
        b' BODY[] NIL RFC822.HEADER "x" BINARY[2] ~{2}\r\n\0) BINARY.SIZE[2] 2 X-NEW (a (b)))\r\n',
        FetchReply(
            3,
            modseq=7,
            internal_date=InternalDate(0, 60),
            size_octets=12,
            sections=(
                FetchedSection("BODY", Section((1,), SectionText.MIME), 4, b"abc"),
                FetchedSection("BODY", Section(), None, None),
                FetchedSection("RFC822.HEADER", Section((), SectionText.HEADER), None, b"x"),
                FetchedSection("BINARY", Section((2,)), None, b"\0)"),
            ),
            binary_sizes=((Section((2,)), 2),),
        ),
    ),
]


@pytest.mark.rfc("3501 §7")
@pytest.mark.parametrize(("sent", "octets", "value"), SENT)
def test_responses(sent: bytes, octets: bytes, value: Response) -> None:
    assert sent == octets
    assert read(sent) == value


READ: list[tuple[bytes, Response]] = [
    (b"* OK\r\n", StatusReply(Condition.OK, "")),
    (b"* PREAUTH hi\r\n", StatusReply(Condition.PREAUTH, "hi")),
    (b'* OK [BADCHARSET ("a]" b)] hm\r\n', StatusReply(Condition.OK, "hm", Code("BADCHARSET", b'("a]" b)'))),
    (b"+\r\n", Continuation(b"")),
    (b"* CAPABILITY  IMAP4rev1 \r\n", CapabilityReply(("IMAP4REV1",))),
    (b"* SEARCH 1 \r\n", SearchReply((1,))),
    (b'* LIST () "/" x ("CHILDINFO" ("SUBSCRIBED"))\r\n', ListReply((), "/", "x")),
    (b'* NAMESPACE (("" "/" "X" ("y"))) NIL NIL\r\n', NamespaceReply((("", "/"),), (), ())),
    (b'* URLFETCH "u" {2}\r\nxx\r\n', OtherReply("URLFETCH", None, Frame(b'"u" ', (Literal(b"xx"),), (b"",)))),
    (b"* 5 FOO bar\r\n", OtherReply("FOO", 5, Frame(b"bar"))),
]


@pytest.mark.parametrize(("octets", "value"), READ)
def test_read(octets: bytes, value: Response) -> None:
    assert read(octets) == value


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"*",
        b"* ",
        b"a1",
        b"a1 FETCH",
        b"* OK [X",
        b"* x",
        b"* 1",
        b"* LIST (x) NIL a",
        b'* LIST () "ab" a',
        b"* STATUS x (MESSAGES)",
        b"* VANISHED (LATER) 1",
        b"* VANISHED 1:*",
        b"* NAMESPACE NIL NIL",
        b"* SEARCH x",
        b"* 1 FETCH ()",
        b"* 1 FETCH (UID 0)",
        b"* 1 FETCH (UID 1",
        b"* 1 FETCH (BODY[] x)",
        b"* 1 FETCH (BODY " + b"(" * 200,
        b"* 1 FETCH (X " + b"(" * 200,
        b"* FLAGS x",
        b"* FLAGS (x) y",
        b"* ID (x)",
    ],
)
def test_broken(octets: bytes) -> None:
    if octets == b"* x":
        assert read(octets + b"\r\n") == OtherReply("X", None, Frame(b""))
        return
    with pytest.raises(PeerError):
        read(octets + b"\r\n")


def test_codes() -> None:
    assert parse_appenduid(reply.appenduid(7, [3, 4, 5, 9])) == (7, (3, 4, 5, 9))
    assert reply.copyuid(38505, [304, 319, 320], [3956, 3957, 3958]).arguments == b"38505 304,319:320 3956:3958"
    assert parse_copyuid(reply.copyuid(1, [5, 6], [9, 3])) == (1, (5, 6), (9, 3))
    assert parse_number_code(reply.number_code("UIDNEXT", 5)) == 5
    assert parse_capability_code(reply.capability_code(["IMAP4rev1", "x"])) == ("IMAP4REV1", "X")
    assert reply.modified(NumberSet(((7, 7), (9, 10)))) == Code("MODIFIED", b"7,9:10")
    assert reply.badurl(b"/a]\r\n;UID=1") == Code("BADURL", b"/a;UID=1")
    assert reply.badcharset(["US-ASCII", "UTF-8"]) == Code("BADCHARSET", b"(US-ASCII UTF-8)")
    assert reply.badcharset([]) == Code("BADCHARSET")
    assert reply.permanentflags([SEEN, Flag("\\*")]).arguments == b"(\\Seen \\*)"
    for code in (Code("COPYUID", b"1 1:2 3"), Code("COPYUID", b"1 1:4294967295 1"), Code("COPYUID")):
        with pytest.raises(PeerError):
            parse_copyuid(code)


def test_a_text_is_not_mistaken_for_a_code() -> None:
    sent = reply.format_status_reply(StatusReply(Condition.NO, "[x] y", None, b"a"))
    assert read(sent) == StatusReply(Condition.NO, "[x] y", None, b"a")


@dataclass
class Mailbox:
    keywords: tuple[Flag, ...] = ()


def test_flag_texts() -> None:
    mailbox = Mailbox((Flag("$Forwarded"),))
    flags = FlagText(mailbox)
    assert flags.plain(SEEN_BIT | 32) == b"FLAGS (\\Seen $Forwarded)"
    assert flags.plain(SEEN_BIT | 32) is flags.plain(SEEN_BIT | 32)
    assert flags.recent(0) == b"FLAGS (\\Recent)"
    assert flags.plain(0) == b"FLAGS ()"
    mailbox.keywords += (Flag("x"),)
    assert read(reply.format_fetch(1, [flags.recent(64)])) == FetchReply(1, flags=(Flag("x"), RECENT))


def test_many_fetch_lines() -> None:
    flags = FlagText(Mailbox())
    columns: list[tuple[bytes, list[int] | list[bytes]]]
    columns = [(reply.UID_ATT, [3, 5]), (b"%b", [flags.plain(0), flags.plain(SEEN_BIT)]), (reply.MODSEQ_ATT, [7, 8])]
    data = reply.format_fetch_lines([11, 12], columns)
    assert [parse_response(frame) for frame in frames(data)] == [
        FetchReply(11, uid=3, flags=(), modseq=7),
        FetchReply(12, uid=5, flags=(SEEN,), modseq=8),
    ]
    assert reply.format_fetch_lines([], [(reply.UID_ATT, [])]) == b""


_OCTETS = st.binary(max_size=12).map(lambda octets: octets.replace(b"\0", b"x"))
_MAYBE = st.none() | _OCTETS
_ADDRESSES = st.lists(st.builds(Address, _MAYBE, _MAYBE, _MAYBE, _MAYBE), max_size=2).map(tuple)
_ENVELOPES = st.builds(
    Envelope,
    _MAYBE,
    _MAYBE,
    _ADDRESSES,
    _ADDRESSES,
    _ADDRESSES,
    _ADDRESSES,
    _ADDRESSES,
    _ADDRESSES,
    _MAYBE,
    _MAYBE,
)


def unframe(octets: bytes) -> Cursor:
    [frame] = frames(octets + b"\r\n")
    return cursor_of(frame)


@settings(max_examples=100)
@given(_ENVELOPES)
def test_envelopes_are_read_back(envelope: Envelope) -> None:
    cursor = unframe(format_envelope(envelope))
    assert parse_envelope(cursor) == envelope
    cursor.end()


_WORD = st.sampled_from([b"a", b"b c", b'"', b"\xc3\xbc"])
_PARAMS = st.lists(st.tuples(_WORD, _WORD), max_size=2).map(tuple)
_EXTENSION = st.tuples(
    st.none() | st.builds(Disposition, _WORD, _PARAMS), st.lists(_WORD, max_size=2).map(tuple), st.none() | _WORD
)


def leaf(
    media_type: bytes,
    params: tuple[tuple[bytes, bytes], ...],
    extension: tuple[Disposition | None, tuple[bytes, ...], bytes | None],
    envelope: Envelope | None,
    children: tuple[Part, ...] = (),
    kind: PartKind = PartKind.LEAF,
) -> Part:
    disposition, language, location = extension
    multi = kind is PartKind.MULTIPART
    return Part(
        kind=kind,
        media_type=media_type,
        subtype=b"rfc822" if kind is PartKind.MESSAGE else b"plain",
        params=params,
        content_id=None if multi else b"<i>",
        description=None,
        encoding_name=b"7bit" if multi else b"base64",
        encoding=Encoding.IDENTITY if multi else Encoding.BASE64,
        md5=None,
        disposition=disposition,
        language=language,
        location=location,
        header_start=0,
        body_start=0,
        end=0 if multi else 77,
        body_lines=5 if media_type == b"text" or kind is PartKind.MESSAGE else 0,
        has_nul_or_8bit=False,
        envelope=envelope,
        children=children,
    )


def parts(envelope: Envelope | None) -> st.SearchStrategy[Part]:
    return st.builds(leaf, st.sampled_from([b"text", b"image", b"application"]), _PARAMS, _EXTENSION, st.just(envelope))


ENVELOPE = Envelope(b"d", None, (), (), (), (), (), (), None, None)


def wider(inner: st.SearchStrategy[Part]) -> st.SearchStrategy[Part]:
    multi = st.builds(
        lambda children, params, extension: leaf(
            b"multipart", params, extension, None, tuple(children), PartKind.MULTIPART
        ),
        st.lists(inner, min_size=1, max_size=3),
        _PARAMS,
        _EXTENSION,
    )
    message = st.builds(
        lambda child, params, extension: leaf(b"message", params, extension, None, (child,), PartKind.MESSAGE),
        parts(ENVELOPE),
        _PARAMS,
        _EXTENSION,
    )
    return multi | message


@settings(max_examples=100)
@given(st.recursive(parts(None), wider, max_leaves=6))
def test_structures_are_read_back(part: Part) -> None:
    cursor = unframe(format_body(part, True))
    assert parse_body(cursor) == part
    cursor.end()
    cursor = unframe(format_body(part, False))
    assert parse_body(cursor).subtype == part.subtype
    cursor.end()


def test_deep_structures_are_refused() -> None:
    with pytest.raises(PeerError):
        parse_body(Cursor(b"(" * 100_000))


_SOUP = st.lists(
    st.sampled_from(
        [b"(", b")", b" ", b"NIL", b'"x"', b"1", b"[", b"]", b"<0>", b"\\Seen", b"\x80", b"FETCH", b"BODY["]
    ),
    max_size=8,
).map(b"".join)


@settings(max_examples=200)
@given(st.sampled_from([octets for _sent, octets, _value in SENT]), _SOUP, st.integers(0, 60), st.integers(0, 4))
def test_any_octets_give_a_value_or_an_error(octets: bytes, soup: bytes, place: int, cut: int) -> None:
    mangled = (octets[:place] + soup + octets[place + cut :]).replace(b"\r\n", b"")
    try:
        parse_response(Frame(mangled))
    except PeerError:
        pass
