"""Messages in mailboxes: append, copy, move, expunge, and who gets ``\\Recent``; flags are in ``store.flags``.

Functions that take a ``Transaction`` write: rows, the mailbox's figures, the change log, all in one transaction.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from verbena.model.errors import Refused
from verbena.model.flags import DELETED_BIT, FIRST_KEYWORD_BIT, SEEN_BIT, Flag, flag_names
from verbena.model.ids import MAX_UID, AccountId, ContentId, MailboxId, Uid, UidValidity
from verbena.model.reason import Reason
from verbena.model.uidset import EMPTY, NumberSet, number_set
from verbena.store.api import Appended, Copied, NewMessage
from verbena.store.changes import Kind
from verbena.store.contents import insert_content, own
from verbena.store.engine import Db, Row
from verbena.store.ingest import StagedMessage
from verbena.store.keywords import Keywords
from verbena.store.mailboxes import nonexistent
from verbena.store.pack import pack_set
from verbena.store.transaction import Transaction

_HEAD: Final = (
    "SELECT uidvalidity, uidnext, keywords FROM mailbox WHERE account_id = ? AND mailbox_id = ? AND selectable = 1"
)
_INSERT: Final = (
    "INSERT INTO message (account_id, mailbox_id, uid, flags, modseq, date, zone, size_octets, content_id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADDED: Final = (
    "UPDATE mailbox SET uidnext = ?, highestmodseq = ?, messages = messages + ?, unseen = unseen + ?,"
    " deleted = deleted + ?, size_octets = size_octets + ? WHERE account_id = ? AND mailbox_id = ?"
)
_REMOVED: Final = (
    "UPDATE mailbox SET highestmodseq = ?, messages = messages - ?, unseen = unseen - ?, deleted = deleted - ?,"
    " size_octets = size_octets - ? WHERE account_id = ? AND mailbox_id = ?"
)
_IN_RANGE: Final = " FROM message WHERE account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?"
_SELECT: Final = "SELECT uid, flags, date, zone, size_octets, content_id" + _IN_RANGE + " ORDER BY uid"
_SELECT_DELETED: Final = (
    "SELECT uid, flags, date, zone, size_octets, content_id"
    + _IN_RANGE
    + f" AND flags & {DELETED_BIT} != 0"
    + " ORDER BY uid"
)
_DELETE: Final = "DELETE" + _IN_RANGE
_DELETE_DELETED: Final = _DELETE + f" AND flags & {DELETED_BIT} != 0"
_EXPUNGED: Final = "INSERT INTO expunged (account_id, mailbox_id, modseq, uids) VALUES (?, ?, ?, ?)"
_RECENT: Final = "SELECT first_recent, uidnext FROM mailbox WHERE account_id = ? AND mailbox_id = ? AND selectable = 1"
_CLAIM: Final = "UPDATE mailbox SET first_recent = uidnext WHERE account_id = ? AND mailbox_id = ?"
_ALL_UIDS: Final = NumberSet(((1, MAX_UID),))


@dataclass(frozen=True, slots=True)
class _NewRow:
    flags: int
    date: int
    zone: int
    size_octets: int
    content_id: int


class _Target:
    """A mailbox that messages are added to, within a transaction."""

    __slots__ = ("_mailbox_id", "_transaction", "keywords", "uidnext", "uidvalidity")

    def __init__(self, transaction: Transaction, mailbox_id: MailboxId) -> None:
        row = transaction.db.one(_HEAD, (transaction.account_id, mailbox_id))
        if row is None:
            raise nonexistent()
        self._transaction = transaction
        self._mailbox_id = mailbox_id
        self.uidvalidity = UidValidity(row[0])
        self.uidnext: int = row[1]
        self.keywords = Keywords(transaction, mailbox_id, row[2])

    def add(self, rows: Sequence[_NewRow]) -> tuple[Uid, ...]:
        """Raises ``Refused``: OVER_QUOTA, LIMIT (no UIDs left)."""
        transaction, account_id, mailbox_id = self._transaction, self._transaction.account_id, self._mailbox_id
        if not rows:
            return ()
        first = self.uidnext
        last = first + len(rows) - 1
        if last >= MAX_UID:
            raise Refused(Reason.LIMIT, "The mailbox has given all its UIDs")
        size = sum(row.size_octets for row in rows)
        if transaction.quota_octets is not None and transaction.size_octets + size > transaction.quota_octets:
            raise Refused(Reason.OVER_QUOTA, "The mailbox owner's quota is used up")
        modseq = transaction.modseq
        transaction.db.many(
            _INSERT,
            [
                (account_id, mailbox_id, uid, row.flags, modseq, row.date, row.zone, row.size_octets, row.content_id)
                for uid, row in enumerate(rows, first)
            ],
        )
        unseen = sum(1 for row in rows if not row.flags & SEEN_BIT)
        deleted = sum(1 for row in rows if row.flags & DELETED_BIT)
        figures = (last + 1, modseq, len(rows), unseen, deleted, size)
        transaction.db.run(_ADDED, (*figures, account_id, mailbox_id))
        transaction.messages += len(rows)
        transaction.size_octets += size
        self.keywords.save()
        transaction.log(Kind.ADDED, mailbox_id, NumberSet(((first, last),)))
        self.uidnext = last + 1
        return tuple(map(Uid, range(first, last + 1)))


def append_messages(
    transaction: Transaction,
    mailbox_id: MailboxId,
    messages: Sequence[NewMessage],
    kept: dict[StagedMessage, ContentId] | None = None,
    *,
    keywords_optional: bool = False,
) -> Appended:
    """All or none; the files of large ones must be in place. Raises ``Refused``: NONEXISTENT, OVER_QUOTA, LIMIT.

    ``kept`` has the contents that this transaction has kept. ``keywords_optional``: those without room are left out.
    """
    target = _Target(transaction, mailbox_id)
    kept = {} if kept is None else kept
    rows: list[_NewRow] = []
    for message in messages:
        staged = own(message.staged)
        if staged not in kept:
            kept[staged] = insert_content(transaction, staged)
        bits = _bits(target.keywords, message.flags, keywords_optional)
        date = message.internal_date
        rows.append(_NewRow(bits, date.epoch_s, date.zone_min, staged.size_octets, kept[staged]))
    uids = target.add(rows)
    return Appended(target.uidvalidity, uids, transaction.modseq)


def _bits(keywords: Keywords, flags: tuple[Flag, ...], optional: bool) -> int:
    if not optional:
        return keywords.bits(flags, add=True)
    bits = 0
    for flag in flags:
        with suppress(Refused):
            bits |= keywords.bits((flag,), add=True)
    return bits


def copy_messages(transaction: Transaction, mailbox_id: MailboxId, uids: NumberSet, to: MailboxId) -> Copied:
    """With flags, keywords and date. Raises ``Refused``: NONEXISTENT, OVER_QUOTA, LIMIT."""
    return _copy(transaction, mailbox_id, uids, to, remove=False)


def move_messages(transaction: Transaction, mailbox_id: MailboxId, uids: NumberSet, to: MailboxId) -> Copied:
    """Copy and expunge at once (RFC 6851). Raises ``Refused``: NONEXISTENT, LIMIT."""
    return _copy(transaction, mailbox_id, uids, to, remove=True)


def move_all(transaction: Transaction, mailbox_id: MailboxId, to: MailboxId) -> None:
    """Empty a mailbox into another (RENAME of INBOX, RFC 3501 §6.3.5)."""
    _copy(transaction, mailbox_id, _ALL_UIDS, to, remove=True)


def _copy(transaction: Transaction, mailbox_id: MailboxId, uids: NumberSet, to: MailboxId, *, remove: bool) -> Copied:
    head = transaction.db.one(_HEAD, (transaction.account_id, mailbox_id))
    if head is None:
        raise nonexistent()
    target = _Target(transaction, to)
    rows = _select(transaction, _SELECT, mailbox_id, uids)
    source_uids = tuple(row[0] for row in rows)
    if remove:
        # First, so that a move within one mailbox and the quota come out right.
        _remove(transaction, _DELETE, mailbox_id, uids, rows, freed=False)
    remap = _remapper(Keywords(transaction, mailbox_id, head[2]).names, target.keywords)
    new_uids = target.add([_NewRow(remap(row[1]), row[2], row[3], row[4], row[5]) for row in rows])
    modseq = transaction.modseq
    return Copied(target.uidvalidity, source_uids, new_uids, modseq)


def _remapper(names: tuple[Flag, ...], keywords: Keywords) -> Callable[[int], int]:
    """From flag bits under the list ``names`` to bits under ``keywords``."""
    known: dict[int, int] = {}

    def remap(bits: int) -> int:
        if bits >> FIRST_KEYWORD_BIT == 0:
            return bits
        mapped = known.get(bits)
        if mapped is None:
            mapped = known[bits] = keywords.bits(flag_names(bits, names), add=True)
        return mapped

    return remap


def expunge_messages(transaction: Transaction, mailbox_id: MailboxId, uids: NumberSet | None) -> NumberSet:
    """Remove those flagged ``\\Deleted``, of ``uids`` where given. Raises ``Refused(NONEXISTENT)``."""
    if transaction.db.one(_HEAD, (transaction.account_id, mailbox_id)) is None:
        raise nonexistent()
    wanted = _ALL_UIDS if uids is None else uids
    rows = _select(transaction, _SELECT_DELETED, mailbox_id, wanted)
    return _remove(transaction, _DELETE_DELETED, mailbox_id, wanted, rows, freed=True)


def _select(transaction: Transaction, sql: str, mailbox_id: MailboxId, uids: NumberSet) -> list[Row]:
    rows: list[Row] = []
    for low, high in uids.ranges:
        rows += transaction.db.all(sql, (transaction.account_id, mailbox_id, low, high))
    return rows


def _remove(
    transaction: Transaction, sql: str, mailbox_id: MailboxId, uids: NumberSet, rows: list[Row], *, freed: bool
) -> NumberSet:
    """Delete ``rows``, which ``sql`` over ``uids`` names, and note everything that follows from it."""
    if not rows:
        return EMPTY
    db, account_id, modseq = transaction.db, transaction.account_id, transaction.modseq
    for low, high in uids.ranges:
        db.run(sql, (account_id, mailbox_id, low, high))
    gone = number_set(row[0] for row in rows)
    size = sum(row[4] for row in rows)
    unseen = sum(1 for row in rows if not row[1] & SEEN_BIT)
    deleted = sum(1 for row in rows if row[1] & DELETED_BIT)
    db.run(_REMOVED, (modseq, len(rows), unseen, deleted, size, account_id, mailbox_id))
    db.run(_EXPUNGED, (account_id, mailbox_id, modseq, pack_set(gone)))
    transaction.messages -= len(rows)
    transaction.size_octets -= size
    if freed:
        transaction.free([row[5] for row in rows])
    transaction.log(Kind.EXPUNGED, mailbox_id, gone)
    return gone


def recent_from(db: Db, account_id: AccountId, mailbox_id: MailboxId) -> tuple[Uid, Uid]:
    """The first UID that is recent to no session yet, and the next UID. Raises ``Refused(NONEXISTENT)``."""
    row = db.one(_RECENT, (account_id, mailbox_id))
    if row is None:
        raise nonexistent()
    return Uid(row[0]), Uid(row[1])


def claim_recent(transaction: Transaction, mailbox_id: MailboxId) -> Uid:
    first, _ = recent_from(transaction.db, transaction.account_id, mailbox_id)
    transaction.db.run(_CLAIM, (transaction.account_id, mailbox_id))
    return first
