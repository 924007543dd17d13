"""The embedded engine: N SQLite files, read on the loop, written by one thread each with group commit.

DESIGN §2. WAL and ``synchronous=FULL``: a commit is on disk. Several processes share the files: each takes the shard's
``flock`` around its write transactions, which shares a shard evenly where SQLite's busy handler lets writers starve.

A writer thread is started at a shard's first write. It drains what waits (at most ``MAX_BATCH`` operations), runs
each under its own savepoint, commits once and answers all in one call on the loop. When the commit itself fails
(disk full, I/O error) the whole batch is undone and every caller gets ``Unavailable``.
Reads belong to the thread that opened the engine; writes may come from any loop.
"""

import asyncio
import fcntl
import os
import queue
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Generic, TypeVar

import apsw

from verbena.model.errors import InternalError, Unavailable, VerbenaError
from verbena.store.engine import Db, Row, Undo, Value
from verbena.store.sqlite.upgrade import SCHEMA_VERSION, schema, upgrade

T = TypeVar("T")

MAX_BATCH: Final = 256
BUSY_TIMEOUT_MS: Final = 10_000
CHECKPOINT_PAGES: Final = 4000
LARGE_WAL_OCTETS: Final = 32 * 1024 * 1024
"""A write-ahead log larger than this is emptied by ``maintain``."""
READ_CACHE_KIB: Final = 8192

_PASSING = (
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.NoMemError,
)


def _translated(error: apsw.Error) -> VerbenaError:
    if isinstance(error, _PASSING):
        return Unavailable("the mail store can not be reached now")
    return InternalError(f"database: {error}")


class SqliteDb:
    """One connection; in no more than one thread at a time."""

    __slots__ = ("connection",)

    def __init__(self, path: Path, *, writes: bool) -> None:
        try:
            self.connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=256)
            self.connection.set_busy_timeout(BUSY_TIMEOUT_MS)
            self.connection.execute("PRAGMA synchronous = FULL")
            self.connection.execute(f"PRAGMA cache_size = -{READ_CACHE_KIB}")
            self.connection.execute("PRAGMA temp_store = MEMORY")
            if writes:
                self.connection.wal_autocheckpoint(CHECKPOINT_PAGES)
            else:
                self.connection.execute("PRAGMA query_only = 1")
        except apsw.Error as error:
            raise _translated(error) from error

    def all(self, sql: str, params: Sequence[Value] = ()) -> list[Row]:
        try:
            return self.connection.execute(sql, params).fetchall()
        except apsw.Error as error:
            raise _translated(error) from error

    def one(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        try:
            return self.connection.execute(sql, params).fetchone()
        except apsw.Error as error:
            raise _translated(error) from error

    def run(self, sql: str, params: Sequence[Value] = ()) -> None:
        try:
            self.connection.execute(sql, params)
        except apsw.Error as error:
            raise _translated(error) from error

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        try:
            self.connection.executemany(sql, rows)
        except apsw.Error as error:
            raise _translated(error) from error

    def snapshot(self) -> AbstractContextManager[None]:
        return self._snapshot()

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        self.run("BEGIN")
        try:
            yield
        finally:
            self.run("COMMIT")

    def close(self) -> None:
        self.connection.close()


class _Job(Generic[T]):
    """One operation on its way through the writer."""

    __slots__ = ("after", "error", "future", "operation", "result", "undone")

    def __init__(
        self, operation: Callable[[Db], T], future: "asyncio.Future[T]", after: Callable[[T], None] | None
    ) -> None:
        self.operation = operation
        self.future = future
        self.after = after
        self.result: T
        self.error: BaseException | None = None
        self.undone = False

    def run(self, db: SqliteDb) -> None:
        """Within the batch's transaction; raises only what makes the whole batch fail."""
        self.error = None
        db.run("SAVEPOINT operation")
        try:
            self.result = self.operation(db)
        except Undo as undo:
            self.result = undo.value  # type: ignore[assignment]
            self.undone = True
            db.run("ROLLBACK TO operation")
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - one operation's fault must not fail its neighbours
            self.error = error
            db.run("ROLLBACK TO operation")
        db.run("RELEASE operation")

    def answer(self) -> None:
        """On the loop."""
        if self.error is not None:
            if not self.future.done():
                self.future.set_exception(self.error)
            return
        try:
            if self.after is not None and not self.undone:
                self.after(self.result)
        finally:
            if not self.future.done():
                self.future.set_result(self.result)


class _Writer:
    """The writer thread of one shard."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: queue.SimpleQueue[_Job[object] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"writer-{path.stem}", daemon=True)
        self._thread.start()

    def submit(self, job: "_Job[object]") -> None:
        self._waiting.put(job)

    async def close(self) -> None:
        self._waiting.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        db: SqliteDb | None = None
        lock = -1
        going = True
        while going:
            batch, going = self._drain()
            if not batch:
                continue
            try:
                if db is None:
                    lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                    db = SqliteDb(self._path, writes=True)
                _commit(db, lock, batch)
            except (OSError, VerbenaError) as error:
                passing = Unavailable("the mail store can not be written now")
                passing.__cause__ = error
                for job in batch:
                    job.error = passing
            _answer(batch)
        if db is not None:
            db.close()
            os.close(lock)

    def _drain(self) -> "tuple[list[_Job[object]], bool]":
        batch: list[_Job[object]] = []
        job = self._waiting.get()
        while job is not None:
            batch.append(job)
            if len(batch) == MAX_BATCH:
                return batch, True
            try:
                job = self._waiting.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False


def _answer(batch: "list[_Job[object]]") -> None:
    """In one call on the loop that waits; there is nearly always one."""
    for loop in {job.future.get_loop() for job in batch}:
        try:
            loop.call_soon_threadsafe(_answer_all, [job for job in batch if job.future.get_loop() is loop])
        except RuntimeError:
            continue  # the loop is closed: nobody waits any more, and the commit stands


def _answer_all(batch: "list[_Job[object]]") -> None:
    for job in batch:
        job.answer()


def _commit(db: SqliteDb, lock: int, batch: "list[_Job[object]]") -> None:
    """Run and commit a batch; when this raises, nothing of it was written."""
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        db.run("BEGIN IMMEDIATE")
        try:
            for job in batch:
                job.run(db)
            db.run("COMMIT")
        except BaseException:
            if db.connection.in_transaction:
                db.run("ROLLBACK")
            raise
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


class SqliteEngine:
    """The shards of one storage folder; opened on the loop's thread and read there."""

    def __init__(self, folder: Path) -> None:
        self._paths = tuple(sorted(folder.glob("*.db")))
        if not self._paths:
            raise Unavailable(f"there is no mail store in {folder}")
        if [path.name for path in self._paths] != [f"{shard:02}.db" for shard in range(len(self._paths))]:
            raise Unavailable(f"a shard is missing in {folder}")
        self._readers: list[SqliteDb | None] = [None] * len(self._paths)
        self._apart: list[SqliteDb | None] = [None] * len(self._paths)
        self._apart_locks = [threading.Lock() for _ in self._paths]
        self._writers: list[_Writer | None] = [None] * len(self._paths)
        self._closed = False
        for shard in range(len(self._paths)):
            self.reader(shard)

    @property
    def shards(self) -> int:
        return len(self._paths)

    def reader(self, shard: int) -> SqliteDb:
        db = self._readers[shard]
        if db is None:
            db = SqliteDb(self._paths[shard], writes=False)
            if _outdated(db, self._paths[shard]):
                db.close()
                _upgrade(self._paths[shard])
                db = SqliteDb(self._paths[shard], writes=False)
            self._readers[shard] = db
        return db

    async def read_apart(self, shard: int, operation: Callable[[Db], T]) -> T:
        return await asyncio.to_thread(self._read_apart, shard, operation)

    def _read_apart(self, shard: int, operation: Callable[[Db], T]) -> T:
        with self._apart_locks[shard]:
            db = self._apart[shard]
            if db is None:
                db = self._apart[shard] = SqliteDb(self._paths[shard], writes=False)
            with db.snapshot():
                return operation(db)

    async def write(self, shard: int, operation: Callable[[Db], T], after: Callable[[T], None] | None = None) -> T:
        if self._closed:
            raise Unavailable("the mail store is being closed")
        loop = asyncio.get_running_loop()
        writer = self._writers[shard]
        if writer is None:
            writer = self._writers[shard] = _Writer(self._paths[shard])
        future: asyncio.Future[T] = loop.create_future()
        writer.submit(_Job(operation, future, after))  # type: ignore[arg-type]
        return await future

    async def maintain(self) -> None:
        """Checkpoint: write-ahead logs that grew are emptied."""
        await asyncio.to_thread(self._checkpoint)

    def _checkpoint(self) -> None:
        for path in self._paths:
            wal = path.with_name(path.name + "-wal")
            if wal.exists() and wal.stat().st_size > LARGE_WAL_OCTETS:
                db = SqliteDb(path, writes=True)
                db.run("PRAGMA wal_checkpoint(TRUNCATE)")
                db.close()

    async def check(self) -> list[str]:
        wrong: list[str] = []
        for shard, path in enumerate(self._paths):
            rows = await self.read_apart(shard, lambda db: db.all("PRAGMA integrity_check(20)"))
            wrong += [f"shard {path.name}: {row[0]}" for row in rows if row[0] != "ok"]
        return wrong

    async def close(self) -> None:
        self._closed = True
        for writer in self._writers:
            if writer is not None:
                await writer.close()
        self._writers = [None] * len(self._paths)
        for shard, lock in enumerate(self._apart_locks):
            with lock:
                for db in (self._apart[shard], self._readers[shard]):
                    if db is not None:
                        db.close()
                self._apart[shard] = self._readers[shard] = None


def _outdated(db: SqliteDb, path: Path) -> bool:
    """Whether a shard has an older schema version. Raises ``Unavailable`` for a newer one."""
    row = db.one("PRAGMA user_version")
    version = 0 if row is None else row[0]
    if not 1 <= version <= SCHEMA_VERSION:
        raise Unavailable(f"{path} has schema version {version}, this program knows up to {SCHEMA_VERSION}")
    return version < SCHEMA_VERSION


def _upgrade(path: Path) -> None:
    try:
        upgrade(path)
    except (apsw.Error, OSError) as error:
        raise Unavailable(f"{path} could not be brought to schema version {SCHEMA_VERSION}") from error


def make_shards(folder: Path, shards: int) -> None:
    """Create the files of a new storage folder, all or none; when it is there already it is left alone."""
    if folder.exists():
        return
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700, parents=True)
    for shard in range(shards):
        path = new / f"{shard:02}.db"
        try:
            connection = apsw.Connection(str(path))
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"BEGIN IMMEDIATE; {schema()}; PRAGMA user_version = {SCHEMA_VERSION}; COMMIT")
            connection.close()
        except apsw.Error as error:
            raise _translated(error) from error
        path.chmod(0o600)
    new.rename(folder)
