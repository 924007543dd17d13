"""Bring a shard of an older schema version up to this one, when it is opened.

``schema.sql`` is the schema as it is; ``migrations/NNNN.sql`` leads from version NNNN - 1 to NNNN. A version is the
``PRAGMA user_version`` of a shard. A shard is upgraded in one transaction, by one process, while the others wait.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

import apsw

SCHEMA_VERSION: Final = 4
"""A shard of a newer version is not opened."""


def schema() -> str:
    """The statements that make an empty shard of ``SCHEMA_VERSION``."""
    return files("verbena.store.sqlite").joinpath("schema.sql").read_text("utf-8")


def migration(version: int) -> str:
    """The statements that lead from the version before to ``version``."""
    return files("verbena.store.sqlite").joinpath("migrations", f"{version:04}.sql").read_text("utf-8")


def version_of(connection: apsw.Connection) -> int:
    for row in connection.execute("PRAGMA user_version"):
        return int(row[0])
    return 0


def upgrade(path: Path) -> None:
    """Does nothing for a shard that another process has upgraded meanwhile. Raises ``apsw.Error``, ``OSError``."""
    with _locked(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            with connection:
                for version in range(version_of(connection) + 1, SCHEMA_VERSION + 1):
                    connection.execute(migration(version))
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        finally:
            connection.close()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold what a shard's writers hold while they write."""
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
