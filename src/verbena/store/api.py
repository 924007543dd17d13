"""The public face of the store: what each call promises and what it raises.

Every service speaks to these protocols; ``store.sqlite`` is the embedded engine behind them.

Rules that hold everywhere:

- A plain ``def`` is a read that runs inline on the event loop in well under a millisecond.
- An ``async def`` that writes returns after commit and fsync: what it returned is on disk. It is one
  transaction in one account. Cancelling the caller does not undo a write that has begun.
- Errors are ``model.errors``: ``Refused`` with a ``Reason`` for what can not be done, ``Unavailable`` for a full
  disk or a locked database, ``InternalError`` for a broken invariant.
- Reads see the last commit of any process.
"""

from array import array
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import TracebackType
from typing import NamedTuple, Protocol

from verbena.mime.scan import Scanned
from verbena.model.change import Change
from verbena.model.date import InternalDate
from verbena.model.flags import Flag, FlagEdit
from verbena.model.ids import AccountId, ContentId, MailboxId, ModSeq, QueueId, Uid, UidValidity
from verbena.model.mailbox import Mailbox, SpecialUse, Status
from verbena.model.secret import Secret
from verbena.model.uidset import NumberSet
from verbena.store.script_api import Scripts

# ---------------------------------------------------------------------------------------------
# Directory: accounts, domains, aliases, credentials (server.db)


@dataclass(frozen=True, slots=True)
class AccountRef:
    """An account as everyone else names it. ``login`` is canonical ``name@domain``, lower case."""

    account_id: AccountId
    login: str
    shard: int
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is kept of a password: never the password. SCRAM values as RFC 5802 §3."""

    argon2: Secret
    scram: tuple["ScramKeys", ...]


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """``hash_name`` is ``SHA-1`` or ``SHA-256``."""

    hash_name: str
    salt: bytes
    iterations: int
    stored_key: Secret
    server_key: Secret


class Directory(Protocol):
    """Who has mail here. Names are matched without case in the domain and the local part."""

    def find_login(self, login: str) -> AccountRef | None:
        """The account a login name means: ``name@domain``, or ``name`` alone where only one domain has it
        (the first configured domain wins); None when there is none."""

    def by_id(self, account_id: AccountId) -> AccountRef | None: ...

    def credentials(self, account_id: AccountId) -> Credentials | None: ...

    def is_local_domain(self, domain: str) -> bool: ...

    def resolve_address(self, local_part: str, domain: str) -> tuple[AccountRef, ...]:
        """The accounts that mail for this address goes to: the account of that name, of its aliases, of the name
        before ``+``, or the domain's catch-all; empty when nobody (disabled accounts are in it, marked)."""

    def may_send_as(self, account: AccountRef, local_part: str, domain: str) -> bool:
        """Whether the address is the account's own or an alias of it (with or without ``+detail``)."""

    def accounts(self) -> Sequence[AccountRef]: ...

    def domains(self) -> Sequence[str]: ...

    def aliases(self) -> Sequence[tuple[str, str]]:
        """(alias address, login) pairs; ``@domain`` is a catch-all."""

    async def add_domain(self, domain: str) -> None: ...

    async def add_account(self, login: str, credentials: Credentials | None) -> AccountRef:
        """A new account with an INBOX and the special-use mailboxes Drafts, Sent, Archive, Junk and Trash.

        Raises ``Refused(ALREADY_EXISTS)``, ``Refused(BAD_RECIPIENT)`` for a name that is no address.
        """

    async def remove_account(self, account_id: AccountId) -> None:
        """Remove the account and everything in it."""

    async def set_credentials(self, account_id: AccountId, credentials: Credentials) -> None: ...

    async def set_enabled(self, account_id: AccountId, enabled: bool) -> None: ...

    async def add_alias(self, address: str, account_id: AccountId) -> None: ...

    async def remove_alias(self, address: str) -> None: ...

    def annotations(self) -> Mapping[str, bytes]:
        """The server's shared annotations by canonical entry, with what the configuration gives (RFC 5464 §3.2.1.1).
        The same object as before while nothing in the directory has changed."""

    async def set_annotations(self, values: Mapping[str, bytes | None]) -> None:
        """Set or remove (None) shared entries of the server, all or none; every watcher of any account is woken.

        The caller knows that the user may. Raises ``Refused``: CANNOT (no such name, or read-only), TOO_BIG, LIMIT.
        """


# ---------------------------------------------------------------------------------------------
# Messages


class Staged(Protocol):
    """A message whose bytes are in, hashed and scanned, but in no mailbox yet.

    One staged message may be added to several mailboxes and accounts. ``async with`` it: leaving
    drops what was not used.
    """

    @property
    def size_octets(self) -> int: ...

    @property
    def scanned(self) -> Scanned: ...

    def read(self, start: int, length: int) -> bytes:
        """Octets ``[start, start+length)``, at most 1 MiB of them; fewer at the end."""

    async def __aenter__(self) -> "Staged": ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class NewMessage:
    staged: Staged
    flags: tuple[Flag, ...]
    internal_date: InternalDate


@dataclass(frozen=True, slots=True)
class Appended:
    """``uids`` in the order of the messages given."""

    uidvalidity: UidValidity
    uids: tuple[Uid, ...]
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class FlagsStored:
    """``changed`` were written with ``modseq``; ``unchanged`` already had those flags and kept their modseq;
    ``failed`` had a modseq above UNCHANGEDSINCE (RFC 7162 §3.1.3); unknown UIDs are in none."""

    modseq: ModSeq
    changed: NumberSet
    unchanged: NumberSet
    failed: NumberSet


@dataclass(frozen=True, slots=True)
class Copied:
    """``source_uids[i]`` became ``uids[i]`` (RFC 4315 §3, COPYUID)."""

    uidvalidity: UidValidity
    source_uids: tuple[Uid, ...]
    uids: tuple[Uid, ...]
    modseq: ModSeq


class Content(NamedTuple):
    """What ingest found out about a message, ready to send; the bytes are read with ``read`` or ``stream``.

    A named tuple because a FETCH makes ten thousand at once, at a fifth of what a frozen dataclass costs.
    """

    content_id: ContentId
    size_octets: int
    header_octets: int
    sent_at_epoch_s: int | None
    """the Date field; None when it has none that can be read"""
    sent_zone_min: int
    envelope: bytes
    """IMAP octets, as ``mime.body.format_envelope`` makes them"""
    body: bytes
    bodystructure: bytes
    parts: bytes
    """``mime.body.pack_parts``"""


class Columns(Protocol):
    """A mailbox's messages as packed columns, ascending by UID, one object per mailbox and process, shared by all
    sessions and kept up to date.

    Rows are appended in place and changed in place; when rows are removed, all arrays are replaced by new ones.
    So a session that keeps a reference to ``uids`` and its own length sees a stable list of what it has been told.
    """

    @property
    def mailbox_id(self) -> MailboxId: ...

    @property
    def modseq(self) -> ModSeq:
        """The account's modseq up to which these columns are true."""

    @property
    def highestmodseq(self) -> ModSeq:
        """Of this mailbox (RFC 7162 §3.1.2.1); at least 1."""

    @property
    def uidvalidity(self) -> UidValidity: ...

    @property
    def uidnext(self) -> Uid: ...

    @property
    def keywords(self) -> tuple[Flag, ...]: ...

    @property
    def uids(self) -> "array[int]":
        """typecode I"""

    @property
    def flags(self) -> "array[int]":
        """typecode Q, bits as ``model.flags``"""

    @property
    def modseqs(self) -> "array[int]":
        """typecode Q"""

    @property
    def sizes(self) -> "array[int]":
        """typecode Q, octets"""

    @property
    def dates(self) -> "array[int]":
        """typecode q, INTERNALDATE in seconds since the epoch"""

    @property
    def zones(self) -> "array[int]":
        """typecode h, minutes east of UTC"""

    @property
    def contents(self) -> "array[int]":
        """typecode Q, ``ContentId``"""


@dataclass(frozen=True, slots=True)
class AnnotationsSet:
    """``modseq`` None: all entries had these values. ``lost_use`` is the mailbox whose special use was taken."""

    modseq: ModSeq | None
    lost_use: MailboxId | None = None


class NoteKind(Enum):
    """What an account remembers for a while on behalf of its scripts."""

    ANSWERED = 1
    """vacation: a response was sent to an address (RFC 5230 §4.2)"""
    SEEN = 2
    """duplicate: a message was here (RFC 7352)"""
    TOLD = 3
    """the user was told of a script's failure (RFC 5228 §2.10.6)"""
    SENT = 4
    """a message was sent on, for the limit of an hour"""
    NOTIFIED = 5
    """a notification was sent, for the limit of an hour"""


@dataclass(frozen=True, slots=True)
class Note:
    """``key`` is a hash of 32 octets; forgotten after ``lasts_s`` seconds."""

    kind: NoteKind
    key: bytes
    lasts_s: int


@dataclass(frozen=True, slots=True)
class Filing:
    """A message for a mailbox. The first of these that is there is taken: ``mailbox_id``, the mailbox of
    ``special_use``, the one called ``name``; else it is made under ``name`` with ``create``, else it is INBOX.

    With ``unless`` the filing is left out while that is noted, and notes it.
    """

    message: NewMessage
    name: str
    mailbox_id: MailboxId | None = None
    special_use: SpecialUse | None = None
    create: bool = False
    unless: Note | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for the outbox, and a copy of it to file. With ``unless`` both are left out while that is noted, and
    note it."""

    envelope: "OutEnvelope"
    staged: Staged
    copy: Filing | None = None
    unless: Note | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """All that comes of a message for one account. ``first``: nothing is done where one of these is noted already;
    ``notes`` are noted anew. Both are noted with the rest."""

    filings: tuple[Filing, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()
    first: tuple[Note, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Filed:
    """``mailbox_id`` and ``uid`` of a copy; ``elsewhere``: in INBOX, since what was asked for is not there."""

    mailbox_id: MailboxId
    uid: Uid
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class DeliveryDone:
    """``overtaken``: nothing was done, since one of ``first`` is noted. ``filed`` is without filings left out and
    without a message's second copy in one mailbox; ``queued`` counts messages in the outbox."""

    overtaken: bool
    filed: tuple[Filed, ...] = ()
    queued: int = 0


class Account(Protocol):
    """One account's mail."""

    @property
    def ref(self) -> AccountRef: ...

    def modseq(self) -> ModSeq:
        """The account's latest modseq, read from the database (a few µs)."""

    @property
    def scripts(self) -> Scripts: ...

    # mailboxes

    def mailboxes(self) -> Sequence[Mailbox]:
        """All of them, ordered by name with INBOX first."""

    def subscriptions(self) -> Sequence[str]:
        """Subscribed names, of which some may exist no longer (RFC 3501 §6.3.9)."""

    def find(self, name: str) -> Mailbox | None: ...

    def status(self, mailbox_id: MailboxId) -> Status:
        """Raises ``Refused(NONEXISTENT)``."""

    async def create(self, name: str, special_use: SpecialUse | None = None) -> Mailbox:
        """With the levels above it that are missing. Raises ``Refused``: ALREADY_EXISTS, CANNOT (bad name),
        USE_ATTRIBUTE (the attribute is taken), LIMIT."""

    async def delete(self, mailbox_id: MailboxId) -> None:
        """With its messages; a mailbox with children stays as a ``\\Noselect`` level.

        Raises ``Refused``: CANNOT (INBOX), HAS_CHILDREN (already ``\\Noselect``), NONEXISTENT.
        """

    async def rename(self, mailbox_id: MailboxId, name: str) -> None:
        """With its children; INBOX keeps its name and gives its messages away (RFC 3501 §6.3.5).
        Raises ``Refused``: ALREADY_EXISTS, CANNOT, NONEXISTENT."""

    async def subscribe(self, name: str, subscribed: bool) -> None: ...

    # messages

    async def open(self, mailbox_id: MailboxId) -> Columns:
        """The mailbox's columns, true up to now. Raises ``Refused(NONEXISTENT)``."""

    def refresh(self, columns: Columns) -> None:
        """Bring ``columns`` up to the last commit, from the change log.

        Raises ``Refused(NONEXISTENT)`` when the mailbox is gone.
        """

    async def claim_recent(self, mailbox_id: MailboxId) -> Uid:
        """Take all messages that no session was told of as ``\\Recent``: those with a UID from the one returned on
        are recent in the caller's session and in no other (RFC 3501 §2.3.2)."""

    async def append(self, mailbox_id: MailboxId, messages: Sequence[NewMessage]) -> Appended:
        """All or none (RFC 3502). Raises ``Refused``: NONEXISTENT, OVER_QUOTA, LIMIT (keywords)."""

    async def deliver(self, delivery: Delivery) -> DeliveryDone:
        """All of it in one transaction, or nothing. Keywords that a mailbox has no room for are left out.

        Raises ``Refused``: OVER_QUOTA, LIMIT, NONEXISTENT (the account).
        """

    def is_noted(self, kind: NoteKind, key: bytes) -> bool: ...

    def count_notes(self, kind: NoteKind) -> int:
        """How many of a kind are not forgotten yet."""

    async def store_flags(
        self, mailbox_id: MailboxId, uids: NumberSet, edit: FlagEdit, unchanged_since: ModSeq | None = None
    ) -> FlagsStored:
        """Raises ``Refused``: NONEXISTENT, LIMIT (keywords)."""

    async def copy(self, mailbox_id: MailboxId, uids: NumberSet, to: MailboxId) -> Copied:
        """Flags and keywords and internal date go along; UIDs that are not there are passed over."""

    async def move(self, mailbox_id: MailboxId, uids: NumberSet, to: MailboxId) -> Copied:
        """Copy and expunge in one transaction (RFC 6851)."""

    async def expunge(self, mailbox_id: MailboxId, uids: NumberSet | None) -> NumberSet:
        """Remove the messages flagged ``\\Deleted`` (of ``uids`` where given); the UIDs removed."""

    def contents(self, content_ids: Sequence[int]) -> list[Content | None]:
        """In the order asked, at most 1,000 at a time (some 5 µs each).

        A message expunged a short while ago is still there.
        """

    def read(self, content_id: ContentId, start: int, length: int) -> bytes:
        """Octets ``[start, start+length)``, at most 1 MiB; fewer at the end.

        Raises ``Refused(EXPUNGE_ISSUED)`` when it is gone.
        """

    def reads(self, content_ids: Sequence[int]) -> list[bytes | None]:
        """All octets of several contents in the order asked, at most 1,000 of them, which the caller knows to be short
        (4 KiB cost some 2 µs each). None for one that ``read`` has to be asked for: it is long, or gone."""

    def stream(self, content_id: ContentId, start: int, length: int) -> AsyncIterator[bytes]:
        """The same, any length, in pieces of at most 256 KiB, off the loop where that would block it."""

    # annotations (RFC 5464); entries are canonical as in ``model.metadata``, mailbox None is the server

    def annotation(self, mailbox_id: MailboxId | None, entry: str) -> bytes | None:
        """An entry's value, at most ``MAX_VALUE_OCTETS``; None where there is none, or the mailbox is gone."""

    def annotation_sizes(
        self, mailbox_id: MailboxId | None, scope: str, depth: int | None = 0
    ) -> Sequence[tuple[str, int]]:
        """Entries with the sizes of their values in octets: ``scope``, if it has one, and what is up to ``depth``
        levels below it (None: however deep), by name."""

    async def set_annotations(self, mailbox_id: MailboxId | None, values: Mapping[str, bytes | None]) -> AnnotationsSet:
        """Set or remove (None) entries, all or none. The server's shared ones: ``Directory.set_annotations``.

        Raises ``Refused``: NONEXISTENT, CANNOT (no such name), TOO_BIG (a value), LIMIT (too many entries), OVER_QUOTA
        (all values of the account), USE_ATTRIBUTE (``/private/specialuse``, RFC 6154 §4).
        """

    # history

    def changes(self, since: ModSeq, limit: int = 1000) -> list[Change]:
        """Changes with a modseq above ``since``, ascending, all of a transaction together."""

    def vanished(self, mailbox_id: MailboxId, since: ModSeq) -> NumberSet:
        """UIDs expunged with a modseq above ``since``, however long ago (RFC 7162 §3.2.7)."""

    # URLAUTH keys

    async def urlauth_key(self, mailbox_id: MailboxId) -> Secret:
        """The mailbox's access key table entry for this user, 32 octets, made at first need (RFC 4467 §7)."""

    def existing_urlauth_key(self, mailbox_id: MailboxId) -> Secret | None:
        """The same without making one: None where no URL of the mailbox was ever signed, or none since a reset."""

    async def reset_urlauth_keys(self, mailbox_id: MailboxId | None) -> None:
        """Of one mailbox, or of all: every URL signed before is void."""


# ---------------------------------------------------------------------------------------------
# Outbox: the one door out


@dataclass(frozen=True, slots=True)
class OutRecipient:
    """``notify`` and ``orcpt`` as given in RCPT (RFC 3461); empty and None where not given."""

    address: str
    notify: tuple[str, ...] = ()
    orcpt: bytes | None = None


@dataclass(frozen=True, slots=True)
class OutEnvelope:
    """``sender`` is empty for a null return path. ``body`` is ``7BIT``, ``8BITMIME`` or ``BINARYMIME``."""

    sender: str
    recipients: tuple[OutRecipient, ...]
    body: str
    smtputf8: bool
    ret: str | None = None
    envid: bytes | None = None
    hold_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A queued message with the recipients still to serve. ``attempts`` already made. ``content_id`` is read through
    ``Store.account(account)``; ``bodystructure``-level facts come from ``Account.contents``."""

    queue_id: QueueId
    account: AccountRef
    envelope: OutEnvelope
    content_id: ContentId
    size_octets: int
    attempts: int
    queued_at: datetime
    last_error: str | None


class Outbox(Protocol):
    """Mail on its way out, durable, leased to one relay at a time."""

    async def enqueue(self, account: AccountRef, envelope: OutEnvelope, staged: Staged) -> QueueId: ...

    async def claim(self, now: datetime, lease_s: float, limit: int) -> list[QueueItem]:
        """Due entries, leased: until ``now + lease_s`` no other caller gets them; a dead relay's come back after."""

    async def release(self) -> None:
        """End every lease, whoever has it: for a relay that starts and knows that it is the only one left."""

    async def settle(
        self, item: QueueItem, remaining: tuple[OutRecipient, ...], retry_at: datetime | None, error: str | None
    ) -> None:
        """After an attempt: keep ``remaining`` until ``retry_at``; the entry is gone when none remain."""

    async def narrow(self, item: QueueItem, remaining: tuple[OutRecipient, ...]) -> None:
        """During an attempt: only ``remaining``, at least one, are still to be sent to. Nothing else of the entry or
        its lease changes; ``settle`` follows."""

    def depth(self) -> int:
        """Entries not yet gone, over all accounts."""

    def next_due(self) -> datetime | None: ...

    def items(self, limit: int = 100) -> list[QueueItem]: ...


class Store(Protocol):
    """The whole store of one process."""

    @property
    def directory(self) -> Directory: ...

    @property
    def outbox(self) -> Outbox: ...

    def account(self, ref: AccountRef) -> Account: ...

    async def stage(self, source: AsyncIterator[bytes], limit_octets: int) -> Staged:
        """Read a message in once: scan, hash, keep in memory while small, else stream to a file.

        Raises ``Refused(TOO_BIG)`` as soon as it is longer than ``limit_octets``; what ``source`` raises passes
        through.
        """

    def listen(self, told: Callable[[AccountRef, ModSeq], None]) -> None:
        """Call ``told`` on the loop after each commit of this process, account by account; with account 0 after a
        change that all accounts see."""

    def heard(self, account_id: AccountId, modseq: ModSeq) -> None:
        """Another process committed: whatever this one caches of the account is stale below ``modseq``."""

    async def check(self) -> list[str]:
        """Every invariant of the data that does not hold, as a sentence each; empty when all is well."""

    async def maintain(self) -> None:
        """One round of upkeep: collect blobs and contents that nothing names, trim the change log, checkpoint."""

    async def close(self) -> None: ...
