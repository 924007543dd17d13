"""The FETCH items of RFC 3501 §6.4.5 and §7.4.2: full.

FLAGS, UID, INTERNALDATE and RFC822.SIZE come from the columns, ENVELOPE and the structures ready made from the
content's facts, a section as a slice of the message's bytes. HEADER.FIELDS selects from a header that is read whole,
up to ``MAX_HEADER_OCTETS``.
"""

from collections.abc import AsyncIterator
from typing import Final

from verbena.imap.fetching import Batch, Message, flag_lists
from verbena.imap.registry import Answer, Column, FetchItemRow, Prepared
from verbena.imap.session import Session
from verbena.mime.body import locate
from verbena.mime.header import select_fields
from verbena.model.date import InternalDate
from verbena.model.errors import InternalError, Refused
from verbena.model.part import PartialRange, Section, SectionText
from verbena.model.reason import Reason
from verbena.wire.imap.fetch import BODY_SECTION, FetchAtt, FetchBody
from verbena.wire.imap.reply import (
    SIZE_ATT,
    UID_ATT,
    FlagText,
    format_body_label,
    format_internaldate_att,
    format_literal_start,
)

MAX_HEADER_OCTETS: Final = 8 << 20
_READ_OCTETS: Final = 1 << 20
_DAY_S: Final = 86400
_TIME_AT: Final = len(b'INTERNALDATE "01-Jan-1970 ')
_MAX_DAYS: Final = 4096
"""Days whose text is kept during one command."""


def _flags(session: Session, att: FetchAtt) -> Column:
    view = session.mailbox.view
    texts = FlagText(view.columns)
    return Column(b"%b", lambda batch: flag_lists(batch, texts, view.recent))


def _uid(session: Session, att: FetchAtt) -> Column:
    return Column(UID_ATT, lambda batch: batch.uids)


def _size(session: Session, att: FetchAtt) -> Column:
    return Column(SIZE_ATT, Batch.sizes)


def _internal_date(session: Session, att: FetchAtt) -> Column:
    # Calendar arithmetic is done once a day and zone, not once a message.
    days: dict[tuple[int, int], tuple[bytes, bytes]] = {}

    def value(epoch_s: int, zone_min: int) -> bytes:
        day, of_day = divmod(epoch_s + zone_min * 60, _DAY_S)
        ends = days.get((day, zone_min))
        if ends is None:
            text = format_internaldate_att(InternalDate(epoch_s, zone_min))
            ends = (text[:_TIME_AT], text[_TIME_AT + 8 :])
            if len(days) < _MAX_DAYS:
                days[(day, zone_min)] = ends
        return b"%b%02d:%02d:%02d%b" % (ends[0], of_day // 3600, of_day // 60 % 60, of_day % 60, ends[1])

    return Column(b"%b", lambda batch: list(map(value, batch.dates(), batch.zones())))


def _envelope(session: Session, att: FetchAtt) -> Column:
    return Column(b"ENVELOPE %b", lambda batch: [content.envelope for content in batch.contents], needs_content=True)


def _body(session: Session, att: FetchAtt) -> Column:
    return Column(b"BODY %b", lambda batch: [content.body for content in batch.contents], needs_content=True)


def _bodystructure(session: Session, att: FetchAtt) -> Column:
    return Column(
        b"BODYSTRUCTURE %b", lambda batch: [content.bodystructure for content in batch.contents], needs_content=True
    )


# Sections


def _label(att: FetchBody) -> bytes:
    """How the response names the section: with the partial's offset (RFC 3501 §7.4.2)."""
    return att.label.encode("ascii") if att.label else format_body_label(att.section, att.partial)


def clip(start: int, end: int, partial: PartialRange | None) -> tuple[int, int]:
    """The octets ``[start, end)`` that a partial leaves; empty when it begins behind the end (RFC 3501 §6.4.5)."""
    if partial is None:
        return start, end
    first = min(start + partial.offset_octets, end)
    if partial.length_octets is None:
        return first, end
    return first, min(first + partial.length_octets, end)


def read_all(message: Message, start: int, end: int) -> bytes:
    """Octets of a header. Raises ``Refused(LIMIT)`` for more than ``MAX_HEADER_OCTETS``."""
    if end - start > MAX_HEADER_OCTETS:
        raise Refused(Reason.LIMIT, "The header is too long")
    pieces: list[bytes] = []
    while start < end:
        piece = message.read(start, min(end - start, _READ_OCTETS))
        pieces.append(piece)
        start += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _section(session: Session, att: FetchAtt) -> Prepared:
    if not isinstance(att, FetchBody):
        raise InternalError("a section is expected")
    label = _label(att)
    section, partial = att.section, att.partial
    if section == Section():
        return Prepared(_whole_message(label, partial), needs_content=False, needs_octets=True, sets_seen=not att.peek)
    if section.text is SectionText.HEADER_FIELDS or section.text is SectionText.HEADER_FIELDS_NOT:
        return Prepared(_fields(label, section, partial), needs_octets=True, sets_seen=not att.peek)
    return Prepared(_slice(label, section, partial), needs_octets=True, sets_seen=not att.peek)


def _whole_message(label: bytes, partial: PartialRange | None) -> Answer:
    def answer(message: Message) -> bytes | AsyncIterator[bytes]:
        start, end = clip(0, message.rows.sizes[message.row], partial)
        return message.literal(label, start, end - start)

    return answer


def _extent(message: Message, section: Section) -> tuple[int, int] | None:
    """``mime.body.locate``; the whole message's own header and text need no part index."""
    if section.path:
        return locate(message.index(), section)
    header_octets = message.known().header_octets
    if section.text is SectionText.TEXT:
        return header_octets, message.size_octets
    return (0, header_octets) if section.text is not SectionText.ALL else (0, message.size_octets)


def _slice(label: bytes, section: Section, partial: PartialRange | None) -> Answer:
    def answer(message: Message) -> bytes | AsyncIterator[bytes]:
        found = _extent(message, section)
        if found is None:
            return label + b" NIL"
        start, end = clip(found[0], found[1], partial)
        return message.literal(label, start, end - start)

    return answer


def _fields(label: bytes, section: Section, partial: PartialRange | None) -> Answer:
    whole_header = Section(section.path, SectionText.HEADER)
    invert = section.text is SectionText.HEADER_FIELDS_NOT
    names = section.fields

    def answer(message: Message) -> bytes:
        found = _extent(message, whole_header)
        if found is None:
            return label + b" NIL"
        octets = select_fields(read_all(message, found[0], found[1]), names, invert)
        start, end = clip(0, len(octets), partial)
        return b"%b %b%b" % (label, format_literal_start(end - start), octets[start:end])

    return answer


ITEMS = (
    FetchItemRow("FLAGS", _flags),
    FetchItemRow("UID", _uid),
    FetchItemRow("RFC822.SIZE", _size),
    FetchItemRow("INTERNALDATE", _internal_date),
    FetchItemRow("ENVELOPE", _envelope),
    FetchItemRow("BODY", _body),
    FetchItemRow("BODYSTRUCTURE", _bodystructure),
    FetchItemRow(BODY_SECTION, _section),
)
