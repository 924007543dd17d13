"""ManageSieve's tokens: atoms, numbers and strings, read from a frame and written (RFC 5804 §4). Full.

Tolerance: a quoted string may be longer than 1024 octets, up to the line's limit.
"""

from typing import Final

from verbena.model.errors import PeerError
from verbena.wire.managesieve.frame import Frame

MAX_QUOTED_OCTETS: Final = 1024
"""Longer strings are written as literals."""
MAX_ATOM_OCTETS: Final = 1024
MAX_NUMBER: Final = 0xFFFFFFFF

_SP: Final = 32
_QUOTE: Final = 34
_BACKSLASH: Final = 92


def is_atom_octet(octet: int) -> bool:
    """ATOM-CHAR."""
    return 0x21 <= octet <= 0x7E and octet not in b'"(){\\'


class Cursor:
    """Reads a frame from left to right. Every method raises ``PeerError`` where its token is not."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._piece = 0
        self._text = frame.texts[0]
        self._pos = 0

    @property
    def at_end(self) -> bool:
        return self._pos == len(self._text) and self._piece == len(self._frame.literals)

    def end(self) -> None:
        if not self.at_end:
            raise PeerError("Nothing more is expected here")

    def sp(self) -> None:
        if not self.take_if(_SP):
            raise PeerError("A blank is expected")

    def take_if(self, octet: int) -> bool:
        """Step over ``octet`` if it is next."""
        if self._pos < len(self._text) and self._text[self._pos] == octet:
            self._pos += 1
            return True
        return False

    def peek(self) -> int:
        """The next octet; -1 at a literal and at the end."""
        return self._text[self._pos] if self._pos < len(self._text) else -1

    @property
    def at_string(self) -> bool:
        if self._pos == len(self._text):
            return self._piece < len(self._frame.literals)
        return self._text[self._pos] == _QUOTE

    # atom = 1*1024ATOM-CHAR
    def atom(self) -> bytes:
        start = at = self._pos
        text = self._text
        while at < len(text) and is_atom_octet(text[at]):
            at += 1
        if at == start or at - start > MAX_ATOM_OCTETS:
            raise PeerError("A word is expected")
        self._pos = at
        return text[start:at]

    def keyword(self) -> str:
        """An atom in capitals."""
        return self.atom().decode("ascii").upper()

    # number = (NZDIGIT *DIGIT) / "0"
    def number(self) -> int:
        start = at = self._pos
        text = self._text
        while at < len(text) and 48 <= text[at] <= 57:
            at += 1
        digits = text[start:at]
        if not digits or len(digits) > 10 or (digits[0] == 48 and len(digits) > 1) or int(digits) > MAX_NUMBER:
            raise PeerError("A number is expected")
        self._pos = at
        return int(digits)

    # string = quoted / literal-c2s / literal-s2c
    def string(self) -> bytes:
        if self._pos == len(self._text) and self._piece < len(self._frame.literals):
            literal = self._frame.literals[self._piece]
            self._piece += 1
            self._text = self._frame.texts[self._piece]
            self._pos = 0
            return literal
        if not self.take_if(_QUOTE):
            raise PeerError("A string is expected")
        return self._quoted()

    def _quoted(self) -> bytes:
        text = self._text
        result = bytearray()
        at = self._pos
        while at < len(text):
            octet = text[at]
            if octet == _QUOTE:
                self._pos = at + 1
                return bytes(result)
            if octet == _BACKSLASH:
                at += 1
                if at == len(text) or text[at] not in b'"\\':
                    raise PeerError("In quotes, a backslash stands before a quote or a backslash only")
                octet = text[at]
            elif octet in b"\x00\r\n":
                raise PeerError("A string in quotes has no NUL and no line end")
            result.append(octet)
            at += 1
        raise PeerError("The closing quote is missing")

    def text(self) -> str:
        """A string that is UTF-8."""
        try:
            return self.string().decode("utf-8")
        except UnicodeDecodeError as error:
            raise PeerError("A string is not UTF-8") from error


def format_string(octets: bytes, to_server: bool = False) -> bytes:
    """Quoted where it may be, else a literal."""
    quoted = octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    if len(quoted) <= MAX_QUOTED_OCTETS and not any(octet in b"\x00\r\n" for octet in octets) and _is_utf8(octets):
        return b'"' + quoted + b'"'
    return b"{%d%b}\r\n%b" % (len(octets), b"+" if to_server else b"", octets)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
