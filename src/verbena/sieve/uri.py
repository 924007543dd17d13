"""URIs, as far as notification methods need them (RFC 3986 §2, §3)."""

from typing import Final

MAX_URI_OCTETS: Final = 4096
_UNRESERVED: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_HEX: Final = b"0123456789ABCDEFabcdef"
_IN_URI: Final = _UNRESERVED + b":/?#[]@!$&'()*+,;=%"


def encode_percent(text: bytes) -> bytes:
    """Every octet that is not unreserved as ``%XX`` (RFC 5435 §6)."""
    result = bytearray()
    for octet in text:
        if octet in _UNRESERVED:
            result.append(octet)
        else:
            result += b"%%%02X" % octet
    return bytes(result)


def decode_percent(text: bytes) -> bytes | None:
    """None where a ``%`` has no two hex digits behind it."""
    if b"%" not in text:
        return text
    result = bytearray()
    at = 0
    while at < len(text):
        if text[at] != 37:
            result.append(text[at])
            at += 1
            continue
        pair = text[at + 1 : at + 3]
        if len(pair) != 2 or pair[0] not in _HEX or pair[1] not in _HEX:
            return None
        result.append(int(pair, 16))
        at += 3
    return bytes(result)


def scheme_of(uri: bytes) -> bytes:
    """The scheme in lower case; empty where there is none (RFC 3986 §3.1)."""
    scheme, colon, _ = uri.partition(b":")
    if not colon or not scheme or not 97 <= scheme[0] | 32 <= 122:
        return b""
    for octet in scheme:
        if not (97 <= octet | 32 <= 122 or 48 <= octet <= 57 or octet in b"+-."):
            return b""
    return scheme.lower()


def is_uri(uri: bytes) -> bool:
    """Whether all of it may stand in a URI, and each ``%`` is well-formed."""
    if len(uri) > MAX_URI_OCTETS or not scheme_of(uri):
        return False
    return all(octet in _IN_URI for octet in uri) and decode_percent(uri) is not None


def parse_query(query: bytes, separator: bytes) -> list[tuple[bytes, bytes]] | None:
    """``name=value`` pairs, decoded, names in lower case; None for a pair without ``=`` or a malformed one."""
    result: list[tuple[bytes, bytes]] = []
    if not query:
        return result
    for pair in query.split(separator):
        written_name, equals, written_value = pair.partition(b"=")
        name, value = decode_percent(written_name), decode_percent(written_value)
        if not equals or not name or value is None:
            return None
        result.append((name.lower(), value))
    return result
