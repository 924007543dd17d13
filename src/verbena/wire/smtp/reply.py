"""Replies with enhanced status codes (RFC 5321 §4.2, RFC 2034, RFC 3463). Full.

A reply has one line or several; ``enhanced`` stands at the start of each line. What a reply says can not break its
line: control characters and non-ASCII become ``?`` (RFC 6531 §3.7.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from verbena.model.errors import PeerError

MAX_REPLY_LINES: Final = 200
MAX_REPLY_LINE_OCTETS: Final = 2048


@dataclass(frozen=True, slots=True)
class Reply:
    """``code`` 200 to 599; ``enhanced`` such as ``2.1.0`` or empty; ``lines`` at least one, without codes and CRLF."""

    code: int
    enhanced: str
    lines: tuple[bytes, ...]

    @property
    def text(self) -> str:
        return b" ".join(self.lines).decode("ascii", "replace")


def reply(code: int, enhanced: str, text: str) -> Reply:
    """A reply of one line."""
    return Reply(code, enhanced, (reply_text(text),))


def reply_text(text: str) -> bytes:
    """``text`` as octets that are safe in a reply."""
    if text.isascii() and text.isprintable():
        return text.encode("ascii")
    result = bytearray()
    for character in text:
        number = ord(character)
        result.append(number if 32 <= number < 127 else 63)
    return bytes(result)


def format_reply(value: Reply) -> bytes:
    """The reply with CRLFs."""
    code = b"%d" % value.code
    enhanced = value.enhanced.encode() + b" " if value.enhanced else b""
    result = bytearray()
    last = len(value.lines) - 1
    for place, line in enumerate(value.lines):
        result += code
        result += b" " if place == last else b"-"
        result += enhanced
        result += line
        result += b"\r\n"
    return bytes(result)


def is_last_reply_line(line: bytes) -> bool:
    """Whether ``line`` (without CRLF) ends a reply. Raises ``PeerError`` when it is no reply line."""
    if len(line) < 3 or not line[:3].isdigit() or not 50 <= line[0] <= 53:
        raise PeerError("Not an SMTP reply", fatal=True)
    if len(line) > 3 and line[3] not in b" -":
        raise PeerError("Not an SMTP reply", fatal=True)
    return len(line) == 3 or line[3] != 45


def parse_reply(lines: Sequence[bytes]) -> Reply:
    """The reply of these lines (without CRLF), the last of which ``is_last_reply_line``.

    An enhanced code is taken from the first line, and from the others where they have the same.
    """
    if not 1 <= len(lines) <= MAX_REPLY_LINES:
        raise PeerError("Reply has too many lines", fatal=True)
    code = lines[0][:3]
    texts: list[bytes] = []
    enhanced = b""
    for place, line in enumerate(lines):
        if line[:3] != code or is_last_reply_line(line) != (place == len(lines) - 1):
            raise PeerError("Reply with mixed codes", fatal=True)
        text = line[4:]
        if place == 0:
            enhanced = _enhanced_code(text, code[0])
        if enhanced and (text == enhanced or text.startswith(enhanced + b" ")):
            text = text[len(enhanced) + 1 :]
        texts.append(text)
    return Reply(int(code), enhanced.decode(), tuple(texts))


# statuscode = ("2" / "4" / "5") "." 1*3DIGIT "." 1*3DIGIT (RFC 3463 §2)
def _enhanced_code(text: bytes, code_class: int) -> bytes:
    word = text.partition(b" ")[0]
    parts = word.split(b".")
    if len(parts) != 3 or len(parts[0]) != 1 or parts[0][0] != code_class or code_class not in b"245":
        return b""
    for part in parts:
        if not part.isdigit() or len(part) > 3:
            return b""
    return word
