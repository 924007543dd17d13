"""A mailbox's messages as packed columns: loaded in one read, kept up from the change log, shared by all sessions.

``MailboxColumns`` keeps ``store.api.Columns``. One object per mailbox lives in a process while anyone holds it;
``ColumnCache`` also holds the most recently opened ones, up to ``MAX_CACHED_ROWS`` rows in all.

A cold mailbox is loaded in a thread: from its snapshot (all columns in one blob) and the changes since, or row by row
when there is none. A load and a refresh are checked against the mailbox's own count of messages; when they differ the
rows are read anew. Snapshots are written behind when loading one took more than a part of its rows.
"""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from typing import Final
from weakref import WeakValueDictionary

from verbena.model.flags import Flag
from verbena.model.ids import AccountId, MailboxId, ModSeq, Uid, UidValidity
from verbena.model.uidset import NumberSet, range_set
from verbena.store.changes import Kind
from verbena.store.engine import Db, Row
from verbena.store.flags import FlagsEdited
from verbena.store.mailboxes import nonexistent, unpack_keywords
from verbena.store.pack import numbers, octets, unpack_set

MAX_CACHED_ROWS: Final = 2_000_000
"""Rows of the mailboxes held in memory though no session has them open: 46 octets each."""
SNAPSHOT_ROWS: Final = 500
"""Smaller mailboxes have no snapshot."""
SNAPSHOT_SHARE: Final = 20
"""A snapshot is written anew when more than one in so many of its rows had changed."""
RANGES_ONE_BY_ONE: Final = 50

_TYPECODES: Final = "IQQQqhQ"

_MODSEQ: Final = "SELECT modseq FROM account WHERE account_id = ?"
_HEAD: Final = (
    "SELECT a.modseq, a.log_floor, m.uidvalidity, m.uidnext, m.highestmodseq, m.keywords, m.messages"
    " FROM account a JOIN mailbox m ON m.account_id = a.account_id"
    " WHERE a.account_id = ? AND m.mailbox_id = ? AND m.selectable = 1"
)
_ROWS: Final = (
    "SELECT uid, flags, modseq, size_octets, date, zone, content_id FROM message"
    " WHERE account_id = ? AND mailbox_id = ? AND uid >= ? ORDER BY uid"
)
_FLAGS: Final = (
    "SELECT uid, flags, modseq FROM message"
    " WHERE account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ? AND modseq > ? ORDER BY uid"
)
_LOG: Final = (
    "SELECT kind, uids FROM change WHERE account_id = ? AND modseq > ? AND mailbox_id = ? ORDER BY modseq, place"
)
_SNAPSHOT: Final = (
    "SELECT modseq, uidvalidity, uidnext, messages, columns FROM snapshot WHERE account_id = ? AND mailbox_id = ?"
)
_SAVE: Final = (
    "INSERT INTO snapshot (account_id, mailbox_id, modseq, uidvalidity, uidnext, messages, columns)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account_id, mailbox_id) DO UPDATE SET modseq = excluded.modseq,"
    " uidvalidity = excluded.uidvalidity, uidnext = excluded.uidnext, messages = excluded.messages,"
    " columns = excluded.columns"
)
_LIVES: Final = "SELECT 1 FROM mailbox WHERE account_id = ? AND mailbox_id = ? AND uidvalidity = ?"

Arrays = tuple["array[int]", "array[int]", "array[int]", "array[int]", "array[int]", "array[int]", "array[int]"]
"""uids, flags, modseqs, sizes, dates, zones, contents"""


class MailboxColumns:
    """``store.api.Columns``; only the functions of this module change it, on the loop."""

    __slots__ = (
        "__weakref__",
        "account_id",
        "contents",
        "dates",
        "flags",
        "highestmodseq",
        "keywords",
        "mailbox_id",
        "modseq",
        "modseqs",
        "sizes",
        "uidnext",
        "uids",
        "uidvalidity",
        "zones",
    )

    def __init__(self, account_id: AccountId, mailbox_id: MailboxId) -> None:
        self.account_id = account_id
        self.mailbox_id = mailbox_id
        self.modseq = ModSeq(0)
        self.highestmodseq = ModSeq(1)
        self.uidvalidity = UidValidity(0)
        self.uidnext = Uid(1)
        self.keywords: tuple[Flag, ...] = ()
        self.set_arrays(_empty())

    @property
    def arrays(self) -> Arrays:
        return self.uids, self.flags, self.modseqs, self.sizes, self.dates, self.zones, self.contents

    def set_arrays(self, arrays: Arrays) -> None:
        self.uids, self.flags, self.modseqs, self.sizes, self.dates, self.zones, self.contents = arrays

    def adopt(self, other: "MailboxColumns") -> None:
        """Become what ``other``, just loaded, is."""
        self.modseq = other.modseq
        self.highestmodseq = other.highestmodseq
        self.uidvalidity = other.uidvalidity
        self.uidnext = other.uidnext
        self.keywords = other.keywords
        self.set_arrays(other.arrays)


def _empty() -> Arrays:
    return array("I"), array("Q"), array("Q"), array("Q"), array("q"), array("h"), array("Q")


# Load -------------------------------------------------------------------------------------------------------------


def load(db: Db, account_id: AccountId, mailbox_id: MailboxId) -> "tuple[MailboxColumns, Snapshot | None]":
    """The columns at this moment, and a snapshot of them where that is worth writing. Within a ``Db.snapshot``.

    Raises ``Refused(NONEXISTENT)``.
    """
    head = db.one(_HEAD, (account_id, mailbox_id))
    if head is None:
        raise nonexistent()
    columns = MailboxColumns(account_id, mailbox_id)
    if head[6] >= SNAPSHOT_ROWS and _load_snapshot(db, columns, head):
        applied = _catch_up(db, columns, head)
        if len(columns.uids) == head[6]:
            _set_head(columns, head)
            return columns, Snapshot(columns) if applied > head[6] // SNAPSHOT_SHARE else None
    columns.set_arrays(_rows_from(db, account_id, mailbox_id, 1))
    _set_head(columns, head)
    return columns, Snapshot(columns) if head[6] >= SNAPSHOT_ROWS else None


def _load_snapshot(db: Db, columns: MailboxColumns, head: Row) -> bool:
    """Take the snapshot, when there is one that the change log reaches back to."""
    row = db.one(_SNAPSHOT, (columns.account_id, columns.mailbox_id))
    if row is None:
        return False
    modseq, uidvalidity, uidnext, messages, packed = row
    if uidvalidity != head[2] or modseq < head[1]:
        return False
    arrays = unpack_columns(packed, messages)
    if arrays is None:
        return False
    columns.set_arrays(arrays)
    columns.modseq = modseq
    columns.uidnext = uidnext
    return True


def load_rows(db: Db, account_id: AccountId, mailbox_id: MailboxId) -> Arrays:
    """All columns, row by row."""
    return _rows_from(db, account_id, mailbox_id, 1)


def _rows_from(db: Db, account_id: AccountId, mailbox_id: MailboxId, uid: int) -> Arrays:
    rows = db.all(_ROWS, (account_id, mailbox_id, uid))
    if not rows:
        return _empty()
    uids, flags, modseqs, sizes, dates, zones, contents = zip(*rows, strict=True)
    return (
        array("I", uids),
        array("Q", flags),
        array("Q", modseqs),
        array("Q", sizes),
        array("q", dates),
        array("h", zones),
        array("Q", contents),
    )


def _set_head(columns: MailboxColumns, head: Row) -> None:
    columns.modseq = head[0]
    columns.uidvalidity = head[2]
    columns.uidnext = head[3]
    columns.highestmodseq = head[4]
    columns.keywords = unpack_keywords(head[5])


# Refresh ----------------------------------------------------------------------------------------------------------


def refresh(db: Db, columns: MailboxColumns) -> None:
    """Up to the last commit, in place. Raises ``Refused(NONEXISTENT)`` when the mailbox is gone."""
    if db.one(_MODSEQ, (columns.account_id,)) == (columns.modseq,):
        return
    head = db.one(_HEAD, (columns.account_id, columns.mailbox_id))
    if head is None:
        raise nonexistent()
    if head[4] <= columns.modseq and head[2] == columns.uidvalidity:
        _set_head(columns, head)
        return
    with db.snapshot():
        head = db.one(_HEAD, (columns.account_id, columns.mailbox_id))
        if head is None:
            raise nonexistent()
        if columns.modseq >= head[1] and head[2] == columns.uidvalidity:
            _catch_up(db, columns, head)
            if len(columns.uids) == head[6]:
                _set_head(columns, head)
                return
        columns.set_arrays(_rows_from(db, columns.account_id, columns.mailbox_id, 1))
        _set_head(columns, head)


def _catch_up(db: Db, columns: MailboxColumns, head: Row) -> int:
    """Apply what the log says happened since ``columns.modseq``; the number of rows touched."""
    added = False
    flagged: list[tuple[int, int]] = []
    expunged: list[tuple[int, int]] = []
    for kind, packed in db.all(_LOG, (columns.account_id, columns.modseq, columns.mailbox_id)):
        if kind == Kind.ADDED:
            added = True
        elif kind == Kind.FLAGS_CHANGED:
            flagged.extend(unpack_set(packed).ranges)
        elif kind == Kind.EXPUNGED:
            expunged.extend(unpack_set(packed).ranges)
    touched = 0
    if flagged:
        touched += _apply_flags(db, columns, range_set(flagged))
    if expunged:
        touched += _apply_expunges(columns, range_set(expunged))
    if added:
        new = _rows_from(db, columns.account_id, columns.mailbox_id, columns.uidnext)
        for old_column, new_column in zip(columns.arrays, new, strict=True):
            old_column.extend(new_column)
        touched += len(new[0])
    return touched


def _apply_flags(db: Db, columns: MailboxColumns, changed: NumberSet) -> int:
    """Read the flags that changed, as of now, of the rows that are known."""
    ranges = changed.ranges
    if len(ranges) > RANGES_ONE_BY_ONE:
        ranges = ((ranges[0][0], ranges[-1][1]),)
    touched = 0
    uids, flags, modseqs = columns.uids, columns.flags, columns.modseqs
    count = len(uids)
    place = 0
    for low, high in ranges:
        rows = db.all(_FLAGS, (columns.account_id, columns.mailbox_id, low, high, columns.modseq))
        touched += len(rows)
        for uid, bits, modseq in rows:
            if place >= count or uids[place] != uid:
                place = bisect_left(uids, uid)
                if place >= count or uids[place] != uid:
                    continue
            flags[place] = bits
            modseqs[place] = modseq
            place += 1
    return touched


def apply_edit(columns: MailboxColumns, edited: FlagsEdited) -> None:
    """Take over an edit that this process committed, when it is the very next thing that happened.

    Slices where the messages are in a row: ten thousand cost some 100 µs against 4 ms to read their rows.
    """
    stored = edited.stored
    if columns.modseq != stored.modseq - 1 or not stored.changed:
        return
    uids, flags, modseqs = columns.uids, columns.flags, columns.modseqs
    taken = 0
    for low, high in stored.changed.ranges:
        count = high - low + 1
        first = bisect_left(uids, low)
        if first + count > len(uids) or uids[first + count - 1] != high:
            return
        flags[first : first + count] = edited.flags[taken : taken + count]
        modseqs[first : first + count] = array("Q", (stored.modseq,)) * count
        taken += count
    columns.keywords = edited.keywords
    columns.modseq = columns.highestmodseq = stored.modseq


def _apply_expunges(columns: MailboxColumns, gone: NumberSet) -> int:
    """Replace all arrays by ones without the rows in ``gone``."""
    uids = columns.uids
    kept: list[tuple[int, int]] = []
    start = 0
    touched = 0
    for low, high in gone.ranges:
        first = bisect_left(uids, low, start)
        last = bisect_left(uids, high + 1, first)
        if first == last:
            continue
        if first > start:
            kept.append((start, first))
        touched += last - first
        start = last
    if not touched:
        return 0
    kept.append((start, len(uids)))
    replaced = _empty()
    for old_column, new_column in zip(columns.arrays, replaced, strict=True):
        for first, last in kept:
            new_column.extend(old_column[first:last])
    columns.set_arrays(replaced)
    return touched


# Snapshots --------------------------------------------------------------------------------------------------------


def pack_columns(arrays: Arrays) -> bytes:
    """All columns one after the other, little-endian; the number of rows is kept beside."""
    return b"".join(map(octets, arrays))


def unpack_columns(packed: bytes, rows: int) -> Arrays | None:
    """The inverse; None when the length is not that of ``rows`` rows."""
    result = _empty()
    if len(packed) != rows * sum(column.itemsize for column in result):
        return None
    view = memoryview(packed)
    at = 0
    columns: list[array[int]] = []
    for typecode, column in zip(_TYPECODES, result, strict=True):
        end = at + rows * column.itemsize
        columns.append(numbers(typecode, view[at:end]))
        at = end
    uids, flags, modseqs, sizes, dates, zones, contents = columns
    return uids, flags, modseqs, sizes, dates, zones, contents


class Snapshot:
    """A copy of some columns at one moment, to be written by ``save``."""

    __slots__ = ("_row",)

    def __init__(self, columns: MailboxColumns) -> None:
        packed = pack_columns(columns.arrays)
        known = (columns.modseq, columns.uidvalidity, columns.uidnext, len(columns.uids))
        self._row = (columns.account_id, columns.mailbox_id, *known, packed)

    def save(self, db: Db) -> None:
        """Unless the mailbox is gone."""
        account_id, mailbox_id, _, uidvalidity, *_ = self._row
        if db.one(_LIVES, (account_id, mailbox_id, uidvalidity)) is not None:
            db.run(_SAVE, self._row)


# Cache ------------------------------------------------------------------------------------------------------------


class ColumnCache:
    """The columns of this process by account and mailbox."""

    def __init__(self, max_rows: int = MAX_CACHED_ROWS) -> None:
        self._max_rows = max_rows
        self._all: WeakValueDictionary[tuple[AccountId, MailboxId], MailboxColumns] = WeakValueDictionary()
        self._recent: OrderedDict[tuple[AccountId, MailboxId], MailboxColumns] = OrderedDict()

    def peek(self, account_id: AccountId, mailbox_id: MailboxId) -> MailboxColumns | None:
        """Without counting as a use."""
        return self._all.get((account_id, mailbox_id))

    def get(self, account_id: AccountId, mailbox_id: MailboxId) -> MailboxColumns | None:
        key = account_id, mailbox_id
        found = self._all.get(key)
        if found is not None:
            self._hold(key, found)
        return found

    def put(self, columns: MailboxColumns) -> MailboxColumns:
        """Share ``columns``; the object already shared, brought up to it, when there is one."""
        key = columns.account_id, columns.mailbox_id
        shared = self._all.get(key)
        if shared is None:
            shared = self._all[key] = columns
        elif shared.modseq < columns.modseq:
            shared.adopt(columns)
        self._hold(key, shared)
        return shared

    def _hold(self, key: tuple[AccountId, MailboxId], columns: MailboxColumns) -> None:
        if key in self._recent:
            self._recent.move_to_end(key)
            return
        self._recent[key] = columns
        rows = sum(len(held.uids) for held in self._recent.values())
        while rows > self._max_rows and len(self._recent) > 1:
            rows -= len(self._recent.popitem(last=False)[1].uids)

    def held(self) -> list[MailboxColumns]:
        return list(self._all.values())

    def drop(self, account_id: AccountId, mailbox_id: MailboxId) -> None:
        """Of a mailbox that is gone."""
        self._recent.pop((account_id, mailbox_id), None)
