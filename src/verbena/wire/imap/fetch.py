"""FETCH and UID FETCH: data items, macros and modifiers (RFC 3501 §6.4.5, RFC 4466 §2.4).

Data items and modifiers are open: mappings from name to parser say which are known. An item's name is what stands
before ``[``, a space or ``)``: ``BODY``, ``BODY.PEEK``, ``BINARY.SIZE``. Its parser takes the cursor behind the name
and returns a ``FetchAtt``, whose own ``name`` says who answers it. Subclasses of these values, and of those in
``store`` and ``select``, live in this layer: what is not compiled can not inherit from what is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from verbena.model.part import PartialRange, Section, SectionText
from verbena.model.uidset import SequenceSet
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import LBRACKET, LPAREN, RPAREN, SP, Cursor, FrameWriter, format_sequence_set
from verbena.wire.imap.param import parse_params
from verbena.wire.imap.section import format_partial, parse_partial, parse_section, write_section

MAX_ATTS: Final = 200
"""Data items in one FETCH."""


@dataclass(frozen=True, slots=True)
class FetchAtt:
    """A data item without arguments, such as ``FLAGS``; one with arguments is a subclass."""

    name: str


@dataclass(frozen=True, slots=True)
class FetchBody(FetchAtt):
    """``BODY[…]``, ``BODY.PEEK[…]`` and the RFC822 forms; ``name`` is ``BODY[]`` for all of them.

    ``label`` is how the response names it: empty for ``BODY[…]``, else ``RFC822``, ``RFC822.HEADER``, ``RFC822.TEXT``.
    ``peek`` leaves ``\\Seen`` alone.
    """

    section: Section
    partial: PartialRange | None = None
    peek: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class FetchModifier:
    """A modifier by its name in capitals; one with a value is a subclass."""

    name: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """``atts`` has macros resolved and no item twice."""

    messages: SequenceSet
    by_uid: bool
    atts: tuple[FetchAtt, ...]
    modifiers: tuple[FetchModifier, ...] = ()


AttParser = Callable[[Cursor], FetchAtt]
ModifierParser = Callable[[Cursor], FetchModifier]

BODY_SECTION: Final = "BODY[]"
FLAGS: Final = FetchAtt("FLAGS")
UID: Final = FetchAtt("UID")
INTERNALDATE: Final = FetchAtt("INTERNALDATE")
RFC822_SIZE: Final = FetchAtt("RFC822.SIZE")
ENVELOPE: Final = FetchAtt("ENVELOPE")
BODY: Final = FetchAtt("BODY")
BODYSTRUCTURE: Final = FetchAtt("BODYSTRUCTURE")
RFC822: Final = FetchBody(BODY_SECTION, Section(), None, False, "RFC822")
RFC822_HEADER: Final = FetchBody(BODY_SECTION, Section((), SectionText.HEADER), None, True, "RFC822.HEADER")
RFC822_TEXT: Final = FetchBody(BODY_SECTION, Section((), SectionText.TEXT), None, False, "RFC822.TEXT")

MACROS: Final[Mapping[str, tuple[FetchAtt, ...]]] = {
    "ALL": (FLAGS, INTERNALDATE, RFC822_SIZE, ENVELOPE),
    "FAST": (FLAGS, INTERNALDATE, RFC822_SIZE),
    "FULL": (FLAGS, INTERNALDATE, RFC822_SIZE, ENVELOPE, BODY),
}


def _parse_flags(cursor: Cursor) -> FetchAtt:
    return FLAGS


def _parse_uid(cursor: Cursor) -> FetchAtt:
    return UID


def _parse_internaldate(cursor: Cursor) -> FetchAtt:
    return INTERNALDATE


def _parse_size(cursor: Cursor) -> FetchAtt:
    return RFC822_SIZE


def _parse_envelope(cursor: Cursor) -> FetchAtt:
    return ENVELOPE


def _parse_bodystructure(cursor: Cursor) -> FetchAtt:
    return BODYSTRUCTURE


def _parse_rfc822(cursor: Cursor) -> FetchAtt:
    return RFC822


def _parse_rfc822_header(cursor: Cursor) -> FetchAtt:
    return RFC822_HEADER


def _parse_rfc822_text(cursor: Cursor) -> FetchAtt:
    return RFC822_TEXT


# "BODY" / "BODY" section ["<" number "." nz-number ">"]
def _parse_body(cursor: Cursor) -> FetchAtt:
    if cursor.peek() != LBRACKET:
        return BODY
    section = parse_section(cursor)
    return FetchBody(BODY_SECTION, section, parse_partial(cursor), False)


def _parse_body_peek(cursor: Cursor) -> FetchAtt:
    section = parse_section(cursor)
    return FetchBody(BODY_SECTION, section, parse_partial(cursor), True)


CORE_FETCH_ATTS: Final[Mapping[str, AttParser]] = {
    "FLAGS": _parse_flags,
    "UID": _parse_uid,
    "INTERNALDATE": _parse_internaldate,
    "RFC822.SIZE": _parse_size,
    "ENVELOPE": _parse_envelope,
    "BODY": _parse_body,
    "BODYSTRUCTURE": _parse_bodystructure,
    "BODY.PEEK": _parse_body_peek,
    "RFC822": _parse_rfc822,
    "RFC822.HEADER": _parse_rfc822_header,
    "RFC822.TEXT": _parse_rfc822_text,
}
"""The data items of RFC 3501 by name."""


# fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")
#         [fetch-modifiers]
def parse_fetch(
    cursor: Cursor, by_uid: bool, atts: Mapping[str, AttParser], modifiers: Mapping[str, ModifierParser]
) -> Fetch:
    """Raises ``PeerError`` for an item or modifier that the mappings have not."""
    cursor.sp()
    messages = cursor.sequence_set()
    cursor.sp()
    found = parse_fetch_atts(cursor, atts)
    mods: tuple[FetchModifier, ...] = ()
    if cursor.skip(SP):
        mods = tuple([modifier for _name, modifier in parse_params(cursor, modifiers)])
    cursor.end()
    return Fetch(messages, by_uid, found, mods)


def parse_fetch_atts(cursor: Cursor, atts: Mapping[str, AttParser]) -> tuple[FetchAtt, ...]:
    """One item, a list of them, or a macro. In a list a macro is taken too, as old clients write it."""
    found: list[FetchAtt] = []
    if not cursor.skip(LPAREN):
        _parse_att(cursor, atts, found)
        return tuple(found)
    while True:
        _parse_att(cursor, atts, found)
        if cursor.skip(RPAREN):
            return tuple(found)
        cursor.sp()


def _parse_att(cursor: Cursor, atts: Mapping[str, AttParser], found: list[FetchAtt]) -> None:
    start = cursor.pos
    name = cursor.keyword()
    parse = atts.get(name)
    if parse is not None:
        att = parse(cursor)
        if att not in found:
            found.append(att)
    elif name in MACROS:
        found.extend([att for att in MACROS[name] if att not in found])
    else:
        cursor.pos = start
        raise cursor.error("this data item is unknown")
    if len(found) > MAX_ATTS:
        raise cursor.error("there are too many data items")


AttWriter = Callable[[FrameWriter, FetchAtt], None]
ModifierFormat = Callable[[FetchModifier], bytes]


def write_fetch_att(out: FrameWriter, att: FetchAtt) -> None:
    """A data item of RFC 3501, or one without arguments."""
    if not isinstance(att, FetchBody):
        out.text(att.name.encode("ascii"))
    elif att.label:
        out.text(att.label.encode("ascii"))
    else:
        out.text(b"BODY.PEEK" if att.peek else b"BODY")
        write_section(out, att.section)
        out.text(format_partial(att.partial))


def format_fetch_command(value: Fetch, write_att: AttWriter, format_modifier: ModifierFormat) -> Frame:
    """``write_att`` and ``format_modifier`` write what extensions added; ``write_fetch_att`` and
    ``condstore.format_fetch_modifier`` are enough for RFC 3501, CONDSTORE and QRESYNC."""
    name = b"UID FETCH " if value.by_uid else b"FETCH "
    out = FrameWriter(name + format_sequence_set(value.messages) + b" (")
    for place, att in enumerate(value.atts):
        if place:
            out.text(b" ")
        write_att(out, att)
    out.text(b")")
    if value.modifiers:
        out.text(b" (%b)" % b" ".join([format_modifier(modifier) for modifier in value.modifiers]))
    return out.frame()
