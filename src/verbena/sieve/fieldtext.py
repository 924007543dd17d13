"""Field names and values that scripts make, so written that they are legal mail (RFC 5322 §2.2, RFC 2047 §5).

No value can end its field: line ends in it become folds, other controls and what is not ASCII go into encoded words.
"""

import binascii
from typing import Final

_WIDTH: Final = 76
_LONGEST_WORD: Final = 900
_WORD_OCTETS: Final = 42
"""Octets in one encoded word: 75 characters less ``=?utf-8?b?…?=``, in groups of three."""


def is_field_name(name: bytes) -> bool:
    """field-name = 1*%d33-57 / %d59-126, here of at most 76 octets"""
    return 0 < len(name) <= 76 and all(32 < octet < 127 and octet != 58 for octet in name)


def format_text_field(name: bytes, value: bytes) -> bytes:
    """What follows the colon of an unstructured field: the value behind a space, folded, without the last line end."""
    words = value.split()
    if _is_plain(value) and all(len(word) <= _LONGEST_WORD for word in words):
        return _folded(len(name) + 1, words)
    return _folded(len(name) + 1, _encoded(b" ".join(value.splitlines())))


def _is_plain(value: bytes) -> bool:
    if b"=?" in value:
        return False
    return all(32 <= octet < 127 or octet in b"\t\r\n" for octet in value)


def _folded(used: int, words: list[bytes]) -> bytes:
    lines: list[bytes] = []
    line = b""
    for word in words:
        if line and used + len(line) + 1 + len(word) > _WIDTH:
            lines.append(line)
            line, used = b"", 0
        line += b" " + word
    lines.append(line)
    return b"\r\n".join(lines)


def _encoded(value: bytes) -> list[bytes]:
    """Encoded words, cut between characters."""
    result: list[bytes] = []
    text = value.decode("utf-8", "replace")
    piece = b""
    for character in text:
        octets = character.encode("utf-8", "replace")
        if len(piece) + len(octets) > _WORD_OCTETS:
            result.append(_word(piece))
            piece = b""
        piece += octets
    result.append(_word(piece))
    return result


def _word(octets: bytes) -> bytes:
    return b"=?utf-8?b?" + binascii.b2a_base64(octets, newline=False) + b"?="
