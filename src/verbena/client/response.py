"""An IMAP server's responses as values (RFC 3501 §7): status responses, FETCH items, body structures.

What is nested is read as a ``Value``: strings and atoms are octets, NIL is None, a list is a tuple. Raises
``PeerError`` for what is no response. Bounds are those of the frame reader and of ``grammar.MAX_DEPTH``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Union

from verbena.model.envelope import Address, Envelope
from verbena.model.errors import PeerError
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import (
    ASTRING,
    DQUOTE,
    LITERAL,
    LPAREN,
    MAX_DEPTH,
    RPAREN,
    SP,
    Cursor,
    cursor_of,
)

Value = Union[bytes, None, tuple["Value", ...]]  # noqa: UP007 - a recursive alias needs the old form

STATUSES: Final = (b"OK", b"NO", b"BAD", b"BYE", b"PREAUTH")


@dataclass(frozen=True, slots=True)
class StatusLine:
    """``* OK [CODE arguments] text``, tagged or not. ``code`` in capitals, empty where there is none."""

    status: bytes
    code: bytes
    arguments: bytes
    text: bytes


@dataclass(frozen=True, slots=True)
class Untagged:
    """``* number NAME …``: ``number`` is None for what has none; ``name`` in capitals; ``cursor()`` stands behind
    it.
    """

    number: int | None
    name: bytes
    frame: Frame
    start: int

    def cursor(self) -> Cursor:
        cursor = cursor_of(self.frame)
        cursor.pos = self.start
        return cursor

    def status(self) -> StatusLine | None:
        """None when this is no status response."""
        return parse_status(self.frame.text[2:]) if self.name in STATUSES else None


@dataclass(frozen=True, slots=True)
class Completed:
    """A tagged OK with all that came before it."""

    status: StatusLine
    untagged: tuple[Untagged, ...]

    def all(self, name: bytes) -> list[Untagged]:
        return [response for response in self.untagged if response.name == name]


@dataclass(frozen=True, slots=True)
class Fetched:
    """One FETCH response. ``items`` by name in capitals, such as ``BODY[2.MIME]`` or ``MODSEQ``."""

    seq: int
    items: Mapping[bytes, Value]

    def number(self, name: bytes) -> int | None:
        value = self.items.get(name)
        if isinstance(value, tuple) and len(value) == 1:
            value = value[0]
        return int(value) if isinstance(value, bytes) and value.isdigit() else None

    def octets(self, name: bytes) -> bytes:
        """A string item; empty for NIL. Raises ``PeerError`` when the server left it out."""
        value = self.items.get(name, ())
        if isinstance(value, tuple):
            raise PeerError("the server did not send " + name.decode("ascii", "replace"))
        return value or b""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part that has no parts: its part numbers, media type in lower case, encoding, size as encoded, file name."""

    path: tuple[int, ...]
    media_type: bytes
    encoding: bytes
    size_octets: int
    name: bytes | None


def parse_status(text: bytes) -> StatusLine:
    """``OK [UIDNEXT 5] text``: what follows the tag or the star."""
    status, _, rest = text.partition(b" ")
    if status.upper() not in STATUSES:
        raise PeerError("not a status response")
    code, arguments = b"", b""
    if rest.startswith(b"[") and b"]" in rest:
        inner, _, rest = rest[1:].partition(b"]")
        code, _, arguments = inner.partition(b" ")
    return StatusLine(status.upper(), code.upper(), arguments, rest.lstrip(b" "))


def parse_untagged(frame: Frame) -> Untagged:
    """A response that begins with ``* ``."""
    cursor = cursor_of(frame)
    cursor.pos = 2
    number: int | None = None
    if 0x30 <= cursor.peek() <= 0x39:
        number = cursor.number64()
        cursor.sp()
    name = cursor.run(ASTRING).upper()
    return Untagged(number, name, frame, cursor.pos)


def read_value(cursor: Cursor, depth: int = 0) -> Value:
    if depth > MAX_DEPTH:
        raise cursor.error("parentheses are nested too deeply")
    octet = cursor.peek()
    if octet == DQUOTE:
        return cursor.quoted()
    if octet == LITERAL:
        return cursor.literal8()
    if octet == LPAREN:
        cursor.pos += 1
        items: list[Value] = []
        while not cursor.skip(RPAREN):
            items.append(read_value(cursor, depth + 1))
            while cursor.skip(SP):
                continue
        return tuple(items)
    start = cursor.pos
    if octet == 0x5C:
        cursor.pos += 1
    cursor.run(ASTRING)
    atom = cursor.text[start : cursor.pos]
    if not atom:
        raise cursor.error("a value is expected")
    return None if atom.upper() == b"NIL" else atom


# msg-att = "(" (msg-att-dynamic / msg-att-static) *(SP …) ")"
def parse_fetched(response: Untagged) -> Fetched:
    cursor = response.cursor()
    items: dict[bytes, Value] = {}
    cursor.sp()
    cursor.expect(LPAREN)
    while not cursor.skip(RPAREN):
        name = _item_name(cursor)
        cursor.sp()
        items[name] = read_value(cursor)
        cursor.skip(SP)
    return Fetched(response.number or 0, items)


def _item_name(cursor: Cursor) -> bytes:
    """``UID``, ``BODY[HEADER.FIELDS (TO CC)]<0>``: in capitals."""
    start = cursor.pos
    end = start
    text = cursor.text
    bracketed = False
    while end < len(text) and (bracketed or text[end] != SP):
        if text[end] == 0x5B:
            bracketed = True
        elif text[end] == 0x5D:
            bracketed = False
        end += 1
    cursor.pos = end
    if end == start:
        raise cursor.error("a data item is expected")
    return text[start:end].upper()


def leaves(structure: Value, path: tuple[int, ...] = (), depth: int = 0) -> tuple[Leaf, ...]:
    """The leaf parts of a BODYSTRUCTURE (RFC 3501 §7.4.2), those inside attached messages too."""
    if not isinstance(structure, tuple) or not structure or depth > MAX_DEPTH:
        raise PeerError("not a body structure")
    if isinstance(structure[0], tuple):
        found: list[Leaf] = []
        for place, part in enumerate(structure):
            if not isinstance(part, tuple):
                break
            found += leaves(part, (*path, place + 1), depth + 1)
        return tuple(found)
    if len(structure) < 7:
        raise PeerError("not a body structure")
    media_type = _octets(structure[0]).lower() + b"/" + _octets(structure[1]).lower()
    own = path or (1,)
    if media_type == b"message/rfc822" and len(structure) > 8:
        inner = structure[8]
        multipart = isinstance(inner, tuple) and bool(inner) and isinstance(inner[0], tuple)
        return leaves(inner, own if multipart else (*own, 1), depth + 1)
    size = _octets(structure[6])
    name = _file_name(structure)
    return (Leaf(own, media_type, _octets(structure[5]).lower(), int(size) if size.isdigit() else 0, name),)


def _octets(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""


def _file_name(structure: tuple[Value, ...]) -> bytes | None:
    """From the disposition, which stands after the MD5 of the extension data, else from the media type."""
    place = 9 if _octets(structure[0]).upper() == b"TEXT" else 8
    disposition = structure[place] if len(structure) > place else None
    if isinstance(disposition, tuple) and len(disposition) == 2:
        name = _parameter(disposition[1], b"FILENAME")
        if name is not None:
            return name
    return _parameter(structure[2], b"NAME")


def _parameter(params: Value, name: bytes) -> bytes | None:
    if isinstance(params, tuple):
        for place in range(0, len(params) - 1, 2):
            if _octets(params[place]).upper() == name:
                return _octets(params[place + 1])
    return None


def envelope(value: Value) -> Envelope:
    """An ENVELOPE item (RFC 3501 §7.4.2)."""
    if not isinstance(value, tuple) or len(value) != 10:
        raise PeerError("not an envelope")
    texts = [item if isinstance(item, bytes) else None for item in value]
    from_, sender, reply_to, to, cc, bcc = [_addresses(item) for item in value[2:8]]
    return Envelope(texts[0], texts[1], from_, sender, reply_to, to, cc, bcc, texts[8], texts[9])


def _addresses(value: Value) -> tuple[Address, ...]:
    found: list[Address] = []
    for item in value if isinstance(value, tuple) else ():
        if not isinstance(item, tuple) or len(item) != 4:
            raise PeerError("not an address")
        found.append(Address(*[field if isinstance(field, bytes) else None for field in item]))
    return tuple(found)
