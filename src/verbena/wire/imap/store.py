"""STORE and UID STORE (RFC 3501 §6.4.6, RFC 4466 §2.5). Modifiers are open, as in ``fetch``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from verbena.model.flags import Flag, FlagEdit, FlagOp
from verbena.model.uidset import SequenceSet
from verbena.wire.imap.flag import add_flag, format_flag_list, parse_flag, parse_flag_list
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import LPAREN, Cursor, format_sequence_set
from verbena.wire.imap.param import parse_params

_PLUS: Final = 0x2B
_HYPHEN: Final = 0x2D


@dataclass(frozen=True, slots=True)
class StoreModifier:
    """A modifier by its name in capitals; one with a value is a subclass."""

    name: str


ModifierParser = Callable[[Cursor], StoreModifier]


@dataclass(frozen=True, slots=True)
class Store:
    messages: SequenceSet
    by_uid: bool
    edit: FlagEdit
    silent: bool
    modifiers: tuple[StoreModifier, ...] = ()


# store = "STORE" SP sequence-set [store-modifiers] SP store-att-flags
def parse_store(cursor: Cursor, by_uid: bool, modifiers: Mapping[str, ModifierParser]) -> Store:
    """Raises ``PeerError`` for a modifier that ``modifiers`` has not, and for a flag that no client may set."""
    cursor.sp()
    messages = cursor.sequence_set()
    cursor.sp()
    found: tuple[StoreModifier, ...] = ()
    if cursor.peek() == LPAREN:
        found = tuple([modifier for _name, modifier in parse_params(cursor, modifiers)])
        cursor.sp()
    op = _parse_op(cursor)
    silent = _parse_name(cursor)
    cursor.sp()
    flags = parse_flag_list(cursor) if cursor.peek() == LPAREN else _parse_bare_flags(cursor)
    cursor.end()
    return Store(messages, by_uid, FlagEdit(op, flags), silent, found)


def _parse_op(cursor: Cursor) -> FlagOp:
    if cursor.skip(_PLUS):
        return FlagOp.ADD
    return FlagOp.REMOVE if cursor.skip(_HYPHEN) else FlagOp.REPLACE


# store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
def _parse_name(cursor: Cursor) -> bool:
    """Whether it is the silent form."""
    start = cursor.pos
    name = cursor.keyword()
    if name == "FLAGS.SILENT":
        return True
    if name != "FLAGS":
        cursor.pos = start
        raise cursor.error("only FLAGS can be stored")
    return False


def _parse_bare_flags(cursor: Cursor) -> tuple[Flag, ...]:
    flags: list[Flag] = []
    while True:
        add_flag(cursor, flags, parse_flag(cursor))
        if cursor.at_end():
            return tuple(flags)
        cursor.sp()


def format_store(value: Store, format_modifier: Callable[[StoreModifier], bytes]) -> Frame:
    """``condstore.format_store_modifier`` knows the modifiers of this server."""
    text = b"UID STORE " if value.by_uid else b"STORE "
    text += format_sequence_set(value.messages)
    if value.modifiers:
        text += b" (%b)" % b" ".join([format_modifier(modifier) for modifier in value.modifiers])
    text += b" " + value.edit.op.value.encode("ascii")
    if value.silent:
        text += b".SILENT"
    return Frame(text + b" " + format_flag_list(value.edit.flags))
