"""Commands on mailboxes by name: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, LIST, LSUB, STATUS.

RFC 3501 §6.3 and §9; create-params (RFC 4466 §2.2) by a mapping of the known ones, such as USE (RFC 6154 §3). STATUS
items are names, checked by whoever knows which exist.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from verbena.model.mailbox import SpecialUse
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import LPAREN, RPAREN, SP, Cursor, FrameWriter
from verbena.wire.imap.mailbox import parse_list_mailbox, parse_mailbox, write_list_mailbox, write_mailbox
from verbena.wire.imap.param import parse_params

MAX_STATUS_ITEMS: Final = 32


@dataclass(frozen=True, slots=True)
class Create:
    """``params`` are (name, value) pairs, each value as the parameter's parser made it (RFC 4466 §2.2)."""

    mailbox: str
    params: tuple[tuple[str, object], ...] = ()


CreateParser = Callable[[Cursor], object]
"""Reads a parameter's value behind its name, the space before it included."""


@dataclass(frozen=True, slots=True)
class Delete:
    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename:
    mailbox: str
    new_name: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """SUBSCRIBE, or UNSUBSCRIBE where ``subscribed`` is false."""

    mailbox: str
    subscribed: bool


@dataclass(frozen=True, slots=True)
class List:
    """LIST, or LSUB where ``subscribed_only`` is true."""

    reference: str
    pattern: str
    subscribed_only: bool = False


@dataclass(frozen=True, slots=True)
class StatusOf:
    """STATUS; ``items`` in capitals, each once, in the order given."""

    mailbox: str
    items: tuple[str, ...]


def _only_mailbox(cursor: Cursor) -> str:
    """A mailbox name and the end of the command."""
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    cursor.end()
    return mailbox


def _with_mailbox(name: bytes, mailbox: str) -> FrameWriter:
    out = FrameWriter(name)
    write_mailbox(out, mailbox)
    return out


# create = "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]        (RFC 4466 §3)
# create-param = create-param-name [SP create-param-value]
def parse_create(cursor: Cursor, params: Mapping[str, CreateParser]) -> Create:
    """Raises ``PeerError`` for a parameter that ``params`` has not or that comes twice, and what its parser raises."""
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    found: tuple[tuple[str, object], ...] = ()
    if cursor.skip(SP):
        found = parse_params(cursor, params)
    cursor.end()
    return Create(mailbox, found)


def format_create(mailbox: str, special_use: SpecialUse | None = None) -> Frame:
    out = _with_mailbox(b"CREATE ", mailbox)
    if special_use is not None:
        out.text(b" (USE (%b))" % special_use.value.encode("ascii"))
    return out.frame()


# delete = "DELETE" SP mailbox
def parse_delete(cursor: Cursor) -> Delete:
    return Delete(_only_mailbox(cursor))


def format_delete(value: Delete) -> Frame:
    return _with_mailbox(b"DELETE ", value.mailbox).frame()


# rename = "RENAME" SP mailbox SP mailbox
def parse_rename(cursor: Cursor) -> Rename:
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    return Rename(mailbox, _only_mailbox(cursor))


def format_rename(value: Rename) -> Frame:
    out = _with_mailbox(b"RENAME ", value.mailbox)
    out.text(b" ")
    write_mailbox(out, value.new_name)
    return out.frame()


# subscribe = "SUBSCRIBE" SP mailbox; unsubscribe = "UNSUBSCRIBE" SP mailbox
def parse_subscribe(cursor: Cursor, subscribed: bool = True) -> Subscribe:
    return Subscribe(_only_mailbox(cursor), subscribed)


def format_subscribe(value: Subscribe) -> Frame:
    return _with_mailbox(b"SUBSCRIBE " if value.subscribed else b"UNSUBSCRIBE ", value.mailbox).frame()


# list = "LIST" SP mailbox SP list-mailbox; lsub = "LSUB" SP mailbox SP list-mailbox
def parse_list(cursor: Cursor, subscribed_only: bool = False) -> List:
    cursor.sp()
    reference = parse_list_mailbox(cursor)
    cursor.sp()
    pattern = parse_list_mailbox(cursor)
    cursor.end()
    return List(reference, pattern, subscribed_only)


def format_list(value: List) -> Frame:
    out = FrameWriter(b"LSUB " if value.subscribed_only else b"LIST ")
    write_list_mailbox(out, value.reference)
    out.text(b" ")
    write_list_mailbox(out, value.pattern)
    return out.frame()


# status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
def parse_status(cursor: Cursor) -> StatusOf:
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    cursor.sp()
    items = parse_status_items(cursor)
    cursor.end()
    return StatusOf(mailbox, items)


def parse_status_items(cursor: Cursor) -> tuple[str, ...]:
    """The parenthesised list, as also LIST-STATUS and NOTIFY have it."""
    cursor.expect(LPAREN)
    items: list[str] = []
    while True:
        item = cursor.keyword()
        if item not in items:
            items.append(item)
        if len(items) > MAX_STATUS_ITEMS:
            raise cursor.error("there are too many items")
        if cursor.skip(RPAREN):
            return tuple(items)
        cursor.sp()


def format_status_of(value: StatusOf) -> Frame:
    out = _with_mailbox(b"STATUS ", value.mailbox)
    out.text(b" (%b)" % " ".join(value.items).encode("ascii"))
    return out.frame()
