"""An account's Sieve scripts: put, list, rename, delete, make active (RFC 5804 §1.4 to §1.6).

Whether a script is good Sieve is checked before it comes here. Names are Net-Unicode (RFC 5198 §2) without controls
and separators, and are compared in NFC. Limits: ``MAX_SCRIPTS``, ``MAX_SCRIPT_OCTETS``, ``MAX_TOTAL_OCTETS``,
``MAX_NAME_CHARACTERS``.

Functions that take a ``Transaction`` write; those that take a ``Db`` read.
"""

import unicodedata
from typing import Final

from verbena.model.errors import Refused
from verbena.model.ids import AccountId, ModSeq
from verbena.model.reason import Reason
from verbena.store.changes import Kind
from verbena.store.engine import Db, Row
from verbena.store.script_api import Script, ScriptEntry
from verbena.store.transaction import Transaction

MAX_SCRIPTS: Final = 100
MAX_SCRIPT_OCTETS: Final = 1 << 20
MAX_TOTAL_OCTETS: Final = 8 << 20
"""Of all scripts of an account."""
MAX_NAME_CHARACTERS: Final = 128

_PROHIBITED: Final = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
"""Controls, surrogates, unassigned code points, line and paragraph separators."""
_BOM: Final = "\ufeff"

_ENTRY: Final = "name, size_octets, active, modseq, changed_at"
_ALL: Final = f"SELECT {_ENTRY} FROM script WHERE account_id = ? ORDER BY name"
_BY_NAME: Final = f"SELECT {_ENTRY}, octets FROM script WHERE account_id = ? AND name = ?"
_ACTIVE: Final = f"SELECT {_ENTRY}, octets FROM script WHERE account_id = ? AND active = 1"
_USED: Final = "SELECT count(*), coalesce(sum(size_octets), 0) FROM script WHERE account_id = ? AND name != ?"
_INSERT: Final = (
    "INSERT INTO script (account_id, name, octets, size_octets, active, modseq, changed_at)"
    " VALUES (?, ?, ?, ?, 0, ?, ?)"
)
_REPLACE: Final = (
    "UPDATE script SET octets = ?, size_octets = ?, modseq = ?, changed_at = ? WHERE account_id = ? AND name = ?"
)
_DELETE: Final = "DELETE FROM script WHERE account_id = ? AND name = ?"
_RENAME: Final = "UPDATE script SET name = ? WHERE account_id = ? AND name = ?"
_SET_ACTIVE: Final = "UPDATE script SET active = ? WHERE account_id = ? AND name = ?"


def check_name(name: str) -> str:
    """``name`` in NFC. Raises ``Refused(CANNOT)`` for one that RFC 5804 §1.6 prohibits or that is too long."""
    if not name:
        raise Refused(Reason.CANNOT, "A script has a name")
    if len(name) > 4 * MAX_NAME_CHARACTERS:
        raise Refused(Reason.CANNOT, "The script's name is too long")
    if name.startswith(_BOM) or any(unicodedata.category(character) in _PROHIBITED for character in name):
        raise Refused(Reason.CANNOT, "The script's name has characters that are not allowed")
    name = unicodedata.normalize("NFC", name)
    if len(name) > MAX_NAME_CHARACTERS:
        raise Refused(Reason.CANNOT, "The script's name is too long")
    return name


def _entry(row: Row) -> ScriptEntry:
    name, size_octets, active, modseq, changed_at = row[:5]
    return ScriptEntry(name, size_octets, bool(active), ModSeq(modseq), changed_at)


def _script(row: Row | None) -> Script | None:
    return None if row is None else Script(_entry(row), row[5])


def list_scripts(db: Db, account_id: AccountId) -> list[ScriptEntry]:
    return [_entry(row) for row in db.all(_ALL, (account_id,))]


def find_script(db: Db, account_id: AccountId, name: str) -> Script | None:
    """Raises ``Refused(CANNOT)`` for a name that no script has."""
    return _script(db.one(_BY_NAME, (account_id, check_name(name))))


def active_script(db: Db, account_id: AccountId) -> Script | None:
    return _script(db.one(_ACTIVE, (account_id,)))


def check_space(db: Db, account_id: AccountId, name: str, size_octets: int) -> None:
    """Whether a script of this name and size may be put. Raises ``Refused``: CANNOT, TOO_BIG, LIMIT, OVER_QUOTA."""
    name = check_name(name)
    if not size_octets:
        raise Refused(Reason.CANNOT, "A script is not empty")
    if size_octets > MAX_SCRIPT_OCTETS:
        raise Refused(Reason.TOO_BIG, f"A script has at most {MAX_SCRIPT_OCTETS} octets")
    row = db.one(_USED, (account_id, name))
    others, used_octets = (0, 0) if row is None else row
    if others >= MAX_SCRIPTS:
        raise Refused(Reason.LIMIT, f"There are at most {MAX_SCRIPTS} scripts")
    if used_octets + size_octets > MAX_TOTAL_OCTETS:
        raise Refused(Reason.OVER_QUOTA, f"All scripts together have at most {MAX_TOTAL_OCTETS} octets")


def put_script(transaction: Transaction, name: str, octets: bytes) -> ModSeq:
    """Raises as ``check_space``. What has these octets already is left as it is."""
    db, account_id = transaction.db, transaction.account_id
    name = check_name(name)
    check_space(db, account_id, name, len(octets))
    old = find_script(db, account_id, name)
    if old is None:
        db.run(_INSERT, (account_id, name, octets, len(octets), transaction.modseq, transaction.now))
    elif old.octets == octets:
        return old.entry.modseq
    else:
        db.run(_REPLACE, (octets, len(octets), transaction.modseq, transaction.now, account_id, name))
    transaction.log(Kind.SCRIPT_CHANGED, None, name=name)
    return transaction.modseq


def _existing(transaction: Transaction, name: str) -> Script:
    found = find_script(transaction.db, transaction.account_id, name)
    if found is None:
        raise Refused(Reason.NONEXISTENT, "There is no script of this name")
    return found


def delete_script(transaction: Transaction, name: str) -> None:
    """Raises ``Refused``: CANNOT, NONEXISTENT, IN_USE for the active one."""
    entry = _existing(transaction, name).entry
    if entry.active:
        raise Refused(Reason.IN_USE, "The active script can not be deleted")
    transaction.db.run(_DELETE, (transaction.account_id, entry.name))
    transaction.log(Kind.SCRIPT_CHANGED, None, name=entry.name)


def rename_script(transaction: Transaction, old_name: str, name: str) -> None:
    """The active one stays active. Raises ``Refused``: CANNOT, NONEXISTENT, ALREADY_EXISTS."""
    entry = _existing(transaction, old_name).entry
    if find_script(transaction.db, transaction.account_id, name) is not None:
        raise Refused(Reason.ALREADY_EXISTS, "There is a script of this name")
    name = check_name(name)
    transaction.db.run(_RENAME, (name, transaction.account_id, entry.name))
    transaction.log(Kind.SCRIPT_CHANGED, None, name=entry.name)
    transaction.log(Kind.SCRIPT_CHANGED, None, name=name)


def activate_script(transaction: Transaction, name: str | None) -> None:
    """Make this one active, and the one that was no longer; None: have no active script.

    Raises ``Refused``: CANNOT, NONEXISTENT.
    """
    db, account_id = transaction.db, transaction.account_id
    wanted = None if name is None else _existing(transaction, name).entry
    if wanted is not None and wanted.active:
        return
    was = active_script(db, account_id)
    if was is not None:
        db.run(_SET_ACTIVE, (0, account_id, was.entry.name))
        transaction.log(Kind.SCRIPT_CHANGED, None, name=was.entry.name)
    if wanted is not None:
        db.run(_SET_ACTIVE, (1, account_id, wanted.name))
        transaction.log(Kind.SCRIPT_CHANGED, None, name=wanted.name)
