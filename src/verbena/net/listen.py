"""Listening sockets, and the sessions that come in over them.

``open_sockets`` is for the process that owns the sockets (before any fork); a ``Host`` serves them on one
event loop: it admits connections through a ``Gate``, runs one task of ``Service.serve`` per connection,
owns all of those tasks, and ends them at a stop.
"""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from verbena.model.errors import LinkClosed
from verbena.model.link import Peer, Service
from verbena.net.limits import UNIX, Gate
from verbena.net.stream import Stream, plain_address
from verbena.net.tls import TlsKeeper
from verbena.net.watch import Watch

BACKLOG: Final = 1024
ACCEPTS_PER_TURN: Final = 16
SHUTDOWN_S: Final = 5.0


ADVICE: Final = {
    errno.EADDRINUSE: "; stop what listens there, or choose another port",
    errno.EACCES: "; ports below 1024 need CAP_NET_BIND_SERVICE, a path needs a folder that can be written",
    errno.EADDRNOTAVAIL: "; this machine has no such address",
}
"""What to do about what the operating system refuses."""


class ListenError(OSError):
    """An address can not be listened on; the text says which and why."""


def open_sockets(host: str, port: int, copies: int = 1, exclusive: bool = True) -> list[list[socket.socket]]:
    """Listening sockets for every address of ``host`` (``*`` for all), or for a path starting with ``/``: one list for
    each of ``copies`` processes.

    TCP: each process has a socket of its own, and the kernel spreads the connections (of one shared socket, whoever
    wakes first takes all that wait). A path has one socket for all. The caller owns them. Accepted connections inherit
    no-delay and keep-alive. ``exclusive``: nobody else may listen there. Raises ``ListenError``.
    """
    try:
        if host.startswith("/"):
            return [[_open_unix(host)]] * copies
        found = socket.getaddrinfo(
            None if host == "*" else host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        addresses = list(dict.fromkeys((entry[0], entry[4]) for entry in found))
        for family, address in addresses if exclusive else ():
            _tcp_socket(family, address, shared=False).close()
        return _open_tcp(addresses, copies)
    except OSError as error:
        where = host if host.startswith("/") else f"{host}:{port}"
        advice = ADVICE.get(error.errno or 0, "")
        raise ListenError(f"can not listen on {where}: {error.strerror or error}{advice}") from error


def _open_tcp(addresses: Sequence[tuple[int, tuple[object, ...]]], copies: int) -> list[list[socket.socket]]:
    sets: list[list[socket.socket]] = [[] for _ in range(copies)]
    try:
        for family, address in addresses:
            for sockets in sets:
                sock = _tcp_socket(family, address, shared=True)
                sockets.append(sock)
                sock.listen(BACKLOG)
                address = sock.getsockname()  # the same port for all, where the kernel chose one
    except OSError:
        for sockets in sets:
            for sock in sockets:
                sock.close()
        raise
    return sets


def _tcp_socket(family: int, address: tuple[object, ...], shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    try:
        sock.bind(address)
        if not shared:
            sock.listen(1)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def _open_unix(path: str) -> socket.socket:
    # A socket that a dead server left behind is in the way; anything else is not ours to remove.
    if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        os.chmod(path, 0o660)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


class Observer(Protocol):
    """Told of connections, for logs and metrics."""

    def opened(self, service: str, peer: Peer) -> None: ...

    def closed(self, service: str, stream: Stream, duration_s: float) -> None: ...

    def refused(self, service: str, peer: Peer, why: str) -> None: ...

    def failed(self, service: str, peer: Peer, error: BaseException) -> None:
        """A session ended with an error that it should have handled: a bug of ours."""


@dataclass(frozen=True, slots=True)
class Door:
    """A service on one socket. ``refusal`` is what a peer is told that can not be let in, with ``%s`` for why."""

    service: Service
    sock: socket.socket
    implicit_tls: bool
    refusal: bytes


class Host:
    """Serves doors on the running loop. ``write_s`` as ``limits.write_s`` in the configuration."""

    def __init__(self, gate: Gate, tls: TlsKeeper | None, observer: Observer, write_s: float) -> None:
        self._gate = gate
        self._tls = tls
        self._observer = observer
        self._write_s = write_s
        self._loop = asyncio.get_running_loop()
        self._watch = Watch(self._loop)
        self._servers: list[asyncio.Server] = []
        self._services: list[Service] = []
        self._tls_doors: list[Door] = []
        self._sessions: dict[asyncio.Task[None], tuple[Stream | None, str]] = {}
        self._stopped = False

    @property
    def sessions(self) -> int:
        """How many are being served."""
        return len(self._sessions)

    async def open(self, door: Door) -> None:
        """Accept on ``door`` from now on."""
        if door.service not in self._services:
            self._services.append(door.service)
        if door.implicit_tls:
            self._tls_doors.append(door)
            self._loop.add_reader(door.sock, self._accept_tls, door)
            return

        def made(stream: Stream) -> None:
            self._accept(door, stream)

        def factory() -> Stream:
            return Stream(self._watch, self._tls, self._write_s, made)

        if door.sock.family == socket.AF_UNIX:
            server = await self._loop.create_unix_server(factory, sock=door.sock)
        else:
            server = await self._loop.create_server(factory, sock=door.sock)
        self._servers.append(server)

    def _accept(self, door: Door, stream: Stream) -> None:
        address = stream.peer.address
        why = self._gate.enter(address)
        if why is not None:
            self._observer.refused(door.service.name, stream.peer, why)
            stream.write(door.refusal.replace(b"%s", why.encode("ascii")))
            stream.close()
            return
        self._own(door, self._serve(door, stream), stream, address)

    def _accept_tls(self, door: Door) -> None:
        # Accepted by hand, so that the gate is asked before the handshake and no octet of it is read too early.
        for _ in range(ACCEPTS_PER_TURN):
            try:
                sock, name = door.sock.accept()
            except BlockingIOError:
                return
            except OSError:  # out of descriptors, most likely: leave the queue to others for a moment
                self._loop.remove_reader(door.sock)
                self._loop.call_later(1.0, self._resume_tls, door)
                return
            sock.setblocking(False)
            address = plain_address(name[0]) if isinstance(name, tuple) else UNIX
            why = self._gate.enter(address)
            if why is None:
                self._own(door, self._serve_tls(door, sock), None, address)
            else:
                self._observer.refused(door.service.name, Peer(address, 0, "", 0), why)
                sock.close()

    def _resume_tls(self, door: Door) -> None:
        if not self._stopped:
            self._loop.add_reader(door.sock, self._accept_tls, door)

    def _own(self, door: Door, session: Coroutine[None, None, None], stream: Stream | None, address: str) -> None:
        task = self._loop.create_task(session, name=door.service.name)
        self._sessions[task] = (stream, address)
        task.add_done_callback(self._ended)

    async def _serve_tls(self, door: Door, sock: socket.socket) -> None:
        if self._tls is None:
            sock.close()
            return
        setting = self._tls.current
        stream = Stream(self._watch, self._tls, self._write_s)
        try:
            await self._loop.connect_accepted_socket(
                lambda: stream,
                sock,
                ssl=setting.context,
                ssl_handshake_timeout=setting.handshake_s,
                ssl_shutdown_timeout=SHUTDOWN_S,
            )
        except OSError:  # the handshake failed, or took too long
            return
        task = asyncio.current_task()
        if task in self._sessions:
            self._sessions[task] = (stream, self._sessions[task][1])
        await self._serve(door, stream)

    async def _serve(self, door: Door, stream: Stream) -> None:
        name = door.service.name
        began = self._loop.time()
        self._observer.opened(name, stream.peer)
        try:
            await door.service.serve(stream)
        except LinkClosed:
            stream.abort()
        finally:
            stream.close()
            self._observer.closed(name, stream, self._loop.time() - began)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        stream, address = self._sessions.pop(task)
        self._gate.leave(address)
        if not task.cancelled():
            error = task.exception()
            if error is not None:
                peer = stream.peer if stream else Peer(address, 0, "", 0)
                self._observer.failed(task.get_name(), peer, error)

    async def stop(self, grace_s: float) -> None:
        """Accept no more, ask the sessions to end, give them ``grace_s``, then cut the rest. May be called once."""
        self._stopped = True
        for server in self._servers:
            server.close()
        for door in self._tls_doors:
            self._loop.remove_reader(door.sock)
        for service in self._services:
            service.shut_down()
        await self._wait(list(self._sessions), grace_s)
        for task, (stream, _) in list(self._sessions.items()):
            if stream is not None:
                stream.abort()
            task.cancel()
        await self._wait(list(self._sessions), 5.0)

    @staticmethod
    async def _wait(tasks: "Sequence[asyncio.Task[None]]", timeout_s: float) -> None:
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)
