"""Counts that all workers of a server share: a table in a file of the run folder, mapped into each of them.

A key's slot is found by a hash under a random key of the file, so that nobody can choose who shares it. Where all slots
that a key may have are taken, the one that was last counted longest ago is given up. To add is locked among processes
and takes some microseconds; to read is not locked, and may be one behind. Times are of the machine's monotonic clock,
the same in all processes; what is from before a reboot counts for nothing where it seems to lie ahead.
"""

import fcntl
import hashlib
import mmap
import os
import secrets
import struct
from pathlib import Path
from typing import Final

from verbena.auth.limit import Counter, CounterMaker
from verbena.model.errors import Unavailable

SETS: Final = 4096
WAYS: Final = 8
KEY_OCTETS: Final = 32
_HEADER_OCTETS: Final = 64
_SLOT: Final = struct.Struct("<QdQ")
"""tag of the key (0: free), time of the last count, count"""
FILE_OCTETS: Final = _HEADER_OCTETS + SETS * WAYS * _SLOT.size


class SharedCounter:
    """``auth.limit.Counter`` in the file ``path``, which is made where it is not there. ``close`` it.

    Raises ``Unavailable`` when the disk has no room for it.
    """

    def __init__(self, path: Path, kept_s: float) -> None:
        self._kept_s: Final = kept_s
        self._fd: Final = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _make_table(self._fd)
        except OSError as error:
            os.close(self._fd)
            raise Unavailable("there is no room on the disk to count failed logins") from error
        self._table: Final = mmap.mmap(self._fd, FILE_OCTETS)
        self._key: Final = self._table[:KEY_OCTETS]

    def close(self) -> None:
        self._table.close()
        os.close(self._fd)

    def count(self, key: str, now_s: float) -> int:
        tag, first = self._place(key)
        for at in self._slots(first):
            kept_tag, at_s, count = _SLOT.unpack_from(self._table, at)
            if kept_tag == tag:
                return int(count) if self._is_fresh(at_s, now_s) else 0
        return 0

    def add(self, key: str, now_s: float) -> None:
        tag, first = self._place(key)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            chosen, least_s = first, float("inf")
            for at in self._slots(first):
                kept_tag, at_s, count = _SLOT.unpack_from(self._table, at)
                if kept_tag == tag:
                    _SLOT.pack_into(self._table, at, tag, now_s, count + 1 if self._is_fresh(at_s, now_s) else 1)
                    return
                age = at_s if kept_tag and at_s <= now_s else -1.0
                if age < least_s:
                    chosen, least_s = at, age
            _SLOT.pack_into(self._table, chosen, tag, now_s, 1)
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def forget(self, key: str) -> None:
        tag, first = self._place(key)
        for at in self._slots(first):
            if _SLOT.unpack_from(self._table, at)[0] == tag:
                _SLOT.pack_into(self._table, at, 0, 0.0, 0)

    def _place(self, key: str) -> tuple[int, int]:
        """The key's tag, never 0, and the offset of the first of its slots."""
        digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16, key=self._key).digest()
        chosen = int.from_bytes(digest[8:], "little") % SETS
        return int.from_bytes(digest[:8], "little") or 1, _HEADER_OCTETS + chosen * WAYS * _SLOT.size

    @staticmethod
    def _slots(first: int) -> range:
        return range(first, first + WAYS * _SLOT.size, _SLOT.size)

    def _is_fresh(self, at_s: float, now_s: float) -> bool:
        return 0.0 <= now_s - at_s < self._kept_s


def _make_table(descriptor: int) -> None:
    """With all its room on the disk: a write to a mapped page that has none would kill the process."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        if os.fstat(descriptor).st_size != FILE_OCTETS:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, secrets.token_bytes(KEY_OCTETS), 0)
        os.posix_fallocate(descriptor, 0, FILE_OCTETS)
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def shared_in(folder: Path) -> CounterMaker:
    """``CounterMaker`` of counters that are shared by all who name the same ``folder``."""

    def make(name: str, kept_s: float) -> Counter:
        return SharedCounter(folder / f"logins-{name}", kept_s)

    return make
