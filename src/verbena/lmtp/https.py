"""One POST over HTTPS to a host of the public net, for notifications (RFC 9110, RFC 9112).

A user's script chooses the URL, so this is guarded: only ``https``, with a certificate that holds; the name is looked
up once, and every address that is not of the public net is left out before a connection is made to an address, not
to the name. Redirects are not followed, what comes back is read up to the status line. No proxy.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from verbena.model.errors import Refused, Unavailable
from verbena.model.reason import Reason

MAX_STATUS_OCTETS: Final = 4096
MAX_ADDRESSES: Final = 4
HTTPS_PORT: Final = 443
_NAT64: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LookUp = Callable[[str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Reach:
    """Where may be called. ``hosts`` empty: any host; else these and those below them. ``private``: also addresses that
    are not public."""

    hosts: tuple[str, ...] = ()
    private: bool = False
    timeout_s: float = 10.0

    def allows_host(self, host: str) -> bool:
        name = host.lower().rstrip(".")
        return not self.hosts or any(name == each or name.endswith("." + each) for each in self.hosts)

    def allows_address(self, address: Address) -> bool:
        return self.private or is_public(address)


def is_public(address: Address) -> bool:
    """Whether it is one host of the public net; not one that only stands for an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None or address.sixtofour is not None or address.teredo is not None:
            return False
        if any(address in network for network in _NAT64):
            return False
    return address.is_global and not address.is_multicast


async def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises ``OSError``."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class HttpsPoster:
    """``context`` None: the system's authorities. ``lookup`` gives the addresses of a name."""

    def __init__(self, reach: Reach, context: ssl.SSLContext | None = None, lookup: LookUp = look_up) -> None:
        self._reach = reach
        self._lookup = lookup
        self._context = context if context is not None else ssl.create_default_context()

    async def post(self, url: str, fields: Mapping[str, str], body: bytes) -> int:
        """The status code. Raises ``Refused`` for a URL that may not be called, ``Unavailable`` where nothing came
        back."""
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or HTTPS_PORT
        if parts.scheme.lower() != "https" or not host or parts.username is not None:
            raise Refused(Reason.URL_NOT_TRUSTED, "This URL can not be called")
        if not self._reach.allows_host(host):
            raise Refused(Reason.URL_NOT_TRUSTED, "This host may not be called")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        request = _request(parts.netloc, target, fields, body)
        try:
            async with asyncio.timeout(self._reach.timeout_s):
                return await self._exchange(host, port, request)
        except TimeoutError as error:
            raise Unavailable("The host is too slow") from error
        except (OSError, UnicodeError) as error:
            raise Unavailable("The host can not be reached") from error

    async def _exchange(self, host: str, port: int, request: bytes) -> int:
        address = await self._address(host, port)
        reader, writer = await asyncio.open_connection(
            str(address), port, ssl=self._context, server_hostname=host, limit=MAX_STATUS_OCTETS
        )
        try:
            writer.write(request)
            await writer.drain()
            line = await reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise Unavailable("The host gave no answer") from error
        finally:
            writer.transport.abort()
        words = line.split(maxsplit=2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise Unavailable("The host gave no answer")
        return int(words[1][:3])

    async def _address(self, host: str, port: int) -> Address:
        """The first address that may be called. Raises ``Refused``, ``OSError``."""
        for text in (await self._lookup(host, port))[:MAX_ADDRESSES]:
            address = ipaddress.ip_address(text.partition("%")[0])
            if self._reach.allows_address(address):
                return address
        raise Refused(Reason.URL_NOT_TRUSTED, "The host is not in the public net")


def _request(netloc: str, target: str, fields: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"POST {target} HTTP/1.1", f"Host: {netloc}", "User-Agent: Verbena", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    lines.append(f"Content-Length: {len(body)}")
    text = "\r\n".join(lines)
    if any(octet < " " and octet not in "\r\n" for octet in text) or text.count("\r\n") != len(lines) - 1:
        raise Refused(Reason.URL_NOT_TRUSTED, "This URL can not be called")
    return text.encode("utf-8") + b"\r\n\r\n" + body
