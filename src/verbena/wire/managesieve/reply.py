"""What a ManageSieve server says: OK, NO and BYE with their codes, and the lines before them (RFC 5804 §1.2, §1.3, §4).

Full. A server formats, a client parses; the two are inverses. Lines of data begin with a string and replies with a
word, which is how ``is_reply`` tells them apart.

Limits: extension data of unknown codes nest at most ``MAX_NESTING`` deep.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from verbena.model.errors import PeerError
from verbena.wire.managesieve.frame import Frame
from verbena.wire.managesieve.grammar import Cursor, format_string
from verbena.wire.sasl.coding import decode_base64, encode_base64

MAX_NESTING: Final = 16
_OPEN: Final = 40
_CLOSE: Final = 41
_SP: Final = 32


class Status(Enum):
    OK = b"OK"
    NO = b"NO"
    BYE = b"BYE"


@dataclass(frozen=True, slots=True)
class Code:
    """A response code, in capitals. ``argument`` is its first one, if any: of TAG, SASL and REFERRAL."""

    name: bytes
    argument: bytes | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """``text`` is for people; of several lines, parted by CRLF, where it tells several things."""

    status: Status
    text: str = ""
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of LISTSCRIPTS."""

    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class Capability:
    """``name`` in capitals."""

    name: str
    value: str | None = None


def is_reply(frame: Frame) -> bool:
    """Whether it ends the answer to a command."""
    text = frame.texts[0]
    return text != b"" and text[0] != 34


# --- replies --------------------------------------------------------------------------------


# response-ok = "OK" [SP "(" resp-code ")"] [SP string] CRLF
def format_reply(reply: Reply) -> bytes:
    result = reply.status.value
    if reply.code is not None:
        result += b" (" + _format_code(reply.code) + b")"
    if reply.text:
        result += b" " + format_string(reply.text.encode("utf-8", "replace"))
    return result + b"\r\n"


def _format_code(code: Code) -> bytes:
    if code.argument is None:
        return code.name
    return code.name + b" " + (code.argument if code.name == b"REFERRAL" else format_string(code.argument))


def parse_reply(frame: Frame) -> Reply:
    """Raises ``PeerError`` for what is no reply."""
    cursor = Cursor(frame)
    word = cursor.keyword()
    if word not in ("OK", "NO", "BYE"):
        raise PeerError("The server says neither OK nor NO nor BYE")
    status = Status[word]
    code: Code | None = None
    text = ""
    if not cursor.at_end:
        cursor.sp()
        if cursor.take_if(_OPEN):
            code = _parse_code(cursor)
            if not cursor.at_end:
                cursor.sp()
                text = cursor.text()
        else:
            text = cursor.text()
    cursor.end()
    return Reply(status, text, code)


# resp-code-ext = resp-code-name [SP extension-data]
def _parse_code(cursor: Cursor) -> Code:
    name = cursor.atom().upper()
    argument: bytes | None = None
    if cursor.take_if(_SP):
        if cursor.at_string:
            argument = cursor.string()
        elif name == b"REFERRAL":
            argument = cursor.atom()
        else:
            _skip_item(cursor, 0)
        while cursor.take_if(_SP):
            _skip_item(cursor, 0)
    if not cursor.take_if(_CLOSE):
        raise PeerError("The code is not closed")
    return Code(name, argument)


# extension-item = extend-token / string / number / "(" [extension-data] ")"
def _skip_item(cursor: Cursor, depth: int) -> None:
    if depth > MAX_NESTING:
        raise PeerError("The code nests too deep")
    if cursor.at_string:
        cursor.string()
    elif cursor.take_if(_OPEN):
        while not cursor.take_if(_CLOSE):
            _skip_item(cursor, depth + 1)
            if cursor.peek() != _CLOSE:
                cursor.sp()
    else:
        cursor.atom()


# --- lines of data --------------------------------------------------------------------------


# single-capability = capability-name [SP string] CRLF
def format_capability(capability: Capability) -> bytes:
    result = format_string(capability.name.encode("utf-8"))
    if capability.value is not None:
        result += b" " + format_string(capability.value.encode("utf-8"))
    return result + b"\r\n"


def parse_capability(frame: Frame) -> Capability:
    cursor = Cursor(frame)
    name = cursor.text().upper()
    value: str | None = None
    if not cursor.at_end:
        cursor.sp()
        value = cursor.text()
    cursor.end()
    return Capability(name, value)


# response-listscripts = *(sieve-name [SP "ACTIVE"] CRLF) response-oknobye
def format_listed(listed: Listed) -> bytes:
    return format_string(listed.name.encode("utf-8")) + (b" ACTIVE\r\n" if listed.active else b"\r\n")


def parse_listed(frame: Frame) -> Listed:
    cursor = Cursor(frame)
    name = cursor.text()
    active = False
    if not cursor.at_end:
        cursor.sp()
        active = cursor.keyword() == "ACTIVE"
    cursor.end()
    return Listed(name, active)


# response-getscript = (sieve-script CRLF response-ok) / response-nobye
def format_script(octets: bytes) -> bytes:
    """Always a literal, as every client expects it."""
    return b"{%d}\r\n%b\r\n" % (len(octets), octets)


def parse_script_line(frame: Frame) -> bytes:
    cursor = Cursor(frame)
    octets = cursor.string()
    cursor.end()
    return octets


def format_challenge(octets: bytes) -> bytes:
    """A server's line of a SASL exchange."""
    return format_string(encode_base64(octets)) + b"\r\n"


def parse_challenge(frame: Frame) -> bytes:
    return decode_base64(parse_script_line(frame))
