"""What an account remembers for a while on behalf of its scripts: whom vacation answered, which messages were here.

A note is a hash and the time at which it is forgotten; ``store.upkeep`` removes what is. Limit: upkeep leaves the
``MAX_NOTES`` of a kind in an account that last longest.
"""

from typing import Final

from verbena.model.ids import AccountId
from verbena.store.api import Note, NoteKind
from verbena.store.engine import Db
from verbena.store.transaction import Transaction

MAX_NOTES: Final = 20_000
KEY_OCTETS: Final = 32

_FIND: Final = "SELECT 1 FROM note WHERE account_id = ? AND kind = ? AND key = ? AND forgotten_at > ?"
_COUNT: Final = "SELECT count(*) FROM note WHERE account_id = ? AND kind = ? AND forgotten_at > ?"
_KEEP: Final = (
    "INSERT INTO note (account_id, kind, key, forgotten_at) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (account_id, kind, key) DO UPDATE SET forgotten_at = excluded.forgotten_at"
)
_FORGET: Final = "DELETE FROM note WHERE account_id = ? AND forgotten_at <= ?"
_LIMIT: Final = (
    "SELECT forgotten_at FROM note WHERE account_id = ? AND kind = ? ORDER BY forgotten_at DESC LIMIT 1 OFFSET ?"
)
_CUT: Final = "DELETE FROM note WHERE account_id = ? AND kind = ? AND forgotten_at <= ?"
ACCOUNTS: Final = "SELECT account_id FROM note GROUP BY account_id HAVING min(forgotten_at) <= ? OR count(*) > ?"
"""Accounts with something for ``forget``: parameters are the time and ``MAX_NOTES``."""


def is_noted(db: Db, account_id: AccountId, kind: NoteKind, key: bytes, now: int) -> bool:
    return db.one(_FIND, (account_id, kind.value, key, now)) is not None


def count_notes(db: Db, account_id: AccountId, kind: NoteKind, now: int) -> int:
    row = db.one(_COUNT, (account_id, kind.value, now))
    return 0 if row is None else int(row[0])


def is_kept(transaction: Transaction, note: Note) -> bool:
    return is_noted(transaction.db, transaction.account_id, note.kind, note.key, transaction.now)


def keep(transaction: Transaction, note: Note) -> None:
    forgotten_at = transaction.now + note.lasts_s
    transaction.db.run(_KEEP, (transaction.account_id, note.kind.value, note.key, forgotten_at))


def forget(transaction: Transaction) -> None:
    """Remove what is over, and of too many those that would be over first."""
    db, account_id = transaction.db, transaction.account_id
    db.run(_FORGET, (account_id, transaction.now))
    for kind in NoteKind:
        row = db.one(_LIMIT, (account_id, kind.value, MAX_NOTES))
        if row is not None:
            db.run(_CUT, (account_id, kind.value, row[0]))
