"""One account's mail, as ``store.api.Account`` promises it: reads inline, writes through the engine."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from verbena.model.change import Change
from verbena.model.errors import InternalError, Refused
from verbena.model.flags import FlagEdit
from verbena.model.ids import AccountId, ContentId, MailboxId, ModSeq, Uid
from verbena.model.mailbox import INBOX, Mailbox, SpecialUse, Status
from verbena.model.metadata import is_shared
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.model.uidset import NumberSet
from verbena.store import keys, mailboxes, messages, metadata, notes
from verbena.store.account_scripts import StoredScripts
from verbena.store.api import (
    AccountRef,
    AnnotationsSet,
    Appended,
    Columns,
    Content,
    Copied,
    Delivery,
    DeliveryDone,
    FlagsStored,
    NewMessage,
    NoteKind,
)
from verbena.store.blobs import BlobFolder
from verbena.store.changes import changes_since, vanished_since
from verbena.store.columns import ColumnCache, MailboxColumns, Snapshot, apply_edit, load, refresh
from verbena.store.contents import ContentReader, contents_of, own
from verbena.store.deliveries import carry_out, prepare
from verbena.store.engine import Engine
from verbena.store.flags import FlagsEdited, store_flags
from verbena.store.transaction import Transaction, either, loud, quiet

T = TypeVar("T")

LOADED_INLINE: Final = 200
"""Mailboxes up to this many messages are opened on the loop; larger ones in a thread."""

_MODSEQ: Final = "SELECT modseq FROM account WHERE account_id = ?"
_MESSAGES: Final = "SELECT messages FROM mailbox WHERE account_id = ? AND mailbox_id = ?"


@dataclass(frozen=True, slots=True)
class Shared:
    """What all accounts of a process share. ``told`` is called on the loop after each commit that changed mail;
    ``behind`` runs work that nobody waits for. ``clock`` gives seconds since the epoch. ``server_annotations`` are
    ``Directory.annotations``.
    """

    engine: Engine
    blobs: BlobFolder
    columns: ColumnCache
    clock: Callable[[], float]
    told: Callable[[AccountRef, ModSeq], None]
    behind: Callable[[Coroutine[None, None, None]], None]
    server_annotations: Callable[[], Mapping[str, bytes]]


class StoredAccount:
    """``store.api.Account``."""

    __slots__ = ("_account_id", "_db", "_reader", "_ref", "_shared")

    def __init__(self, ref: AccountRef, shared: Shared) -> None:
        self._ref = ref
        self._account_id: AccountId = ref.account_id
        self._shared = shared
        self._db = shared.engine.reader(ref.shard)
        self._reader = ContentReader(self._db, ref.account_id, shared.blobs)

    @property
    def ref(self) -> AccountRef:
        return self._ref

    def modseq(self) -> ModSeq:
        """Raises ``Refused(NONEXISTENT)`` when the account is gone."""
        row = self._db.one(_MODSEQ, (self._account_id,))
        if row is None:
            raise Refused(Reason.NONEXISTENT, "The account is gone")
        return ModSeq(row[0])

    @property
    def scripts(self) -> StoredScripts:
        return StoredScripts(self._db, self._account_id, self._change)

    async def _change(self, operation: Callable[[Transaction], T]) -> T:
        """Run an operation that may change mail; tell of it once it is on disk."""
        run = loud(self._account_id, self._shared.clock(), operation)
        result, _ = await self._shared.engine.write(self._ref.shard, run, self._tell)
        return result

    async def _keep(self, operation: Callable[[Transaction], T]) -> T:
        """Run an operation that changes no mail."""
        run = quiet(self._account_id, self._shared.clock(), operation)
        return await self._shared.engine.write(self._ref.shard, run)

    def _tell(self, result: tuple[object, ModSeq]) -> None:
        self._shared.told(self._ref, result[1])

    # mailboxes

    def mailboxes(self) -> Sequence[Mailbox]:
        return mailboxes.list_mailboxes(self._db, self._account_id)

    def subscriptions(self) -> Sequence[str]:
        return mailboxes.list_subscriptions(self._db, self._account_id)

    def find(self, name: str) -> Mailbox | None:
        return mailboxes.find_mailbox(self._db, self._account_id, name)

    def status(self, mailbox_id: MailboxId) -> Status:
        return mailboxes.status_of(self._db, self._account_id, mailbox_id)

    async def create(self, name: str, special_use: SpecialUse | None = None) -> Mailbox:
        return await self._change(lambda transaction: mailboxes.create_mailbox(transaction, name, special_use))

    async def delete(self, mailbox_id: MailboxId) -> None:
        await self._change(lambda transaction: mailboxes.delete_mailbox(transaction, mailbox_id))
        self._shared.columns.drop(self._account_id, mailbox_id)

    async def rename(self, mailbox_id: MailboxId, name: str) -> None:
        await self._change(lambda transaction: _rename(transaction, mailbox_id, name))

    async def subscribe(self, name: str, subscribed: bool) -> None:
        await self._change(lambda transaction: mailboxes.set_subscribed(transaction, name, subscribed))

    # messages

    async def open(self, mailbox_id: MailboxId) -> Columns:
        shared = self._shared.columns.get(self._account_id, mailbox_id)
        if shared is None:
            loaded, snapshot = await self._load(mailbox_id)
            shared = self._shared.columns.put(loaded)
            if snapshot is not None:
                self._shared.behind(self._save(snapshot))
        refresh(self._db, shared)
        return shared

    async def _load(self, mailbox_id: MailboxId) -> tuple[MailboxColumns, Snapshot | None]:
        row = self._db.one(_MESSAGES, (self._account_id, mailbox_id))
        if row is not None and row[0] <= LOADED_INLINE:
            with self._db.snapshot():
                return load(self._db, self._account_id, mailbox_id)
        operation = partial(load, account_id=self._account_id, mailbox_id=mailbox_id)
        return await self._shared.engine.read_apart(self._ref.shard, operation)

    async def _save(self, snapshot: Snapshot) -> None:
        await self._shared.engine.write(self._ref.shard, snapshot.save)

    def refresh(self, columns: Columns) -> None:
        if not isinstance(columns, MailboxColumns):
            raise InternalError("columns of another store")
        refresh(self._db, columns)

    async def claim_recent(self, mailbox_id: MailboxId) -> Uid:
        first, uidnext = messages.recent_from(self._db, self._account_id, mailbox_id)
        if first == uidnext:
            return first
        return await self._keep(lambda transaction: messages.claim_recent(transaction, mailbox_id))

    async def append(self, mailbox_id: MailboxId, new: Sequence[NewMessage]) -> Appended:
        for message in new:
            staged = own(message.staged)
            await staged.place()
            _ = staged.digested  # made here, on the loop, and not while the account is locked
        return await self._change(lambda transaction: messages.append_messages(transaction, mailbox_id, new))

    async def deliver(self, delivery: Delivery) -> DeliveryDone:
        await prepare(delivery)
        run = either(self._account_id, self._shared.clock(), lambda transaction: carry_out(transaction, delivery))
        result, _ = await self._shared.engine.write(self._ref.shard, run, self._tell)
        return result

    def is_noted(self, kind: NoteKind, key: bytes) -> bool:
        return notes.is_noted(self._db, self._account_id, kind, key, int(self._shared.clock()))

    def count_notes(self, kind: NoteKind) -> int:
        return notes.count_notes(self._db, self._account_id, kind, int(self._shared.clock()))

    async def store_flags(
        self, mailbox_id: MailboxId, uids: NumberSet, edit: FlagEdit, unchanged_since: ModSeq | None = None
    ) -> FlagsStored:
        def operation(transaction: Transaction) -> FlagsEdited:
            return store_flags(transaction, mailbox_id, uids, edit, unchanged_since)

        def after(result: tuple[FlagsEdited, ModSeq]) -> None:
            held = self._shared.columns.peek(self._account_id, mailbox_id)
            if held is not None:
                apply_edit(held, result[0])
            self._tell(result)

        run = loud(self._account_id, self._shared.clock(), operation)
        edited, _ = await self._shared.engine.write(self._ref.shard, run, after)
        return edited.stored

    async def copy(self, mailbox_id: MailboxId, uids: NumberSet, to: MailboxId) -> Copied:
        return await self._change(lambda transaction: messages.copy_messages(transaction, mailbox_id, uids, to))

    async def move(self, mailbox_id: MailboxId, uids: NumberSet, to: MailboxId) -> Copied:
        return await self._change(lambda transaction: messages.move_messages(transaction, mailbox_id, uids, to))

    async def expunge(self, mailbox_id: MailboxId, uids: NumberSet | None) -> NumberSet:
        return await self._change(lambda transaction: messages.expunge_messages(transaction, mailbox_id, uids))

    def contents(self, content_ids: Sequence[int]) -> list[Content | None]:
        return contents_of(self._db, self._account_id, content_ids)

    def read(self, content_id: ContentId, start: int, length: int) -> bytes:
        return self._reader.read(content_id, start, length)

    def reads(self, content_ids: Sequence[int]) -> list[bytes | None]:
        return self._reader.reads(content_ids)

    def stream(self, content_id: ContentId, start: int, length: int) -> AsyncIterator[bytes]:
        return self._reader.stream(content_id, start, length)

    # annotations

    def annotation(self, mailbox_id: MailboxId | None, entry: str) -> bytes | None:
        if mailbox_id is None and is_shared(entry):
            return self._shared.server_annotations().get(entry)
        return metadata.read_annotation(self._db, self._account_id, mailbox_id, entry)

    def annotation_sizes(
        self, mailbox_id: MailboxId | None, scope: str, depth: int | None = 0
    ) -> Sequence[tuple[str, int]]:
        if mailbox_id is None and is_shared(scope):
            return metadata.sizes_among(self._shared.server_annotations(), scope, depth)
        return metadata.annotation_sizes(self._db, self._account_id, mailbox_id, scope, depth)

    async def set_annotations(self, mailbox_id: MailboxId | None, values: Mapping[str, bytes | None]) -> AnnotationsSet:
        run = loud(
            self._account_id,
            self._shared.clock(),
            lambda transaction: metadata.set_annotations(transaction, mailbox_id, values),
        )
        done, modseq = await self._shared.engine.write(self._ref.shard, run, self._tell)
        return AnnotationsSet(modseq, done.lost_use) if done.changed else AnnotationsSet(None)

    # history

    def changes(self, since: ModSeq, limit: int = 1000) -> list[Change]:
        return changes_since(self._db, self._account_id, since, limit)

    def vanished(self, mailbox_id: MailboxId, since: ModSeq) -> NumberSet:
        return vanished_since(self._db, self._account_id, mailbox_id, since)

    # URLAUTH keys

    async def urlauth_key(self, mailbox_id: MailboxId) -> Secret:
        key = keys.existing_key(self._db, self._account_id, mailbox_id)
        if key is not None:
            return key
        return await self._keep(lambda transaction: keys.make_key(transaction, mailbox_id))

    def existing_urlauth_key(self, mailbox_id: MailboxId) -> Secret | None:
        return keys.existing_key(self._db, self._account_id, mailbox_id)

    async def reset_urlauth_keys(self, mailbox_id: MailboxId | None) -> None:
        await self._keep(lambda transaction: keys.reset_keys(transaction, mailbox_id))


def _rename(transaction: Transaction, mailbox_id: MailboxId, name: str) -> None:
    mailbox = mailboxes.mailbox_by_id(transaction.db, transaction.account_id, mailbox_id)
    if mailbox is not None and mailbox.name == INBOX:
        made = mailboxes.create_mailbox(transaction, name, None)
        messages.move_all(transaction, mailbox_id, made.mailbox_id)
        metadata.copy_annotations(transaction, mailbox_id, made.mailbox_id)
    else:
        mailboxes.rename_mailbox(transaction, mailbox_id, name)
