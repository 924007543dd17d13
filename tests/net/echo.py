"""A service for tests of connections: it echoes, and obeys ``tls``, ``deflate``, ``big N`` and ``quit``."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import uvloop

from verbena.app.config import Tls
from verbena.app.tls import load_tls
from verbena.model.errors import LinkTimeout
from verbena.model.link import Link, Peer
from verbena.net.limits import Gate
from verbena.net.listen import Door, Host, open_sockets
from verbena.net.stream import Stream
from verbena.net.tls import TlsKeeper


class Echo:
    """One line in, the same line out."""

    def __init__(self, timeout_s: float = 20.0) -> None:
        self.timeout_s = timeout_s
        self.links: list[Link] = []
        self.stopping = asyncio.Event()

    @property
    def name(self) -> str:
        return "echo"

    async def serve(self, link: Link) -> None:
        self.links.append(link)
        link.write(b"hello\r\n")
        buffer = b""
        while True:
            while b"\n" not in buffer:
                try:
                    data = await link.receive(self.timeout_s)
                except LinkTimeout:
                    link.write(b"timeout\r\n")
                    return
                if not data:
                    link.write(b"eof\r\n")
                    return
                buffer += data
            line, _, buffer = buffer.partition(b"\n")
            if line == b"quit":
                return
            await self._obey(link, line)

    async def _obey(self, link: Link, line: bytes) -> None:
        if line == b"tls":
            link.write(b"go\r\n")
            await link.start_tls()
        elif line == b"deflate":
            link.write(b"go\r\n")
            link.start_deflate()
        elif line.startswith(b"big "):
            for _ in range(int(line[4:])):
                link.write(b"x" * 65_536)
                await link.drain()
        else:
            link.write(line + b"\r\n")

    def shut_down(self) -> None:
        self.stopping.set()


class Seen:
    """An observer that writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.octets: list[tuple[int, int]] = []

    def opened(self, service: str, peer: Peer) -> None:
        self.events.append(f"opened {service}")

    def closed(self, service: str, stream: Stream, duration_s: float) -> None:
        self.events.append(f"closed {service}")
        self.octets.append((stream.octets_in, stream.octets_out))

    def refused(self, service: str, peer: Peer, why: str) -> None:
        self.events.append(f"refused {why}")

    def failed(self, service: str, peer: Peer, error: BaseException) -> None:
        self.events.append(f"failed {error!r}")


class Running:
    """An echo service on a loopback port."""

    def __init__(self, host: Host, service: Echo, seen: Seen, port: int) -> None:
        self.host = host
        self.service = service
        self.seen = seen
        self.port = port

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        assert await reader.readline() == b"hello\r\n"
        return reader, writer


@asynccontextmanager
async def echo_server(
    folder: Path,
    timeout_s: float = 20.0,
    write_s: float = 20.0,
    implicit_tls: bool = False,
    gate: Gate | None = None,
) -> AsyncIterator[Running]:
    """Serve ``Echo``; at the end no session may be left."""
    service, seen = Echo(timeout_s), Seen()
    keeper = TlsKeeper(load_tls(Tls(), folder, "localhost", 10.0))
    host = Host(gate or Gate(100, 100), keeper, seen, write_s)
    ((sock,),) = open_sockets("127.0.0.1", 0)
    await host.open(Door(service, sock, implicit_tls, b"go away: %s\r\n"))
    try:
        yield Running(host, service, seen, sock.getsockname()[1])
    finally:
        await host.stop(0.0)
        assert host.sessions == 0
        sock.close()


def on_uvloop(main: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run ``main`` on the loop that the server uses."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def turns_until(true: Callable[[], bool]) -> None:
    """Let the loop turn until ``true`` holds; a million turns are taken for never."""
    for _ in range(1_000_000):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never became true")
