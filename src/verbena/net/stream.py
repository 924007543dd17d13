"""A connection on a socket: ``model.link.Link`` as an event-loop protocol, for server and client.

Promises beyond those of ``Link``:

- Input is bounded: reading stops while more than ``INPUT_HIGH`` octets wait (one read more may come).
- A receive that finds octets waiting does not suspend; one that waits costs one future and no timer.
- What is written in one turn of the loop leaves together: as one segment, one TLS record, one deflate flush.
- Octets that arrived before the handshake are dropped, so nothing in plain text is taken for protected
  (RFC 3501 §11.1, RFC 3207 §6).
- A peer that closes its side only can still be answered (plain connections; TLS has no half-close).

``receive`` may be cancelled: no octet is lost.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, cast

from verbena.model.errors import LinkClosed, LinkTimeout
from verbena.model.link import Peer, TlsState
from verbena.model.secret import Secret
from verbena.net.deflate import Deflate
from verbena.net.limits import UNIX
from verbena.net.tls import TlsKeeper, tls_state
from verbena.net.watch import NEAR_S, Watch

RECEIVE_MAX: Final = 65_536
INPUT_HIGH: Final = 65_536
OUTPUT_HIGH: Final = 262_144
OUTPUT_LOW: Final = 65_536
_NEVER: Final = float("inf")


class Stream(asyncio.Protocol):
    """One connection. ``made`` is called when it stands, ``lost`` when it is gone for good."""

    __slots__ = (
        "_closing",
        "_deadline",
        "_deflate",
        "_eof",
        "_flush_due",
        "_input",
        "_loop",
        "_lost",
        "_made",
        "_on_lost",
        "_out",
        "_out_octets",
        "_paused",
        "_peer",
        "_raw",
        "_stuck_octets",
        "_tls",
        "_tls_keeper",
        "_transport",
        "_waiter",
        "_watch",
        "_write_deadline",
        "_write_paused",
        "_write_s",
        "_writer",
        "account",
        "octets_in",
        "octets_out",
    )

    def __init__(
        self,
        watch: Watch,
        tls: TlsKeeper | None,
        write_s: float,
        made: "Callable[[Stream], None] | None" = None,
        lost: "Callable[[Stream], None] | None" = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._watch = watch
        self._tls_keeper = tls
        self._write_s = write_s
        self._made = made
        self._on_lost = lost
        self._transport: asyncio.Transport
        self._raw: asyncio.Transport
        self._peer: Peer | None = None
        self._tls: TlsState | None = None
        self._deflate: Deflate | None = None
        self._input = b""
        self._out: list[bytes] = []
        self._out_octets = 0
        self._flush_due = False
        self._paused = False
        self._eof = False
        self._lost = False
        self._closing = False
        self._write_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._deadline = _NEVER
        self._write_deadline = _NEVER
        self._stuck_octets = 0
        self.account: str | None = None
        self.octets_in = 0
        self.octets_out = 0

    # called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = self._raw = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(OUTPUT_HIGH, OUTPUT_LOW)
        ssl_object = cast("ssl.SSLObject | None", transport.get_extra_info("ssl_object"))
        if ssl_object is not None:
            self._tls = tls_state(ssl_object, self._tls_keeper.current.end_point if self._tls_keeper else None)
        self._watch.add(self)
        if self._made is not None:
            self._made(self)

    def data_received(self, data: bytes) -> None:
        self.octets_in += len(data)
        self._input = self._input + data if self._input else data
        if len(self._input) >= INPUT_HIGH and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def eof_received(self) -> bool:
        self._eof = True
        self._wake()
        return self._tls is None

    def connection_lost(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = True
        self._watch.remove(self)
        self._wake()
        self._release_writer()
        if self._on_lost is not None:
            self._on_lost(self)

    def pause_writing(self) -> None:
        self._write_paused = True

    def resume_writing(self) -> None:
        self._write_paused = False
        self._release_writer()

    def check_deadline(self, now: float) -> None:
        """Called by the watch: end a receive or a drain that took too long, cut a close that does not end."""
        if now >= self._deadline:
            self._deadline = _NEVER
            self._fail(self._waiter, "the peer sent nothing for too long")
        if now >= self._write_deadline:
            self._check_stuck(now)

    def _check_stuck(self, now: float) -> None:
        unsent = self._unsent()
        if unsent < self._stuck_octets:
            self._stuck_octets = unsent
            self._write_deadline = now + self._write_s
            return
        self._write_deadline = _NEVER
        self._fail(self._writer, "the peer read nothing for too long")
        self.abort()

    def _unsent(self) -> int:
        unsent = self._transport.get_write_buffer_size()
        if self._raw is not self._transport:
            unsent += self._raw.get_write_buffer_size()
        return unsent

    @staticmethod
    def _fail(future: "asyncio.Future[None] | None", text: str) -> None:
        if future is not None and not future.done():
            future.set_exception(LinkTimeout(text))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _release_writer(self) -> None:
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    # Link: facts

    @property
    def peer(self) -> Peer:
        if self._peer is None:
            self._peer = _peer_of(self._raw)
        return self._peer

    @property
    def tls(self) -> TlsState | None:
        return self._tls

    @property
    def compressed(self) -> bool:
        return self._deflate is not None

    @property
    def can_start_tls(self) -> bool:
        return self._tls is None and self._tls_keeper is not None and self._deflate is None

    def set_account(self, login: str) -> None:
        self.account = login

    # Link: reading

    async def receive(self, timeout_s: float) -> bytes:
        if self._out:
            self._flush()
        data = self._take()
        while not data:
            if self._eof:
                return b""
            if self._lost:
                raise LinkClosed("the connection is gone")
            await self._arrival(timeout_s)
            data = self._take()
        return data

    def received(self) -> bytes:
        return self._take()

    async def _arrival(self, timeout_s: float) -> None:
        waiter = self._waiter = self._loop.create_future()
        timer: asyncio.TimerHandle | None = None
        if timeout_s < NEAR_S:
            timer = self._loop.call_later(timeout_s, self._fail, waiter, "the peer sent nothing for too long")
        else:
            self._deadline = self._loop.time() + timeout_s
        try:
            await waiter
        finally:
            self._waiter = None
            self._deadline = _NEVER
            if timer is not None:
                timer.cancel()

    def _take(self) -> bytes:
        if self._deflate is not None:
            return self._take_inflated(self._deflate)
        data = self._input
        if not data:
            return data
        if len(data) > RECEIVE_MAX:
            self._input = data[RECEIVE_MAX:]
            data = data[:RECEIVE_MAX]
        else:
            self._input = b""
        if self._paused and len(self._input) < INPUT_HIGH:
            self._resume()
        return data

    def _take_inflated(self, deflate: Deflate) -> bytes:
        data = b""
        while not data and (deflate.waiting or self._input):
            chunk = b""
            if not deflate.waiting:
                chunk = self._input[:RECEIVE_MAX]
                self._input = self._input[RECEIVE_MAX:]
            data = deflate.inflate(chunk)
        if self._paused and len(self._input) < INPUT_HIGH:
            self._resume()
        return data

    def _resume(self) -> None:
        self._paused = False
        if not self._lost and not self._closing:
            self._transport.resume_reading()

    # Link: writing

    def write(self, data: bytes) -> None:
        if self._lost or self._closing:
            return
        if self._tls is None and self._deflate is None:
            # uvloop gathers the writes of one turn itself
            self.octets_out += len(data)
            self._transport.write(data)
            return
        self._out.append(data)
        self._out_octets += len(data)
        if self._out_octets >= OUTPUT_LOW:
            self._flush()
        elif not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush_turn)

    def _flush_turn(self) -> None:
        self._flush_due = False
        if self._out:
            self._flush()

    def _flush(self) -> None:
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        self._out_octets = 0
        if self._lost:
            return
        if self._deflate is not None:
            data = self._deflate.compress(data)
        self.octets_out += len(data)
        self._transport.write(data)

    async def drain(self) -> None:
        if self._out:
            self._flush()
        if self._lost:
            raise LinkClosed("the connection is gone")
        if not self._write_paused:
            return
        writer = self._writer = self._loop.create_future()
        self._stuck_octets = self._unsent()
        self._write_deadline = self._loop.time() + self._write_s
        try:
            await writer
        finally:
            self._writer = None
            self._write_deadline = _NEVER
        if self._lost:
            raise LinkClosed("the connection is gone")

    # Link: changing the stream

    async def start_tls(self) -> None:
        """As ``Link``. Raises ``LinkClosed`` when the handshake fails; the connection is then cut."""
        keeper = self._tls_keeper
        if keeper is None or self._tls is not None:
            raise LinkClosed("TLS can not be started here")
        setting = keeper.current
        self._input = b""
        if self._lost:
            raise LinkClosed("the connection is gone")
        if self._paused:
            self._resume()
        try:
            transport = await self._loop.start_tls(
                self._raw,
                self,
                setting.context,
                server_side=True,
                ssl_handshake_timeout=setting.handshake_s,
                ssl_shutdown_timeout=5.0,
            )
        except (ssl.SSLError, OSError, TimeoutError) as error:
            self.abort()
            raise LinkClosed(f"TLS handshake failed: {error}") from error
        self._enter_tls(transport, setting.end_point)

    async def start_client_tls(self, context: ssl.SSLContext, server_name: str, timeout_s: float) -> None:
        """The client's side of ``start_tls``. Raises ``LinkClosed``, with the certificate's fault as its cause."""
        self._input = b""
        try:
            transport = await self._loop.start_tls(
                self._raw, self, context, server_hostname=server_name, ssl_handshake_timeout=timeout_s
            )
        except (ssl.SSLError, OSError, TimeoutError) as error:
            self.abort()
            raise LinkClosed(f"TLS handshake failed: {error}") from error
        self._enter_tls(transport, None)

    def _enter_tls(self, transport: asyncio.Transport | None, end_point: Secret | None) -> None:
        if transport is None or self._lost:
            raise LinkClosed("the connection is gone")
        self._transport = transport
        transport.set_write_buffer_limits(OUTPUT_HIGH, OUTPUT_LOW)
        ssl_object = cast(ssl.SSLObject, transport.get_extra_info("ssl_object"))
        self._tls = tls_state(ssl_object, end_point)

    def start_deflate(self) -> None:
        if self._out:
            self._flush()
        self._deflate = Deflate()

    # the owner's side

    def close(self) -> None:
        """Send what is queued, then close; a peer that does not read it is cut after the write timeout."""
        if self._lost or self._closing:
            return
        if self._out:
            self._flush()
        self._closing = True
        self._input = b""
        self._stuck_octets = self._unsent()
        self._write_deadline = self._loop.time() + self._write_s
        self._transport.close()

    def abort(self) -> None:
        """Close at once, dropping what is queued."""
        self._closing = True
        self._out.clear()
        if not self._lost:
            self._raw.abort()


def _peer_of(transport: asyncio.BaseTransport) -> Peer:
    sock = cast("socket.socket | None", transport.get_extra_info("socket"))
    if sock is None or sock.family == socket.AF_UNIX:
        return Peer(UNIX, 0, UNIX, 0)
    name = transport.get_extra_info("peername")
    local = transport.get_extra_info("sockname")
    if not name or not local:
        return Peer("unknown", 0, "unknown", 0)
    return Peer(plain_address(name[0]), name[1], plain_address(local[0]), local[1])


def plain_address(address: str) -> str:
    """``address`` with an IPv4 address written as such, also when it came over an IPv6 socket."""
    return address.removeprefix("::ffff:") if address.startswith("::ffff:") and "." in address else address
