"""A store for a test: two accounts, fast to make, checked and closed at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from verbena.model.date import InternalDate
from verbena.model.errors import Refused
from verbena.model.flags import Flag
from verbena.model.ids import MailboxId, Uid
from verbena.model.reason import Reason
from verbena.model.uidset import NumberSet, range_set
from verbena.store.account import StoredAccount
from verbena.store.api import NewMessage
from verbena.store.open import SqliteStore, init_store, open_store

LIMIT = 1 << 31
DATE = InternalDate(1_795_503_255, 60)


@dataclass
class Clock:
    """Time as the test says."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Opened:
    data: Path
    store: SqliteStore
    ann: StoredAccount
    bob: StoredAccount
    clock: Clock

    @property
    def inbox(self) -> MailboxId:
        return mailbox(self.ann, "INBOX")


@asynccontextmanager
async def opened(data: Path, shards: int = 2, *, checked: bool = True) -> AsyncIterator[Opened]:
    init_store(data, shards)
    clock = Clock()
    store = open_store(data, clock=clock)
    try:
        await store.directory.add_domain("example.org")
        ann = await store.directory.add_account("ann@example.org", None)
        bob = await store.directory.add_account("bob@example.org", None)
        yield Opened(data, store, store.account(ann), store.account(bob), clock)
        if checked:
            assert await store.check() == []
    finally:
        await store.close()


@asynccontextmanager
async def second(opened_store: Opened) -> AsyncIterator[tuple[SqliteStore, StoredAccount]]:
    """Another process's store over the same data, and ann's account in it."""
    store = open_store(opened_store.data, clock=opened_store.clock)
    try:
        yield store, store.account(opened_store.ann.ref)
    finally:
        await store.close()


async def pieces(octets: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for at in range(0, len(octets), size):
        yield octets[at : at + size]


def message(number: int = 1, body: bytes = b"Hello\r\n") -> bytes:
    return (
        b"From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: number %d\r\n"
        b"Date: Tue, 24 Nov 2026 07:54:15 +0100\r\nMessage-ID: <%d@example.org>\r\n\r\n" % (number, number)
    ) + body


def mailbox(account: StoredAccount, name: str) -> MailboxId:
    found = account.find(name)
    assert found is not None
    return found.mailbox_id


async def append(
    store: SqliteStore,
    account: StoredAccount,
    mailbox_id: MailboxId,
    octets: bytes = b"",
    flags: tuple[Flag, ...] = (),
    count: int = 1,
) -> tuple[Uid, ...]:
    """The same message ``count`` times."""
    async with await store.stage(pieces(octets or message()), LIMIT) as staged:
        done = await account.append(mailbox_id, [NewMessage(staged, flags, DATE)] * count)
    return done.uids


def uids(*ranges: int | tuple[int, int]) -> NumberSet:
    return range_set(one if isinstance(one, tuple) else (one, one) for one in ranges)


def refusal(error: BaseException) -> Reason:
    assert isinstance(error, Refused)
    return error.reason
