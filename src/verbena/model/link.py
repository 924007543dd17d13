"""A connection as a protocol service sees it: bytes both ways, and the few things it may ask of it.

``net`` implements it on sockets, the tests in memory. A service gets one ``Link``, runs its session
over it and returns; the caller closes the link. Nothing here names a protocol.
"""

import ipaddress
from dataclasses import dataclass
from typing import Protocol

from verbena.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end. ``address`` is an IP address or ``unix``; never a name from DNS."""

    address: str
    port: int
    local_address: str
    local_port: int


def address_key(address: str) -> str:
    """What an address is counted under: itself, or its /64, the smallest IPv6 network that one user owns."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))


@dataclass(frozen=True, slots=True)
class TlsState:
    """What TLS agreed on; ``client_identity`` is the verified client certificate's identity for EXTERNAL."""

    version: str
    cipher: str
    client_identity: str | None
    channel_bindings: tuple[tuple[str, Secret], ...]
    """(type, data) pairs, such as ``tls-server-end-point`` (RFC 5929)"""


class Link(Protocol):
    """One connection. Only the task that serves it calls these."""

    @property
    def peer(self) -> Peer: ...

    @property
    def tls(self) -> TlsState | None:
        """None on a plain connection."""

    @property
    def compressed(self) -> bool: ...

    async def receive(self, timeout_s: float) -> bytes:
        """The next octets, 1 to 65,536 of them; empty when the peer has closed its side.

        Raises ``LinkTimeout`` after ``timeout_s`` with no octet, ``LinkClosed`` when the link broke.
        """

    def received(self) -> bytes:
        """What has already arrived, without waiting; empty when nothing has."""

    def write(self, data: bytes) -> None:
        """Queue ``data``; never blocks. Small writes of one event-loop turn leave in one segment."""

    async def drain(self) -> None:
        """Wait until the queue is below the high-water mark (256 KiB).

        Raises ``LinkTimeout`` when the peer reads nothing for the link's write timeout.
        """

    async def start_tls(self) -> None:
        """Flush, drop whatever arrived in plain text after the command, and handshake (RFC 3207 §6, RFC 3501 §11)."""

    @property
    def can_start_tls(self) -> bool: ...

    def start_deflate(self) -> None:
        """Compress both ways from the next octet on (RFC 4978 §4); inflating is bounded."""

    def set_account(self, login: str) -> None:
        """Name the account in logs, limits and metrics from now on."""


class Service(Protocol):
    """A protocol server: runs one session over one link."""

    @property
    def name(self) -> str:
        """``imap``, ``submission``, ``lmtp``, ``managesieve``: for listeners, logs and metrics."""

    async def serve(self, link: Link) -> None:
        """Greet, converse, say goodbye. Returns when the session is over; never raises for a peer's fault."""

    def shut_down(self) -> None:
        """Ask every session to end soon: idle ones are told goodbye (BYE, 421) and returned from at once."""


class Meter(Protocol):
    """Where services count what they do; ``app`` gives it to Prometheus."""

    def command(self, protocol: str, name: str, result: str, duration_s: float) -> None: ...

    def delivery(self, protocol: str, result: str) -> None: ...

    def login(self, protocol: str, mechanism: str, result: str) -> None: ...
