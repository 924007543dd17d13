"""Modified UTF-7, the encoding of mailbox names (RFC 3501 §5.1.3).

Decoding is strict: a name must be encoded in the one way that the RFC leaves, so that no two spellings mean the same
mailbox. Octets above 127 and control characters are refused.
"""

import binascii
from typing import Final

from verbena.model.errors import PeerError

_AMPERSAND: Final = 0x26
_HYPHEN: Final = 0x2D


def encode(name: str) -> bytes:
    """``name`` in modified UTF-7. Any string without lone surrogates can be encoded."""
    if "&" not in name and name.isascii() and name.isprintable():
        return name.encode("ascii")
    result: list[bytes] = []
    start = 0
    size = len(name)
    at = 0
    while at < size:
        code = ord(name[at])
        if code == _AMPERSAND:
            result.append(b"&-")
            at += 1
        elif 0x20 <= code <= 0x7E:
            result.append(name[at].encode("ascii"))
            at += 1
        else:
            start = at
            while at < size and not 0x20 <= ord(name[at]) <= 0x7E:
                at += 1
            result.append(_encode_run(name[start:at]))
    return b"".join(result)


def _encode_run(run: str) -> bytes:
    octets = binascii.b2a_base64(run.encode("utf-16-be"), newline=False)
    return b"&%b-" % octets.rstrip(b"=").replace(b"/", b",")


def decode(octets: bytes) -> str:
    """The name that ``octets`` encode. Raises ``PeerError`` unless they are modified UTF-7 in its one form."""
    if not octets.isascii():
        raise PeerError("A mailbox name is in modified UTF-7, not in 8-bit characters")
    text = octets.decode("ascii")
    if not text.isprintable():
        raise PeerError("A mailbox name has no control characters")
    if "&" not in text:
        return text
    result: list[str] = []
    at = 0
    while True:
        shift = octets.find(b"&", at)
        if shift < 0:
            result.append(text[at:])
            break
        result.append(text[at:shift])
        end = octets.find(b"-", shift)
        if end < 0:
            raise PeerError("A mailbox name ends within its modified UTF-7")
        result.append("&" if end == shift + 1 else _decode_run(octets[shift + 1 : end]))
        at = end + 1
    name = "".join(result)
    if encode(name) != octets:
        raise PeerError("The mailbox name is not in the shortest form of modified UTF-7")
    return name


def _decode_run(run: bytes) -> str:
    if b"/" in run or b"=" in run:
        raise PeerError("The mailbox name is not modified UTF-7")
    padded = run.replace(b",", b"/") + b"=" * (-len(run) % 4)
    try:
        decoded = binascii.a2b_base64(padded).decode("utf-16-be")
    except ValueError:
        raise PeerError("The mailbox name is not modified UTF-7") from None
    for character in decoded:
        if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0:
            raise PeerError("A mailbox name has no control characters")
    return decoded
