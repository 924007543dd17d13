"""A delivery: all that comes of one message for one account, filed, queued and noted in one transaction.

The delivery agent decides; here it is done, so that a crash or a full disk leaves all of it or nothing. Where a copy
goes is looked up within the transaction: a mailbox that another process has just removed is INBOX then.
"""

from collections.abc import Iterator

from verbena.model.errors import Refused
from verbena.model.ids import ContentId, MailboxId
from verbena.model.mailbox import INBOX, SpecialUse, canonical_name
from verbena.model.reason import Reason
from verbena.store import notes
from verbena.store.api import Delivery, DeliveryDone, Filed, Filing, NewMessage, Staged
from verbena.store.contents import own
from verbena.store.ingest import StagedMessage
from verbena.store.mailboxes import create_mailbox, id_of_name, id_of_use, is_selectable, nonexistent
from verbena.store.messages import append_messages
from verbena.store.queueing import enqueue
from verbena.store.transaction import Transaction


async def prepare(delivery: Delivery) -> None:
    """Have the bytes of its messages where the transaction may name them."""
    for message in _messages(delivery):
        staged = own(message)
        await staged.place()
        _ = staged.digested  # made here, on the loop, and not while the account is locked


def _messages(delivery: Delivery) -> Iterator[Staged]:
    for filing in delivery.filings:
        yield filing.message.staged
    for outgoing in delivery.outgoing:
        yield outgoing.staged
        if outgoing.copy is not None:
            yield outgoing.copy.message.staged


def carry_out(transaction: Transaction, delivery: Delivery) -> DeliveryDone:
    """Raises ``Refused``: OVER_QUOTA, LIMIT (no UIDs left), NONEXISTENT."""
    if any(notes.is_kept(transaction, note) for note in delivery.first):
        return DeliveryDone(True)
    kept: dict[StagedMessage, ContentId] = {}
    copies = list(delivery.filings)
    queued = 0
    for outgoing in delivery.outgoing:
        if outgoing.unless is not None:
            if notes.is_kept(transaction, outgoing.unless):
                continue
            notes.keep(transaction, outgoing.unless)
        enqueue(transaction, outgoing.envelope, own(outgoing.staged), kept)
        queued += 1
        if outgoing.copy is not None:
            copies.append(outgoing.copy)
    for note in (*delivery.first, *delivery.notes):
        notes.keep(transaction, note)
    return DeliveryDone(False, _file(transaction, copies, kept), queued)


def _file(transaction: Transaction, filings: list[Filing], kept: dict[StagedMessage, ContentId]) -> tuple[Filed, ...]:
    """By mailbox, each message once in a mailbox: of its flags the last win."""
    places: dict[MailboxId, dict[StagedMessage, tuple[NewMessage, bool]]] = {}
    for filing in filings:
        if filing.unless is not None:
            if notes.is_kept(transaction, filing.unless):
                continue
            notes.keep(transaction, filing.unless)
        mailbox_id, elsewhere = _place(transaction, filing)
        places.setdefault(mailbox_id, {})[own(filing.message.staged)] = (filing.message, elsewhere)
    result: list[Filed] = []
    for mailbox_id, found in places.items():
        messages = [message for message, _ in found.values()]
        uids = append_messages(transaction, mailbox_id, messages, kept, keywords_optional=True).uids
        for uid, (_, elsewhere) in zip(uids, found.values(), strict=True):
            result.append(Filed(mailbox_id, uid, elsewhere))
    return tuple(result)


def _place(transaction: Transaction, filing: Filing) -> tuple[MailboxId, bool]:
    """The mailbox for a copy, and whether it is another than what was asked for. Raises ``Refused(NONEXISTENT)``."""
    db, account_id = transaction.db, transaction.account_id
    if filing.mailbox_id is not None and is_selectable(db, account_id, filing.mailbox_id):
        return filing.mailbox_id, False
    if filing.special_use is not None:
        used = id_of_use(db, account_id, filing.special_use)
        if used is not None:
            return used, False
    name = canonical_name(filing.name)
    found = id_of_name(db, account_id, name)
    if found is not None:
        return found, False
    made = _made(transaction, name, filing.special_use) if filing.create else None
    if made is not None:
        return made, False
    inbox = id_of_name(db, account_id, INBOX)
    if inbox is None:
        raise nonexistent()
    return inbox, True


def _made(transaction: Transaction, name: str, special_use: SpecialUse | None) -> MailboxId | None:
    """A new mailbox, with the use where it can have one (RFC 8579 §4.1); None where there can be none of the name."""
    try:
        return create_mailbox(transaction, name, special_use).mailbox_id
    except Refused as error:
        if error.reason is Reason.USE_ATTRIBUTE:
            return _made(transaction, name, None)
        return None
