"""Mailboxes of an account: list, find, create, rename, delete, subscribe (RFC 3501 §6.3, RFC 6154).

Names come canonical (``model.mailbox``) or are made so here. Levels that are missing above a new mailbox are made as
``\\Noselect``; so does a mailbox stay that is deleted while it has children. A ``\\Noselect`` level without
children is deleted like a mailbox. Limits: ``MAX_NAME_OCTETS``, ``MAX_NAME_LEVELS``, ``MAX_MAILBOXES`` per account.

Functions that take a ``Transaction`` write; those that take a ``Db`` read.
"""

from collections.abc import Sequence
from typing import Final

from verbena.model.errors import Refused
from verbena.model.flags import Flag
from verbena.model.ids import AccountId, MailboxId, ModSeq, Uid, UidValidity
from verbena.model.mailbox import (
    DELIMITER,
    INBOX,
    MAX_NAME_LEVELS,
    MAX_NAME_OCTETS,
    Mailbox,
    SpecialUse,
    Status,
    canonical_name,
)
from verbena.model.reason import Reason
from verbena.store.changes import Kind
from verbena.store.engine import Db, Row
from verbena.store.transaction import Transaction

MAX_MAILBOXES: Final = 10_000
"""Of one account, ``\\Noselect`` levels counted."""

_COLUMNS: Final = (
    "m.mailbox_id, m.name, m.uidvalidity, m.selectable, m.special_use,"
    " EXISTS (SELECT 1 FROM subscription s WHERE s.account_id = m.account_id AND s.name = m.name)"
)
_ALL: Final = f"SELECT {_COLUMNS} FROM mailbox m WHERE m.account_id = ? ORDER BY m.name"
_BY_NAME: Final = f"SELECT {_COLUMNS} FROM mailbox m WHERE m.account_id = ? AND m.name = ?"
_ID_OF_NAME: Final = "SELECT mailbox_id FROM mailbox WHERE account_id = ? AND name = ? AND selectable = 1"
_IS_SELECTABLE: Final = "SELECT 1 FROM mailbox WHERE account_id = ? AND mailbox_id = ? AND selectable = 1"
_BY_ID: Final = f"SELECT {_COLUMNS} FROM mailbox m WHERE m.account_id = ? AND m.mailbox_id = ?"
# All names below a level: "/" + 1 is "0", and names compare by octet.
_BELOW: Final = "SELECT mailbox_id, name FROM mailbox WHERE account_id = ? AND name > ? AND name < ? ORDER BY name"
_HAS_BELOW: Final = "SELECT EXISTS (SELECT 1 FROM mailbox WHERE account_id = ? AND name > ? AND name < ?)"
_COUNT: Final = "SELECT count(*) FROM mailbox WHERE account_id = ?"
_STATUS: Final = (
    "SELECT name, messages, uidnext, uidvalidity, unseen, deleted, highestmodseq, size_octets, keywords, first_recent"
    " FROM mailbox WHERE account_id = ? AND mailbox_id = ? AND selectable = 1"
)
_RECENT: Final = "SELECT count(*) FROM message WHERE account_id = ? AND mailbox_id = ? AND uid >= ?"
_INSERT: Final = (
    "INSERT INTO mailbox (account_id, mailbox_id, name, selectable, special_use, uidvalidity, uidnext, highestmodseq,"
    " first_recent, keywords, messages, unseen, deleted, size_octets, urlauth_key)"
    " VALUES (?, ?, ?, ?, ?, ?, 1, 1, 1, '', 0, 0, 0, 0, NULL)"
)
_MAKE_SELECTABLE: Final = (
    "UPDATE mailbox SET selectable = 1, special_use = ?, uidvalidity = ? WHERE account_id = ? AND mailbox_id = ?"
)
_USE_OWNER: Final = "SELECT mailbox_id FROM mailbox WHERE account_id = ? AND special_use = ?"
_SET_USE: Final = "UPDATE mailbox SET special_use = ? WHERE account_id = ? AND mailbox_id = ?"
_RENAME: Final = "UPDATE mailbox SET name = ?, urlauth_key = NULL WHERE account_id = ? AND mailbox_id = ?"
_DELETE: Final = "DELETE FROM mailbox WHERE account_id = ? AND mailbox_id = ?"
_CONTENTS: Final = "SELECT content_id, size_octets FROM message WHERE account_id = ? AND mailbox_id = ?"
_DELETE_ROWS: Final = (
    "DELETE FROM message WHERE account_id = ? AND mailbox_id = ?",
    "DELETE FROM expunged WHERE account_id = ? AND mailbox_id = ?",
    "DELETE FROM snapshot WHERE account_id = ? AND mailbox_id = ?",
    "DELETE FROM annotation WHERE account_id = ? AND mailbox_id = ?",
)
_SUBSCRIPTIONS: Final = "SELECT name FROM subscription WHERE account_id = ? ORDER BY name"
_IS_SUBSCRIBED: Final = "SELECT EXISTS (SELECT 1 FROM subscription WHERE account_id = ? AND name = ?)"
_SUBSCRIBE: Final = "INSERT INTO subscription (account_id, name) VALUES (?, ?)"
_UNSUBSCRIBE: Final = "DELETE FROM subscription WHERE account_id = ? AND name = ?"


def nonexistent() -> Refused:
    return Refused(Reason.NONEXISTENT, "No such mailbox")


def _bounds(name: str) -> tuple[str, str]:
    """Between these, both left out, are the names below ``name``."""
    return name + DELIMITER, name + chr(ord(DELIMITER) + 1)


def _mailbox(row: Row, has_children: bool) -> Mailbox:
    mailbox_id, name, uidvalidity, selectable, special_use, subscribed = row
    return Mailbox(
        mailbox_id=mailbox_id,
        name=name,
        uidvalidity=uidvalidity,
        selectable=bool(selectable),
        subscribed=bool(subscribed),
        special_use=None if special_use is None else SpecialUse(special_use),
        has_children=has_children,
    )


def list_mailboxes(db: Db, account_id: AccountId) -> list[Mailbox]:
    """By name, INBOX first."""
    rows = db.all(_ALL, (account_id,))
    parents: set[str] = set()
    for row in rows:
        name: str = row[1]
        cut = name.rfind(DELIMITER)
        if cut >= 0:
            parents.add(name[:cut])
    result = [_mailbox(row, row[1] in parents) for row in rows]
    result.sort(key=lambda mailbox: mailbox.name != INBOX)
    return result


def find_mailbox(db: Db, account_id: AccountId, name: str) -> Mailbox | None:
    name = canonical_name(name)
    row = db.one(_BY_NAME, (account_id, name))
    return None if row is None else _mailbox(row, _has_below(db, account_id, name))


def mailbox_by_id(db: Db, account_id: AccountId, mailbox_id: MailboxId) -> Mailbox | None:
    row = db.one(_BY_ID, (account_id, mailbox_id))
    return None if row is None else _mailbox(row, _has_below(db, account_id, row[1]))


def id_of_name(db: Db, account_id: AccountId, name: str) -> MailboxId | None:
    """The mailbox of a canonical name that can have messages."""
    row = db.one(_ID_OF_NAME, (account_id, name))
    return None if row is None else MailboxId(row[0])


def id_of_use(db: Db, account_id: AccountId, special_use: SpecialUse) -> MailboxId | None:
    row = db.one(_USE_OWNER, (account_id, special_use.value))
    return None if row is None else MailboxId(row[0])


def is_selectable(db: Db, account_id: AccountId, mailbox_id: MailboxId) -> bool:
    """Whether there is a mailbox of this number that can have messages."""
    return db.one(_IS_SELECTABLE, (account_id, mailbox_id)) is not None


def _has_below(db: Db, account_id: AccountId, name: str) -> bool:
    row = db.one(_HAS_BELOW, (account_id, *_bounds(name)))
    return row is not None and bool(row[0])


def status_of(db: Db, account_id: AccountId, mailbox_id: MailboxId) -> Status:
    """Raises ``Refused(NONEXISTENT)``."""
    row = db.one(_STATUS, (account_id, mailbox_id))
    if row is None:
        raise nonexistent()
    name, messages, uidnext, uidvalidity, unseen, deleted, highestmodseq, size_octets, keywords, first_recent = row
    recent = 0
    if first_recent < uidnext:
        counted = db.one(_RECENT, (account_id, mailbox_id, first_recent))
        recent = 0 if counted is None else counted[0]
    return Status(
        mailbox_id=mailbox_id,
        name=name,
        messages=messages,
        recent=recent,
        uidnext=Uid(uidnext),
        uidvalidity=UidValidity(uidvalidity),
        unseen=unseen,
        deleted=deleted,
        highestmodseq=ModSeq(highestmodseq),
        size_octets=size_octets,
        keywords=unpack_keywords(keywords),
    )


def unpack_keywords(packed: str) -> tuple[Flag, ...]:
    return tuple(map(Flag, packed.split(" "))) if packed else ()


def check_name(name: str) -> str:
    """``name`` in canonical form, fit to be created. Raises ``Refused(CANNOT)``.

    One delimiter at the end is passed over: it only declares that children will follow (RFC 3501 §6.3.3).
    """
    name = canonical_name(name)
    if name.endswith(DELIMITER):
        name = name[:-1]
    levels = name.split(DELIMITER)
    if not all(levels):
        raise Refused(Reason.CANNOT, "A mailbox name has no empty levels")
    if len(levels) > MAX_NAME_LEVELS:
        raise Refused(Reason.CANNOT, "The mailbox name has too many levels")
    for character in name:
        if character in "*%" or character < " " or "\x7f" <= character < "\xa0" or "\ud800" <= character < "\ue000":
            raise Refused(Reason.CANNOT, "The mailbox name has characters that are not allowed")
    if len(name.encode()) > MAX_NAME_OCTETS:
        raise Refused(Reason.CANNOT, "The mailbox name is too long")
    return name


def create_mailbox(transaction: Transaction, name: str, special_use: SpecialUse | None) -> Mailbox:
    """With the levels above it. Raises ``Refused``: ALREADY_EXISTS, CANNOT, USE_ATTRIBUTE, LIMIT."""
    db, account_id = transaction.db, transaction.account_id
    name = check_name(name)
    existing = db.one(_BY_NAME, (account_id, name))
    if existing is not None and existing[3]:
        raise Refused(Reason.ALREADY_EXISTS, "There is a mailbox of this name")
    _make_levels(transaction, name)
    use = _check_use(transaction, special_use)
    if existing is None:
        mailbox_id = _insert(transaction, name, selectable=True, use=use)
    else:
        mailbox_id = MailboxId(existing[0])
        db.run(_MAKE_SELECTABLE, (use, transaction.new_uidvalidity(), account_id, mailbox_id))
    transaction.log(Kind.MAILBOX_CREATED, mailbox_id, name=name)
    made = mailbox_by_id(db, account_id, mailbox_id)
    if made is None:
        raise nonexistent()
    return made


def _check_use(transaction: Transaction, special_use: SpecialUse | None) -> str | None:
    if special_use is None:
        return None
    if _use_owner(transaction, special_use) is not None:
        raise Refused(Reason.USE_ATTRIBUTE, "Another mailbox has this use")
    use: str = special_use.value
    return use


def _use_owner(transaction: Transaction, special_use: SpecialUse) -> MailboxId | None:
    """The mailbox that has the use. Raises ``Refused(USE_ATTRIBUTE)`` for one that no mailbox can have here."""
    if special_use in (SpecialUse.ALL, SpecialUse.FLAGGED, SpecialUse.IMPORTANT):
        raise Refused(Reason.USE_ATTRIBUTE, "No mailbox is kept for this use here")
    row = transaction.db.one(_USE_OWNER, (transaction.account_id, special_use.value))
    return None if row is None else MailboxId(row[0])


def set_special_use(
    transaction: Transaction, mailbox_id: MailboxId, special_use: SpecialUse | None
) -> MailboxId | None:
    """Give a mailbox that is there a use, or none; the mailbox that loses it by that (RFC 6154 §4, §5.4).

    Raises ``Refused(USE_ATTRIBUTE)``, also for a bare level. The caller writes the change log.
    """
    mailbox = mailbox_by_id(transaction.db, transaction.account_id, mailbox_id)
    if mailbox is None:
        raise nonexistent()
    if mailbox.special_use is special_use:
        return None
    owner: MailboxId | None = None
    if special_use is not None:
        if not mailbox.selectable:
            raise Refused(Reason.USE_ATTRIBUTE, "A bare level has no use")
        owner = _use_owner(transaction, special_use)
    if owner is not None:
        transaction.db.run(_SET_USE, (None, transaction.account_id, owner))
    use = None if special_use is None else special_use.value
    transaction.db.run(_SET_USE, (use, transaction.account_id, mailbox_id))
    return owner


def _make_levels(transaction: Transaction, name: str) -> None:
    """Make the levels above ``name`` that are missing, as ``\\Noselect``."""
    levels = name.split(DELIMITER)
    row = transaction.db.one(_COUNT, (transaction.account_id,))
    if row is not None and row[0] + len(levels) > MAX_MAILBOXES:
        raise Refused(Reason.LIMIT, "There are too many mailboxes")
    for depth in range(1, len(levels)):
        above = DELIMITER.join(levels[:depth])
        if transaction.db.one(_BY_NAME, (transaction.account_id, above)) is None:
            level_id = _insert(transaction, above, selectable=False, use=None)
            transaction.log(Kind.MAILBOX_CREATED, level_id, name=above)


def _insert(transaction: Transaction, name: str, selectable: bool, use: str | None) -> MailboxId:
    mailbox_id = transaction.new_mailbox_id()
    uidvalidity = transaction.new_uidvalidity()
    transaction.db.run(_INSERT, (transaction.account_id, mailbox_id, name, int(selectable), use, uidvalidity))
    return mailbox_id


def delete_mailbox(transaction: Transaction, mailbox_id: MailboxId) -> None:
    """Raises ``Refused``: CANNOT, HAS_CHILDREN, NONEXISTENT."""
    db, account_id = transaction.db, transaction.account_id
    mailbox = mailbox_by_id(db, account_id, mailbox_id)
    if mailbox is None:
        raise nonexistent()
    if mailbox.name == INBOX:
        raise Refused(Reason.CANNOT, "INBOX can not be deleted")
    if mailbox.has_children and not mailbox.selectable:
        raise Refused(Reason.HAS_CHILDREN, "The mailbox has others below it")
    rows = db.all(_CONTENTS, (account_id, mailbox_id))
    if rows:
        transaction.free([row[0] for row in rows])
        transaction.messages -= len(rows)
        transaction.size_octets -= sum(row[1] for row in rows)
    for statement in _DELETE_ROWS:
        db.run(statement, (account_id, mailbox_id))
    db.run(_DELETE, (account_id, mailbox_id))
    transaction.log(Kind.MAILBOX_DELETED, mailbox_id, name=mailbox.name)
    if mailbox.has_children:
        level_id = _insert(transaction, mailbox.name, selectable=False, use=None)
        transaction.log(Kind.MAILBOX_CREATED, level_id, name=mailbox.name)


def rename_mailbox(transaction: Transaction, mailbox_id: MailboxId, name: str) -> None:
    """Give a mailbox and those below it a new name; URLs signed under the old one are void for good.

    Raises ``Refused``: ALREADY_EXISTS, CANNOT, NONEXISTENT.
    """
    db, account_id = transaction.db, transaction.account_id
    mailbox = mailbox_by_id(db, account_id, mailbox_id)
    if mailbox is None:
        raise nonexistent()
    name = check_name(name)
    old = mailbox.name
    if name.startswith(old + DELIMITER):
        raise Refused(Reason.CANNOT, "A mailbox can not be moved below itself")
    if db.one(_BY_NAME, (account_id, name)) is not None:
        raise Refused(Reason.ALREADY_EXISTS, "There is a mailbox of this name")
    below = db.all(_BELOW, (account_id, *_bounds(old)))
    moved = [(mailbox_id, old, name)] + [(row[0], row[1], check_name(name + row[1][len(old) :])) for row in below]
    _make_levels(transaction, name)
    for moved_id, old_name, new_name in moved:
        db.run(_RENAME, (new_name, account_id, moved_id))
        transaction.log(Kind.MAILBOX_RENAMED, moved_id, name=new_name, old_name=old_name)


def list_subscriptions(db: Db, account_id: AccountId) -> list[str]:
    return [row[0] for row in db.all(_SUBSCRIPTIONS, (account_id,))]


def set_subscribed(transaction: Transaction, name: str, subscribed: bool) -> None:
    """A name need not exist (RFC 3501 §6.3.6), but must be one that could. Raises ``Refused``: CANNOT, LIMIT."""
    db, account_id = transaction.db, transaction.account_id
    name = check_name(name) if subscribed else canonical_name(name)
    row = db.one(_IS_SUBSCRIBED, (account_id, name))
    if row is None or bool(row[0]) == subscribed:
        return
    if subscribed and len(list_subscriptions(db, account_id)) >= MAX_MAILBOXES:
        raise Refused(Reason.LIMIT, "There are too many subscriptions")
    db.run(_SUBSCRIBE if subscribed else _UNSUBSCRIBE, (account_id, name))
    existing = db.one(_BY_NAME, (account_id, name))
    kind = Kind.SUBSCRIBED if subscribed else Kind.UNSUBSCRIBED
    transaction.log(kind, None if existing is None else existing[0], name=name)


def provision(db: Db, account_id: AccountId, now: float, mailboxes: Sequence[tuple[str, SpecialUse | None]]) -> None:
    """The rows of a new account, with these mailboxes, all subscribed. Does nothing for an account that is there."""
    if db.one("SELECT 1 FROM account WHERE account_id = ?", (account_id,)) is not None:
        return
    db.run(
        "INSERT INTO account (account_id, modseq, next_mailbox_id, next_content_id, next_queue_id, last_uidvalidity,"
        " log_floor, messages, size_octets, quota_octets) VALUES (?, 1, 1, 1, 1, 0, 0, 0, 0, NULL)",
        (account_id,),
    )
    transaction = Transaction(db, account_id, now, quiet=False)
    for name, special_use in mailboxes:
        create_mailbox(transaction, name, special_use)
        set_subscribed(transaction, name, True)
    transaction.finish()


def unprovision(db: Db, account_id: AccountId) -> None:
    """Remove every row of an account; its files are collected later."""
    for table in ACCOUNT_TABLES:
        db.run(f"DELETE FROM {table} WHERE account_id = ?", (account_id,))


ACCOUNT_TABLES: Final = (
    "message",
    "content_meta",
    "content_data",
    "content_file",
    "freed",
    "change",
    "expunged",
    "subscription",
    "script",
    "annotation",
    "note",
    "snapshot",
    "outbox",
    "outbox_recipient",
    "mailbox",
    "account",
)
