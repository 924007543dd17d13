"""SEARCH commands as values and back."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.model.flags import ANSWERED, DELETED, FLAGGED, SEEN, Flag
from verbena.model.ids import ModSeq
from verbena.model.query import (
    EVERYTHING,
    And,
    BodyHas,
    DateField,
    DateIs,
    DateTest,
    EnvelopeField,
    EnvelopeHas,
    HasFlag,
    HeaderHas,
    InNumbers,
    InUids,
    IsRecent,
    ModSeqFrom,
    Not,
    Or,
    Query,
    SizeAbove,
    SizeBelow,
    TextHas,
)
from verbena.model.uidset import STAR, SequenceSet
from verbena.wire.imap.frame import Frame, FrameReader
from verbena.wire.imap.grammar import Cursor, cursor_of
from verbena.wire.imap.search import MAX_KEYS, Decode, Search, format_search, parse_search

DAY = date(1994, 2, 1)
FROM_SMITH = EnvelopeHas(EnvelopeField.FROM, "Smith")


def find_charset(name: bytes) -> Decode | None:
    codec = {b"UTF-8": "utf-8", b"ISO-8859-1": "latin-1"}.get(name.upper())
    return None if codec is None else lambda octets: octets.decode(codec)


def parse_frame(frame: Frame) -> Search:
    cursor = cursor_of(frame)
    by_uid = cursor.skip_word(b"UID") and cursor.skip(0x20)
    assert cursor.keyword() == "SEARCH"
    return parse_search(cursor, by_uid, find_charset, {})


def parse(arguments: bytes) -> Query:
    return parse_frame(Frame(b"SEARCH " + arguments)).query


KEYS: list[tuple[bytes, Query]] = [
    (b"ALL", EVERYTHING),
    (b"ANSWERED", HasFlag(ANSWERED)),
    (b"unseen", Not(HasFlag(SEEN))),
    (b"RECENT", IsRecent()),
    (b"OLD", Not(IsRecent())),
    (b"NEW", And((IsRecent(), Not(HasFlag(SEEN))))),
    (b"KEYWORD $Forwarded", HasFlag(Flag("$Forwarded"))),
    (b"UNKEYWORD Work", Not(HasFlag(Flag("Work")))),
    (b"1:3,5,7:*", InNumbers(SequenceSet(((1, 3), (5, 5), (7, STAR))))),
    (b"*", InNumbers(SequenceSet(((STAR, STAR),)))),
    (b"UID 100:200", InUids(SequenceSet(((100, 200),)))),
    (b"LARGER 50000", SizeAbove(50000)),
    (b"SMALLER 1", SizeBelow(1)),
    (b"BEFORE 1-Feb-1994", DateIs(DateField.INTERNAL, DateTest.BEFORE, DAY)),
    (b'ON "01-feb-1994"', DateIs(DateField.INTERNAL, DateTest.ON, DAY)),
    (b"SINCE 1-Feb-1994", DateIs(DateField.INTERNAL, DateTest.SINCE, DAY)),
    (b"SENTBEFORE 1-Feb-1994", DateIs(DateField.SENT, DateTest.BEFORE, DAY)),
    (b"SENTON 1-Feb-1994", DateIs(DateField.SENT, DateTest.ON, DAY)),
    (b"SENTSINCE 1-Feb-1994", DateIs(DateField.SENT, DateTest.SINCE, DAY)),
    (b'FROM "Smith"', FROM_SMITH),
    (b"from Smith", FROM_SMITH),
    (b"BCC x", EnvelopeHas(EnvelopeField.BCC, "x")),
    (b"CC x", EnvelopeHas(EnvelopeField.CC, "x")),
    (b"TO x", EnvelopeHas(EnvelopeField.TO, "x")),
    (b'SUBJECT ""', EnvelopeHas(EnvelopeField.SUBJECT, "")),
    (b'HEADER X-Mailer ""', HeaderHas("x-mailer", "")),
    (b'HEADER "Message-ID" <a@b>', HeaderHas("message-id", "<a@b>")),
    (b"BODY x", BodyHas("x")),
    (b'TEXT "string not in mailbox"', TextHas("string not in mailbox")),
    (b"MODSEQ 620162338", ModSeqFrom(ModSeq(620162338))),
    (b'MODSEQ "/flags/\\\\draft" all 0', ModSeqFrom(ModSeq(0), b"/flags/\\draft", "all")),
    (b"NOT NOT SEEN", Not(Not(HasFlag(SEEN)))),
    (b"OR SEEN DELETED", Or((HasFlag(SEEN), HasFlag(DELETED)))),
    (b"OR SEEN OR DELETED FLAGGED", Or((HasFlag(SEEN), HasFlag(DELETED), HasFlag(FLAGGED)))),
    (b"OR OR SEEN DELETED FLAGGED", Or((Or((HasFlag(SEEN), HasFlag(DELETED))), HasFlag(FLAGGED)))),
    (b"OR (SEEN DELETED) 5", Or((And((HasFlag(SEEN), HasFlag(DELETED))), InNumbers(SequenceSet(((5, 5),)))))),
    (b"((SEEN))", HasFlag(SEEN)),
    (
        b'FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"',
        And((HasFlag(FLAGGED), DateIs(DateField.INTERNAL, DateTest.SINCE, DAY), Not(FROM_SMITH))),
    ),
    (
        b"OR NOT MODSEQ 720162338 LARGER 50000",
        Or((Not(ModSeqFrom(ModSeq(720162338))), SizeAbove(50000))),
    ),
    (b"SEEN ", HasFlag(SEEN)),
]


@pytest.mark.rfc("3501 §6.4.4")
@pytest.mark.parametrize(("arguments", "query"), KEYS)
def test_keys(arguments: bytes, query: Query) -> None:
    assert parse(arguments) == query
    for by_uid in (False, True):
        search = Search(by_uid, query)
        assert parse_frame(format_search(search)) == search


@pytest.mark.rfc("3501 §6.4.4")
@pytest.mark.parametrize(
    "arguments",
    [
        b"",
        b" ",
        b"NONSENSE",
        b"SEEN  DELETED",
        b"SEEN)",
        b"(SEEN",
        b"()",
        b"SEEN(DELETED)",
        b"OR SEEN",
        b"NOT",
        b"FROM",
        b"HEADER x",
        b"0",
        b"1:",
        b"UID x",
        b"BEFORE 31-Feb-1994",
        b"KEYWORD (x)",
        b"LARGER -1",
        b"MODSEQ x",
        b'MODSEQ "/flags/x" some 1',
        b"CHARSET UTF-8",
        b"CHARSET  UTF-8 SEEN",
        b'CHARSET UTF-8 FROM "\xff"',
        b'FROM "\xff"',
        b"NOT " * 100 + b"SEEN",
        b"(" * 100 + b"SEEN" + b")" * 100,
        b"OR " * 100 + b"SEEN " * 101,
        b"CHARSET " + b"x" * 65 + b" SEEN",
    ],
)
def test_bad_keys(arguments: bytes) -> None:
    with pytest.raises(PeerError):
        parse(arguments)


def test_long_chains_are_flat() -> None:
    query = parse(b"OR SEEN " * 900 + b"DELETED")
    assert isinstance(query, Or)
    assert len(query.parts) == 901
    with pytest.raises(PeerError):
        parse(b"SEEN " * (MAX_KEYS + 1))


@pytest.mark.rfc("3501 §6.4.4")
def test_charsets() -> None:
    search = parse_frame(Frame(b'SEARCH CHARSET iso-8859-1 SUBJECT "caf\xe9"'))
    assert search == Search(False, EnvelopeHas(EnvelopeField.SUBJECT, "caf\u00e9"), b"iso-8859-1")
    assert parse_frame(Frame(b"SEARCH CHARSET US-ASCII TEXT x")).charset_known
    assert parse(b'SUBJECT "caf\xc3\xa9"') == EnvelopeHas(EnvelopeField.SUBJECT, "caf\u00e9")
    unknown = parse_frame(Frame(b'SEARCH CHARSET X-NONE OR TEXT "\xff" SEEN'))
    assert not unknown.charset_known


def test_text_that_is_not_ascii_is_sent_in_utf8() -> None:
    frame = format_search(Search(True, And((TextHas("caf\u00e9"), HasFlag(SEEN)))))
    assert frame.text == b"UID SEARCH CHARSET UTF-8 TEXT "
    assert frame.literals[0].octets == b"caf\xc3\xa9"
    found = parse_frame(frame)
    assert (found.query, found.charset) == (And((TextHas("caf\u00e9"), HasFlag(SEEN))), b"UTF-8")


def test_literals() -> None:
    reader = FrameReader()
    reader.feed(b"SEARCH CHARSET UTF-8 TEXT {6+}\r\nXXXXXX FROM {2+}\r\na) SEEN\r\n")
    event = reader.next_event()
    while event is not None and not isinstance(event, Frame):
        reader.accept()
        event = reader.next_event()
    assert event is not None
    assert parse_frame(event).query == And((TextHas("XXXXXX"), EnvelopeHas(EnvelopeField.FROM, "a)"), HasFlag(SEEN)))


def test_keys_of_extensions() -> None:
    def older(cursor: Cursor) -> object:
        cursor.sp()
        return SizeAbove(cursor.number())

    cursor = Cursor(b" OLDER 5 SEEN")
    assert parse_search(cursor, False, find_charset, {"OLDER": older}).query == And((SizeAbove(5), HasFlag(SEEN)))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b"OR", b"NOT", b"(", b")", b" ", b"SEEN", b"FROM", b'"x"', b"1:*", b"UID", b"HEADER", b"5", b"\xff"]
        ),
        max_size=20,
    ).map(b"".join)
    | st.binary(max_size=40)
)
def test_any_octets(arguments: bytes) -> None:
    try:
        query = parse(arguments)
    except PeerError:
        return
    assert parse_frame(format_search(Search(False, query))).query == query
