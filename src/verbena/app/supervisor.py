"""The supervisor: opens the sockets, forks the workers, replaces those that crash.

Each worker has sockets of its own, which outlive it: what connects while it is replaced waits for the next one. When
that takes longer, they are closed, so that the kernel gives all connections to the others.

Synchronous and small; it serves nobody. Signals are taken one at a time with ``sigtimedwait``: SIGTERM and
SIGINT stop the workers and wait for them, SIGHUP is handed on, SIGCHLD means a worker has ended. A worker that
ends is replaced after a pause that grows from ``PAUSE_FIRST_S`` to ``PAUSE_LAST_S`` while it keeps crashing.
"""

import asyncio
import contextlib
import fcntl
import gc
import os
import select
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Final, cast

from structlog.typing import FilteringBoundLogger

from verbena.app.admin import add_configured_domains
from verbena.app.config import Config, Listen, parse_address
from verbena.app.meter import forget_worker
from verbena.app.tls import configured_tls
from verbena.app.wiring import metrics_folder, try_config
from verbena.app.worker import Sockets, run_worker
from verbena.model.errors import VerbenaError
from verbena.net.listen import ListenError, open_sockets

READY_WITHIN_S: Final = 60.0
PAUSE_FIRST_S: Final = 0.5
PAUSE_LAST_S: Final = 30.0
PAUSE_OPEN_S: Final = 1.0
"""The sockets of a worker that pauses for longer are closed meanwhile."""
STEADY_S: Final = 60.0
"""A worker that lived this long did not crash at its start."""
STOP_EXTRA_S: Final = 15.0
"""What a stop may take beyond the drain time, before workers are killed."""
SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD})


@dataclass(slots=True)
class _Slot:
    """A worker's place. ``start_at`` is when its next process is due; None while one runs."""

    number: int
    pid: int = 0
    started_at: float = 0.0
    start_at: float | None = 0.0
    pause_s: float = PAUSE_FIRST_S
    sockets: dict[str, list[socket.socket]] = field(default_factory=dict)
    closed: bool = False

    def close_sockets(self) -> None:
        for name, sockets in self.sockets.items():
            for sock in sockets:
                if sock.family != socket.AF_UNIX:  # those are everybody's
                    sock.close()
            self.sockets[name] = [sock for sock in sockets if sock.family == socket.AF_UNIX]


class StartError(VerbenaError):
    """The server can not start; the text says why and what to do."""


class Supervisor:
    """One server. ``run`` it once."""

    def __init__(self, config: Config, log: FilteringBoundLogger) -> None:
        self._config = config
        self._log = log
        self._run_folder = config.data_path / "run"
        self._slots = [_Slot(number) for number in range(config.worker_count)]
        self._lifeline = (-1, -1)

    def run(self) -> int:
        """Serve until a signal says stop; the exit status. Raises ``StartError``."""
        lock_fd = self._prepare()
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            self._open_sockets()
            self._lifeline = os.pipe()
            gc.freeze()
            self._start_first()
            self._watch()
        finally:
            self._stop()
            for slot in self._slots:
                slot.close_sockets()
            os.close(lock_fd)
        return 0

    def _prepare(self) -> int:
        """Lock the data folder and clear what the last run left; the lock's descriptor."""
        if not (self._config.data_path / "shards").is_dir():
            raise StartError(f"{self._config.data_path} has no store: make it with `verbena init {self._config.data}`")
        self._run_folder.mkdir(mode=0o700, exist_ok=True)
        lock_fd = os.open(self._run_folder / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock_fd)
            raise StartError(
                f"another server runs on {self._config.data_path}: stop it first, or name another data folder"
            ) from None
        metrics = metrics_folder(self._config)
        shutil.rmtree(metrics, ignore_errors=True)
        metrics.mkdir(mode=0o700)
        for left in self._run_folder.glob("*.notify"):
            left.unlink()
        self._prepare_data()
        return lock_fd

    def _prepare_data(self) -> None:
        """What the workers must find: certificate and domains; an error here is told before anything starts."""
        configured_tls(self._config)
        try_config(self._config)
        asyncio.run(add_configured_domains(self._config))

    def _open_sockets(self) -> None:
        for name, host, port in self._addresses():
            try:
                for slot, sockets in zip(self._slots, open_sockets(host, port, len(self._slots)), strict=True):
                    slot.sockets.setdefault(name, []).extend(sockets)
            except ListenError as error:
                raise StartError(f"listen.{name}: {error}") from error
        if not self._slots[0].sockets:
            raise StartError("nothing to listen on: give [listen] an address, see `verbena config sample`")

    def _open_again(self, slot: _Slot) -> None:
        """Open what ``close_sockets`` closed. Raises ``ListenError``."""
        slot.close_sockets()
        for name, host, port in self._addresses():
            if port:
                slot.sockets[name] += open_sockets(host, port, exclusive=False)[0]

    def _addresses(self) -> Iterator[tuple[str, str, int]]:
        """Name of the listener, host or path, and port; a path has none."""
        for item in fields(Listen):
            for address in cast(tuple[str, ...], getattr(self._config.listen, item.name)):
                yield (item.name, *parse_address(address, f"listen.{item.name}"))

    # workers

    def _start_first(self) -> None:
        ready = [self._fork(slot) for slot in self._slots]
        for ready_fd in ready:
            readable, _, _ = select.select([ready_fd], [], [], READY_WITHIN_S)
            said = os.read(ready_fd, 1) if readable else b""
            os.close(ready_fd)
            if said != b"+":
                raise StartError("a worker did not come up; the lines above say why")
        self._log.info("ready", workers=len(self._slots), pid=os.getpid(), **self._listening())

    def _listening(self) -> dict[str, str]:
        return {
            item.name: " ".join(cast(tuple[str, ...], getattr(self._config.listen, item.name)))
            for item in fields(Listen)
            if getattr(self._config.listen, item.name)
        }

    def _fork(self, slot: _Slot) -> int:
        """Start the slot's worker; the descriptor on which it says that it is up."""
        ready_read, ready_write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(ready_read)
            os.close(self._lifeline[1])
            for other in self._slots:
                if other is not slot:
                    other.close_sockets()
            self._become_worker(slot, ready_write)
        os.close(ready_write)
        slot.pid, slot.started_at, slot.start_at = pid, time.monotonic(), None
        return ready_read

    def _become_worker(self, slot: _Slot, ready_fd: int) -> None:
        status = 70
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            status = run_worker(
                self._config, slot.number, Sockets(slot.sockets), ready_fd, self._lifeline[0], self._log
            )
        except BaseException:
            sys.excepthook(*sys.exc_info())
            raise
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _watch(self) -> None:
        while True:
            due = [slot.start_at for slot in self._slots if slot.start_at is not None]
            wait_s = max(0.0, min(due) - time.monotonic()) if due else 3600.0
            told = signal.sigtimedwait(SIGNALS, wait_s)
            if told is not None:
                if told.si_signo in (signal.SIGTERM, signal.SIGINT):
                    self._log.info("stopping")
                    return
                if told.si_signo == signal.SIGHUP:
                    self._tell(signal.SIGHUP)
            self._reap()
            for slot in self._slots:
                if slot.start_at is not None and slot.start_at <= time.monotonic():
                    self._start_again(slot)

    def _start_again(self, slot: _Slot) -> None:
        try:
            if slot.closed:
                self._open_again(slot)
                slot.closed = False
        except ListenError as error:
            self._log.error("worker has no sockets", worker=slot.number, error=str(error))
            slot.start_at = time.monotonic() + PAUSE_LAST_S
        else:
            os.close(self._fork(slot))

    def _reap(self) -> None:
        for slot in self._slots:
            if not slot.pid:
                continue
            pid, status = os.waitpid(slot.pid, os.WNOHANG)
            if not pid:
                continue
            forget_worker(metrics_folder(self._config), slot.number)
            lived_s = time.monotonic() - slot.started_at
            pause_s = PAUSE_FIRST_S if lived_s > STEADY_S else slot.pause_s
            slot.pause_s = min(pause_s * 2, PAUSE_LAST_S)
            self._log.error(
                "worker ended, another takes its place",
                worker=slot.number,
                pid=slot.pid,
                status=os.waitstatus_to_exitcode(status),
                after_s=round(lived_s, 1),
                pause_s=pause_s,
            )
            slot.pid = 0
            slot.start_at = time.monotonic() + pause_s
            if pause_s > PAUSE_OPEN_S and len(self._slots) > 1:
                slot.close_sockets()
                slot.closed = True

    def _tell(self, signo: signal.Signals) -> None:
        for slot in self._slots:
            if slot.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(slot.pid, signo)

    def _stop(self) -> None:
        started = any(slot.pid for slot in self._slots)
        self._tell(signal.SIGTERM)
        until = time.monotonic() + self._config.limits.drain_s + STOP_EXTRA_S
        for slot in self._slots:
            while slot.pid:
                pid, _ = os.waitpid(slot.pid, os.WNOHANG)
                if pid:
                    slot.pid = 0
                elif time.monotonic() > until:
                    self._log.error("worker does not stop: killed", worker=slot.number, pid=slot.pid)
                    os.kill(slot.pid, signal.SIGKILL)
                    os.waitpid(slot.pid, 0)
                    slot.pid = 0
                else:
                    signal.sigtimedwait({signal.SIGCHLD}, 0.05)
        if started:
            self._log.info("stopped")
