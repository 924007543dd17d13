"""The FETCH items of RFC 3501 §6.4.5 and §7.4.2: full.

FLAGS, UID, INTERNALDATE and RFC822.SIZE come from the columns, ENVELOPE and the structures ready made from the
content's facts, a section as a slice of the message's bytes. HEADER.FIELDS selects from a header that is read whole,
up to ``MAX_HEADER_OCTETS``.
"""

from collections.abc import AsyncIterator
from typing import Final

from verbena.imap.fetching import Message
from verbena.imap.registry import Answer, FetchItemRow, Prepared
from verbena.imap.session import Session
from verbena.mime.body import locate
from verbena.mime.header import select_fields
from verbena.model.date import InternalDate
from verbena.model.errors import InternalError, Refused
from verbena.model.ids import MAX_UID
from verbena.model.part import PartialRange, Section, SectionText
from verbena.model.reason import Reason
from verbena.wire.imap.fetch import BODY_SECTION, FetchAtt, FetchBody
from verbena.wire.imap.reply import FlagText, format_body_label, format_internaldate_att, format_literal_start

MAX_HEADER_OCTETS: Final = 8 << 20
_READ_OCTETS: Final = 1 << 20
_DAY_S: Final = 86400
_TIME_AT: Final = len(b'INTERNALDATE "01-Jan-1970 ')
_MAX_DAYS: Final = 4096
"""Days whose text is kept during one command."""


def _flags(session: Session, att: FetchAtt) -> Prepared:
    view = session.mailbox.view
    texts = FlagText(view.columns)
    plain, recent_text, recent = texts.plain, texts.recent, view.recent
    first_recent = recent.ranges[0][0] if recent else MAX_UID + 1

    def answer(message: Message) -> bytes:
        bits = message.rows.flags[message.row]
        return plain(bits) if message.uid < first_recent or message.uid not in recent else recent_text(bits)

    return Prepared(answer, needs_content=False)


def _uid(session: Session, att: FetchAtt) -> Prepared:
    def answer(message: Message) -> bytes:
        return b"UID %d" % message.uid

    return Prepared(answer, needs_content=False)


def _size(session: Session, att: FetchAtt) -> Prepared:
    def answer(message: Message) -> bytes:
        return b"RFC822.SIZE %d" % message.rows.sizes[message.row]

    return Prepared(answer, needs_content=False)


def _internal_date(session: Session, att: FetchAtt) -> Prepared:
    # Calendar arithmetic is done once a day and zone, not once a message.
    days: dict[tuple[int, int], tuple[bytes, bytes]] = {}

    def answer(message: Message) -> bytes:
        zone_min = message.rows.zones[message.row]
        epoch_s = message.rows.dates[message.row]
        day, of_day = divmod(epoch_s + zone_min * 60, _DAY_S)
        ends = days.get((day, zone_min))
        if ends is None:
            text = format_internaldate_att(InternalDate(epoch_s, zone_min))
            ends = (text[:_TIME_AT], text[_TIME_AT + 8 :])
            if len(days) < _MAX_DAYS:
                days[(day, zone_min)] = ends
        return b"%b%02d:%02d:%02d%b" % (ends[0], of_day // 3600, of_day // 60 % 60, of_day % 60, ends[1])

    return Prepared(answer, needs_content=False)


def _envelope(session: Session, att: FetchAtt) -> Prepared:
    def answer(message: Message) -> bytes:
        return b"ENVELOPE " + message.known().envelope

    return Prepared(answer)


def _body(session: Session, att: FetchAtt) -> Prepared:
    def answer(message: Message) -> bytes:
        return b"BODY " + message.known().body

    return Prepared(answer)


def _bodystructure(session: Session, att: FetchAtt) -> Prepared:
    def answer(message: Message) -> bytes:
        return b"BODYSTRUCTURE " + message.known().bodystructure

    return Prepared(answer)


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
        piece = message.account.read(message.content_id, start, min(end - start, _READ_OCTETS))
        if not piece:
            raise Refused(Reason.CORRUPTION, "A message is shorter than it was")
        pieces.append(piece)
        start += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _section(session: Session, att: FetchAtt) -> Prepared:
    if not isinstance(att, FetchBody):
        raise InternalError("a section is expected")
    label = _label(att)
    section, partial = att.section, att.partial
    if section == Section():
        return Prepared(_whole_message(label, partial), needs_content=False, sets_seen=not att.peek)
    if section.text is SectionText.HEADER_FIELDS or section.text is SectionText.HEADER_FIELDS_NOT:
        return Prepared(_fields(label, section, partial), sets_seen=not att.peek)
    return Prepared(_slice(label, section, partial), sets_seen=not att.peek)


def _whole_message(label: bytes, partial: PartialRange | None) -> Answer:
    def answer(message: Message) -> bytes | AsyncIterator[bytes]:
        start, end = clip(0, message.rows.sizes[message.row], partial)
        return message.literal(label, start, end - start)

    return answer


def _slice(label: bytes, section: Section, partial: PartialRange | None) -> Answer:
    def answer(message: Message) -> bytes | AsyncIterator[bytes]:
        found = locate(message.index(), section)
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
        found = locate(message.index(), whole_header)
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
