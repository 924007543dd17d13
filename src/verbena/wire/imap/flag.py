"""Flags on the wire (RFC 3501 §9: ``flag``, ``flag-list``, ``flag-fetch``, ``flag-perm``)."""

from collections.abc import Iterable
from typing import Final

from verbena.model.errors import PeerError
from verbena.model.flags import RECENT, SYSTEM_FLAGS, Flag
from verbena.wire.imap.grammar import ATOM, BACKSLASH, LPAREN, RPAREN, STAR_CHAR, Cursor

MAX_FLAG_OCTETS: Final = 255
MAX_FLAGS: Final = 256
"""Flags in one list."""

ANY_KEYWORD: Final = Flag("\\*")
"""In PERMANENTFLAGS: new keywords can be made (RFC 3501 §7.1)."""

_SYSTEM: Final = {flag.upper(): flag for flag in SYSTEM_FLAGS}


# flag = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension
def parse_flag(cursor: Cursor) -> Flag:
    """A flag that a client may set: a system flag in its own spelling, or a keyword.

    Other names with a backslash are refused: no extension of ours defines any, and ``\\Recent`` is no client's to set.
    """
    flag = parse_flag_fetch(cursor)
    if flag[0] == "\\" and flag not in SYSTEM_FLAGS:
        raise cursor.error("this flag can not be set")
    return flag


# flag-fetch = flag / "\Recent"
def parse_flag_fetch(cursor: Cursor) -> Flag:
    """Any flag, as a server may send it."""
    start = cursor.pos
    if cursor.skip(BACKSLASH):
        name = "\\" + cursor.atom().decode("ascii")
        if name.upper() == "\\RECENT":
            return RECENT
        name = _SYSTEM.get(name.upper(), name)
    else:
        name = cursor.atom().decode("ascii")
    if len(name) > MAX_FLAG_OCTETS:
        cursor.pos = start
        raise cursor.error("the flag is too long")
    return Flag(name)


# flag-list = "(" [flag *(SP flag)] ")"
def parse_flag_list(cursor: Cursor) -> tuple[Flag, ...]:
    """A parenthesised list of flags to set; each once, in the order given."""
    cursor.expect(LPAREN)
    result: list[Flag] = []
    if cursor.skip(RPAREN):
        return ()
    while True:
        add_flag(cursor, result, parse_flag(cursor))
        if cursor.skip(RPAREN):
            return tuple(result)
        cursor.sp()


def add_flag(cursor: Cursor, flags: list[Flag], flag: Flag) -> None:
    """Add ``flag`` to ``flags`` unless it is there in some spelling. Raises ``PeerError`` over ``MAX_FLAGS``."""
    upper = flag.upper()
    for other in flags:
        if other.upper() == upper:
            return
    if len(flags) >= MAX_FLAGS:
        raise cursor.error("there are too many flags")
    flags.append(flag)


def parse_flag_list_shown(cursor: Cursor) -> tuple[Flag, ...]:
    """A list as a server shows it: FLAGS, PERMANENTFLAGS, FETCH; with ``\\Recent`` and ``\\*``."""
    cursor.expect(LPAREN)
    result: list[Flag] = []
    while not cursor.skip(RPAREN):
        if result:
            cursor.sp()
        if cursor.text[cursor.pos : cursor.pos + 2] == b"\\*":
            cursor.pos += 2
            result.append(ANY_KEYWORD)
        else:
            result.append(parse_flag_fetch(cursor))
        if len(result) > MAX_FLAGS:
            raise cursor.error("there are too many flags")
    return tuple(result)


def parse_keyword_flag(octets: bytes) -> Flag:
    """``octets`` as a keyword (SEARCH KEYWORD given otherwise than by a cursor). Raises ``PeerError``."""
    cursor = Cursor(octets)
    if cursor.peek() in (BACKSLASH, STAR_CHAR) or cursor.run(ATOM) != octets or not 0 < len(octets) <= MAX_FLAG_OCTETS:
        raise PeerError("This is no keyword")
    return Flag(octets.decode("ascii"))


def format_flag(flag: Flag) -> bytes:
    return flag.encode("ascii")


def format_flag_list(flags: Iterable[Flag]) -> bytes:
    """In parentheses."""
    return b"(%b)" % " ".join(flags).encode("ascii")
