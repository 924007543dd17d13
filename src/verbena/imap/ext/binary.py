"""BINARY: parts without their content transfer encoding (RFC 3516): full.

``Decoding`` is one part, or a range of its decoded octets, as FETCH and URLFETCH send it: a literal needs its length
first, so the part is decoded once to be measured and, when it is too long to be kept meanwhile, once more to be sent.
Data with an octet 0 goes as literal8, other data as a plain literal (RFC 3516 §4.3). Whole messages and multiparts
have no encoding to undo. APPEND takes literal8 in any mailbox, and keeps the octets as they are (§4.4).

Limits: 1 MiB kept between the passes; pieces of at most 256 KiB.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, final

from verbena.imap.fetching import Message
from verbena.imap.registry import Extension, FetchItemRow, Prepared
from verbena.imap.session import Session
from verbena.mime.body import PartSpan
from verbena.mime.coding import Coder, decoder
from verbena.model.errors import InternalError
from verbena.model.ids import ContentId
from verbena.model.part import Encoding, PartialRange, PartKind
from verbena.store.api import Account
from verbena.wire.imap.binary import (
    BINARY,
    BINARY_SIZE,
    FetchBinary,
    FetchBinarySize,
    format_binary_label,
    format_path,
    parse_binary,
    parse_binary_peek,
    parse_binary_size,
)
from verbena.wire.imap.fetch import FetchAtt

KEPT_OCTETS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Measure:
    """Of decoded data: length, lines, whether it has an octet 0; ``octets`` where they were few enough to keep."""

    size_octets: int
    lines: int
    has_nul: bool
    octets: bytes | None


@final
class Decoding:
    """Octets ``[start, end)`` of a content, decoded. Making one for an unknown encoding raises UNKNOWN_CTE."""

    __slots__ = ("_account", "_content_id", "_encoding", "_end", "_first", "_last", "_start")

    def __init__(
        self,
        account: Account,
        content_id: ContentId,
        start: int,
        end: int,
        encoding: Encoding,
        partial: PartialRange | None = None,
    ) -> None:
        decoder(encoding)
        self._account = account
        self._content_id = content_id
        self._start = start
        self._end = end
        self._encoding = encoding
        self._first = 0 if partial is None else partial.offset_octets
        length = None if partial is None else partial.length_octets
        self._last = None if length is None else self._first + length

    async def stream(self) -> AsyncIterator[bytes]:
        """The decoded octets; of a range only those, and no more is read than it needs."""
        at = 0
        async with aclosing(self._decoded(decoder(self._encoding))) as pieces:
            async for piece in pieces:
                first = max(self._first - at, 0)
                last = len(piece) if self._last is None else min(self._last - at, len(piece))
                if first < last:
                    yield piece[first:last]
                at += len(piece)
                if self._last is not None and at >= self._last:
                    return

    async def _decoded(self, coder: Coder) -> AsyncGenerator[bytes, None]:
        if self._end > self._start:
            async for piece in self._account.stream(self._content_id, self._start, self._end - self._start):
                yield coder.feed(piece)
        yield coder.finish()

    async def size(self) -> int:
        """The length alone, of a whole part: nothing is read where nothing is encoded."""
        if self._encoding is Encoding.IDENTITY:
            return self._end - self._start
        return (await self.measure()).size_octets

    async def measure(self) -> Measure:
        size = lines = 0
        has_nul = False
        kept: list[bytes] | None = []
        async for piece in self.stream():
            size += len(piece)
            lines += piece.count(b"\n")
            has_nul = has_nul or b"\0" in piece
            if kept is not None:
                kept.append(piece)
                if size > KEPT_OCTETS:
                    kept = None
        return Measure(size, lines, has_nul, None if kept is None else b"".join(kept))

    async def literal(self, head: bytes, measure: Measure) -> AsyncIterator[bytes]:
        """``head``, a space and the data as a literal or literal8 of exactly the measured length."""
        opening = b"%b ~{%d}\r\n" if measure.has_nul else b"%b {%d}\r\n"
        opening %= (head, measure.size_octets)
        if measure.octets is not None:
            yield opening + measure.octets
            return
        yield opening
        sent = 0
        async for piece in self.stream():
            sent += len(piece)
            yield piece
        if sent != measure.size_octets:
            raise InternalError("a part decoded differently the second time")


def encoding_of(span: PartSpan, path: tuple[int, ...]) -> Encoding:
    """What is to be undone for the part at ``path``: nothing for a whole message, a multipart or an inner message."""
    return span.encoding if path and span.kind is PartKind.LEAF else Encoding.IDENTITY


def decoding_of(message: Message, path: tuple[int, ...], partial: PartialRange | None = None) -> Decoding | None:
    """None when the message has no such part. Raises ``Refused``: UNKNOWN_CTE, EXPUNGE_ISSUED."""
    span = message.index().find(path)
    if span is None:
        return None
    start = span.body_start if path else span.header_start
    return Decoding(message.account, message.content_id, start, span.end, encoding_of(span, path), partial)


# --- FETCH ----------------------------------------------------------------------------------


def prepare_binary(session: Session, att: FetchAtt) -> Prepared:
    if not isinstance(att, FetchBinary):
        raise InternalError("not an item of this extension")
    label, path, partial = format_binary_label(att), att.path, att.partial

    def answer(message: Message) -> bytes | AsyncIterator[bytes]:
        decoding = decoding_of(message, path, partial)
        return label + b" NIL" if decoding is None else _send(label, decoding)

    return Prepared(answer, sets_seen=not att.peek)


async def _send(label: bytes, decoding: Decoding) -> AsyncIterator[bytes]:
    measure = await decoding.measure()
    async for piece in decoding.literal(label, measure):
        yield piece


def prepare_binary_size(session: Session, att: FetchAtt) -> Prepared:
    if not isinstance(att, FetchBinarySize):
        raise InternalError("not an item of this extension")
    label, path = b"BINARY.SIZE" + format_path(att.path), att.path

    def answer(message: Message) -> bytes | AsyncIterator[bytes]:
        decoding = decoding_of(message, path)
        return label + b" 0" if decoding is None else _send_size(label, decoding)

    return Prepared(answer)


async def _send_size(label: bytes, decoding: Decoding) -> AsyncIterator[bytes]:
    yield b"%b %d" % (label, await decoding.size())


EXTENSION = Extension(
    rfc=3516,
    capability="BINARY",
    fetch_atts={"BINARY": parse_binary, "BINARY.PEEK": parse_binary_peek, "BINARY.SIZE": parse_binary_size},
    fetch_items=(FetchItemRow(BINARY, prepare_binary), FetchItemRow(BINARY_SIZE, prepare_binary_size)),
)
