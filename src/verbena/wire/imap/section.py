"""Sections and partial ranges of a message (RFC 3501 §9 ``section``, §6.4.5; RFC 3516 §4.2)."""

from typing import Final

from verbena.model.part import PartialRange, Section, SectionText
from verbena.wire.imap.grammar import (
    DOT,
    GREATER,
    LBRACKET,
    LESS,
    LPAREN,
    RBRACKET,
    RPAREN,
    Cursor,
    FrameWriter,
    format_astring,
)

MAX_PATH: Final = 100
"""Deepest part number."""
MAX_FIELDS: Final = 500
"""Field names in one HEADER.FIELDS."""
_ZERO: Final = 0x30
_NINE: Final = 0x39


# section = "[" [section-spec] "]"
def parse_section(cursor: Cursor) -> Section:
    cursor.expect(LBRACKET)
    if cursor.skip(RBRACKET):
        return Section()
    result = parse_section_spec(cursor)
    cursor.expect(RBRACKET)
    return result


# section-spec = section-msgtext / (section-part ["." section-text])
def parse_section_spec(cursor: Cursor) -> Section:
    """What stands between the brackets, and in a URL's ``;SECTION=`` once that is decoded."""
    path = parse_section_part(cursor)
    if path and not cursor.skip(DOT):
        return Section(path)
    text = _section_text(cursor, bool(path))
    if text is SectionText.HEADER_FIELDS or text is SectionText.HEADER_FIELDS_NOT:
        cursor.sp()
        return Section(path, text, _header_list(cursor))
    return Section(path, text)


# section-part = nz-number *("." nz-number)
def parse_section_part(cursor: Cursor) -> tuple[int, ...]:
    """Part numbers; empty when none is next. A dot that no number follows is left for the caller."""
    path: list[int] = []
    if not _digit_at(cursor, cursor.pos):
        return ()
    path.append(cursor.nz_number())
    while cursor.peek() == DOT and _digit_at(cursor, cursor.pos + 1):
        cursor.pos += 1
        path.append(cursor.nz_number())
        if len(path) > MAX_PATH:
            raise cursor.error("the part number is too deep")
    return tuple(path)


def _digit_at(cursor: Cursor, place: int) -> bool:
    return place < len(cursor.text) and _ZERO <= cursor.text[place] <= _NINE


# section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
# section-text = section-msgtext / "MIME"
def _section_text(cursor: Cursor, of_part: bool) -> SectionText:
    start = cursor.pos
    name = cursor.keyword()
    text = _TEXTS.get(name)
    if text is None or (text is SectionText.MIME and not of_part):
        cursor.pos = start
        raise cursor.error("a section is expected")
    return text


_TEXTS: Final = {
    "HEADER": SectionText.HEADER,
    "HEADER.FIELDS": SectionText.HEADER_FIELDS,
    "HEADER.FIELDS.NOT": SectionText.HEADER_FIELDS_NOT,
    "TEXT": SectionText.TEXT,
    "MIME": SectionText.MIME,
}


# header-list = "(" header-fld-name *(SP header-fld-name) ")"
def _header_list(cursor: Cursor) -> tuple[bytes, ...]:
    cursor.expect(LPAREN)
    fields: list[bytes] = []
    while True:
        fields.append(cursor.astring())
        if len(fields) > MAX_FIELDS:
            raise cursor.error("there are too many field names")
        if cursor.skip(RPAREN):
            return tuple(fields)
        cursor.sp()


# partial = "<" number "." nz-number ">"
def parse_partial(cursor: Cursor) -> PartialRange | None:
    """A FETCH's partial range; None when none is next."""
    if not cursor.skip(LESS):
        return None
    offset = cursor.number64()
    cursor.expect(DOT)
    if cursor.peek() == _ZERO:
        raise cursor.error("a length above zero is expected")
    length = cursor.number64()
    cursor.expect(GREATER)
    return PartialRange(offset, length)


def format_section_spec(section: Section) -> bytes:
    """Without brackets; field names in capitals are not made, they stay as the client wrote them."""
    parts: list[bytes] = [b".".join([b"%d" % number for number in section.path])] if section.path else []
    if section.text is not SectionText.ALL:
        parts.append(section.text.value.encode("ascii"))
    result = b".".join(parts)
    if section.fields:
        result += b" (%b)" % b" ".join([format_astring(field) for field in section.fields])
    return result


def write_section(out: FrameWriter, section: Section) -> None:
    """With brackets, for a command."""
    if not section.fields:
        out.text(b"[%b]" % format_section_spec(section))
        return
    out.text(b"[%b (" % format_section_spec(Section(section.path, section.text)))
    for place, field in enumerate(section.fields):
        if place:
            out.text(b" ")
        out.astring(field)
    out.text(b")]")


def format_partial(partial: PartialRange | None) -> bytes:
    """As in a command: ``<offset.length>``; empty for None."""
    return b"" if partial is None else b"<%d.%d>" % (partial.offset_octets, partial.length_octets or 0)
