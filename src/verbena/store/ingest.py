"""The one door in: a message's bytes are read once; MIME scan, hash and spool file are taps on the same stream.

APPEND, CATENATE, LMTP, submission and Sieve all come through here. Up to ``SMALL_OCTETS`` a message stays in memory
and goes into the shard; a longer one is written to a file as it comes, in blocks of ``BLOCK_OCTETS``, in a thread, so
that memory does not grow with its length. What IMAP needs ready-made is made at first need, once for all accounts.
"""

import asyncio
import hashlib
import os
import threading
from collections.abc import AsyncIterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Final

from verbena.mime.body import format_body, format_envelope, pack_parts
from verbena.mime.scan import Scanned, Scanner
from verbena.model.errors import InternalError, Refused, Unavailable
from verbena.model.reason import Reason
from verbena.store.blobs import BlobFolder

SMALL_OCTETS: Final = 64 * 1024
BLOCK_OCTETS: Final = 512 * 1024
MAX_READ_OCTETS: Final = 1024 * 1024


class Digested:
    """What is kept of a message beside its bytes, as the columns of ``content_meta``."""

    __slots__ = ("body", "bodystructure", "envelope", "parts", "sent_at", "sent_zone")

    def __init__(self, scanned: Scanned) -> None:
        self.envelope = format_envelope(scanned.envelope)
        self.body = format_body(scanned.root, False)
        self.bodystructure = format_body(scanned.root, True)
        self.parts = pack_parts(scanned.root)
        self.sent_at, self.sent_zone = parse_sent(scanned.envelope.date)


class StagedMessage:
    """``store.api.Staged``. Either ``data`` is there or the file is."""

    def __init__(self, scanned: Scanned, data: bytes | None, spool: "Spool | None") -> None:
        self._scanned = scanned
        self._spool = spool
        self._digested: Digested | None = None
        self.data = data

    @property
    def size_octets(self) -> int:
        return self._scanned.size_octets

    @property
    def scanned(self) -> Scanned:
        return self._scanned

    @property
    def digested(self) -> Digested:
        if self._digested is None:
            self._digested = Digested(self._scanned)
        return self._digested

    @property
    def digest(self) -> bytes | None:
        """The name of the file, for a message that is kept in one."""
        return None if self._spool is None else self._spool.digest()

    def read(self, start: int, length: int) -> bytes:
        length = min(length, MAX_READ_OCTETS)
        if self.data is not None:
            return self.data[start : start + length]
        if self._spool is None:
            raise InternalError("a staged message was read after it was dropped")
        return self._spool.read(start, length)

    async def place(self) -> None:
        """Have the bytes where a transaction may name them: called before each that does."""
        if self._spool is not None:
            await asyncio.to_thread(self._spool.place)

    async def __aenter__(self) -> "StagedMessage":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spool is not None:
            self._spool.drop()
            self._spool = None


class Spool:
    """The file of a large message while it comes in: scanned, hashed and written block by block."""

    def __init__(self, blobs: BlobFolder) -> None:
        self._blobs = blobs
        self._hash = hashlib.sha256()
        self._scanner = Scanner()
        self._size_octets = 0
        self._digest = b""
        self._dropped = False
        # A cancelled caller drops the spool while a thread may still be writing: its descriptor must not be reused.
        self._lock = threading.Lock()
        self._descriptor, self._path = blobs.new_file()

    def take(self, block: bytes) -> None:
        with self._lock:
            if self._dropped:
                return
            self._scanner.feed(block)
            self._hash.update(block)
            try:
                view = memoryview(block)
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError as error:
                raise Unavailable("the mail store can not be written now") from error
            self._size_octets += len(block)

    def finish(self) -> Scanned:
        with self._lock:
            self._digest = self._hash.digest()
            try:
                if not self._dropped:
                    os.fsync(self._descriptor)
            except OSError as error:
                raise Unavailable("the mail store can not be written now") from error
            return self._scanner.finish()

    def digest(self) -> bytes:
        return self._digest

    def read(self, start: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, start)

    def place(self) -> None:
        with self._lock:
            if self._dropped:
                raise InternalError("a staged message was added after it was dropped")
            self._blobs.place(self._path, self._digest, self._size_octets)

    def drop(self) -> None:
        with self._lock:
            if not self._dropped:
                self._dropped = True
                os.close(self._descriptor)
                self._path.unlink(missing_ok=True)


async def stage(source: AsyncIterator[bytes], limit_octets: int, blobs: BlobFolder) -> StagedMessage:
    """``store.api.Store.stage``."""
    spool: Spool | None = None
    block = bytearray()
    total = 0
    try:
        async for piece in source:
            total += len(piece)
            if total > limit_octets:
                raise Refused(Reason.TOO_BIG, f"The message is larger than {limit_octets} octets")
            block += piece
            if len(block) < BLOCK_OCTETS and (spool is not None or total <= SMALL_OCTETS):
                continue
            if spool is None:
                spool = await asyncio.to_thread(Spool, blobs)
            await asyncio.to_thread(spool.take, bytes(block))
            block.clear()
        if spool is None:
            return _small(bytes(block))
        await asyncio.to_thread(spool.take, bytes(block))
        return StagedMessage(await asyncio.to_thread(spool.finish), None, spool)
    except BaseException:
        if spool is not None:
            spool.drop()
        raise


def _small(data: bytes) -> StagedMessage:
    scanner = Scanner()
    scanner.feed(data)
    return StagedMessage(scanner.finish(), data, None)


def parse_sent(field: bytes | None) -> tuple[int | None, int]:
    """The Date field as seconds since the epoch and minutes east of UTC; None and 0 when it can not be read."""
    if not field or len(field) > 200:
        return None, 0
    try:
        moment = parsedate_to_datetime(field.decode("ascii", "replace"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        offset = moment.utcoffset()
        return int(moment.timestamp()), 0 if offset is None else int(offset.total_seconds()) // 60
    except (ValueError, OverflowError, TypeError, IndexError):
        return None, 0
