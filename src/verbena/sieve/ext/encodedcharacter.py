"""Octets and characters of a string written in hexadecimal: ``${hex:24 24}``, ``${unicode:40}`` (RFC 5228 §2.4.2.4).

*full*. What is not well-formed stays as it is. A NUL can get into a string this way; what takes strings copes.
"""

from typing import Final

from verbena.sieve.check import Checker
from verbena.sieve.errors import Place, refuse
from verbena.sieve.program import Text
from verbena.sieve.registry import Extension

_BLANK: Final = b" \t\r\n"
_HEX_DIGITS: Final = frozenset(b"0123456789abcdefABCDEF")
_HEX: Final = b"${hex:"
_UNICODE: Final = b"${unicode:"


def substitute(checker: Checker, octets: bytes, place: Place) -> Text:
    """Raises ``ScriptError`` for numbers that are no Unicode characters."""
    if b"${" not in octets:
        return Text(octets)
    result = bytearray()
    plain = 0
    at = octets.find(b"${")
    while at >= 0:
        decoded, end = _sequence(octets, at, place)
        if end > at:
            result += octets[plain:at]
            result += decoded
            plain = end
        at = octets.find(b"${", max(end, at + 2))
    result += octets[plain:]
    return Text(bytes(result))


def _sequence(octets: bytes, at: int, place: Place) -> tuple[bytes, int]:
    """What the sequence at ``at`` stands for and the place behind it, which is ``at`` where there is none."""
    head = octets[at : at + len(_UNICODE)].lower()
    unicode = head == _UNICODE
    if not unicode and not head.startswith(_HEX):
        return b"", at
    start = at + len(_UNICODE if unicode else _HEX)
    end = octets.find(b"}", start)
    words = octets[start:end].split() if end >= 0 else []
    if not words or octets[start:end].translate(None, _BLANK + bytes(_HEX_DIGITS)):
        return b"", at
    if unicode:
        return b"".join(_character(word, place) for word in words), end + 1
    if any(len(word) > 2 for word in words):
        return b"", at
    return bytes(int(word, 16) for word in words), end + 1


def _character(word: bytes, place: Place) -> bytes:
    digits = word.lstrip(b"0") or b"0"
    code = int(digits, 16) if len(digits) <= 6 else 0x110000
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise refuse(place, f"“{word[:20].decode()}” is no Unicode character")
    return chr(code).encode()


EXTENSION: Final[Extension] = Extension(rfc=5228, capabilities=(b"encoded-character",), substitute=substitute)
