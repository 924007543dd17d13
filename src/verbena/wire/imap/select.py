"""SELECT and EXAMINE with their parameters (RFC 3501 §6.3.1, RFC 4466 §2.1).

Parameters are open: a mapping from name to parser says which are known. A parser takes the cursor behind the
parameter's name, reads its value if it has one, and returns a ``SelectParam``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import LPAREN, RPAREN, SP, Cursor, FrameWriter
from verbena.wire.imap.mailbox import parse_mailbox, write_mailbox

MAX_PARAMS: Final = 16


@dataclass(frozen=True, slots=True)
class SelectParam:
    """A parameter by its name in capitals; one with a value is a subclass."""

    name: str


ParamParser = Callable[[Cursor], SelectParam]


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT, or EXAMINE where ``read_only`` is true."""

    mailbox: str
    read_only: bool
    params: tuple[SelectParam, ...] = ()


# select = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]
def parse_select(cursor: Cursor, read_only: bool, params: Mapping[str, ParamParser]) -> Select:
    """Raises ``PeerError`` for a parameter that ``params`` has not, or that occurs twice."""
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    found: list[SelectParam] = []
    if cursor.skip(SP):
        cursor.expect(LPAREN)
        while True:
            found.append(_parse_param(cursor, params, found))
            if cursor.skip(RPAREN):
                break
            cursor.sp()
    cursor.end()
    return Select(mailbox, read_only, tuple(found))


def _parse_param(cursor: Cursor, params: Mapping[str, ParamParser], found: list[SelectParam]) -> SelectParam:
    name = cursor.keyword()
    parse = params.get(name)
    if parse is None:
        raise cursor.error("this parameter is unknown")
    if len(found) >= MAX_PARAMS or any(param.name == name for param in found):
        raise cursor.error("this parameter comes twice")
    return parse(cursor)


def format_select(value: Select, format_param: Callable[[SelectParam], bytes]) -> Frame:
    """``format_param`` gives a parameter with its name; ``qresync.format_select_param`` knows those of this server."""
    out = FrameWriter(b"EXAMINE " if value.read_only else b"SELECT ")
    write_mailbox(out, value.mailbox)
    if value.params:
        out.text(b" (%b)" % b" ".join([format_param(param) for param in value.params]))
    return out.frame()
