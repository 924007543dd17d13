"""Stage one of IMAP: cut the octets that arrive into commands (or responses) and their literals.

RFC 3501 §2.2 and §4.3, RFC 7888 (LITERAL+, LITERAL-), RFC 3516 and RFC 4466 (literal8). Sans-IO: ``feed`` octets,
then call ``next_event`` until it gives None.

- A whole command is one ``Frame``: its text, and for each literal in it the literal and the text that follows.
  Most commands are one line, which costs one call.
- At each literal a ``LiteralStart`` comes first, and the caller decides: ``accept`` (kept in memory), ``stream``
  (``LiteralPiece`` events follow), or ``refuse``. Where the literal is synchronizing and was accepted or streamed,
  the caller sends the continuation request.
- A command that breaks a limit or was refused is followed to its end and then given as one ``Rejected``, so that it
  never swallows the next one. Nothing of it is executed.
- A stream that can not be followed any further raises ``PeerError(fatal=True)``: an endless line, a literal too long
  to be skipped.

Limits: ``FrameLimits``. A line may end with a bare LF unless ``accept_bare_lf`` is false (some scripts and old clients
send it). NUL is refused in text and in a literal, allowed in a literal8.
"""

from dataclasses import dataclass
from typing import Final, final

from verbena.model.errors import PeerError, Refused, VerbenaError
from verbena.model.reason import Reason
from verbena.wire.buffer import ReceiveBuffer


@dataclass(frozen=True, slots=True)
class FrameLimits:
    """Bounds of one command, in octets unless named otherwise."""

    line_octets: int = 65_536
    """one line, without its end"""
    literal_octets: int = 65_536
    """one literal kept in memory"""
    literals: int = 10_000
    """number of literals in one command"""
    command_octets: int = 1_048_576
    """all text and all literals kept in memory of one command; streamed literals do not count"""
    skip_octets: int = 134_217_728
    """refused non-synchronizing literals of one command that are read and dropped before the connection is given up"""


LIMITS_BEFORE_LOGIN: Final = FrameLimits(
    line_octets=8_192, literal_octets=4_096, literals=8, command_octets=16_384, skip_octets=65_536
)
LIMITS_AFTER_LOGIN: Final = FrameLimits()


@final
class Literal:
    """A literal's octets; ``binary`` for a literal8. Of a streamed one the octets are gone and ``octets`` is empty."""

    __slots__ = ("binary", "octets")

    def __init__(self, octets: bytes, binary: bool = False) -> None:
        self.octets = octets
        self.binary = binary

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Literal) and self.octets == other.octets and self.binary == other.binary

    def __hash__(self) -> int:
        return hash((self.octets, self.binary))

    def __repr__(self) -> str:
        return f"Literal({len(self.octets)} octets)"


@final
class Frame:
    """One whole command or response: ``text``, then ``literals[0]``, ``texts[0]``, ``literals[1]``, ``texts[1]`` …

    Texts come without line ends and without the ``{n}`` that announced a literal.
    """

    __slots__ = ("literals", "text", "texts")

    def __init__(self, text: bytes, literals: tuple[Literal, ...] = (), texts: tuple[bytes, ...] = ()) -> None:
        self.text = text
        self.literals = literals
        self.texts = texts

    @property
    def last_text(self) -> bytes:
        """What follows the last literal; the whole text where there is none."""
        return self.texts[-1] if self.texts else self.text

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Frame)
            and self.text == other.text
            and self.literals == other.literals
            and self.texts == other.texts
        )

    def __hash__(self) -> int:
        return hash((self.text, self.literals, self.texts))

    def __repr__(self) -> str:
        return f"Frame({len(self.text)} octets, {len(self.literals)} literals)"


@final
class LiteralStart:
    """A literal of ``size_octets`` is announced; answer with ``accept``, ``stream`` or ``refuse``.

    ``text`` is what came since the command's start (``index`` 0) or since the literal before.
    """

    __slots__ = ("binary", "index", "size_octets", "synchronizing", "text")

    def __init__(self, text: bytes, index: int, size_octets: int, synchronizing: bool, binary: bool) -> None:
        self.text = text
        self.index = index
        self.size_octets = size_octets
        self.synchronizing = synchronizing
        self.binary = binary


@final
class LiteralPiece:
    """The next octets of a streamed literal; ``last`` with its end. An empty literal gives one empty, last piece."""

    __slots__ = ("last", "octets")

    def __init__(self, octets: bytes, last: bool) -> None:
        self.octets = octets
        self.last = last


@final
class Rejected:
    """A command that was followed to its end and must be answered with ``error``: BAD for ``PeerError``, NO for
    ``Refused``. ``text`` is its first text, which has the tag."""

    __slots__ = ("error", "text")

    def __init__(self, text: bytes, error: VerbenaError) -> None:
        self.text = text
        self.error = error


Event = Frame | LiteralStart | LiteralPiece | Rejected

_TEXT: Final = 0
_DECIDE: Final = 1
_MEMORY: Final = 2
_STREAM: Final = 3
_SKIP: Final = 4
_SKIP_TEXT: Final = 5
_REJECTED: Final = 6
_BROKEN: Final = 7

_CLOSE_BRACE: Final = 0x7D
_OPEN_BRACE: Final = 0x7B
_PLUS: Final = 0x2B
_TILDE: Final = 0x7E
_ZERO: Final = 0x30
_NINE: Final = 0x39
_MOST_DIGITS: Final = 18

CONTINUE: Final = b"+ Ready for the literal\r\n"


@final
class FrameReader:
    """Cuts one connection's incoming octets. ``responses`` is true at a client, whose input are responses."""

    def __init__(
        self, limits: FrameLimits = LIMITS_AFTER_LOGIN, accept_bare_lf: bool = True, responses: bool = False
    ) -> None:
        self._limits = limits
        self._accept_bare_lf = accept_bare_lf
        self._responses = responses
        self._buffer = ReceiveBuffer()
        self._state = _TEXT
        self._command = _Collected()
        self._size = 0
        self._binary = False
        self._synchronizing = False

    def set_limits(self, limits: FrameLimits) -> None:
        """Other limits from the next line on, as after a login."""
        self._limits = limits

    def feed(self, data: bytes) -> None:
        """Add what arrived. Call when ``next_event`` gave None; raises a fatal ``PeerError`` over 1 MiB unread."""
        self._buffer.feed(data)

    @property
    def unread_octets(self) -> int:
        return len(self._buffer)

    @property
    def between_commands(self) -> bool:
        """Nothing of a command has been read yet (though its octets may have arrived)."""
        return self._state == _TEXT and not self._command.begun

    def take_unread(self) -> bytes:
        """Hand back what arrived and was not read, and forget it: for STARTTLS and COMPRESS."""
        return self._buffer.take_all()

    def next_line(self) -> bytes | None:
        """The next line as it is, for what follows AUTHENTICATE's and IDLE's continuation requests.

        None when it is not all there yet. Only between commands. Raises a fatal ``PeerError`` for an endless line.
        """
        return self._buffer.line(self._limits.line_octets)

    def next_event(self) -> Event | None:
        """What comes next; None when more octets are needed, or a decision on the last ``LiteralStart``.

        Raises a fatal ``PeerError`` when the stream can not be followed, at each call from then on.
        """
        while True:
            state = self._state
            if state == _TEXT:
                line = self._line()
                if line is None:
                    return None
                event = self._text_ended(line)
                if event is not None:
                    return event
            elif state == _STREAM:
                return self._piece()
            elif state == _REJECTED:
                return self._rejected()
            elif state == _DECIDE or not self._step(state):
                return None

    def accept(self) -> bool:
        """Keep the announced literal in memory.

        False when that would break a limit: the command is refused then and no continuation request may be sent.
        """
        self._must_decide()
        command = self._command
        limits = self._limits
        if self._size > limits.literal_octets or command.octets + self._size > limits.command_octets:
            self.refuse(Refused(Reason.TOO_BIG, "The literal is too long here"))
            return False
        command.octets += self._size
        self._state = _MEMORY
        return True

    def stream(self) -> None:
        """Give the announced literal in pieces."""
        self._must_decide()
        self._state = _STREAM

    def refuse(self, error: VerbenaError) -> None:
        """Refuse the announced literal and with it the command: ``Rejected`` with ``error`` comes at its end.

        That is at once for a synchronizing literal, which the client then does not send. Raises a fatal ``PeerError``
        when a non-synchronizing one is too long to be skipped.
        """
        self._must_decide()
        if self._command.error is None:
            self._command.error = error
        self._skip_literal()

    def _must_decide(self) -> None:
        if self._state != _DECIDE:
            raise AssertionError("no literal waits for a decision")

    def _line(self) -> bytes | None:
        try:
            return self._buffer.line(self._limits.line_octets)
        except PeerError:
            self._state = _BROKEN
            raise

    def _text_ended(self, line: bytes) -> Event | None:
        """A line is there: the command's end, or a literal's start."""
        command = self._command
        end = len(line)
        if line.find(b"\0") >= 0:
            command.fail("NUL is not allowed in a command")
        if not self._buffer.ended_by_crlf and not self._accept_bare_lf:
            command.fail("A line must end with CRLF")
        if end == 0 or line[end - 1] != _CLOSE_BRACE or not self._announced(line):
            return self._ended(line)
        text = line[: self._marker_start(line)]
        command.add_text(text)
        self._check(len(text))
        if command.error is not None:
            self._skip_literal()
            return None
        self._state = _DECIDE
        return LiteralStart(text, len(command.literals), self._size, self._synchronizing, self._binary)

    def _check(self, text_octets: int) -> None:
        command = self._command
        command.octets += text_octets
        if command.octets > self._limits.command_octets:
            command.fail("The command is too long")
        if len(command.literals) >= self._limits.literals:
            command.fail("Too many literals in one command")

    def _ended(self, line: bytes) -> Event:
        """The command is whole."""
        command = self._command
        if not command.begun and command.error is None:
            return Frame(line)
        command.add_text(line)
        if command.octets + len(line) > self._limits.command_octets:
            command.fail("The command is too long")
        if command.error is not None:
            return self._rejected()
        self._command = _Collected()
        return Frame(command.text, tuple(command.literals), tuple(command.texts))

    def _rejected(self) -> Rejected:
        command = self._command
        self._command = _Collected()
        self._state = _TEXT
        error = command.error
        if error is None:
            raise AssertionError("a command is rejected for a reason")
        return Rejected(command.text, error)

    # literal = "{" number ["+"] "}" CRLF *CHAR8          (RFC 7888 §8)
    # literal8 = "~{" number ["+"] "}" CRLF *OCTET        (RFC 4466 §3)
    def _announced(self, line: bytes) -> bool:
        """Whether ``line``, which ends with a brace, announces a literal; its size and kind are noted."""
        at = len(line) - 2
        synchronizing = True
        if at >= 0 and line[at] == _PLUS:
            synchronizing = False
            at -= 1
        last = at
        while at >= 0 and _ZERO <= line[at] <= _NINE:
            at -= 1
        if at < 0 or at == last or line[at] != _OPEN_BRACE:
            return False
        if self._responses and not self._command.begun and _is_status(line):
            return False
        if last - at > _MOST_DIGITS:
            self._state = _BROKEN
            raise PeerError("The literal's size is not a size", True)
        self._size = int(line[at + 1 : last + 1])
        self._synchronizing = synchronizing and not self._responses
        self._binary = at > 0 and line[at - 1] == _TILDE
        return True

    def _marker_start(self, line: bytes) -> int:
        at = line.rfind(b"{")
        return at - 1 if self._binary else at

    def _skip_literal(self) -> None:
        """The command is lost: drop the literal where it comes whatever we say, else end here."""
        if self._synchronizing:
            self._state = _REJECTED
            return
        self._command.skipped_octets += self._size
        if self._command.skipped_octets > self._limits.skip_octets:
            self._state = _BROKEN
            raise PeerError("The literal is too long", True)
        self._state = _SKIP

    def _step(self, state: int) -> bool:
        """Go on in a state that yields no event itself; False when octets are missing."""
        if state == _MEMORY:
            return self._gather()
        if state == _SKIP:
            return self._skip()
        if state == _SKIP_TEXT:
            return self._skip_text()
        raise PeerError("The stream can not be followed any further", True)

    def _gather(self) -> bool:
        if self._size:
            piece = self._buffer.take(self._size)
            if not piece:
                return False
            self._command.pieces.append(piece)
            self._size -= len(piece)
            if self._size:
                return False
        self._command.literal_ended(self._binary)
        self._state = _TEXT
        return True

    def _piece(self) -> LiteralPiece | None:
        piece = b""
        if self._size:
            piece = self._buffer.take(self._size)
            if not piece:
                return None
            self._size -= len(piece)
            if not self._binary and piece.find(b"\0") >= 0:
                self._command.fail("NUL is only allowed in a literal8")
        if self._size:
            return LiteralPiece(piece, False)
        self._command.literals.append(Literal(b"", self._binary))
        self._state = _TEXT
        return LiteralPiece(piece, True)

    def _skip(self) -> bool:
        while self._size:
            piece = self._buffer.take(self._size)
            if not piece:
                return False
            self._size -= len(piece)
        self._state = _SKIP_TEXT
        return True

    def _skip_text(self) -> bool:
        line = self._line()
        if line is None:
            return False
        if line and line[len(line) - 1] == _CLOSE_BRACE and self._announced(line):
            self._skip_literal()
        else:
            self._state = _REJECTED
        return True


@final
class _Collected:
    """What has been read of the command in progress."""

    __slots__ = ("begun", "error", "literals", "octets", "pieces", "skipped_octets", "text", "texts")

    def __init__(self) -> None:
        self.begun = False
        self.text = b""
        self.texts: list[bytes] = []
        self.literals: list[Literal] = []
        self.pieces: list[bytes] = []
        self.octets = 0
        self.skipped_octets = 0
        self.error: VerbenaError | None = None

    def add_text(self, text: bytes) -> None:
        if self.begun:
            self.texts.append(text)
        else:
            self.text = text
            self.begun = True

    def fail(self, told: str) -> None:
        """Note the command's first fault."""
        if self.error is None:
            self.error = PeerError(told)

    def literal_ended(self, binary: bool) -> None:
        octets = b"".join(self.pieces)
        self.pieces.clear()
        if not binary and octets.find(b"\0") >= 0:
            self.fail("NUL is only allowed in a literal8")
        self.literals.append(Literal(octets, binary))


def _is_status(line: bytes) -> bool:
    """Whether a response is a status or continuation line, whose human text may end like a literal's start."""
    if line.startswith(b"+"):
        return True
    words = line[:200].split(b" ", 2)
    return len(words) > 1 and words[1].upper() in _STATUS_WORDS


_STATUS_WORDS: Final = (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH")


def encode_frame(frame: Frame, literal_plus: bool) -> list[bytes]:
    """The octets of a command, cut where its sender must wait for a continuation request.

    With ``literal_plus`` nothing has to be waited for and the list has one element (RFC 7888 §3).
    """
    result: list[bytes] = []
    pending: list[bytes] = [frame.text]
    for literal, text in zip(frame.literals, frame.texts, strict=True):
        mark = b"~{%d" if literal.binary else b"{%d"
        pending.append(mark % len(literal.octets) + (b"+}\r\n" if literal_plus else b"}\r\n"))
        if not literal_plus:
            result.append(b"".join(pending))
            pending.clear()
        pending.append(literal.octets)
        pending.append(text)
    pending.append(b"\r\n")
    result.append(b"".join(pending))
    return result
