"""Message numbers: one session's view over a mailbox's shared columns (RFC 3501 §2.3.1.2, RFC 2180 §4).

The columns follow the store at once; the view follows them only at the moments when the client may be told. Until
then an expunged message keeps its number and, as long as the store has its content, can still be fetched.

Invariants: the numbers of the view are 1 to ``count``, number n is the message ``uids[n-1]``; ``uids`` ascends; every
UID in ``gone`` is in ``uids``. ``advance`` notes what happened, the ``take_`` methods hand it over to be told and
change the numbers; nothing else does.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from verbena.model.change import Expunged, FlagsChanged
from verbena.model.errors import PeerError
from verbena.model.ids import ModSeq, Uid
from verbena.model.uidset import EMPTY, NumberSet, SequenceSet, number_set, range_set
from verbena.store.api import Account, Columns

FEW: Final = 16
"""Messages that are less than a FEWth of the view are looked up one by one."""
CHANGES_AT_ONCE: Final = 1000
"""More changes than these are found by comparing the columns instead of reading the log."""


@dataclass(frozen=True, slots=True)
class Rows:
    """References to one state of the columns' arrays; index by row."""

    uids: "array[int]"
    flags: "array[int]"
    modseqs: "array[int]"
    sizes: "array[int]"
    dates: "array[int]"
    zones: "array[int]"
    contents: "array[int]"


def rows_of(columns: Columns) -> Rows:
    return Rows(
        columns.uids,
        columns.flags,
        columns.modseqs,
        columns.sizes,
        columns.dates,
        columns.zones,
        columns.contents,
    )


class View:
    """See the module. ``recent`` are the UIDs that are ``\\Recent`` in this session."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.rows = rows_of(columns)
        """where expunged messages of the view are still found"""
        self.uids = columns.uids
        """the arrays' own while it agrees with the view, else a copy"""
        self.count = len(columns.uids)
        self.modseq = columns.modseq
        """the change log is read up to here"""
        self.recent = EMPTY
        self.gone: set[int] = set()
        """expunged and not yet told"""
        self.gone_floor = columns.modseq
        """a modseq below that of every expunge in ``gone``"""
        self._changed: set[int] = set()
        """UIDs with new flags, not yet told"""
        self._quiet: set[int] = set()
        """modseqs of this session's own flag edits, which are not told again"""

    # -- numbers ---------------------------------------------------------------------------------

    @property
    def last_uid(self) -> int:
        return self.uids[self.count - 1] if self.count else 0

    def index_of(self, uid: int) -> int:
        """The view's index (number - 1) of ``uid``; -1 when it is not in the view."""
        at = bisect_left(self.uids, uid, 0, self.count)
        return at if at < self.count and self.uids[at] == uid else -1

    def indexes_of(self, uids: Collection[int]) -> list[int]:
        """The view's indexes of those of ``uids`` that are in it, ascending."""
        if len(uids) * FEW < self.count:
            found = [self.index_of(uid) for uid in sorted(uids)]
            return [index for index in found if index >= 0]
        wanted = uids if isinstance(uids, set) else set(uids)
        return [index for index, uid in enumerate(self.uids[: self.count]) if uid in wanted]

    def resolve(self, wanted: SequenceSet, by_uid: bool) -> list[int]:
        """Indexes (number - 1) of the messages meant, ascending.

        Raises ``PeerError`` for a sequence number that the view does not have; unknown UIDs are passed over
        (RFC 3501 §6.4.8).
        """
        if not by_uid:
            numbers = wanted.resolve(self.count)
            if numbers.ranges and numbers.ranges[-1][1] > self.count:
                raise PeerError("No such message number")
            return [number - 1 for number in numbers]
        result: list[int] = []
        for low, high in wanted.resolve(self.last_uid).ranges:
            first = bisect_left(self.uids, low, 0, self.count)
            result.extend(range(first, bisect_right(self.uids, high, first, self.count)))
        return result

    def uids_at(self, indexes: Sequence[int]) -> NumberSet:
        """The UIDs of ascending ``indexes``."""
        uids = self.uids
        return number_set([uids[index] for index in indexes])

    @property
    def in_step(self) -> bool:
        """Index and row are the same: nothing was removed since the view was made or last told."""
        return self.uids is self.columns.uids

    def locate(self, index: int) -> tuple[Rows, int]:
        """Where the message's figures are: its present row, or its last one when it is expunged; row -1 when lost."""
        return self.locate_all((index,))[0]

    def locate_all(self, indexes: Sequence[int]) -> list[tuple[Rows, int]]:
        """``locate`` of each."""
        if self.in_step:
            return [(self.rows, index) for index in indexes]
        present = rows_of(self.columns)
        return [self._find(self.uids[index], present) for index in indexes]

    def _find(self, uid: int, present: Rows) -> tuple[Rows, int]:
        for rows in (present, self.rows):
            row = bisect_left(rows.uids, uid)
            if row < len(rows.uids) and rows.uids[row] == uid:
                return rows, row
        return present, -1

    # -- following the mailbox -------------------------------------------------------------------

    def advance(self, account: Account) -> bool:
        """Bring the columns up to the last commit and note what is new; true when there may be something to tell.

        Costs one read of a number when nothing happened in the account. Raises ``Refused(NONEXISTENT)`` when the
        mailbox is gone.
        """
        now = account.modseq()
        if now == self.modseq:
            return bool(self.gone) or bool(self._changed) or len(self.columns.uids) != self.count
        account.refresh(self.columns)
        since, self.modseq = self.modseq, self.columns.modseq
        if not self.gone:
            self.gone_floor = since
        if self.columns.highestmodseq > since:
            self._note(account, since)
        return True

    def _note(self, account: Account, since: ModSeq) -> None:
        changes = account.changes(since, CHANGES_AT_ONCE)
        if not changes or len(changes) >= CHANGES_AT_ONCE:
            # Too many, or trimmed from the log: the columns know.
            self._compare(since)
            return
        mailbox_id = self.columns.mailbox_id
        for change in changes:
            if isinstance(change, FlagsChanged) and change.mailbox_id == mailbox_id:
                if change.modseq not in self._quiet:
                    self._changed.update(change.uids)
            elif isinstance(change, Expunged) and change.mailbox_id == mailbox_id:
                self._gone_now(change.uids)
        self._detach()

    def _compare(self, since: ModSeq) -> None:
        """Find changes in the columns themselves."""
        modseqs, uids = self.columns.modseqs, self.columns.uids
        self._changed.update([uids[row] for row, modseq in enumerate(modseqs) if modseq > since])
        if not self.in_step:
            self.gone.update(set(self.uids[: self.count]).difference(uids))
        self._detach()

    def _gone_now(self, uids: NumberSet) -> None:
        for low, high in uids.ranges:
            first = bisect_left(self.uids, low, 0, self.count)
            self.gone.update(self.uids[first : bisect_right(self.uids, high, first, self.count)])

    def _detach(self) -> None:
        """Keep the told numbers in an array of the view's own, once the columns have others."""
        if self.uids is self.rows.uids and not self.in_step:
            self.uids = self.uids[: self.count]

    def hush(self, modseq: ModSeq) -> None:
        """The client already knows what this session's transaction ``modseq`` did to flags."""
        self._quiet.add(modseq)

    # -- telling ---------------------------------------------------------------------------------

    def told(self, indexes: Sequence[int]) -> None:
        """The client was just shown the flags that these messages have now."""
        self._changed.difference_update([self.uids[index] for index in indexes])

    def take_gone(self) -> tuple[list[int], list[int]]:
        """Drop expunged messages from the numbers. Tell them before anything else.

        Gives their UIDs, ascending, and for each the number it has when those before it are told already
        (RFC 3501 §7.4.1).
        """
        if not self.gone:
            return [], []
        indexes = self.indexes_of(self.gone)
        gone = [self.uids[index] for index in indexes]
        numbers = [index + 1 - before for before, index in enumerate(indexes)]
        self._changed.difference_update(gone)
        if len(gone) > 16:
            kept = [uid for uid in self.uids[: self.count] if uid not in self.gone]
            self.uids = array(self.uids.typecode, kept)
        else:
            self.uids = self.uids[: self.count]
            for index in reversed(indexes):
                del self.uids[index]
        self.gone.clear()
        self.count = len(self.uids)
        self._attach()
        return gone, numbers

    def _attach(self) -> None:
        """Share the columns' arrays again where they begin with the view's numbers."""
        present = self.columns.uids
        if self.gone or len(present) < self.count:
            return
        if self.count == 0 or (present[self.count - 1] == self.uids[self.count - 1]):
            self.uids = present
            self.rows = rows_of(self.columns)

    def take_added(self) -> list[int]:
        """Give new messages numbers; their UIDs, ascending."""
        present = self.columns.uids
        last = self.last_uid
        first = len(present)
        while first and present[first - 1] > last:
            first -= 1
        if first == len(present):
            return []
        added = list(present[first:])
        if self.in_step:
            self.count = len(present)
        else:
            if self.uids is self.rows.uids:
                self.uids = self.uids[: self.count]
            self.uids.extend(added)
            self.count = len(self.uids)
            self._attach()
        self._changed.difference_update(added)
        return added

    def take_changed(self) -> list[int]:
        """Indexes of messages whose flags others changed, ascending. Take what was added first."""
        if not self._changed:
            self._quiet.clear()
            return []
        result = self.indexes_of(self._changed.difference(self.gone))
        self._changed.clear()
        self._quiet.clear()
        return result

    def add_recent(self, first: Uid) -> None:
        """Messages from ``first`` to the last of the columns are recent in this session (``Account.claim_recent``)."""
        last = self.columns.uids[-1] if self.columns.uids else 0
        if first <= last:
            self.recent = self.recent.union(range_set([(first, last)]))

    def recent_count(self) -> int:
        total = 0
        for low, high in self.recent.ranges:
            first = bisect_left(self.uids, low, 0, self.count)
            total += bisect_right(self.uids, high, first, self.count) - first
        return total
