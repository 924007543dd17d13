"""ManageSieve's commands as values: what a server reads behind a command's name, and what a client writes.

RFC 5804 §2, §4. Full. ``parse_*`` read from a cursor just behind the name to the end of the frame, and raise
``PeerError``; ``format_command`` writes a whole command. Whether a name is one that a script may have is the store's
business; here it is a string of UTF-8.
"""

from dataclasses import dataclass
from typing import Final

from verbena.model.errors import PeerError
from verbena.model.secret import Secret
from verbena.wire.managesieve.grammar import Cursor, format_string
from verbena.wire.sasl.coding import CANCEL, MAX_ENCODED_OCTETS, decode_base64, encode_base64

MAX_TAG_OCTETS: Final = 1024


@dataclass(frozen=True, slots=True)
class Authenticate:
    """``initial`` is decoded; None when there is no initial response."""

    mechanism: str
    initial: Secret | None


@dataclass(frozen=True, slots=True)
class HaveSpace:
    name: str
    size_octets: int


@dataclass(frozen=True, slots=True)
class PutScript:
    name: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class RenameScript:
    old_name: str
    name: str


def parse_nothing(cursor: Cursor) -> None:
    """Of a command without arguments."""
    cursor.end()


# command-authenticate  = "AUTHENTICATE" SP auth-type [SP string] *(CRLF string)
def parse_authenticate(cursor: Cursor) -> Authenticate:
    cursor.sp()
    mechanism = cursor.text()
    initial: Secret | None = None
    if not cursor.at_end:
        cursor.sp()
        initial = Secret(_decode(cursor.string()))
    cursor.end()
    return Authenticate(mechanism, initial)


def parse_response(cursor: Cursor) -> Secret | None:
    """A line of a SASL exchange from the client; None when it gives up (RFC 5804 §2.1)."""
    encoded = cursor.string()
    cursor.end()
    return None if encoded == CANCEL else Secret(_decode(encoded))


def _decode(encoded: bytes) -> bytes:
    if len(encoded) > MAX_ENCODED_OCTETS:
        raise PeerError("The SASL response is too long")
    return decode_base64(encoded)


# command-getscript     = "GETSCRIPT" SP sieve-name
def parse_name(cursor: Cursor) -> str:
    cursor.sp()
    name = cursor.text()
    cursor.end()
    return name


# command-renamescript  = "RENAMESCRIPT" SP old-sieve-name SP new-sieve-name
def parse_rename(cursor: Cursor) -> RenameScript:
    cursor.sp()
    old_name = cursor.text()
    return RenameScript(old_name, parse_name(cursor))


# command-havespace     = "HAVESPACE" SP sieve-name SP number
def parse_have_space(cursor: Cursor) -> HaveSpace:
    cursor.sp()
    name = cursor.text()
    cursor.sp()
    size_octets = cursor.number()
    cursor.end()
    return HaveSpace(name, size_octets)


# command-checkscript   = "CHECKSCRIPT" SP sieve-script
def parse_script(cursor: Cursor) -> bytes:
    cursor.sp()
    octets = cursor.string()
    cursor.end()
    return octets


# command-putscript     = "PUTSCRIPT" SP sieve-name SP sieve-script
def parse_put(cursor: Cursor) -> PutScript:
    cursor.sp()
    name = cursor.text()
    return PutScript(name, parse_script(cursor))


# command-noop          = "NOOP" [SP string]
def parse_noop(cursor: Cursor) -> bytes | None:
    """The tag to give back."""
    if cursor.at_end:
        return None
    cursor.sp()
    tag = cursor.string()
    cursor.end()
    if len(tag) > MAX_TAG_OCTETS:
        raise PeerError("The tag is too long")
    return tag


def format_command(name: bytes, *arguments: bytes | str | int) -> bytes:
    """A command with its CRLF; numbers stay numbers, everything else is a string."""
    words = [name]
    for argument in arguments:
        if isinstance(argument, int):
            words.append(b"%d" % argument)
        else:
            words.append(format_string(argument.encode("utf-8") if isinstance(argument, str) else argument, True))
    return b" ".join(words) + b"\r\n"


def format_response(octets: bytes | None) -> bytes:
    """A client's line of a SASL exchange; None gives up."""
    return format_string(CANCEL if octets is None else encode_base64(octets), True) + b"\r\n"
