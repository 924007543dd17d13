"""Invariants of annotations; see ``store.check``."""

from collections.abc import Iterator
from typing import Final

from verbena.model.ids import AccountId
from verbena.model.metadata import MAX_ENTRIES, MAX_VALUE_OCTETS, SPECIAL_USE_ENTRY, is_entry, is_shared
from verbena.store.engine import Db
from verbena.store.metadata import SERVER

_ROWS: Final = "SELECT mailbox_id, entry, length(value) FROM annotation WHERE account_id = ? ORDER BY mailbox_id, entry"
_COUNTS: Final = "SELECT mailbox_id, count(*) FROM annotation WHERE account_id = ? GROUP BY mailbox_id"
_MAILBOXES: Final = "SELECT mailbox_id FROM mailbox WHERE account_id = ?"


def check_metadata(db: Db, account_id: AccountId) -> Iterator[str]:
    mailboxes = {row[0] for row in db.all(_MAILBOXES, (account_id,))}
    for mailbox_id, count in db.all(_COUNTS, (account_id,)):
        if mailbox_id != SERVER and mailbox_id not in mailboxes:
            yield f"annotation has rows of mailbox {mailbox_id}, which is not there"
        if count > MAX_ENTRIES:
            yield f"mailbox {mailbox_id} has {count} annotations"
    for mailbox_id, entry, octets in db.all(_ROWS, (account_id,)):
        if entry != entry.lower() or not is_entry(entry) or (mailbox_id == SERVER and is_shared(entry)):
            yield f"annotation {entry!r} of mailbox {mailbox_id} can not be there"
        if mailbox_id != SERVER and entry == SPECIAL_USE_ENTRY:
            yield f"annotation {entry!r} of mailbox {mailbox_id} is kept and should be computed"
        if octets > MAX_VALUE_OCTETS:
            yield f"annotation {entry!r} of mailbox {mailbox_id} is too long"
