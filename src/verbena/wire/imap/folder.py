"""Commands on mailboxes by name: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, LIST, LSUB, STATUS.

RFC 3501 §6.3 and §9; create-params (RFC 4466 §2.3) with USE (RFC 6154 §3). Extensions of LIST and STATUS add their own
forms; STATUS items are names, checked by whoever knows which exist.
"""

from dataclasses import dataclass
from typing import Final

from verbena.model.errors import Refused
from verbena.model.mailbox import SpecialUse
from verbena.model.reason import Reason
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import BACKSLASH, LPAREN, RPAREN, SP, Cursor, FrameWriter
from verbena.wire.imap.mailbox import parse_list_mailbox, parse_mailbox, write_list_mailbox, write_mailbox

MAX_STATUS_ITEMS: Final = 32


@dataclass(frozen=True, slots=True)
class Create:
    """``special_uses`` are what USE asked for; usually none or one."""

    mailbox: str
    special_uses: tuple[SpecialUse, ...] = ()


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
# create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")"                        (RFC 6154 §6)
def parse_create(cursor: Cursor) -> Create:
    """Raises ``Refused(USE_ATTRIBUTE)`` for an attribute that does not exist."""
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    uses: list[SpecialUse] = []
    if cursor.skip(SP):
        cursor.expect(LPAREN)
        if not cursor.skip_word(b"USE"):
            raise cursor.error("this parameter of CREATE is unknown")
        cursor.sp()
        _parse_uses(cursor, uses)
        cursor.expect(RPAREN)
    cursor.end()
    return Create(mailbox, tuple(uses))


def _parse_uses(cursor: Cursor, uses: list[SpecialUse]) -> None:
    cursor.expect(LPAREN)
    if cursor.skip(RPAREN):
        return
    while True:
        cursor.expect(BACKSLASH)
        use = _USES.get(cursor.atom().upper())
        if use is None:
            raise Refused(Reason.USE_ATTRIBUTE, "There is no such special use")
        if use not in uses:
            uses.append(use)
        if cursor.skip(RPAREN):
            return
        cursor.sp()


_USES: Final = {use.value[1:].upper().encode("ascii"): use for use in SpecialUse}


def format_create(value: Create) -> Frame:
    out = _with_mailbox(b"CREATE ", value.mailbox)
    if value.special_uses:
        out.text(b" (USE (%b))" % " ".join([use.value for use in value.special_uses]).encode("ascii"))
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
