"""Bytes of large messages: files named by their SHA-256, shared by all accounts and processes.

A file is written under ``tmp/``, fsynced, then linked to its name before the transaction that names it begins. Every
use touches it, so a file that is old and that no shard names is garbage; ``collect`` removes those. A ``flock`` keeps
a collector from removing what an ingest has just touched.
All calls here may block; they belong in a thread, except ``read`` of pieces that a caller accepts to wait for.
"""

import fcntl
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from verbena.model.errors import Unavailable

KEPT_OPEN: Final = 32
"""Files held open for reading, least recently used closed first."""
GRACE_S: Final = 3600
"""A file that nothing names is kept this long after its last touch."""


class BlobFolder:
    """``data/blobs``. Raises ``Unavailable`` when files can not be written or read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tmp = folder / "tmp"
        self._open: OrderedDict[bytes, int] = OrderedDict()
        self._open_lock = threading.Lock()
        self._serial = 0

    @staticmethod
    def make(folder: Path) -> None:
        """Create the folder of a new store."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "tmp").mkdir(mode=0o700, parents=True, exist_ok=True)
        for first in range(256):
            (folder / f"{first:02x}").mkdir(mode=0o700, exist_ok=True)

    def path(self, digest: bytes) -> Path:
        name = digest.hex()
        return self.folder / name[:2] / name[2:]

    def new_file(self) -> tuple[int, Path]:
        """A descriptor, open for writing and reading, and the path of a new file under ``tmp``."""
        with self._open_lock:
            self._serial += 1
            serial = self._serial
        path = self._tmp / f"{os.getpid()}-{id(self):x}-{serial}"
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), path
        except OSError as error:
            raise Unavailable("the mail store can not be written now") from error

    def place(self, temporary: Path, digest: bytes, size_octets: int) -> None:
        """Give a written and fsynced file its name, durably. Called again it renews the file's time."""
        path = self.path(digest)
        try:
            with self._locked(fcntl.LOCK_SH):
                try:
                    if path.stat().st_size == size_octets:
                        os.utime(path)
                        return
                except FileNotFoundError:
                    pass
                second = temporary.with_suffix(".link")
                second.unlink(missing_ok=True)
                os.link(temporary, second)
                second.replace(path)
                os.utime(path)
            _sync_folder(path.parent)
        except OSError as error:
            raise Unavailable("the mail store can not be written now") from error

    def read(self, digest: bytes, start: int, length: int) -> bytes:
        with self._open_lock:
            descriptor = self._open.get(digest)
            if descriptor is None:
                descriptor = self._opened(digest)
            else:
                self._open.move_to_end(digest)
            return _read_at(descriptor, start, length)

    def _opened(self, digest: bytes) -> int:
        try:
            descriptor = os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable("the message can not be read now") from error
        self._open[digest] = descriptor
        if len(self._open) > KEPT_OPEN:
            os.close(self._open.popitem(last=False)[1])
        return descriptor

    def collect(self, named: set[bytes], older_than: float) -> int:
        """Remove files that are not ``named`` and were last touched before ``older_than``; the number removed."""
        removed = 0
        for path in self._tmp.iterdir():
            if _is_old(path, older_than):
                path.unlink(missing_ok=True)
        for first in range(256):
            for path in (self.folder / f"{first:02x}").iterdir():
                digest = bytes.fromhex(path.parent.name + path.name)
                if digest in named or not _is_old(path, older_than):
                    continue
                with self._locked(fcntl.LOCK_EX):
                    if _is_old(path, older_than):
                        path.unlink(missing_ok=True)
                        removed += 1
        return removed

    def check(self, digest: bytes, size_octets: int, *, hashed: bool) -> str | None:
        """What is wrong with a file, as the end of a sentence; None when nothing is."""
        path = self.path(digest)
        try:
            if path.stat().st_size != size_octets:
                return "has another size than its message"
            if hashed:
                with path.open("rb") as file:
                    if hashlib.file_digest(file, "sha256").digest() != digest:
                        return "has other octets than its name says"
        except OSError as error:
            return f"can not be read: {error.strerror}"
        return None

    def close(self) -> None:
        with self._open_lock:
            for descriptor in self._open.values():
                os.close(descriptor)
            self._open.clear()

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)


def _read_at(descriptor: int, start: int, length: int) -> bytes:
    try:
        return os.pread(descriptor, length, start)
    except OSError as error:
        raise Unavailable("the message can not be read now") from error


def _is_old(path: Path, older_than: float) -> bool:
    try:
        return path.stat().st_mtime < older_than
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
