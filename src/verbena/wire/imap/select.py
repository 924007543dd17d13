"""SELECT and EXAMINE with their parameters (RFC 3501 §6.3.1, RFC 4466 §2.1).

Parameters are open (``param``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import SP, Cursor, FrameWriter
from verbena.wire.imap.mailbox import parse_mailbox, write_mailbox
from verbena.wire.imap.param import parse_params


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
    found: tuple[SelectParam, ...] = ()
    if cursor.skip(SP):
        found = tuple([param for _name, param in parse_params(cursor, params)])
    cursor.end()
    return Select(mailbox, read_only, found)


def format_select(value: Select, format_param: Callable[[SelectParam], bytes]) -> Frame:
    """``format_param`` gives a parameter with its name; ``qresync.format_select_param`` knows those of this server."""
    out = FrameWriter(b"EXAMINE " if value.read_only else b"SELECT ")
    write_mailbox(out, value.mailbox)
    if value.params:
        out.text(b" (%b)" % b" ".join([format_param(param) for param in value.params]))
    return out.frame()
