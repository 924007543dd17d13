"""Contents: what is kept of a message's bytes, in the shard or in a file, shared by its copies.

Contents never change and their numbers are never given again. One that no message names any more is kept for a
time of grace, then collected by ``store.upkeep``.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from verbena.model.errors import InternalError, Refused
from verbena.model.ids import AccountId, ContentId
from verbena.model.reason import Reason
from verbena.store.api import Content, Staged
from verbena.store.blobs import BlobFolder
from verbena.store.engine import Db, Row
from verbena.store.ingest import MAX_READ_OCTETS, StagedMessage
from verbena.store.transaction import Transaction

STREAM_OCTETS: Final = 256 * 1024
MAX_BATCH: Final = 1000

_INSERT_META: Final = (
    "INSERT INTO content_meta (account_id, content_id, size_octets, header_octets, sent_at, sent_zone, envelope, body,"
    " bodystructure, parts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_DATA: Final = "INSERT INTO content_data (account_id, content_id, data) VALUES (?, ?, ?)"
_INSERT_FILE: Final = "INSERT INTO content_file (account_id, content_id, digest) VALUES (?, ?, ?)"
_META: Final = (
    "SELECT content_id, size_octets, header_octets, sent_at, sent_zone, envelope, body, bodystructure, parts"
    " FROM content_meta WHERE account_id = ? AND content_id "
)
_DATA: Final = "SELECT content_id, data FROM content_data WHERE account_id = ? AND content_id "
_BATCHES: Final = (16, 128, MAX_BATCH)


class _ByNumber:
    """A SELECT of rows by content numbers: of one, of a range, of a set that is padded to one of few lengths."""

    def __init__(self, select: str) -> None:
        self.one = select + "= ?"
        self.between = select + "BETWEEN ? AND ?"
        self.among = tuple(select + "IN (" + ", ".join("?" * size) + ")" for size in _BATCHES)

    def rows(self, db: Db, account_id: AccountId, content_ids: Sequence[int]) -> Sequence[Row]:
        """In any order, perhaps with others between them; none for those that are gone."""
        count = len(content_ids)
        if count == 0:
            return ()
        if count > MAX_BATCH:
            raise InternalError(f"{count} contents asked for at once")
        if count == 1:
            row = db.one(self.one, (account_id, content_ids[0]))
            return () if row is None else (row,)
        low, high = min(content_ids), max(content_ids)
        if high - low < 2 * count:
            return db.all(self.between, (account_id, low, high))
        place = 0
        while _BATCHES[place] < count:
            place += 1
        padding = [content_ids[0]] * (_BATCHES[place] - count)
        return db.all(self.among[place], (account_id, *content_ids, *padding))


_META_BY: Final = _ByNumber(_META)
_DATA_BY: Final = _ByNumber(_DATA)
_PIECE: Final = "SELECT substr(data, ? + 1, ?) FROM content_data WHERE account_id = ? AND content_id = ?"
_FILE: Final = "SELECT digest FROM content_file WHERE account_id = ? AND content_id = ?"


def own(staged: Staged) -> StagedMessage:
    """The store takes only what it staged itself."""
    if not isinstance(staged, StagedMessage):
        raise InternalError("a message was not staged by this store")
    return staged


def insert_content(transaction: Transaction, staged: StagedMessage) -> ContentId:
    """Keep a message's bytes; a file must be in place."""
    db, account_id = transaction.db, transaction.account_id
    content_id = transaction.next_content_id
    transaction.next_content_id += 1
    known, scanned = staged.digested, staged.scanned
    sizes = (scanned.size_octets, scanned.header_octets, known.sent_at, known.sent_zone)
    ready = (known.envelope, known.body, known.bodystructure, known.parts)
    db.run(_INSERT_META, (account_id, content_id, *sizes, *ready))
    if staged.data is not None:
        db.run(_INSERT_DATA, (account_id, content_id, staged.data))
    else:
        db.run(_INSERT_FILE, (account_id, content_id, staged.digest))
    return ContentId(content_id)


def contents_of(db: Db, account_id: AccountId, content_ids: Sequence[int]) -> list[Content | None]:
    """In the order asked; None for those that are gone."""
    rows = _META_BY.rows(db, account_id, content_ids)
    found = {row[0]: row for row in rows}
    make = Content._make
    return [None if row is None else make(row) for row in map(found.get, content_ids)]


class ContentReader:
    """The bytes of one account's messages."""

    __slots__ = ("_account_id", "_blobs", "_db")

    def __init__(self, db: Db, account_id: AccountId, blobs: BlobFolder) -> None:
        self._db = db
        self._account_id = account_id
        self._blobs = blobs

    def read(self, content_id: ContentId, start: int, length: int) -> bytes:
        """At most ``MAX_READ_OCTETS``. Raises ``Refused(EXPUNGE_ISSUED)`` when the content is gone."""
        length = min(length, MAX_READ_OCTETS)
        row = self._db.one(_PIECE, (start, length, self._account_id, content_id))
        if row is not None:
            piece: bytes = row[0]
            return piece
        return self._blobs.read(self._digest(content_id), start, length)

    def reads(self, content_ids: Sequence[int]) -> list[bytes | None]:
        """Whole ones, in the order asked; None for those that are gone or in a file."""
        rows = _DATA_BY.rows(self._db, self._account_id, content_ids)
        found: dict[int, bytes] = {row[0]: row[1] for row in rows}
        return [found.get(content_id) for content_id in content_ids]

    async def stream(self, content_id: ContentId, start: int, length: int) -> AsyncIterator[bytes]:
        """Pieces of at most ``STREAM_OCTETS``; files are read in a thread."""
        row = self._db.one(_PIECE, (start, length, self._account_id, content_id))
        if row is not None:
            if row[0]:
                yield row[0]
            return
        digest = self._digest(content_id)
        end = start + length
        while start < end:
            wanted = min(end - start, MAX_READ_OCTETS)
            block = await asyncio.to_thread(self._blobs.read, digest, start, wanted)
            for at in range(0, len(block), STREAM_OCTETS):
                yield block[at : at + STREAM_OCTETS]
            if len(block) < wanted:
                return
            start += len(block)

    def _digest(self, content_id: ContentId) -> bytes:
        row = self._db.one(_FILE, (self._account_id, content_id))
        if row is None:
            raise Refused(Reason.EXPUNGE_ISSUED, "The message is gone")
        digest: bytes = row[0]
        return digest
