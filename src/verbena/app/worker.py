"""One worker process: every service on its own sockets, on one uvloop.

It says on ``ready_fd`` when it accepts everywhere, stops on SIGTERM or when ``lifeline_fd`` closes (the supervisor
is gone), and loads certificates again on SIGHUP. One worker at a time holds ``run/lead.lock`` and does what must
be done once: relay and upkeep.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop
from structlog.typing import FilteringBoundLogger

from verbena.app.config import Config, ConfigError
from verbena.app.http import HttpServer, http_app
from verbena.app.log import SessionLog
from verbena.app.meter import PUBLISH_S, PrometheusMeter, share_metrics
from verbena.app.tls import configured_tls
from verbena.app.wiring import LISTENERS, REFUSALS, Parts, build_parts, metrics_folder, run_folder
from verbena.model.errors import VerbenaError
from verbena.model.link import Peer
from verbena.net.limits import Gate
from verbena.net.listen import Door, Host
from verbena.net.stream import Stream
from verbena.net.tls import TlsKeeper, TlsSetting

LEAD_RETRY_S: Final = 2.0
MMAP_THRESHOLD_OCTETS: Final = 1024 * 1024
_M_MMAP_THRESHOLD: Final = -3
RELAY_LEAST_PAUSE_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Sockets:
    """The listening sockets by key of ``[listen]``."""

    by_listener: dict[str, list[socket.socket]]


class _Watcher:
    """``net.listen.Observer``: to the log and the metrics."""

    def __init__(self, meter: PrometheusMeter, log: SessionLog) -> None:
        self._meter = meter
        self._log = log

    def opened(self, service: str, peer: Peer) -> None:
        self._meter.opened(service)

    def closed(self, service: str, stream: Stream, duration_s: float) -> None:
        self._meter.closed(service, stream.octets_in, stream.octets_out)
        self._log.closed(service, stream, duration_s)

    def refused(self, service: str, peer: Peer, why: str) -> None:
        self._meter.refused(service)
        self._log.refused(service, peer, why)

    def failed(self, service: str, peer: Peer, error: BaseException) -> None:
        self._log.failed(service, peer, error)


def run_worker(
    config: Config, number: int, sockets: Sockets, ready_fd: int, lifeline_fd: int, log: FilteringBoundLogger
) -> int:
    """Serve until told to stop; the process's exit status."""
    _raise_descriptor_limit()
    _give_memory_back()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(Worker(config, number, sockets, log).run(ready_fd, lifeline_fd))
    except VerbenaError as error:
        log.error("worker can not start", worker=number, error=str(error))
        return 1
    return 0


class Worker:
    """A worker's life."""

    def __init__(self, config: Config, number: int, sockets: Sockets, log: FilteringBoundLogger) -> None:
        self._config = config
        self._number = number
        self._sockets = sockets
        self._log = log
        if not share_metrics(metrics_folder(config), number):
            log.warning("no room for the metrics files: this worker is in no metrics", worker=number)
        self._meter = PrometheusMeter()
        self._session_log = SessionLog(log)
        self._stop = asyncio.Event()
        self._tls = TlsKeeper(self._load_tls())

    async def run(self, ready_fd: int, lifeline_fd: int) -> None:
        """Raises ``VerbenaError`` when it can not start."""
        self._follow_signals(lifeline_fd)
        parts = build_parts(self._config, f"worker-{self._number}", self._meter, self._session_log)
        try:
            await self._serve(parts, ready_fd)
        finally:
            await parts.close()

    async def _serve(self, parts: Parts, ready_fd: int) -> None:
        limits = self._config.limits
        gate = Gate(limits.connections, limits.connections_per_address)
        watcher = _Watcher(self._meter, self._session_log)
        host = Host(gate, self._tls, watcher, limits.write_s)
        http = HttpServer(
            http_app(parts.store, self._meter, lambda: not self._stop.is_set()),
            list(self._sockets.by_listener.get("http", ())),
        )
        for listener, (name, implicit_tls) in LISTENERS.items():
            for sock in self._sockets.by_listener.get(listener, ()):
                service = parts.services.get(name)
                if service is None:
                    raise ConfigError(f"listen.{listener}: this version has no {name} service")
                await host.open(Door(service, sock, implicit_tls, REFUSALS[name]))
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(self._publish()), tasks.create_task(self._lead(parts))]
            if self._sockets.by_listener.get("http"):
                tasks.create_task(http.run_until_stopped())
            with contextlib.suppress(BrokenPipeError):  # for a replacement nobody waits
                os.write(ready_fd, b"+")
            os.close(ready_fd)
            await self._stop.wait()
            await host.stop(limits.drain_s)
            http.stop()
            for task in background:
                task.cancel()
        self._meter.publish()

    def _follow_signals(self, lifeline_fd: int) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        # Ctrl-C reaches the whole process group: the supervisor decides.
        loop.add_signal_handler(signal.SIGINT, lambda: None)

        def orphaned() -> None:
            loop.remove_reader(lifeline_fd)
            self._stop.set()

        loop.add_reader(lifeline_fd, orphaned)

    def _load_tls(self) -> TlsSetting:
        return configured_tls(self._config)

    def _reload(self) -> None:
        try:
            self._tls.current = self._load_tls()
        except ConfigError as error:
            self._log.error("the certificate stays as it was", error=str(error))
        else:
            self._log.info("certificate loaded again", worker=self._number)

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(PUBLISH_S)
            self._meter.publish()

    async def _lead(self, parts: Parts) -> None:
        """Wait to be the one worker that relays and keeps up the store, then do it until the end."""
        with _LeadLock(run_folder(self._config) / "lead.lock") as lock:
            while not lock.taken():  # noqa: ASYNC110 - other processes can not set an event of ours
                await asyncio.sleep(LEAD_RETRY_S)
            if parts.caller is not None:
                await self._tried("publishing the key for Web Push", parts.caller.publish)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._maintain(parts))
                tasks.create_task(self._relay(parts))

    async def _relay(self, parts: Parts) -> None:
        # Whoever led before is gone: what it was sending is to be sent by us, now.
        await self._tried("taking over the outbox", parts.store.outbox.release)
        while True:
            parts.mail_waits.clear()
            await self._tried("relaying", parts.relay.run_once)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(RELAY_LEAST_PAUSE_S, parts.relay.idle_s())):
                    await parts.mail_waits.wait()

    async def _maintain(self, parts: Parts) -> None:
        while True:
            await asyncio.sleep(self._config.store.maintain_s)
            await self._tried("upkeep", parts.store.maintain)

    async def _tried(self, what: str, work: Callable[[], Awaitable[object]]) -> None:
        """A round that may fail and is tried again with the next."""
        try:
            await work()
        except VerbenaError as error:
            self._log.error(f"{what} failed", exc_info=error)


class _LeadLock:
    """A lock that dies with its process."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def taken(self) -> bool:
        """Whether we hold it, now or already."""
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def __enter__(self) -> "_LeadLock":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _give_memory_back() -> None:
    """Let glibc return large blocks to the system for good: by default it keeps blocks as large as the largest one
    freed so far, which for a password hash is 19 MiB in each of its threads."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_OCTETS)


def _raise_descriptor_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
