"""Sieve's lexical tokens (RFC 5228 §8.1).

Scripts are octets; identifiers, tags and numbers are folded to lower case, strings are left as written once
backslashes and dot-stuffing are undone. A bare LF is taken for a line end as well as CRLF, since scripts
edited on a disk have it; line ends inside strings become CRLF. A bare CR and NUL are refused.
Limits: a number is at most 2**63-1, a script is bounded by its caller.
"""

from enum import IntEnum
from typing import Final

from verbena.sieve.errors import Place, refuse


class Kind(IntEnum):
    IDENTIFIER = 0
    TAG = 1
    NUMBER = 2
    STRING = 3
    SEPARATOR = 4
    END = 5


class Token:
    """``text`` is the identifier, the tag without its colon, the string's octets, or the separator. Never changed; no
    dataclass, since making one of those takes as long as finding the token."""

    def __init__(self, kind: Kind, text: bytes, number: int, place: Place) -> None:
        self.kind = kind
        self.text = text
        self.number = number
        self.place = place


MAX_NUMBER: Final = 0x7FFFFFFFFFFFFFFF
_LF: Final = 10
_CR: Final = 13
_QUANTIFIERS: Final = {ord("k"): 10, ord("m"): 20, ord("g"): 30}
_SEPARATORS: Final = b"[]{}(),;"


def _is_alpha(octet: int) -> bool:
    return 97 <= octet <= 122 or 65 <= octet <= 90 or octet == 95


def _is_digit(octet: int) -> bool:
    return 48 <= octet <= 57


class Lexer:
    """Cuts ``script`` into tokens, one at a ``next`` call; the last is of kind END again and again."""

    def __init__(self, script: bytes) -> None:
        self._script = script
        self._at = 0
        self._line = 1
        self._line_start = 0

    def next(self) -> Token:
        """Raises ``ScriptError``."""
        self._skip_white_space()
        place = self._place(self._at)
        if self._at >= len(self._script):
            return Token(Kind.END, b"end of script", 0, place)
        octet = self._script[self._at]
        if octet in _SEPARATORS:
            self._at += 1
            return Token(Kind.SEPARATOR, self._script[self._at - 1 : self._at], 0, place)
        if octet == 34:
            return self._quoted(place)
        if _is_digit(octet):
            return self._number(place)
        if octet == 58:
            self._at += 1
            return Token(Kind.TAG, self._word(place, "a tag's name after “:”"), 0, place)
        word = self._word(place, "a command, test, tag, string or number")
        if word == b"text" and self._at < len(self._script) and self._script[self._at] == 58:
            self._at += 1
            return self._multi_line(place)
        return Token(Kind.IDENTIFIER, word, 0, place)

    def _place(self, at: int) -> Place:
        return Place(self._line, at - self._line_start + 1)

    def _new_line(self, at: int) -> None:
        """Note that a line ended with the octet before ``at``."""
        self._line += 1
        self._line_start = at

    def _word(self, place: Place, wanted: str) -> bytes:
        script, start = self._script, self._at
        at = start
        if at < len(script) and _is_alpha(script[at]):
            at += 1
            while at < len(script) and (_is_alpha(script[at]) or _is_digit(script[at])):
                at += 1
        if at == start:
            found = script[start : start + 1].decode("latin-1") or "the end of the script"
            raise refuse(place, f"expected {wanted}, found {found!r}")
        self._at = at
        return script[start:at].lower()

    def _number(self, place: Place) -> Token:
        script, at = self._script, self._at
        number = 0
        while at < len(script) and _is_digit(script[at]):
            number = number * 10 + script[at] - 48
            if number > MAX_NUMBER:
                raise refuse(place, "the number is too large")
            at += 1
        if at < len(script):
            shift = _QUANTIFIERS.get(script[at] | 0x20, 0)
            if shift:
                number <<= shift
                at += 1
        if number > MAX_NUMBER:
            raise refuse(place, "the number is too large")
        if at < len(script) and (_is_alpha(script[at]) or _is_digit(script[at])):
            raise refuse(place, "a number may be followed by K, M or G only")
        self._at = at
        return Token(Kind.NUMBER, script[place.column - 1 + self._line_start : at], number, place)

    def _line_end(self, at: int) -> int:
        """The octets of the line end at ``at``: 2 for CRLF, 1 for LF, 0 when there is none. Refuses a bare CR."""
        script = self._script
        if at < len(script) and script[at] == _LF:
            return 1
        if at < len(script) and script[at] == _CR:
            if at + 1 < len(script) and script[at + 1] == _LF:
                return 2
            raise refuse(self._place(at), "a CR without LF")
        return 0

    def _skip_white_space(self) -> None:
        script = self._script
        while self._at < len(script):
            octet = script[self._at]
            if octet == 32 or octet == 9:
                self._at += 1
            elif octet == _LF or octet == _CR:
                self._at += self._line_end(self._at)
                self._new_line(self._at)
            elif octet == 35:
                self._skip_to_line_end()
            elif octet == 47 and script[self._at + 1 : self._at + 2] == b"*":
                self._skip_bracket_comment()
            else:
                return

    def _skip_to_line_end(self) -> None:
        end = self._script.find(b"\n", self._at)
        if end < 0:
            end = len(self._script)
        elif self._script[end - 1] == _CR:
            end -= 1
        if b"\0" in self._script[self._at : end]:
            raise refuse(self._place(self._at), "a NUL in a comment")
        self._at = end

    def _skip_bracket_comment(self) -> None:
        place = self._place(self._at)
        end = self._script.find(b"*/", self._at + 2)
        if end < 0:
            raise refuse(place, "this comment has no “*/”")
        if b"\0" in self._script[self._at : end]:
            raise refuse(place, "a NUL in a comment")
        line = self._script.find(b"\n", self._at, end)
        while line >= 0:
            self._new_line(line + 1)
            line = self._script.find(b"\n", line + 1, end)
        self._at = end + 2

    def _quoted(self, place: Place) -> Token:
        script, at = self._script, self._at + 1
        text = bytearray()
        while at < len(script):
            octet = script[at]
            if octet == 34:
                self._at = at + 1
                return Token(Kind.STRING, bytes(text), 0, place)
            ending = self._line_end(at) if octet == _LF or octet == _CR else 0
            if ending:
                text += b"\r\n"
                at += ending
                self._new_line(at)
                continue
            if octet == 92 and at + 1 < len(script) and script[at + 1] not in (_CR, _LF):
                at += 1
                octet = script[at]
            if octet == 0:
                raise refuse(self._place(at), "a NUL in a string; write it as ${hex:00} with “encoded-character”")
            text.append(octet)
            at += 1
        raise refuse(place, "this string has no closing quote")

    def _multi_line(self, place: Place) -> Token:
        script = self._script
        while self._at < len(script) and script[self._at] in b" \t":
            self._at += 1
        if self._at < len(script) and script[self._at] == 35:
            self._skip_to_line_end()
        ending = self._line_end(self._at)
        if not ending:
            raise refuse(self._place(self._at), "“text:” must be followed by a line end")
        self._at += ending
        self._new_line(self._at)
        lines: list[bytes] = []
        while self._at < len(script):
            end = script.find(b"\n", self._at)
            if end < 0:
                break
            line = script[self._at : end - 1 if script[end - 1] == _CR and end > self._at else end]
            if b"\0" in line or b"\r" in line:
                raise refuse(self._place(self._at), "a NUL or a CR without LF in a string")
            self._at = end + 1
            self._new_line(self._at)
            if line == b".":
                return Token(Kind.STRING, b"".join(lines), 0, place)
            lines.append((line[1:] if line[:2] == b".." else line) + b"\r\n")
        raise refuse(place, "this text has no line of a single dot to end it")
