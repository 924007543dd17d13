"""APPEND read as its literals stream: MULTIAPPEND (RFC 3502), CATENATE (RFC 4469), literal8 (RFC 3516, RFC 4466 §3).

``AppendParser`` is given each text of the command when it is there, and says what it means (``steps``) and what the
literal at the text's end is for (``use``):

- ``STRING``: a mailbox name or URL: keep it in memory, then call ``string``;
- ``MESSAGE``: a whole message, ``TEXT``: the next piece of a CATENATE: stream it, then go on with the next text.

For each message there come a ``Begin``, then for a plain one its literal, for a CATENATE its pieces in order (``Url``
steps and TEXT literals), then a ``Finish``. Any text may raise ``PeerError``: the command is lost then.

    parser = AppendParser(cursor)                      # behind the command's name, in the first text
    parser.text(None, more=True)                       # at the first LiteralStart; parser.use says what for
    parser.text(event.text, more=True)                 # at each further LiteralStart
    parser.text(frame.last_text, more=False)           # at the Frame
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, final

from verbena.model.date import InternalDate
from verbena.model.flags import Flag
from verbena.model.mailbox import canonical_name
from verbena.wire.imap import mutf7
from verbena.wire.imap.date import format_date_time, parse_date_time
from verbena.wire.imap.flag import format_flag_list, parse_flag_list
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import ASTRING, DQUOTE, END, LITERAL, LPAREN, RPAREN, SP, Cursor, FrameWriter
from verbena.wire.imap.mailbox import write_mailbox

MAX_MESSAGES: Final = 10_000
"""Messages in one APPEND."""
MAX_CATENATE_PARTS: Final = 10_000
"""Pieces in one CATENATE."""


class LiteralUse(Enum):
    """What the literal at the end of a text is for."""

    NONE = "none"
    STRING = "string"
    MESSAGE = "message"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Begin:
    """A message begins; ``internal_date`` None where the client leaves it to the server."""

    flags: tuple[Flag, ...]
    internal_date: InternalDate | None
    catenate: bool


@dataclass(frozen=True, slots=True)
class Url:
    """The next piece of a CATENATE is what this URL names; octets as the client wrote them."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Finish:
    """The message is complete."""


AppendStep = Begin | Url | Finish

_MAILBOX: Final = 0
_MESSAGE: Final = 1
_AFTER_MESSAGE: Final = 2
_PART: Final = 3
_AFTER_PART: Final = 4
_DONE: Final = 5


@final
class AppendParser:
    """Reads one APPEND. ``mailbox`` is None until its name is known: before the first ``Begin`` it always is.

    After a ``MESSAGE`` or ``TEXT`` literal the parser takes it that the literal was read when the next text comes.
    """

    def __init__(self, cursor: Cursor) -> None:
        self.mailbox: str | None = None
        self.use = LiteralUse.NONE
        self._cursor = cursor
        self._state = _MAILBOX
        self._messages = 0
        self._parts = 0
        cursor.sp()

    def text(self, octets: bytes | None, more: bool) -> tuple[AppendStep, ...]:
        """Read a text up to its end; None for the rest of the first one. ``more``: a literal follows it.

        Raises ``PeerError``. After ``STRING`` the steps behind the string come from here as well.
        """
        if octets is not None:
            quoted_8bit = self._cursor.quoted_8bit
            self._cursor = Cursor(octets)
            self._cursor.quoted_8bit = quoted_8bit
        self.use = LiteralUse.NONE
        steps: list[AppendStep] = []
        while self._state != _DONE and self.use is LiteralUse.NONE:
            self._advance(steps, more)
        if self.use is LiteralUse.NONE and more:
            raise self._cursor.error("no literal is expected here")
        return tuple(steps)

    def string(self, octets: bytes) -> tuple[AppendStep, ...]:
        """The literal that ``use`` called ``STRING``. Raises ``PeerError``."""
        if self._state == _MAILBOX:
            self.mailbox = canonical_name(mutf7.decode(octets))
            self._state = _MESSAGE
            return ()
        self._state = _AFTER_PART
        return (Url(octets),)

    def _advance(self, steps: list[AppendStep], more: bool) -> None:
        state = self._state
        if state == _MAILBOX:
            self._read_mailbox(more)
        elif state == _MESSAGE:
            self._read_message(steps, more)
        elif state == _AFTER_MESSAGE:
            self._read_after_message(steps)
        elif state == _PART:
            self._read_part(steps, more)
        else:
            self._read_after_part(steps)

    def _literal_next(self, more: bool) -> bool:
        return more and self._cursor.peek() in (END, LITERAL)

    # append = "APPEND" SP mailbox 1*append-message
    def _read_mailbox(self, more: bool) -> None:
        if self._literal_next(more):
            self.use = LiteralUse.STRING
            return
        self.mailbox = canonical_name(mutf7.decode(self._cursor.astring()))
        self._state = _MESSAGE

    # append-message = [SP flag-list] [SP date-time] SP append-data
    # append-data = literal / literal8 / "CATENATE" SP "(" cat-part *(SP cat-part) ")"
    def _read_message(self, steps: list[AppendStep], more: bool) -> None:
        cursor = self._cursor
        self._messages += 1
        if self._messages > MAX_MESSAGES:
            raise cursor.error("there are too many messages")
        cursor.sp()
        flags: tuple[Flag, ...] = ()
        internal_date: InternalDate | None = None
        if cursor.peek() == LPAREN:
            flags = parse_flag_list(cursor)
            cursor.sp()
        if cursor.peek() == DQUOTE:
            internal_date = parse_date_time(cursor)
            cursor.sp()
        if self._literal_next(more):
            steps.append(Begin(flags, internal_date, False))
            self.use = LiteralUse.MESSAGE
            self._state = _AFTER_MESSAGE
            return
        if not cursor.skip_word(b"CATENATE"):
            raise cursor.error("a literal is expected")
        cursor.sp()
        cursor.expect(LPAREN)
        steps.append(Begin(flags, internal_date, True))
        self._parts = 0
        self._state = _PART

    def _read_after_message(self, steps: list[AppendStep]) -> None:
        steps.append(Finish())
        if self._cursor.at_end():
            self._state = _DONE
        else:
            self._state = _MESSAGE

    # cat-part = "TEXT" SP literal / "URL" SP astring
    def _read_part(self, steps: list[AppendStep], more: bool) -> None:
        cursor = self._cursor
        self._parts += 1
        if self._parts > MAX_CATENATE_PARTS:
            raise cursor.error("there are too many parts")
        if cursor.skip_word(b"TEXT"):
            cursor.sp()
            if not self._literal_next(more):
                raise cursor.error("a literal is expected")
            self.use = LiteralUse.TEXT
            self._state = _AFTER_PART
        elif cursor.skip_word(b"URL"):
            cursor.sp()
            if self._literal_next(more):
                self.use = LiteralUse.STRING
                return
            steps.append(Url(cursor.run(ASTRING) or cursor.quoted()))
            self._state = _AFTER_PART
        else:
            raise cursor.error("TEXT or URL is expected")

    def _read_after_part(self, steps: list[AppendStep]) -> None:
        cursor = self._cursor
        if cursor.skip(SP):
            self._state = _PART
            return
        cursor.expect(RPAREN)
        self._state = _AFTER_MESSAGE


@dataclass(frozen=True, slots=True)
class Text:
    """A TEXT piece of a CATENATE, whole: for a client that makes a command."""

    octets: bytes
    binary: bool = False


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """One message of an APPEND to be made: one ``Text`` makes a plain message unless ``catenate``."""

    parts: tuple[Text | Url, ...]
    flags: tuple[Flag, ...] = ()
    internal_date: InternalDate | None = None
    catenate: bool = False


def format_append(mailbox: str, messages: Sequence[AppendMessage]) -> Frame:
    """A client's APPEND, of messages that are in memory."""
    out = FrameWriter(b"APPEND ")
    write_mailbox(out, mailbox)
    for message in messages:
        if message.flags:
            out.text(b" " + format_flag_list(message.flags))
        if message.internal_date is not None:
            out.text(b" " + format_date_time(message.internal_date))
        out.text(b" ")
        if message.catenate:
            _write_catenate(out, message.parts)
        else:
            for part in message.parts:
                _write_part(out, part)
    return out.frame()


def _write_catenate(out: FrameWriter, parts: tuple[Text | Url, ...]) -> None:
    out.text(b"CATENATE ")
    separator = b"("
    for part in parts:
        out.text(separator + (b"TEXT " if isinstance(part, Text) else b"URL "))
        _write_part(out, part)
        separator = b" "
    out.text(b")")


def _write_part(out: FrameWriter, part: Text | Url) -> None:
    if isinstance(part, Text):
        out.literal(part.octets, part.binary)
    else:
        out.string(part.octets)
