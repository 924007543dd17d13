"""SASLprep: names and passwords in the one form in which they compare (RFC 4013, a profile of RFC 3454).

Full. A query string may hold code points that Unicode 3.2 had not assigned, a stored string may not (RFC 3454 §7).
"""

import stringprep
import unicodedata
from typing import Final

from verbena.model.errors import PeerError

MAX_PREPARED_CHARS: Final = 1024


def saslprep(text: str, stored: bool = False) -> str:
    """``text`` mapped, normalised and checked (RFC 4013 §2). Raises ``PeerError`` for what is prohibited or too
    long.
    """
    if len(text) > MAX_PREPARED_CHARS:
        raise PeerError("name or password too long")
    if text.isascii() and text.isprintable():
        return text
    mapped: list[str] = []
    for char in text:
        if stringprep.in_table_c12(char):
            mapped.append(" ")
        elif not stringprep.in_table_b1(char):
            mapped.append(char)
    result = unicodedata.ucd_3_2_0.normalize("NFKC", "".join(mapped))
    for char in result:
        if _is_prohibited(char) or (stored and stringprep.in_table_a1(char)):
            raise PeerError("prohibited character in name or password")
    _check_bidi(result)
    return result


def prepare_octets(octets: bytes, stored: bool = False) -> str:
    """``saslprep`` of UTF-8 text. Raises ``PeerError`` also for octets that are not UTF-8."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PeerError("name or password is not UTF-8") from error
    return saslprep(text, stored)


def _is_prohibited(char: str) -> bool:
    """RFC 4013 §2.3."""
    return (
        stringprep.in_table_c12(char)
        or stringprep.in_table_c21_c22(char)
        or stringprep.in_table_c3(char)
        or stringprep.in_table_c4(char)
        or stringprep.in_table_c5(char)
        or stringprep.in_table_c6(char)
        or stringprep.in_table_c7(char)
        or stringprep.in_table_c8(char)
        or stringprep.in_table_c9(char)
    )


def _check_bidi(text: str) -> None:
    """A string with right-to-left letters begins and ends with one and has no left-to-right letter (RFC 3454 §6)."""
    has_right_to_left = False
    has_left_to_right = False
    for char in text:
        if stringprep.in_table_d1(char):
            has_right_to_left = True
        elif stringprep.in_table_d2(char):
            has_left_to_right = True
    if not has_right_to_left:
        return
    if has_left_to_right or not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise PeerError("name or password mixes directions")
