"""Putting an entry into the outbox, within a transaction; see ``store.outbox``."""

from collections.abc import Sequence
from typing import Final

from verbena.model.ids import AccountId, ContentId, QueueId
from verbena.store.api import OutEnvelope, OutRecipient
from verbena.store.contents import insert_content
from verbena.store.engine import Db
from verbena.store.ingest import StagedMessage
from verbena.store.transaction import Transaction

_INSERT: Final = (
    "INSERT INTO outbox (account_id, queue_id, content_id, size_octets, queued_at, due_at, leased_until, attempts,"
    " sender, body, smtputf8, ret, envid, hold_until, last_error)"
    " VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?, NULL)"
)
_INSERT_RECIPIENT: Final = (
    "INSERT INTO outbox_recipient (account_id, queue_id, place, address, notify, orcpt) VALUES (?, ?, ?, ?, ?, ?)"
)


def enqueue(
    transaction: Transaction, envelope: OutEnvelope, staged: StagedMessage, kept: dict[StagedMessage, ContentId]
) -> QueueId:
    """The file of a large message must be in place. ``kept`` has the contents that this transaction has kept."""
    account_id, now = transaction.account_id, transaction.now
    queue_id = transaction.next_queue_id
    transaction.next_queue_id += 1
    content_id = kept.get(staged)
    if content_id is None:
        content_id = kept[staged] = insert_content(transaction, staged)
    hold_until = None if envelope.hold_until is None else int(envelope.hold_until.timestamp())
    due_at = now if hold_until is None else max(now, hold_until)
    key = (account_id, queue_id, content_id, staged.size_octets, now, due_at)
    facts = (envelope.sender, envelope.body, int(envelope.smtputf8), envelope.ret, envelope.envid, hold_until)
    transaction.db.run(_INSERT, (*key, *facts))
    insert_recipients(transaction.db, account_id, queue_id, envelope.recipients)
    return QueueId(queue_id)


def insert_recipients(db: Db, account_id: AccountId, queue_id: int, recipients: Sequence[OutRecipient]) -> None:
    db.many(
        _INSERT_RECIPIENT,
        [
            (account_id, queue_id, place, recipient.address, ",".join(recipient.notify), recipient.orcpt)
            for place, recipient in enumerate(recipients)
        ],
    )
