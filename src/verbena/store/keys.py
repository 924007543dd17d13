"""URLAUTH's mailbox access keys: random, one for each mailbox, made at first need (RFC 4467 §2.2, §7)."""

import secrets
from typing import Final

from verbena.model.ids import AccountId, MailboxId
from verbena.model.secret import Secret
from verbena.store.engine import Db
from verbena.store.mailboxes import nonexistent
from verbena.store.transaction import Transaction

KEY_OCTETS: Final = 32

_KEY: Final = "SELECT urlauth_key FROM mailbox WHERE account_id = ? AND mailbox_id = ? AND selectable = 1"
_SET: Final = "UPDATE mailbox SET urlauth_key = ? WHERE account_id = ? AND mailbox_id = ?"
_RESET_ALL: Final = "UPDATE mailbox SET urlauth_key = NULL WHERE account_id = ?"


def existing_key(db: Db, account_id: AccountId, mailbox_id: MailboxId) -> Secret | None:
    """None when none was made yet. Raises ``Refused(NONEXISTENT)``."""
    row = db.one(_KEY, (account_id, mailbox_id))
    if row is None:
        raise nonexistent()
    return None if row[0] is None else Secret(row[0])


def make_key(transaction: Transaction, mailbox_id: MailboxId) -> Secret:
    """The key that is there, or a new one. Raises ``Refused(NONEXISTENT)``."""
    key = existing_key(transaction.db, transaction.account_id, mailbox_id)
    if key is None:
        key = Secret(secrets.token_bytes(KEY_OCTETS))
        transaction.db.run(_SET, (key.reveal(), transaction.account_id, mailbox_id))
    return key


def reset_keys(transaction: Transaction, mailbox_id: MailboxId | None) -> None:
    """Of one mailbox, or of all. Raises ``Refused(NONEXISTENT)``."""
    if mailbox_id is None:
        transaction.db.run(_RESET_ALL, (transaction.account_id,))
        return
    existing_key(transaction.db, transaction.account_id, mailbox_id)
    transaction.db.run(_SET, (None, transaction.account_id, mailbox_id))
