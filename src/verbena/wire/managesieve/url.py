"""Sieve URLs: a server, its list of scripts, or a script (RFC 5804 §3). Full; ``parse`` and ``format`` are inverses.

An empty owner stands for global scripts and is another thing than no owner. Limits: 4 KiB a URL.
"""

from dataclasses import dataclass
from typing import Final

from verbena.model.errors import PeerError
from verbena.wire.imap.url import decode_percent, encode_percent

DEFAULT_PORT: Final = 4190
MAX_URL_OCTETS: Final = 4096

_UNRESERVED: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_OCHAR: Final = _UNRESERVED + b"!$'()*+,:@"
_USER: Final = _UNRESERVED + b"!$&'()*+,;=:"
_HOST: Final = _UNRESERVED + b"!$&'()*+,;="
_SAFE_IN_USER: Final = _UNRESERVED + b"!$'()*+,"


@dataclass(frozen=True, slots=True)
class SieveUrl:
    """``host`` without the brackets of an IPv6 address. Without ``script`` it names the server, and the list of scripts
    all the same."""

    host: str
    port: int | None = None
    user: str | None = None
    owner: str | None = None
    script: str | None = None


# sieveurl-script = "sieve://" authority "/" [owner "/"] scriptname
def parse_url(octets: bytes) -> SieveUrl:
    """Raises ``PeerError``."""
    if len(octets) > MAX_URL_OCTETS:
        raise PeerError("The URL is too long")
    if octets[:8].lower() != b"sieve://":
        raise PeerError("This is no sieve URL")
    authority, slash, path = octets[8:].partition(b"/")
    user, host, port = _parse_authority(authority)
    first, second_slash, second = path.partition(b"/")
    if not slash or not path:
        return SieveUrl(host, port, user)
    if not second_slash:
        return SieveUrl(host, port, user, None, _decoded(first, _OCHAR))
    if not second:
        raise PeerError("The URL names an owner and no script")
    return SieveUrl(host, port, user, _decoded(first, _OCHAR), _decoded(second, _OCHAR))


def _parse_authority(authority: bytes) -> tuple[str | None, str, int | None]:
    userinfo, at, server = authority.rpartition(b"@")
    user = _decoded(userinfo, _USER) if at else None
    host, port = server, b""
    if server[:1] == b"[":
        inner, bracket, rest = server[1:].partition(b"]")
        if not bracket or not inner or any(octet not in b"0123456789abcdefABCDEF:." for octet in inner):
            raise PeerError("The URL has no good address")
        if rest and rest[:1] != b":":
            raise PeerError("The URL has no good port")
        host, port = inner, rest[1:]
    elif b":" in server:
        host, _, port = server.partition(b":")
        host = decode_percent(host, _HOST)
    else:
        host = decode_percent(host, _HOST)
    if not host:
        raise PeerError("The URL has no host")
    if port and (not port.isdigit() or len(port) > 5 or not 0 < int(port) < 65536):
        raise PeerError("The URL has no good port")
    return user, _text(host), int(port) if port else None


def _decoded(octets: bytes, allowed: bytes) -> str:
    return _text(decode_percent(octets, allowed))


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PeerError("A name in the URL is not UTF-8") from error


def format_url(url: SieveUrl) -> bytes:
    result = b"sieve://"
    if url.user is not None:
        result += encode_percent(url.user.encode("utf-8"), _SAFE_IN_USER) + b"@"
    host = url.host.encode("utf-8")
    result += b"[" + host + b"]" if b":" in host else encode_percent(host, _HOST)
    if url.port is not None:
        result += b":%d" % url.port
    if url.script is None:
        return result
    if url.owner is not None:
        result += b"/" + encode_percent(url.owner.encode("utf-8"), _OCHAR)
    return result + b"/" + encode_percent(url.script.encode("utf-8"), _OCHAR)
