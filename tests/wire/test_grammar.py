"""The terminals of the IMAP grammar: what is read, what is refused, and that writing is the inverse of reading."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.date import InternalDate
from verbena.model.errors import PeerError
from verbena.model.flags import RECENT, SEEN, Flag
from verbena.model.part import PartialRange, Section, SectionText
from verbena.model.uidset import STAR, NumberSet, SequenceSet, number_set
from verbena.wire.imap import mutf7
from verbena.wire.imap.date import (
    civil_from_days,
    days_from_civil,
    format_date,
    format_date_time,
    parse_date,
    parse_date_time,
)
from verbena.wire.imap.flag import parse_flag, parse_flag_list, parse_flag_list_shown, parse_keyword_flag
from verbena.wire.imap.frame import Literal
from verbena.wire.imap.grammar import (
    END,
    LITERAL,
    Cursor,
    FrameWriter,
    cursor_of,
    find_tag,
    format_astring,
    format_nstring,
    format_number_set,
    format_ordered_numbers,
    format_sequence_set,
    is_atom,
)
from verbena.wire.imap.mailbox import format_mailbox, parse_list_mailbox, parse_mailbox
from verbena.wire.imap.section import (
    format_partial,
    format_section_spec,
    parse_partial,
    parse_section,
    parse_section_spec,
    write_section,
)

Parse = Callable[[Cursor], object]

READ: list[tuple[Parse, bytes, object, bytes]] = [
    (Cursor.tag, b"a1 NOOP", b"a1", b" NOOP"),
    (Cursor.tag, b"]x+", b"]x", b"+"),
    (Cursor.keyword, b"body.peek[]", "BODY.PEEK", b"[]"),
    (Cursor.atom, b"x-Y$z]", b"x-Y$z", b"]"),
    (Cursor.astring, b"x]y (", b"x]y", b" ("),
    (Cursor.astring, b'"a b"c', b"a b", b"c"),
    (Cursor.quoted, rb'"\"\\"', rb'"' + b"\\", b""),
    (Cursor.quoted, b'""', b"", b""),
    (Cursor.quoted, '"ü"'.encode(), "ü".encode(), b""),
    (Cursor.nstring, b"nil)", None, b")"),
    (Cursor.nstring, b'"NIL"', b"NIL", b""),
    (Cursor.number, b"0", 0, b""),
    (Cursor.number, b"4294967295 ", 4294967295, b" "),
    (Cursor.nz_number, b"10)", 10, b")"),
    (Cursor.modseq, b"9223372036854775807", 9223372036854775807, b""),
    (Cursor.modseq_or_zero, b"0", 0, b""),
    (Cursor.sequence_set, b"1,4:2,*:7,5:* x", SequenceSet(((1, 1), (4, 2), (STAR, 7), (5, STAR))), b" x"),
    (Cursor.number_set, b"7,3:1,2", NumberSet(((1, 3), (7, 7))), b""),
    (parse_flag, b"\\sEEN", SEEN, b""),
    (parse_flag, b"$Forwarded)", Flag("$Forwarded"), b")"),
    (parse_flag_list, b"(\\Seen a \\SEEN A)", (SEEN, Flag("a")), b""),
    (parse_flag_list, b"()", (), b""),
    (parse_flag_list_shown, b"(\\Recent \\* \\Xyz)", (RECENT, Flag("\\*"), Flag("\\Xyz")), b""),
    (parse_mailbox, b"inBox ", "INBOX", b" "),
    (parse_mailbox, b'"inbox/A b"', "INBOX/A b", b""),
    (parse_mailbox, b"&ZeVnLIqe-", "日本語", b""),
    (parse_list_mailbox, b"%/*]", "%/*]", b""),
    (parse_list_mailbox, b'""', "", b""),
    (parse_date, b"1-feb-1994 ", date(1994, 2, 1), b" "),
    (parse_date, b'"29-Feb-2000"', date(2000, 2, 29), b""),
    (parse_date_time, b'"17-Jul-1996 02:44:25 -0700"', InternalDate(837596665, -420), b""),
    (parse_date_time, b'" 1-Jan-1970 00:00:00 +0000"', InternalDate(0, 0), b""),
    (parse_date_time, b'"31-Dec-2016 23:59:60 +0000"', InternalDate(1483228800, 0), b""),
    (parse_section, b"[]<", Section(), b"<"),
    (parse_section, b"[1.2.MIME]", Section((1, 2), SectionText.MIME), b""),
    (parse_section, b"[3]", Section((3,)), b""),
    (parse_section, b"[text]", Section((), SectionText.TEXT), b""),
    (
        parse_section,
        b'[4.HEADER.FIELDS.NOT (Date "x y")]',
        Section((4,), SectionText.HEADER_FIELDS_NOT, (b"Date", b"x y")),
        b"",
    ),
    (parse_section_spec, b"1.TEXT/", Section((1,), SectionText.TEXT), b"/"),
    (parse_partial, b"<0.10>", PartialRange(0, 10), b""),
    (parse_partial, b" ", None, b" "),
]


@pytest.mark.rfc("3501 §9")
@pytest.mark.parametrize(("parse", "octets", "value", "rest"), READ)
def test_read(parse: Parse, octets: bytes, value: object, rest: bytes) -> None:
    cursor = Cursor(octets)
    assert parse(cursor) == value
    assert cursor.rest().text == rest


REFUSED: list[tuple[Parse, bytes]] = [
    (Cursor.tag, b"+x"),
    (Cursor.atom, b""),
    (Cursor.atom, b"(x"),
    (Cursor.astring, b"\x80"),
    (Cursor.astring, b""),
    (Cursor.quoted, b'"abc'),
    (Cursor.quoted, rb'"a\bc"'),
    (Cursor.quoted, b'"a\rb"'),
    (Cursor.quoted, b'"\\'),
    (Cursor.string, b"NIL"),
    (Cursor.nstring, b"NILS"),
    (Cursor.number, b"4294967296"),
    (Cursor.number, b"1" * 5000),
    (Cursor.number, b"x"),
    (Cursor.nz_number, b"01"),
    (Cursor.modseq, b"0"),
    (Cursor.modseq, b"9223372036854775808"),
    (Cursor.sequence_set, b"0"),
    (Cursor.sequence_set, b"1,"),
    (Cursor.sequence_set, b"1:"),
    (Cursor.sequence_set, b"$"),
    (Cursor.number_set, b"1:*"),
    (parse_flag, b"\\Recent"),
    (parse_flag, b"\\Other"),
    (parse_flag, b"x" * 300),
    (parse_flag, b"\\*"),
    (parse_flag_list, b"(\\Seen  x)"),
    (parse_flag_list, b"(\\Seen"),
    (parse_flag_list, b"(" + b" ".join(b"k%d" % n for n in range(300)) + b")"),
    (parse_mailbox, '"ü"'.encode()),
    (parse_mailbox, b"&"),
    (parse_mailbox, b'"a\x7fb"'),
    (parse_list_mailbox, b"*" * 40),
    (parse_date, b"30-Feb-2000"),
    (parse_date, b"29-Feb-1900"),
    (parse_date, b"1-Foo-2000"),
    (parse_date, b"001-Feb-2000"),
    (parse_date, b'"1-Feb-2000'),
    (parse_date_time, b'"17-Jul-1996 24:44:25 -0700"'),
    (parse_date_time, b'"17-Jul-1996 02:44:25 0700"'),
    (parse_date_time, b'"17-Jul-1996 02:44:25 -0760"'),
    (parse_date_time, b'"17-Jul-0000 02:44:25 +0000"'),
    (parse_section, b"[MIME]"),
    (parse_section, b"[0]"),
    (parse_section, b"[1.]"),
    (parse_section, b"[HEADER.FIELDS]"),
    (parse_section, b"[HEADER.FIELDS ()]"),
    (parse_section, b"[" + b"1." * 101 + b"1]"),
    (parse_section, b"[4294967296]"),
    (parse_partial, b"<0.0>"),
    (parse_partial, b"<1>"),
    (Cursor.skip_value, b"(" * 40 + b")" * 40),
    (Cursor.skip_value, b"(a"),
    (Cursor.skip_value, b""),
]


@pytest.mark.parametrize(("parse", "octets"), REFUSED)
def test_refused(parse: Parse, octets: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse(Cursor(octets))
    assert not caught.value.fatal
    assert caught.value.told.isascii()


def test_literals_stand_between_texts() -> None:
    cursor = Cursor(b"x ", (Literal(b"one"), Literal(b"\0", True)), (b" ", b""))
    assert cursor.atom() == b"x"
    cursor.sp()
    assert cursor.peek() == LITERAL
    assert not cursor.at_end()
    assert cursor.astring() == b"one"
    cursor.sp()
    with pytest.raises(PeerError):
        cursor.literal()
    assert cursor.nstring8() == b"\0"
    assert cursor.peek() == END
    cursor.end()


def test_errors_name_the_place() -> None:
    cursor = Cursor(b"a", (Literal(b"x"),), (b" (",))
    cursor.atom()
    cursor.string()
    cursor.sp()
    with pytest.raises(PeerError, match="octet 2 after literal 1: a number is expected"):
        cursor.number()
    with pytest.raises(PeerError, match="the command should end"):
        cursor.end()


def test_words_are_whole() -> None:
    assert Cursor(b"nil").skip_word(b"NIL")
    assert not Cursor(b"nilly").skip_word(b"NIL")
    assert not Cursor(b"ni").skip_word(b"NIL")
    assert Cursor(b"nil(").skip_word(b"NIL")


def test_quoted_strings_can_be_held_to_ascii() -> None:
    cursor = Cursor('"ü"'.encode())
    cursor.quoted_8bit = False
    with pytest.raises(PeerError):
        cursor.quoted()


def test_values_of_any_form_are_stepped_over() -> None:
    cursor = Cursor(b'(a (\\x 1:* "q" ', (Literal(b"l", True),), (b") ()) rest",))
    cursor.skip_value()
    assert cursor.rest().text == b" rest"


def test_ordered_numbers_are_bounded() -> None:
    assert Cursor(b"5,2:4,9").ordered_numbers(5) == [5, 2, 3, 4, 9]
    with pytest.raises(PeerError):
        Cursor(b"1:4294967295").ordered_numbers(1000)
    assert format_ordered_numbers([5, 2, 3, 4, 9]) == b"5,2:4,9"


def test_tags_of_broken_commands() -> None:
    assert find_tag(b"a1 \0\0") == b"a1"
    assert find_tag(b"* x") is None
    assert find_tag(b"a" * 300) is None


@given(st.binary(max_size=60))
def test_strings_are_inverses(octets: bytes) -> None:
    out = FrameWriter()
    out.astring(octets)
    out.text(b" ")
    out.string(octets)
    out.text(b" ")
    out.nstring(octets)
    cursor = cursor_of(out.frame())
    if b"\0" in octets:
        assert cursor.literal8() == octets
        return
    assert cursor.astring() == octets
    cursor.sp()
    assert cursor.string() == octets
    cursor.sp()
    assert cursor.nstring() == octets
    cursor.end()


def test_astrings_in_responses() -> None:
    assert format_astring(b"INBOX") == b"INBOX"
    assert format_astring(b"nil") == b'"nil"'
    assert format_astring(b"") == b'""'
    assert format_astring(b"a b") == b'"a b"'
    assert format_astring("ü".encode()) == b"{2}\r\n\xc3\xbc"
    assert format_astring(b"x" * 2000 + b" ") == b"{2001}\r\n" + b"x" * 2000 + b" "
    assert format_nstring(None) == b"NIL"
    assert is_atom(b"abc")
    assert not is_atom(b"a]")
    assert not is_atom(b"")


_NUMBERS = st.integers(1, 4294967295)


@given(st.lists(st.tuples(st.one_of(st.just(STAR), _NUMBERS), st.one_of(st.just(STAR), _NUMBERS)), min_size=1))
def test_sequence_sets_are_inverses(pairs: list[tuple[int, int]]) -> None:
    value = SequenceSet(tuple(pairs))
    assert Cursor(format_sequence_set(value)).sequence_set() == value


@given(st.sets(st.integers(1, 60), min_size=1))
def test_number_sets_are_inverses(numbers: set[int]) -> None:
    value = number_set(numbers)
    assert Cursor(format_number_set(value)).number_set() == value


@given(st.integers(-62_135_000_000, 253_402_000_000), st.integers(-1439, 1439))
def test_date_times_are_inverses(epoch_s: int, zone_min: int) -> None:
    value = InternalDate(epoch_s, zone_min)
    text = format_date_time(value)
    assert len(text) == 28
    assert parse_date_time(Cursor(text)) == value


def test_date_times_out_of_range_are_shown_as_the_nearest() -> None:
    assert format_date_time(InternalDate(1 << 50)).startswith(b'"31-Dec-9999')
    assert format_date_time(InternalDate(-(1 << 50))).startswith(b'" 1-Jan-0001')


@given(st.dates())
def test_dates_are_inverses(value: date) -> None:
    assert parse_date(Cursor(format_date(value))) == value
    days = (value - date(1970, 1, 1)).days
    assert days_from_civil(value.year, value.month, value.day) == days
    assert civil_from_days(days) == (value.year, value.month, value.day)


_SECTIONS = st.builds(
    lambda path, text, fields: Section(
        tuple(path),
        SectionText.ALL if text is SectionText.MIME and not path else text,
        tuple(fields) if text in (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT) else (),
    ),
    st.lists(_NUMBERS, max_size=4),
    st.sampled_from(SectionText),
    st.lists(st.binary(max_size=10).filter(lambda octets: b"\0" not in octets), min_size=1, max_size=3),
)


@given(_SECTIONS)
def test_sections_are_inverses(section: Section) -> None:
    out = FrameWriter()
    write_section(out, section)
    cursor = cursor_of(out.frame())
    assert parse_section(cursor) == section
    cursor.end()


def test_sections_in_responses() -> None:
    section = Section((1, 2), SectionText.HEADER_FIELDS, (b"To", b"x y"))
    assert format_section_spec(section) == b'1.2.HEADER.FIELDS (To "x y")'
    assert format_partial(PartialRange(5, 7)) == b"<5.7>"
    assert format_partial(None) == b""


MUTF7: list[tuple[str, bytes]] = [
    ("INBOX", b"INBOX"),
    ("~peter/mail/台北/日本語", b"~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
    ("A&B", b"A&-B"),
    ("Entwürfe", b"Entw&APw-rfe"),
    ("☃ \U0001f600", b"&JgM- &2D3eAA-"),
    ("", b""),
]


@pytest.mark.rfc("3501 §5.1.3")
@pytest.mark.parametrize(("name", "octets"), MUTF7)
def test_mutf7(name: str, octets: bytes) -> None:
    assert mutf7.encode(name) == octets
    assert mutf7.decode(octets) == name


@pytest.mark.rfc("3501 §5.1.3")
@pytest.mark.parametrize(
    "octets",
    [
        b"&",
        b"&Jjo",
        b"&Jjo!",
        b"&U,BTFw-&ZeVnLIqe-",
        b"&AGE-",
        b"&ACY-",
        b"&JjoX-",
        b"&2D0-",
        b"&AAA-",
        b"&AAo-",
        b"&U/BTFw-",
        b"&=-",
        b"&A-",
        b"a\nb",
        b"\xff",
    ],
)
def test_mutf7_is_strict(octets: bytes) -> None:
    with pytest.raises(PeerError):
        mutf7.decode(octets)


_NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


@given(_NAMES)
def test_mailbox_names_are_inverses(name: str) -> None:
    assert mutf7.decode(mutf7.encode(name)) == name
    octets = format_mailbox("x" + name)
    if not octets.startswith(b"{"):
        assert parse_mailbox(Cursor(octets)) == "x" + name


@given(st.binary(max_size=40))
def test_mutf7_of_anything(octets: bytes) -> None:
    try:
        name = mutf7.decode(octets)
    except PeerError:
        return
    assert mutf7.encode(name) == octets


def test_keywords_given_as_octets() -> None:
    assert parse_keyword_flag(b"$MDNSent") == "$MDNSent"
    for octets in (b"", b"\\Seen", b"a b", b"x" * 300):
        with pytest.raises(PeerError):
            parse_keyword_flag(octets)


_ALL_PARSERS = sorted({entry[0] for entry in READ} | {entry[0] for entry in REFUSED}, key=lambda parse: parse.__name__)


@settings(max_examples=200)
@given(
    st.sampled_from(_ALL_PARSERS), st.one_of(st.binary(max_size=40), st.sampled_from([e[1] for e in READ])), st.data()
)
def test_any_octets_give_a_value_or_an_error(parse: Parse, octets: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(octets)))
    mangled = octets[:place] + data.draw(st.binary(max_size=3)) + octets[place:]
    cursor = Cursor(mangled)
    try:
        parse(cursor)
    except PeerError:
        return
    assert 0 <= cursor.pos <= len(cursor.text)
