"""The embedded store: folders, shards and directory of one process, put together.

Layout of a data folder: ``server.db`` (directory), ``shards/NN.db`` (mail), ``blobs/`` (large messages).
``init_store`` makes it once; ``open_store`` opens it in each process. A store belongs to one event loop.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Final

from verbena.model.ids import AccountId, ModSeq
from verbena.model.mailbox import INBOX, SpecialUse
from verbena.store import ingest, mailboxes
from verbena.store.account import Shared, StoredAccount
from verbena.store.api import AccountRef, Staged
from verbena.store.blobs import BlobFolder
from verbena.store.check import check_mail
from verbena.store.columns import ColumnCache
from verbena.store.directory import SqliteDirectory
from verbena.store.engine import Engine
from verbena.store.outbox import StoredOutbox
from verbena.store.sqlite.engine import SqliteEngine, make_shards
from verbena.store.upkeep import maintain

DEFAULT_SHARDS: Final = 8
MAX_SHARDS: Final = 100

EVERY_ACCOUNT: Final = AccountRef(AccountId(0), "", 0)
"""Told of where a change is seen by all accounts."""

FIRST_MAILBOXES: Final = (
    (INBOX, None),
    ("Drafts", SpecialUse.DRAFTS),
    ("Sent", SpecialUse.SENT),
    ("Archive", SpecialUse.ARCHIVE),
    ("Junk", SpecialUse.JUNK),
    ("Trash", SpecialUse.TRASH),
)
"""What a new account has."""


class _Rows:
    """``store.directory.AccountRows``: what an account has in its shard."""

    def __init__(self, engine: Engine, clock: Callable[[], float]) -> None:
        self._engine = engine
        self._clock = clock

    async def create_account_rows(self, ref: AccountRef) -> None:
        now = self._clock()
        await self._engine.write(ref.shard, lambda db: mailboxes.provision(db, ref.account_id, now, FIRST_MAILBOXES))

    async def remove_account_rows(self, ref: AccountRef) -> None:
        await self._engine.write(ref.shard, lambda db: mailboxes.unprovision(db, ref.account_id))


class SqliteStore:
    """``store.api.Store``."""

    def __init__(self, data: Path, clock: Callable[[], float], fixed_annotations: Mapping[str, bytes]) -> None:
        self._engine = SqliteEngine(data / "shards")
        self._blobs = BlobFolder(data / "blobs")
        rows = _Rows(self._engine, clock)
        self._directory = SqliteDirectory(
            data / "server.db", rows, self._engine.shards, fixed_annotations, self._tell_all
        )
        self._listeners: list[Callable[[AccountRef, ModSeq], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._shared = Shared(
            self._engine,
            self._blobs,
            ColumnCache(),
            clock,
            self._tell,
            self._behind,
            self._directory.annotations,
        )
        self._outbox = StoredOutbox(self._shared, self._directory)

    @property
    def directory(self) -> SqliteDirectory:
        return self._directory

    @property
    def engine(self) -> Engine:
        """For tests and tools that look at rows."""
        return self._engine

    @property
    def outbox(self) -> StoredOutbox:
        return self._outbox

    def account(self, ref: AccountRef) -> StoredAccount:
        return StoredAccount(ref, self._shared)

    async def stage(self, source: AsyncIterator[bytes], limit_octets: int) -> Staged:
        return await ingest.stage(source, limit_octets, self._blobs)

    def listen(self, told: Callable[[AccountRef, ModSeq], None]) -> None:
        self._listeners.append(told)

    def heard(self, account_id: AccountId, modseq: ModSeq) -> None:
        """Nothing needs to be done: every read asks the database for the account's modseq first."""

    async def check(self) -> list[str]:
        return self._directory.check() + await check_mail(self._shared)

    async def maintain(self) -> None:
        await maintain(self._shared)

    async def close(self) -> None:
        """Waits for every write that was begun."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._engine.close()
        self._blobs.close()
        self._directory.close()

    def _tell(self, ref: AccountRef, modseq: ModSeq) -> None:
        for told in self._listeners:
            told(ref, modseq)

    def _tell_all(self) -> None:
        self._tell(EVERY_ACCOUNT, ModSeq(1))

    def _behind(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def init_store(data: Path, shards: int = DEFAULT_SHARDS) -> None:
    """Make a data folder fit for ``open_store``; what is there already is left alone. ``shards`` is fixed for good."""
    if not 1 <= shards <= MAX_SHARDS:
        raise ValueError(f"shards must be 1 to {MAX_SHARDS}")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    make_shards(data / "shards", shards)
    BlobFolder.make(data / "blobs")


def open_store(
    data: Path, *, clock: Callable[[], float] = time.time, fixed_annotations: Mapping[str, bytes] | None = None
) -> SqliteStore:
    """``fixed_annotations``: shared entries of the server that the configuration gives.

    Raises ``Unavailable`` when there is no store in ``data``, or one of another schema version."""
    return SqliteStore(data, clock, fixed_annotations or {})
