"""The change log: what happened in an account since a modseq, and which UIDs vanished (RFC 7162 §3)."""

from enum import IntEnum
from typing import Final

from verbena.model.change import (
    Added,
    Change,
    Expunged,
    FlagsChanged,
    MailboxCreated,
    MailboxDeleted,
    MailboxRenamed,
    MetadataChanged,
    ScriptChanged,
    SubscriptionChanged,
)
from verbena.model.errors import InternalError
from verbena.model.ids import AccountId, MailboxId, ModSeq
from verbena.model.uidset import NumberSet, range_set
from verbena.store.engine import Db, Row
from verbena.store.pack import unpack_set


class Kind(IntEnum):
    """``change.kind``; numbers are never given a new meaning."""

    ADDED = 1
    FLAGS_CHANGED = 2
    EXPUNGED = 3
    MAILBOX_CREATED = 4
    MAILBOX_RENAMED = 5
    MAILBOX_DELETED = 6
    SUBSCRIBED = 7
    UNSUBSCRIBED = 8
    SCRIPT_CHANGED = 9
    METADATA_CHANGED = 10


_SINCE: Final = (
    "SELECT modseq, kind, mailbox_id, uids, name, old_name FROM change"
    " WHERE account_id = ? AND modseq > ? ORDER BY modseq, place LIMIT ?"
)
_REST: Final = (
    "SELECT modseq, kind, mailbox_id, uids, name, old_name FROM change"
    " WHERE account_id = ? AND modseq = ? ORDER BY place"
)
_VANISHED: Final = "SELECT uids FROM expunged WHERE account_id = ? AND mailbox_id = ? AND modseq > ?"


def changes_since(db: Db, account_id: AccountId, since: ModSeq, limit: int) -> list[Change]:
    """Changes above ``since``, ascending, some ``limit`` of them but all of a transaction together."""
    rows = db.all(_SINCE, (account_id, since, limit))
    if len(rows) == limit and limit > 0:
        last = rows[-1][0]
        rows = [row for row in rows if row[0] != last]
        rows += db.all(_REST, (account_id, last))
    return [_change(row) for row in rows]


def vanished_since(db: Db, account_id: AccountId, mailbox_id: MailboxId, since: ModSeq) -> NumberSet:
    ranges: list[tuple[int, int]] = []
    for (packed,) in db.all(_VANISHED, (account_id, mailbox_id, since)):
        ranges.extend(unpack_set(packed).ranges)
    return range_set(ranges)


def _change(row: Row) -> Change:
    modseq, kind, mailbox_id, uids, name, old_name = row
    match kind:
        case Kind.ADDED:
            return Added(modseq, mailbox_id, unpack_set(uids))
        case Kind.FLAGS_CHANGED:
            return FlagsChanged(modseq, mailbox_id, unpack_set(uids))
        case Kind.EXPUNGED:
            return Expunged(modseq, mailbox_id, unpack_set(uids))
        case Kind.MAILBOX_CREATED:
            return MailboxCreated(modseq, mailbox_id, name)
        case Kind.MAILBOX_RENAMED:
            return MailboxRenamed(modseq, mailbox_id, old_name, name)
        case Kind.MAILBOX_DELETED:
            return MailboxDeleted(modseq, mailbox_id, name)
        case Kind.SUBSCRIBED | Kind.UNSUBSCRIBED:
            return SubscriptionChanged(modseq, mailbox_id, name, kind == Kind.SUBSCRIBED)
        case Kind.SCRIPT_CHANGED:
            return ScriptChanged(modseq, name)
        case Kind.METADATA_CHANGED:
            return MetadataChanged(modseq, mailbox_id, tuple(name.split("\n")))
    raise InternalError(f"the change log has an entry of unknown kind {kind}")
