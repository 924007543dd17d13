"""BINARY, BINARY.PEEK and BINARY.SIZE as FETCH items (RFC 3516 §4.2, §4.3, §7): full.

A literal8 in APPEND is read by ``frame`` and ``append``.
"""

from dataclasses import dataclass
from typing import Final

from verbena.model.part import PartialRange
from verbena.wire.imap.fetch import FetchAtt
from verbena.wire.imap.grammar import LBRACKET, RBRACKET, Cursor, FrameWriter
from verbena.wire.imap.section import format_partial, parse_partial, parse_section_part

BINARY: Final = "BINARY[]"
BINARY_SIZE: Final = "BINARY.SIZE[]"


@dataclass(frozen=True, slots=True)
class FetchBinary(FetchAtt):
    """``BINARY[path]<partial>``, named ``BINARY[]``. The range counts decoded octets; ``peek`` leaves ``\\Seen``."""

    path: tuple[int, ...]
    partial: PartialRange | None = None
    peek: bool = False


@dataclass(frozen=True, slots=True)
class FetchBinarySize(FetchAtt):
    """``BINARY.SIZE[path]``; ``name`` is ``BINARY.SIZE[]``."""

    path: tuple[int, ...]


# section-binary = "[" [section-part] "]"
def _section_binary(cursor: Cursor) -> tuple[int, ...]:
    cursor.expect(LBRACKET)
    path = parse_section_part(cursor)
    cursor.expect(RBRACKET)
    return path


# fetch-att =/ "BINARY" [".PEEK"] section-binary [partial] / "BINARY.SIZE" section-binary
def parse_binary(cursor: Cursor) -> FetchAtt:
    path = _section_binary(cursor)
    return FetchBinary(BINARY, path, parse_partial(cursor))


def parse_binary_peek(cursor: Cursor) -> FetchAtt:
    path = _section_binary(cursor)
    return FetchBinary(BINARY, path, parse_partial(cursor), True)


def parse_binary_size(cursor: Cursor) -> FetchAtt:
    return FetchBinarySize(BINARY_SIZE, _section_binary(cursor))


def format_path(path: tuple[int, ...]) -> bytes:
    """In brackets."""
    return b"[" + b".".join([b"%d" % number for number in path]) + b"]"


def write_binary(out: FrameWriter, att: FetchAtt) -> None:
    """An item of this module, in a command."""
    if isinstance(att, FetchBinary):
        out.text((b"BINARY.PEEK" if att.peek else b"BINARY") + format_path(att.path) + format_partial(att.partial))
    elif isinstance(att, FetchBinarySize):
        out.text(b"BINARY.SIZE" + format_path(att.path))


# msg-att-static =/ "BINARY" section-binary ["<" number ">"] SP (nstring / literal8)
def format_binary_label(att: FetchBinary) -> bytes:
    """What a response calls the item: the range by its start only."""
    start = b"" if att.partial is None else b"<%d>" % att.partial.offset_octets
    return b"BINARY" + format_path(att.path) + start
