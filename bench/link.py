"""Clients that are fast enough not to be what is measured: one on a blocking socket, many on an event loop."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, cast

import uvloop

USER: Final = "bench@example.org"
PASSWORD: Final = "bench-0pen"
_TAIL_OCTETS: Final = 600


class BenchError(Exception):
    """A server answered what the benchmark can not go on with."""


class Imap:
    """An IMAP session on a blocking socket. Tags do not occur in the mail, so an answer's end is found by its tag."""

    def __init__(self, port: int, login: bool = True) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.settimeout(120)
        self._number = 0
        self.received_octets = 0
        self._read_line()
        if login:
            self.ask(b"LOGIN %b %b" % (USER.encode(), PASSWORD.encode()))

    def close(self) -> None:
        self._socket.close()

    def _read_line(self) -> bytes:
        got = b""
        while not got.endswith(b"\r\n"):
            got += self._received()
        return got

    def _received(self) -> bytes:
        data = self._socket.recv(1 << 20)
        if not data:
            raise BenchError("the server closed the connection")
        self.received_octets += len(data)
        return data

    def ask(self, command: bytes, keep: bool = False) -> bytes:
        """Send one command (its literals non-synchronizing) and read up to its OK; the answer where ``keep``."""
        self._number += 1
        tag = b"bench%d" % self._number
        self._socket.sendall(tag + b" " + command + b"\r\n")
        end = b"\r\n" + tag + b" "
        tail = b"\r\n"
        kept: list[bytes] = []
        while True:
            data = self._received()
            if keep:
                kept.append(data)
            tail = (tail + data)[-_TAIL_OCTETS:] if len(data) < _TAIL_OCTETS else data[-_TAIL_OCTETS:]
            at = tail.rfind(end)
            if at >= 0 and tail.endswith(b"\r\n"):
                if not tail.startswith(b"OK", at + len(end)):
                    raise BenchError(f"{command[:60]!r}: {tail[at + 2 :]!r}")
                return b"".join(kept)


class Peer(asyncio.Protocol):
    """One connection of many: sends, and waits for a number of lines that begin with a prefix."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport
        self._buffer = b""
        self._prefixes: tuple[bytes, ...] = ()
        self._waiter: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._look()

    def connection_lost(self, error: Exception | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(BenchError("the server closed the connection"))

    def _look(self) -> None:
        """End the wait when the last whole line is one that was waited for."""
        waiter = self._waiter
        if waiter is None or waiter.done() or not self._buffer.endswith(b"\r\n"):
            return
        line = self._buffer[self._buffer.rfind(b"\r\n", 0, -2) + 2 :] if b"\r\n" in self._buffer[:-2] else self._buffer
        if line.startswith(self._prefixes):
            self._buffer = b""
            waiter.set_result(line)

    async def ask(self, octets: bytes, prefix: bytes, good: bytes = b"") -> bytes:
        """Send and wait for a line that begins with ``prefix``. Raises ``BenchError`` when ``good`` does not follow."""
        self._waiter = asyncio.get_running_loop().create_future()
        self._prefixes = (prefix, b"4", b"5") if prefix[:1].isdigit() else (prefix,)
        if octets:
            self._transport.write(octets)
        self._look()
        line = await self._waiter
        if not line.startswith(prefix + good):
            raise BenchError(f"{octets[:60]!r}: {line!r}")
        return line

    def close(self) -> None:
        self._transport.close()


async def connect(port: int) -> Peer:
    _, peer = await asyncio.get_running_loop().create_connection(Peer, "127.0.0.1", port)
    return peer


async def imap_peer(port: int) -> Peer:
    """A connection that is logged in."""
    peer = await connect(port)
    await peer.ask(b"", b"* OK")
    await peer.ask(b"a LOGIN %b %b\r\n" % (USER.encode(), PASSWORD.encode()), b"a ", b"OK")
    return peer


def run_all(sessions: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Run all ``sessions`` at once, to the last one's end."""

    async def play() -> None:
        await asyncio.gather(*(session() for session in sessions))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())
