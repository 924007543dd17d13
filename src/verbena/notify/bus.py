"""Tells sessions and worker processes that an account has changed, and nothing more.

In a process the store says "account a is now at modseq n" (`Store.listen`), and whoever watches the account wakes.
Between the workers of one machine the same fact goes as a Unix datagram to every socket in the run folder. What
changed is read from the change log by whoever wakes: a lost, doubled or late datagram costs nothing but time.

Facts of one event-loop turn leave as one datagram. Sends never block: what a full peer can not take is kept, newest
modseq per account, and tried again; past ``MAX_BEHIND`` accounts it shrinks to "anything may have changed".

Invariant: `Bus.told` is called after the commit, never before (DESIGN.md §2).
Limits: 256 peers, 64 facts a datagram, 10,000 accounts kept per full peer.
"""

import asyncio
import os
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, final

from verbena.model.errors import InternalError
from verbena.model.ids import AccountId, ModSeq
from verbena.store.api import AccountRef

MAX_PEERS: Final = 256
MAX_FACTS: Final = 64
MAX_BEHIND: Final = 10_000
MAX_READS: Final = 256
"""Datagrams taken in one turn of the loop."""

_FACT: Final = struct.Struct("!QQ")
_DATAGRAM_OCTETS: Final = MAX_FACTS * 16
_EVERYTHING: Final = AccountId(0)
_SUFFIX: Final = ".notify"
_FIRST_RETRY_S: Final = 0.005
_LAST_RETRY_S: Final = 0.5
_GRAIN_NS: Final = 100_000_000
_MAX_PATH_OCTETS: Final = 100
"""Room in a Unix socket address is 104 to 108 octets."""


@final
class Watch:
    """One watcher of one account; close it, or use it as a context manager."""

    __slots__ = ("_account_id", "_bus", "_event", "modseq")

    def __init__(self, bus: "Bus", account_id: AccountId) -> None:
        self._bus = bus
        self._account_id = account_id
        self._event = asyncio.Event()
        self.modseq: ModSeq = ModSeq(0)
        """the highest modseq heard of since the watch began; 0 before the first"""

    @property
    def pending(self) -> bool:
        """Something has been told since `changed` last returned."""
        return self._event.is_set()

    async def changed(self) -> ModSeq:
        """Wait for a change told since the last call returned (or since the watch began); may return for none.

        Each call takes all that was told before it. Cancelling it takes nothing.
        """
        await self._event.wait()
        self._event.clear()
        return self.modseq

    def wake(self, modseq: ModSeq) -> None:
        """Called by the bus, and by an owner who wants its own waiter to look up."""
        if modseq > self.modseq:
            self.modseq = modseq
        self._event.set()

    def close(self) -> None:
        self._bus.forget(self._account_id, self)

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@final
class _Peer:
    """Another worker's socket, and what it has not been able to take."""

    __slots__ = ("address", "behind")

    def __init__(self, address: str) -> None:
        self.address = address
        self.behind: dict[AccountId, ModSeq] = {}


@final
class Bus:
    """The notifications of one process. ``told`` is for `Store.listen`; ``heard`` is `Store.heard`."""

    def __init__(self, heard: Callable[[AccountId, ModSeq], None] | None = None) -> None:
        self._heard = heard
        self._watches: dict[AccountId, set[Watch]] = {}
        self._fresh: dict[AccountId, ModSeq] = {}
        self._wire: _Wire | None = None
        self._flush_due = False

    def watch(self, account_id: AccountId) -> Watch:
        watch = Watch(self, account_id)
        self._watches.setdefault(account_id, set()).add(watch)
        return watch

    def forget(self, account_id: AccountId, watch: Watch) -> None:
        """Called by `Watch.close`; again is harmless."""
        watches = self._watches.get(account_id)
        if watches is None:
            return
        watches.discard(watch)
        if not watches:
            del self._watches[account_id]

    def told(self, ref: AccountRef, modseq: ModSeq) -> None:
        """This process committed: wake its watchers now, tell the other workers at the end of the loop's turn.

        Account 0 is every account.
        """
        self._wake(ref.account_id, modseq)
        if self._wire is None:
            return
        if modseq > self._fresh.get(ref.account_id, 0):
            self._fresh[ref.account_id] = modseq
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def connect(self, folder: Path, name: str) -> None:
        """Join the workers that share ``folder`` (made when missing, mode 0700); ``name`` is unique among them.

        Call on the running loop, once. Raises ``InternalError`` when no socket can be made there.
        """
        if self._wire is not None:
            raise InternalError("the bus is connected already")
        self._wire = _Wire(folder, name, self._take)

    def close(self) -> None:
        """Leave the run folder. Watches stay usable within the process."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _flush(self) -> None:
        self._flush_due = False
        facts = self._fresh
        self._fresh = {}
        if self._wire is not None:
            self._wire.send(facts)

    def _wake(self, account_id: AccountId, modseq: ModSeq) -> None:
        if account_id == _EVERYTHING:
            for watches in self._watches.values():
                for watch in watches:
                    watch.wake(watch.modseq)
            return
        for watch in self._watches.get(account_id, ()):
            watch.wake(modseq)

    def _take(self, account_id: AccountId, modseq: ModSeq) -> None:
        """A fact from another worker: the store first, so that whoever wakes reads no stale cache."""
        if self._heard is not None and account_id != _EVERYTHING:
            self._heard(account_id, modseq)
        self._wake(account_id, modseq)


@final
class _Wire:
    """This worker's datagram socket in the run folder, and the others'."""

    def __init__(self, folder: Path, name: str, take: Callable[[AccountId, ModSeq], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._take = take
        self._own = name + _SUFFIX
        self._peers: dict[str, _Peer] = {}
        self._listed_ns = -1
        self._retry: asyncio.TimerHandle | None = None
        self._retry_s = _FIRST_RETRY_S
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            (folder / self._own).unlink(missing_ok=True)
            self._socket.bind(self._address(self._own))
        except OSError as error:
            self._socket.close()
            os.close(self._folder_fd)
            raise InternalError(f"no notification socket in {folder}") from error
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        (self._folder / self._own).unlink(missing_ok=True)
        os.close(self._folder_fd)

    def _address(self, name: str) -> str:
        """A long folder name is reached through its open descriptor (Linux)."""
        plain = str(self._folder / name)
        return plain if len(os.fsencode(plain)) <= _MAX_PATH_OCTETS else f"/proc/self/fd/{self._folder_fd}/{name}"

    def send(self, facts: dict[AccountId, ModSeq]) -> None:
        """Give ``facts`` to every peer, as far as it can take them now."""
        self._find_peers()
        for name, peer in list(self._peers.items()):
            for account_id, modseq in facts.items():
                if modseq >= peer.behind.get(account_id, 0):
                    peer.behind[account_id] = modseq
            if _EVERYTHING in peer.behind or len(peer.behind) > MAX_BEHIND:
                peer.behind = {_EVERYTHING: ModSeq(0)}
            if not self._push(peer):
                del self._peers[name]
        self._plan_retry()

    def _push(self, peer: _Peer) -> bool:
        """Send what ``peer`` is behind; false when it is gone for good."""
        while peer.behind:
            batch = list(peer.behind.items())[:MAX_FACTS]
            octets = b"".join([_FACT.pack(account_id, modseq) for account_id, modseq in batch])
            try:
                self._socket.sendto(octets, peer.address)
            except (BlockingIOError, InterruptedError):
                return True
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except OSError:
                return True
            for account_id, _ in batch:
                del peer.behind[account_id]
        return True

    def _plan_retry(self) -> None:
        if not any(peer.behind for peer in self._peers.values()):
            self._retry_s = _FIRST_RETRY_S
        elif self._retry is None:
            self._retry = self._loop.call_later(self._retry_s, self._again)
            self._retry_s = min(self._retry_s * 2, _LAST_RETRY_S)

    def _again(self) -> None:
        self._retry = None
        self.send({})

    def _find_peers(self) -> None:
        """Read the folder again when its time has changed; a crashed worker's socket refuses and drops out.

        A folder's time has a coarse grain, so one changed a moment ago is read again the next time too.
        """
        folder_time = os.fstat(self._folder_fd)
        if folder_time.st_mtime_ns == self._listed_ns:
            return
        names: set[str] = set()
        for name in os.listdir(self._folder_fd):
            if name.endswith(_SUFFIX) and name != self._own and len(names) < MAX_PEERS:
                names.add(name)
        for gone in self._peers.keys() - names:
            del self._peers[gone]
        for name in names - self._peers.keys():
            self._peers[name] = _Peer(self._address(name))
        changed_just_now = time.time_ns() - folder_time.st_mtime_ns < _GRAIN_NS
        self._listed_ns = -1 if changed_just_now else folder_time.st_mtime_ns

    def _readable(self) -> None:
        for _ in range(MAX_READS):
            try:
                octets = self._socket.recv(_DATAGRAM_OCTETS)
            except OSError:
                return
            if len(octets) % _FACT.size:
                continue
            for account_id, modseq in _FACT.iter_unpack(octets):
                self._take(AccountId(account_id), ModSeq(modseq))
