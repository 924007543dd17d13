"""Searching a mailbox (RFC 3501 §6.4.4): the messages for which a ``model.query`` tree is true.

Packed columns answer first, thousands of messages at a time. For what is left, and only where it still matters,
the facts kept of each message are looked at, then its header, then its text. Text compares under
i;unicode-casemap (RFC 5051), as a substring, after transfer encoding, charset and encoded words are undone. Of a
body, parts of type text and message count, and the headers of parts and inner messages.

The event loop is never held for more than some milliseconds: between messages, and between pieces of long ones,
the search lets others run. What is expunged or changes meanwhile may or may not be found, as if it had happened a
little earlier or later.
"""

import asyncio
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from verbena.mime.body import PartIndex, PartSpan, read_envelope
from verbena.mime.casemap import casemap
from verbena.mime.coding import Coder, TextDecoder, decoder
from verbena.mime.header import (
    Fields,
    decode_words,
    param,
    parse_content_type,
    parse_disposition,
    raw_param,
    split_fields,
)
from verbena.model.envelope import Address, Envelope
from verbena.model.errors import InternalError, Refused
from verbena.model.flags import FIRST_KEYWORD_BIT, SYSTEM_FLAGS, Flag
from verbena.model.ids import ModSeq, Uid
from verbena.model.part import Encoding, PartKind
from verbena.model.query import (
    EVERYTHING,
    Among,
    And,
    BodyHas,
    DateField,
    DateIs,
    DateTest,
    EnvelopeField,
    EnvelopeHas,
    HasFlag,
    HeaderHas,
    ModSeqFrom,
    Not,
    Or,
    Query,
    SizeAbove,
    SizeBelow,
    TextHas,
    in_columns,
    simplify,
)
from verbena.model.reason import Reason
from verbena.store.api import Account, Columns, Content

SLICE_ROWS: Final = 4096
"""Rows of the columns tested in one go."""
BATCH: Final = 100
"""Messages whose facts are read at once."""
TURN_S: Final = 0.003
"""Longest time between two chances for others to run, give or take one piece of text."""
PIECE_OCTETS: Final = 65536
MAX_HEADER_OCTETS: Final = 1 << 20
"""So much of one header is looked at."""
KEPT_OCTETS: Final = 262144
"""The text of a message up to this size is kept while more than one key asks for it."""

Piece = tuple[str, bool]
"""Text ready for comparing, and whether the next piece goes on from it."""

_DAY_S: Final = 86_400
_EPOCH_DAY: Final = 719_163
"""``date.toordinal()`` of 1970-01-01."""


@dataclass(frozen=True, slots=True)
class Found:
    """``uids`` ascending; ``modseq`` is the highest of theirs, 0 when there are none."""

    uids: list[Uid]
    modseq: ModSeq


async def search(account: Account, columns: Columns, query: Query, last_uid: int | None = None) -> Found:
    """The messages of a mailbox, up to ``last_uid`` where given, for which ``query`` is true.

    A session has put ``Among`` for ``InNumbers``, ``InUids`` and ``IsRecent``; one left raises ``InternalError``.
    """
    return await _Search(account, columns, query).run(last_uid)


class _Pace:
    """Lets others run when this task has had its turn."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def rest(self) -> None:
        if time.perf_counter() - self._since > TURN_S:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


class _Message:
    """One message whose facts are there, and what was made of them so far."""

    def __init__(self, account: Account, row: int, content: Content) -> None:
        self._account = account
        self.row = row
        self.content = content
        self._envelope: Envelope | None = None
        self._header: bytes | None = None
        self._texts: dict[EnvelopeField, str | None] = {}
        self.kept: list[Piece] | None = None
        self.header_text: str | None = None

    def read(self, start: int, end: int) -> bytes:
        return self._account.read(self.content.content_id, start, end - start) if end > start else b""

    def header(self) -> bytes:
        if self._header is None:
            self._header = self.read(0, min(self.content.header_octets, MAX_HEADER_OCTETS))
        return self._header

    def envelope_text(self, field: EnvelopeField) -> str | None:
        """A field of the envelope ready for comparing; None when the message has none."""
        if field not in self._texts:
            if self._envelope is None:
                self._envelope = read_envelope(self.content.envelope)
            text = _field_text(self._envelope, field)
            self._texts[field] = None if text is None else casemap(text)
        return self._texts[field]


def _field_text(envelope: Envelope, field: EnvelopeField) -> str | None:
    if field is EnvelopeField.SUBJECT:
        return None if envelope.subject is None else decode_words(envelope.subject)
    addresses = {
        EnvelopeField.FROM: envelope.from_,
        EnvelopeField.TO: envelope.to,
        EnvelopeField.CC: envelope.cc,
        EnvelopeField.BCC: envelope.bcc,
    }[field]
    return ", ".join([_address_text(address) for address in addresses]) if addresses else None


def _address_text(address: Address) -> str:
    """As one would write it, without quoting."""
    mailbox = decode_words(address.mailbox or b"")
    if address.host is None:
        return mailbox + ":" if address.mailbox is not None else ";"
    spec = mailbox + "@" + decode_words(address.host) if address.host else mailbox
    return f"{decode_words(address.name)} <{spec}>" if address.name else spec


def _header_text(header: bytes) -> str:
    """A header's fields decoded, one a line, and file names that RFC 2231 hides."""
    lines: list[str] = []
    for name, start, value_start, end in split_fields(header):
        lines.append(decode_words(header[start:end].rstrip(b"\r\n")))
        if name in (b"content-type", b"content-disposition") and b"*" in header[value_start:end]:
            lines.extend(_file_names(Fields(header[start:end]).first(name) or b""))
    return casemap("\n".join(lines))


def _file_names(value: bytes) -> list[str]:
    content_type = parse_content_type(value)
    disposition = parse_disposition(value)
    params = content_type[2] if content_type is not None else disposition[1] if disposition is not None else ()
    return [text for text in (param(params, b"name"), param(params, b"filename")) if text is not None]


class _Search:
    def __init__(self, account: Account, columns: Columns, query: Query) -> None:
        self._account = account
        self._uids: array[int] = columns.uids
        self._flags: array[int] = columns.flags
        self._modseqs: array[int] = columns.modseqs
        self._sizes: array[int] = columns.sizes
        self._dates: array[int] = columns.dates
        self._zones: array[int] = columns.zones
        self._contents: array[int] = columns.contents
        self._bits = _flag_bits(columns.keywords)
        self._needles: dict[str, str] = {}
        self._pace = _Pace()
        self._quick, self._rest = _split(simplify(query))

    async def run(self, last_uid: int | None) -> Found:
        count = len(self._uids) if last_uid is None else bisect_right(self._uids, last_uid)
        uids: list[Uid] = []
        highest = 0
        for start in range(0, count, SLICE_ROWS):
            rows = self._narrow(self._quick, range(start, min(start + SLICE_ROWS, count)))
            if self._rest != EVERYTHING:
                rows = await self._examine(rows)
            if rows:
                uids.extend([Uid(self._uids[row]) for row in rows])
                highest = max(highest, max([self._modseqs[row] for row in rows]))
            await self._pace.rest()
        return Found(uids, ModSeq(highest))

    # Columns --------------------------------------------------------------------------------------

    def _narrow(self, query: Query, rows: Sequence[int]) -> Sequence[int]:
        """Those of ascending ``rows`` for which a query that columns can answer is true."""
        if isinstance(query, And):
            for part in query.parts:
                rows = self._narrow(part, rows)
            return rows
        if isinstance(query, Or):
            found: set[int] = set()
            for part in query.parts:
                found.update(self._narrow(part, rows))
            return sorted(found)
        if isinstance(query, Not):
            out = frozenset(self._narrow(query.part, rows))
            return [row for row in rows if row not in out]
        return self._narrow_by(query, rows)

    def _narrow_by(self, leaf: Query, rows: Sequence[int]) -> Sequence[int]:
        match leaf:
            case Among():
                return self._among(leaf, rows)
            case HasFlag():
                mask = self._bits.get(leaf.flag.upper(), 0)
                flags = self._flags
                return [row for row in rows if flags[row] & mask]
            case SizeAbove():
                return [row for row in rows if self._sizes[row] > leaf.octets]
            case SizeBelow():
                return [row for row in rows if self._sizes[row] < leaf.octets]
            case ModSeqFrom():
                return [row for row in rows if self._modseqs[row] >= leaf.modseq]
            case DateIs():
                low, high = _days(leaf)
                dates, zones = self._dates, self._zones
                return [row for row in rows if low <= (dates[row] + zones[row] * 60) // _DAY_S < high]
            case _:
                raise InternalError(f"a search can not test {type(leaf).__name__} here")

    def _among(self, leaf: Among, rows: Sequence[int]) -> list[int]:
        uids = self._uids
        if not isinstance(rows, range):
            return [row for row in rows if uids[row] in leaf.uids]
        result: list[int] = []
        for low, high in leaf.uids.ranges:
            first = bisect_left(uids, low, rows.start, rows.stop)
            result.extend(range(first, bisect_right(uids, high, first, rows.stop)))
        return result

    # Messages -------------------------------------------------------------------------------------

    async def _examine(self, rows: Sequence[int]) -> list[int]:
        """Those of ``rows`` for which the rest of the query is true."""
        result: list[int] = []
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            contents = self._account.contents([self._contents[row] for row in batch])
            for row, content in zip(batch, contents, strict=True):
                if content is not None and await self._matches(_Message(self._account, row, content)):
                    result.append(row)
                await self._pace.rest()
        return result

    async def _matches(self, message: _Message) -> bool:
        try:
            return await self._test(self._rest, message)
        except Refused as refused:
            if refused.reason is Reason.EXPUNGE_ISSUED:
                return False
            raise

    async def _test(self, query: Query, message: _Message) -> bool:
        if isinstance(query, And):
            for part in query.parts:
                if not await self._test(part, message):
                    return False
            return True
        if isinstance(query, Or):
            for part in query.parts:
                if await self._test(part, message):
                    return True
            return False
        if isinstance(query, Not):
            return not await self._test(query.part, message)
        if isinstance(query, BodyHas | TextHas):
            return await self._text_has(query, message)
        if isinstance(query, EnvelopeHas):
            text = message.envelope_text(query.field)
            return text is not None and self._needle(query.text) in text
        if isinstance(query, HeaderHas):
            return self._header_has(query, message)
        if isinstance(query, DateIs) and query.field is DateField.SENT:
            return _sent_is(query, message.content)
        return bool(self._narrow_by(query, (message.row,)))

    def _needle(self, text: str) -> str:
        found = self._needles.get(text)
        if found is None:
            found = self._needles[text] = casemap(text)
        return found

    def _header_has(self, query: HeaderHas, message: _Message) -> bool:
        needle = self._needle(query.text)
        for value in Fields(message.header()).every(query.name.encode("ascii", "replace")):
            if not needle or needle in casemap(decode_words(value)):
                return True
        return False

    async def _text_has(self, query: BodyHas | TextHas, message: _Message) -> bool:
        needle = self._needle(query.text)
        if isinstance(query, TextHas):
            if message.header_text is None:
                message.header_text = _header_text(message.header())
            if needle in message.header_text:
                return True
        tail = ""
        for text, goes_on in _kept_body(message):
            if needle in (tail + text if tail else text):
                return True
            tail = (tail + text)[1 - len(needle) :] if goes_on and len(needle) > 1 else ""
            await self._pace.rest()
        return False


def _kept_body(message: _Message) -> Iterator[Piece]:
    """The text of the body; kept with a short message, for the next key that asks for it."""
    if message.kept is not None:
        return iter(message.kept)
    if message.content.size_octets > KEPT_OCTETS:
        return _body(message)
    message.kept = list(_body(message))
    return iter(message.kept)


def _body(message: _Message) -> Iterator[Piece]:
    for place, span in enumerate(PartIndex(message.content.parts).spans()):
        header = message.read(span.header_start, min(span.body_start, span.header_start + MAX_HEADER_OCTETS))
        if place:
            yield _header_text(header), False
        if span.kind is PartKind.LEAF:
            yield from _leaf(message, span, header)


def _leaf(message: _Message, span: PartSpan, header: bytes) -> Iterator[Piece]:
    """The text of a part without parts; nothing for types that are not searched."""
    value = Fields(header).first(b"content-type")
    found = parse_content_type(value) if value is not None else None
    if found is not None and found[0] not in (b"text", b"message", b"multipart"):
        return
    coder = Coder() if span.encoding is Encoding.UNKNOWN else decoder(span.encoding)
    text = TextDecoder(raw_param(found[2], b"charset") if found is not None else None)
    at = span.body_start
    while at < span.end:
        end = min(at + PIECE_OCTETS, span.end)
        yield casemap(text.feed(coder.feed(message.read(at, end)))), True
        at = end
    yield casemap(text.feed(coder.finish()) + text.finish()), False


def _flag_bits(keywords: tuple[Flag, ...]) -> dict[str, int]:
    """Bit masks of a mailbox's flags by their names in capitals."""
    bits: dict[str, int] = {}
    for place, flag in enumerate(SYSTEM_FLAGS):
        bits[flag.upper()] = 1 << place
    for place, flag in enumerate(keywords):
        bits[flag.upper()] = 1 << (FIRST_KEYWORD_BIT + place)
    return bits


def _split(query: Query) -> tuple[Query, Query]:
    """What the columns can answer of a simplified query, and the rest; both must be true."""
    if in_columns(query):
        return query, EVERYTHING
    if not isinstance(query, And):
        return EVERYTHING, query
    quick = tuple([part for part in query.parts if in_columns(part)])
    rest = tuple([part for part in query.parts if not in_columns(part)])
    return And(quick), rest[0] if len(rest) == 1 else And(rest)


def _days(leaf: DateIs) -> tuple[int, int]:
    """The days since the epoch that are meant, the second one not included."""
    day = leaf.day.toordinal() - _EPOCH_DAY
    match leaf.test:
        case DateTest.BEFORE:
            return -(1 << 62), day
        case DateTest.ON:
            return day, day + 1
        case DateTest.SINCE:
            return day, 1 << 62


def _sent_is(leaf: DateIs, content: Content) -> bool:
    if content.sent_at_epoch_s is None:
        return False
    low, high = _days(leaf)
    return low <= (content.sent_at_epoch_s + content.sent_zone_min * 60) // _DAY_S < high
