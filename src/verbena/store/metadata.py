"""Annotations of mailboxes, and of the server for one account (RFC 5464 §3, §4.1): full.

Values are opaque octets under names in lower case (``model.metadata``). Annotations stay with their mailbox when it is
renamed and go when it is deleted; INBOX, when it is renamed, keeps its own and gives the new mailbox copies. The
``/shared`` entries of the server are not here but in the directory, as all accounts see the same.

One entry is computed: ``/private/specialuse`` is the mailbox's special use (RFC 6154 §4). Setting it takes the use
from the mailbox that had it.

Limits: ``model.metadata``, and ``MAX_ACCOUNT_OCTETS``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from verbena.model.errors import Refused
from verbena.model.ids import AccountId, MailboxId
from verbena.model.mailbox import SpecialUse
from verbena.model.metadata import (
    MAX_ENTRIES,
    MAX_VALUE_OCTETS,
    SPECIAL_USE_ENTRY,
    depth_below,
    is_entry,
    is_shared,
)
from verbena.model.reason import Reason
from verbena.store.changes import Kind
from verbena.store.engine import Db
from verbena.store.mailboxes import mailbox_by_id, nonexistent, set_special_use
from verbena.store.transaction import Transaction

SERVER: Final = 0
"""``annotation.mailbox_id`` of the server's entries."""
MAX_ACCOUNT_OCTETS: Final = 128 << 20
"""Of all values of an account: room for ten of 1,024 octets on each of as many mailboxes as it may have."""

_VALUE: Final = "SELECT value FROM annotation WHERE account_id = ? AND mailbox_id = ? AND entry = ?"
_SIZE: Final = "SELECT entry, length(value) FROM annotation WHERE account_id = ? AND mailbox_id = ? AND entry = ?"
# All names below one: "/" + 1 is "0", and names compare by octet.
_BELOW: Final = (
    "SELECT entry, length(value) FROM annotation WHERE account_id = ? AND mailbox_id = ? AND entry > ? AND entry < ?"
    " ORDER BY entry"
)
_PUT: Final = (
    "INSERT INTO annotation (account_id, mailbox_id, entry, value) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (account_id, mailbox_id, entry) DO UPDATE SET value = excluded.value"
)
_REMOVE: Final = "DELETE FROM annotation WHERE account_id = ? AND mailbox_id = ? AND entry = ?"
_COUNT: Final = "SELECT count(*) FROM annotation WHERE account_id = ? AND mailbox_id = ?"
_OCTETS: Final = "SELECT coalesce(sum(length(value)), 0) FROM annotation WHERE account_id = ?"
_COPY: Final = (
    "INSERT INTO annotation (account_id, mailbox_id, entry, value)"
    " SELECT account_id, ?, entry, value FROM annotation WHERE account_id = ? AND mailbox_id = ?"
)
_ENTRIES: Final = "SELECT entry FROM annotation WHERE account_id = ? AND mailbox_id = ? ORDER BY entry"
_USE: Final = "SELECT special_use FROM mailbox WHERE account_id = ? AND mailbox_id = ?"


@dataclass(frozen=True, slots=True)
class Written:
    """``changed``: there was something to write; ``lost_use``: the mailbox whose special use was taken."""

    changed: bool
    lost_use: MailboxId | None


# read


def read_annotation(db: Db, account_id: AccountId, mailbox_id: MailboxId | None, entry: str) -> bytes | None:
    """The value of a canonical entry; None where there is none, and for a mailbox that is gone."""
    if mailbox_id is not None and entry == SPECIAL_USE_ENTRY:
        return _special_use(db, account_id, mailbox_id)
    row = db.one(_VALUE, (account_id, _place(mailbox_id), entry))
    return None if row is None else row[0]


def annotation_sizes(
    db: Db, account_id: AccountId, mailbox_id: MailboxId | None, scope: str, depth: int | None
) -> list[tuple[str, int]]:
    """Entry and size in octets of the canonical ``scope`` and of what is up to ``depth`` levels below it, by name.

    ``depth`` None: however deep.
    """
    key = (account_id, _place(mailbox_id))
    rows = db.all(_SIZE, (*key, scope))
    if depth != 0:
        rows += db.all(_BELOW, (*key, scope + "/", scope + "0"))
    found = [(entry, size) for entry, size in rows if depth is None or depth_below(scope, entry) <= depth]
    away = depth_below(scope, SPECIAL_USE_ENTRY)
    if mailbox_id is not None and away >= 0 and (depth is None or away <= depth):
        use = _special_use(db, account_id, mailbox_id)
        if use is not None:
            found.append((SPECIAL_USE_ENTRY, len(use)))
            found.sort()
    return found


def sizes_among(values: Mapping[str, bytes], scope: str, depth: int | None) -> list[tuple[str, int]]:
    """As ``annotation_sizes``, of ``values`` in memory."""
    found: list[tuple[str, int]] = []
    for entry in sorted(values):
        away = depth_below(scope, entry)
        if away >= 0 and (depth is None or away <= depth):
            found.append((entry, len(values[entry])))
    return found


def _special_use(db: Db, account_id: AccountId, mailbox_id: MailboxId) -> bytes | None:
    row = db.one(_USE, (account_id, mailbox_id))
    return None if row is None or row[0] is None else row[0].encode("ascii")


def _place(mailbox_id: MailboxId | None) -> int:
    return SERVER if mailbox_id is None else mailbox_id


# write


def set_annotations(
    transaction: Transaction, mailbox_id: MailboxId | None, values: Mapping[str, bytes | None]
) -> Written:
    """Set canonical entries, or remove them (None), all or none.

    Raises ``Refused``: NONEXISTENT, CANNOT (no such name, or a shared one of the server), TOO_BIG (a value), LIMIT
    (entries), OVER_QUOTA (the account's octets), USE_ATTRIBUTE (``/private/specialuse``).
    """
    for entry, value in values.items():
        check_annotation(entry, value)
        if mailbox_id is None and is_shared(entry):
            raise Refused(Reason.CANNOT, "Shared entries of the server are not an account's")
    if mailbox_id is not None and mailbox_by_id(transaction.db, transaction.account_id, mailbox_id) is None:
        raise nonexistent()
    changed: list[str] = []
    lost_use: MailboxId | None = None
    grown = False
    for entry, value in values.items():
        if mailbox_id is not None and entry == SPECIAL_USE_ENTRY:
            use = _parse_use(value)
            if _special_use(transaction.db, transaction.account_id, mailbox_id) != _use_octets(use):
                lost_use = set_special_use(transaction, mailbox_id, use)
                changed.append(entry)
            continue
        old = read_annotation(transaction.db, transaction.account_id, mailbox_id, entry)
        if old == value:
            continue
        _write(transaction, mailbox_id, entry, value)
        changed.append(entry)
        grown = grown or (value is not None and (old is None or len(value) > len(old)))
    if grown:
        _check_room(transaction, mailbox_id)
    if changed:
        log_entries(transaction, mailbox_id, changed)
    if lost_use is not None:
        log_entries(transaction, lost_use, [SPECIAL_USE_ENTRY])
    return Written(bool(changed), lost_use)


def check_annotation(entry: str, value: bytes | None) -> None:
    """Raises ``Refused``: CANNOT for a name that can have no value, TOO_BIG."""
    if not is_entry(entry):
        raise Refused(Reason.CANNOT, "There can be no entry of this name")
    if value is not None and len(value) > MAX_VALUE_OCTETS:
        raise Refused(Reason.TOO_BIG, f"A value has {MAX_VALUE_OCTETS} octets at most")


def log_entries(transaction: Transaction, mailbox_id: MailboxId | None, entries: list[str]) -> None:
    transaction.log(Kind.METADATA_CHANGED, mailbox_id, name="\n".join(entries))


def copy_annotations(transaction: Transaction, mailbox_id: MailboxId, to: MailboxId) -> None:
    """Give ``to``, a new mailbox, what ``mailbox_id`` has (RENAME of INBOX, RFC 5464 §4.1). Raises OVER_QUOTA."""
    db, account_id = transaction.db, transaction.account_id
    entries = [row[0] for row in db.all(_ENTRIES, (account_id, mailbox_id))]
    if entries:
        db.run(_COPY, (to, account_id, mailbox_id))
        _check_room(transaction, to)
        log_entries(transaction, to, entries)


def _write(transaction: Transaction, mailbox_id: MailboxId | None, entry: str, value: bytes | None) -> None:
    key = (transaction.account_id, _place(mailbox_id), entry)
    if value is None:
        transaction.db.run(_REMOVE, key)
    else:
        transaction.db.run(_PUT, (*key, value))


def _check_room(transaction: Transaction, mailbox_id: MailboxId | None) -> None:
    """After a write that added: what is too much is undone with the transaction."""
    counted = transaction.db.one(_COUNT, (transaction.account_id, _place(mailbox_id)))
    if counted is not None and counted[0] > MAX_ENTRIES:
        raise Refused(Reason.LIMIT, f"There are {MAX_ENTRIES} entries at most")
    total = transaction.db.one(_OCTETS, (transaction.account_id,))
    if total is not None and total[0] > MAX_ACCOUNT_OCTETS:
        raise Refused(Reason.OVER_QUOTA, "The annotations of the account are too large")


def _use_octets(use: SpecialUse | None) -> bytes | None:
    return None if use is None else use.value.encode("ascii")


def _parse_use(value: bytes | None) -> SpecialUse | None:
    """NIL, or attributes separated by spaces (RFC 6154 §4), of which a mailbox has one at most here."""
    words = [] if value is None else value.lower().split()
    if not words:
        return None
    for use in SpecialUse:
        if words == [use.value.lower().encode("ascii")]:
            return use
    raise Refused(Reason.USE_ATTRIBUTE, "A mailbox has one special use at most, of those that LIST knows")
