"""Cut a ManageSieve byte stream into commands, or into responses: lines with the literals in them (RFC 5804 §1.2, §4).

Full, for server and client. Octets in, ``Frame`` values out; no I/O. A frame is cut before it is understood, so that a
bad command never swallows the next: a literal is announced by ``{n+}`` (from a server: ``{n}``) at a line's end, after
a blank, a parenthesis or nothing, and never inside a quoted string.

A client that sends ``{n}`` waits for nobody: what follows can not be told from commands, so that is fatal; so is a
line that does not end in CRLF. A literal over its limit is read and dropped up to ``skip_octets``.

Tolerance: a server's literal may be written ``{n+}``, as drafts before RFC 5804 had it.
"""

from dataclasses import dataclass
from typing import Final

from verbena.model.errors import PeerError, Refused
from verbena.model.reason import Reason
from verbena.wire.buffer import ReceiveBuffer

MAX_LINE_OCTETS: Final = 16_384
"""Of one line; two names and a long SASL response fit."""
MAX_LITERALS: Final = 8
"""In one frame."""
_MAX_DIGITS: Final = 10
_MAX_NUMBER: Final = 0xFFFFFFFF
_UNREAD_OCTETS: Final = 1 << 20

_QUOTE: Final = 34
_BACKSLASH: Final = 92
_BEFORE_LITERAL: Final = b" ("


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Octets. ``literal_octets`` bounds all literals of one frame; beyond it, a literal of up to ``skip_octets`` is
    dropped and the frame rejected, a longer one ends the stream."""

    literal_octets: int
    skip_octets: int


LIMITS_BEFORE_LOGIN: Final = FrameLimits(MAX_LINE_OCTETS, 0)
LIMITS_AFTER_LOGIN: Final = FrameLimits(2 << 20, 64 << 20)
LIMITS_OF_RESPONSES: Final = FrameLimits(16 << 20, 0)


@dataclass(frozen=True, slots=True)
class Frame:
    """``literals[i]`` stands between ``texts[i]`` and ``texts[i + 1]``, whose last is the rest of the last line."""

    texts: tuple[bytes, ...]
    literals: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A frame that was read to its end and not kept; ``text`` is its beginning."""

    text: bytes
    error: Refused


class FrameReader:
    """The receiving half of one connection; ``responses`` for a client's."""

    def __init__(self, limits: FrameLimits, responses: bool = False) -> None:
        self._limits = limits
        self._responses = responses
        self._buffer = ReceiveBuffer(_UNREAD_OCTETS)
        self._texts: list[bytes] = []
        self._literals: list[bytes] = []
        self._pieces: list[bytes] = []
        self._literal_left = -1
        self._kept_octets = 0
        self._error: Refused | None = None

    def set_limits(self, limits: FrameLimits) -> None:
        """For frames from here on."""
        self._limits = limits

    def feed(self, data: bytes) -> None:
        """Add what arrived; take all frames before feeding more. Raises a fatal ``PeerError``."""
        self._buffer.feed(data)

    def take_unread(self) -> bytes:
        """What arrived and was not read."""
        return self._buffer.take_all()

    def next_frame(self) -> Frame | Rejected | None:
        """None until one is complete. Raises a fatal ``PeerError`` when the stream can not be followed any further."""
        while True:
            if self._literal_left >= 0:
                if not self._literal():
                    return None
                continue
            line = self._buffer.line(MAX_LINE_OCTETS)
            if line is None:
                return None
            if not self._buffer.ended_by_crlf:
                raise PeerError("A line ends in CRLF", True)
            start = _announced(line)
            if start < 0:
                self._texts.append(line)
                return self._finished()
            self._texts.append(line[:start])
            self._open_literal(line, start)

    def _open_literal(self, line: bytes, start: int) -> None:
        has_plus = line[-2] == 43
        if not has_plus and not self._responses:
            raise PeerError("A literal to the server is announced by {number+}", True)
        size = int(line[start + 1 : -2 if has_plus else -1])
        if len(self._texts) > MAX_LITERALS:
            raise PeerError("Too many literals", True)
        if size > _MAX_NUMBER or size > max(self._limits.literal_octets, self._limits.skip_octets):
            raise PeerError("The literal is too long", True)
        self._literal_left = size
        self._kept_octets += size
        if self._kept_octets > self._limits.literal_octets:
            if self._limits.skip_octets == 0:
                raise PeerError("The literals are too long", True)
            self._error = Refused(Reason.TOO_BIG, f"At most {self._limits.literal_octets} octets are taken")
            self._pieces.clear()
            self._literals.clear()

    def _literal(self) -> bool:
        """Take what is there of a literal; whether it is complete."""
        while self._literal_left:
            piece = self._buffer.take(self._literal_left)
            if not piece:
                return False
            self._literal_left -= len(piece)
            if self._error is None:
                self._pieces.append(piece)
        self._literal_left = -1
        self._literals.append(b"".join(self._pieces))
        self._pieces.clear()
        return True

    def _finished(self) -> Frame | Rejected:
        error = self._error
        result = Frame(tuple(self._texts), tuple(self._literals)) if error is None else Rejected(self._texts[0], error)
        self._texts.clear()
        self._literals.clear()
        self._kept_octets = 0
        self._error = None
        return result


def _announced(line: bytes) -> int:
    """Where ``{number}`` or ``{number+}`` begins that ends ``line``; -1 when no literal follows."""
    if line[-1:] != b"}":
        return -1
    start = line.rfind(b"{")
    if start < 0 or (start > 0 and line[start - 1] not in _BEFORE_LITERAL):
        return -1
    digits = line[start + 1 : -1]
    if digits[-1:] == b"+":
        digits = digits[:-1]
    if not digits.isdigit() or len(digits) > _MAX_DIGITS or _in_quotes(line, start):
        return -1
    return start


def _in_quotes(line: bytes, end: int) -> bool:
    """Whether a quoted string is open at ``end``."""
    if line.find(b'"', 0, end) < 0:
        return False
    quoted = False
    at = 0
    while at < end:
        octet = line[at]
        if octet == _QUOTE:
            quoted = not quoted
        elif octet == _BACKSLASH and quoted:
            at += 1
        at += 1
    return quoted
