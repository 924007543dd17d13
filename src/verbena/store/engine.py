"""What an engine gives the store: rows to read, and transactions to write in.

All SQL above this seam is written once, in the subset that SQLite and PostgreSQL share (parameters as ``?``).
An engine knows connections, locks, commit and its own ``schema.sql``; it knows no mailbox and no message.

- A ``Db`` is one connection. In an operation given to ``Engine.write`` it is inside that operation's transaction.
- ``Engine.write`` answers after commit and fsync. Operations that wait together are committed together, each under
  a savepoint of its own: one that raises is undone alone.
- Operations run off the event loop: they touch nothing but the ``Db`` and values that nobody else changes.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

Value = int | float | str | bytes | None
Row = tuple[Any, ...]
"""Columns in the order of the SELECT, with the types that ``schema.sql`` says; decoded where it was asked for."""


class Db(Protocol):
    """A connection. Raises ``Unavailable`` for a full disk, a failing one or a locked database."""

    def all(self, sql: str, params: Sequence[Value] = ()) -> list[Row]: ...

    def one(self, sql: str, params: Sequence[Value] = ()) -> Row | None:
        """The first row; None when there is none."""

    def run(self, sql: str, params: Sequence[Value] = ()) -> None: ...

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """The statement once for each of ``rows``."""

    def snapshot(self) -> AbstractContextManager[None]:
        """All reads within see one commit. For reading connections only; does not nest."""


class Undo(Exception):
    """Raised by an operation that found nothing to do: what it wrote is undone, ``value`` is its result."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class Engine(Protocol):
    """The databases of one storage folder."""

    @property
    def shards(self) -> int: ...

    def reader(self, shard: int) -> Db:
        """For reads of well under a millisecond, on the event loop; sees the last commit of any process."""

    async def read_apart(self, shard: int, operation: Callable[[Db], T]) -> T:
        """Run a longer read in a thread, within a ``snapshot`` of its own."""

    async def write(self, shard: int, operation: Callable[[Db], T], after: Callable[[T], None] | None = None) -> T:
        """Run ``operation`` in a transaction; its result once that is on disk.

        ``after`` is called with the result, on the loop, before the caller goes on, and also when the caller was
        cancelled; not after an ``Undo``.
        """

    async def maintain(self) -> None:
        """Upkeep of the database itself, such as a checkpoint."""

    async def check(self) -> list[str]:
        """What the database itself finds wrong with its files, as a sentence each."""

    async def close(self) -> None:
        """Wait for what was begun, then close all connections."""
