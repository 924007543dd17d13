"""A client's connection: socket, TLS from the start or later, bounded waits, octet counts, and a trace of what is said.

Octets are counted as the protocol's own: before TLS adds its framing, after DEFLATE took its share.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from verbena.model.errors import LinkClosed, Unavailable
from verbena.model.link import TlsState
from verbena.net.stream import Stream
from verbena.net.watch import Watch

Trace = Callable[[str, bytes], None]
"""Called with ``C`` or ``S`` and what is said, line by line, without CRLF; secrets are masked, long literals told by
size.
"""

DEFAULT_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server. ``context`` None: no TLS, ever. ``name`` is the one that its certificate must have; ``host`` when
    empty.

    ``implicit_tls``: TLS starts with the connection (RFC 8314); else by STARTTLS, and a server without it is refused.
    """

    host: str
    port: int
    context: ssl.SSLContext | None
    implicit_tls: bool = False
    name: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S

    @property
    def server_name(self) -> str:
        return self.name or self.host


def _no_trace(who: str, line: bytes) -> None:
    """For connections that nobody watches."""


class Connection:
    """One connection of a client. Raises ``LinkClosed`` when the server is gone, ``LinkTimeout`` when it is silent."""

    def __init__(self, stream: Stream, endpoint: Endpoint, trace: Trace | None) -> None:
        self._stream: Final = stream
        self._endpoint: Final = endpoint
        self.trace: Final = trace if trace is not None else _no_trace

    @property
    def tls(self) -> TlsState | None:
        return self._stream.tls

    @property
    def sent_octets(self) -> int:
        return self._stream.octets_out

    @property
    def received_octets(self) -> int:
        return self._stream.octets_in

    def write(self, octets: bytes) -> None:
        self._stream.write(octets)

    def say(self, line: bytes, shown: bytes | None = None) -> None:
        """Queue ``line`` and CRLF; the trace gets ``shown`` in place of a line with a secret."""
        self._stream.write(line + b"\r\n")
        self.trace("C", line if shown is None else shown)

    async def write_all(self, source: AsyncIterator[bytes], size_octets: int) -> None:
        """Send exactly ``size_octets`` octets. Raises ``ValueError`` when ``source`` has another number of them."""
        left = size_octets
        async for piece in source:
            left -= len(piece)
            if left < 0:
                break
            self._stream.write(piece)
            await self._stream.drain()
        if left:
            raise ValueError("the source has not as many octets as were announced")

    async def drain(self) -> None:
        await self._stream.drain()

    async def receive(self, timeout_s: float | None = None) -> bytes:
        """The next octets, at least one."""
        data = await self._stream.receive(self._endpoint.timeout_s if timeout_s is None else timeout_s)
        if not data:
            raise LinkClosed("the server closed the connection")
        return data

    async def start_tls(self) -> None:
        """The handshake, after the server agreed to it. Raises ``LinkClosed`` for a certificate that does not hold."""
        context = self._endpoint.context
        if context is None:
            raise LinkClosed("no TLS is configured for this connection")
        await self._stream.start_client_tls(context, self._endpoint.server_name, self._endpoint.timeout_s)
        self.trace("-", b"TLS negotiated: subsequent data is encrypted")

    def start_deflate(self) -> None:
        self._stream.start_deflate()

    def close(self) -> None:
        self._stream.close()


async def connect(endpoint: Endpoint, trace: Trace | None = None) -> Connection:
    """Raises ``Unavailable`` when there is no server, or none that can be trusted."""
    loop = asyncio.get_running_loop()
    context = endpoint.context if endpoint.implicit_tls else None
    try:
        async with asyncio.timeout(endpoint.timeout_s):
            _, stream = await loop.create_connection(
                lambda: Stream(Watch(loop), None, endpoint.timeout_s),
                endpoint.host,
                endpoint.port,
                ssl=context,
                server_hostname=endpoint.server_name if context is not None else None,
            )
    except (OSError, TimeoutError) as error:
        raise Unavailable(f"No connection to {endpoint.host}:{endpoint.port}") from error
    return Connection(stream, endpoint, trace)
