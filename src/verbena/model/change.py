"""What happened in an account, as typed values with the modseq at which it did.

All changes of one transaction have one modseq. IDLE, NOTIFY, CONDSTORE, QRESYNC, other workers'
caches and notifications read this one stream (RFC 7162 §3, RFC 5465 §4, RFC 5423).
"""

from dataclasses import dataclass

from verbena.model.ids import MailboxId, ModSeq
from verbena.model.uidset import NumberSet


@dataclass(frozen=True, slots=True)
class Added:
    """Messages arrived, by delivery, APPEND, COPY or MOVE."""

    modseq: ModSeq
    mailbox_id: MailboxId
    uids: NumberSet


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    modseq: ModSeq
    mailbox_id: MailboxId
    uids: NumberSet


@dataclass(frozen=True, slots=True)
class Expunged:
    modseq: ModSeq
    mailbox_id: MailboxId
    uids: NumberSet


@dataclass(frozen=True, slots=True)
class MailboxCreated:
    modseq: ModSeq
    mailbox_id: MailboxId
    name: str


@dataclass(frozen=True, slots=True)
class MailboxRenamed:
    modseq: ModSeq
    mailbox_id: MailboxId
    old_name: str
    name: str


@dataclass(frozen=True, slots=True)
class MailboxDeleted:
    modseq: ModSeq
    mailbox_id: MailboxId
    name: str


@dataclass(frozen=True, slots=True)
class SubscriptionChanged:
    modseq: ModSeq
    mailbox_id: MailboxId | None
    name: str
    subscribed: bool


@dataclass(frozen=True, slots=True)
class ScriptChanged:
    """A Sieve script of this name was put, deleted, renamed to or from it, made active or no longer is."""

    modseq: ModSeq
    name: str


@dataclass(frozen=True, slots=True)
class MetadataChanged:
    """Annotations were set or removed: canonical names of entries (RFC 5464), of the server for this account where
    ``mailbox_id`` is None."""

    modseq: ModSeq
    mailbox_id: MailboxId | None
    entries: tuple[str, ...]


MessageChange = Added | FlagsChanged | Expunged
MailboxChange = MailboxCreated | MailboxRenamed | MailboxDeleted | SubscriptionChanged
Change = MessageChange | MailboxChange | ScriptChanged | MetadataChanged
