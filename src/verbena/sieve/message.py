"""The message a script looks at: its fields as text, its addresses, its size (RFC 5228 §2.4.2.2, §2.7.2).

A script may edit it (RFC 5293, RFC 5703): through ``change_fields`` and ``change`` only, so that what was found out
before is forgotten. Limits: ``MAX_FIELD_OCTETS``.
"""

from collections.abc import Callable, Iterator
from typing import Final

from verbena.mime.address import parse_addresses
from verbena.mime.header import decode_words, split_fields, unfold
from verbena.mime.scan import Scanned
from verbena.model.part import Part
from verbena.sieve.action import Edition, Span
from verbena.sieve.pieces import Pieces

MAX_FIELD_OCTETS: Final = 64 * 1024
"""More of a field's value is not looked at."""


class Field:
    """One field: ``name`` as written, ``raw`` its value as written, without the last line end. Never changed."""

    def __init__(self, name: bytes, raw: bytes) -> None:
        self.name = name
        self.raw = raw
        self._text: bytes | None = None
        self._addresses: list[bytes] | None = None

    def text(self) -> bytes:
        """Unfolded, encoded words decoded, as UTF-8, white space at both ends removed."""
        if self._text is None:
            value = unfold(self.raw[:MAX_FIELD_OCTETS])
            if b"=?" in value:
                value = decode_words(value).encode("utf-8", "replace")
            self._text = value.strip(b" \t\r\n")
        return self._text

    def addresses(self) -> list[bytes]:
        """The addr-specs in it."""
        if self._addresses is None:
            self._addresses = addresses_of(unfold(self.raw[:MAX_FIELD_OCTETS]))
        return self._addresses


class Loop:
    """A walk over parts that is going on (RFC 5703 §3). ``path`` leads to the part it is at, by places among children,
    and stays in what ``base`` leads to; ``skip``: do not go on into that part, it was replaced."""

    def __init__(self, name: bytes | None, base: tuple[int, ...], path: tuple[int, ...]) -> None:
        self.name = name
        self.base = base
        self.path = path
        self.broken = False
        self.skip = False


class Message:
    """``header`` is the whole header block with its empty line; ``read(start, length)`` gives octets of the message as
    it came; ``root`` is its MIME tree. A script that edits the message (RFC 5293, RFC 5703) changes all of these."""

    def __init__(self, header: bytes, size_octets: int, root: Part, read: Callable[[int, int], bytes]) -> None:
        self.size_octets = size_octets
        self.root = root
        self.read = read
        self.edited = False
        self.edits = 0
        """how often its content was changed"""
        self.pieces: Pieces | None = None
        """the message that ``root`` describes, where that is not the one that came"""
        self.loops: list[Loop] = []
        """the walks over its parts that are going on, the outermost first"""
        self.kept: dict[bytes, list[bytes]] = {}
        """texts of the body that tests have asked for, until it changes"""
        self.fields: list[Field] = []
        self._original = read
        self._named: dict[bytes, list[Field]] = {}
        self._part_fields: dict[int, list[Field]] = {}
        self._edition: Edition | None = None
        self._unenclosed: Edition | None = None
        self._enclosed = False
        self.fields = fields_of(header)
        self._index()

    def _index(self) -> None:
        named: dict[bytes, list[Field]] = {}
        for field in self.fields:
            name = field.name.lower()
            if name in named:
                named[name].append(field)
            else:
                named[name] = [field]
        self._named = named

    def change_fields(self, fields: list[Field]) -> None:
        """Put these in the place of all fields."""
        self.fields = fields
        self._changed()

    def change(self, pieces: Pieces, scanned: Scanned) -> None:
        """Put another message in the place of this; ``scanned`` is what it is."""
        self.pieces = pieces
        self.read = pieces.reader(self._original)
        self.root = scanned.root
        self.size_octets = scanned.size_octets
        self.fields = fields_of(scanned.header)
        self.kept.clear()
        self._part_fields.clear()
        self._changed()

    def enclosing(self) -> None:
        """Note that what follows encloses the message: a redirect still sends what was there before
        (RFC 5703 §6)."""
        if not self._enclosed:
            self._unenclosed = self.edition()
            self._enclosed = True

    def _changed(self) -> None:
        self.edited = True
        self._edition = None
        self._index()

    def edition(self, for_redirect: bool = False) -> Edition | None:
        """The message as it is now; None while it is as it came."""
        if for_redirect and self._enclosed:
            return self._unenclosed
        if self.edited and self._edition is None:
            self._edition = Edition(self.header(), None if self.pieces is None else self.body().pieces)
        return self._edition

    def header(self) -> bytes:
        """The header block as it is now."""
        lines = [field.name + b":" + field.raw + b"\r\n" for field in self.fields]
        return b"".join(lines) + b"\r\n"

    def body(self) -> Pieces:
        """The body as it is now."""
        return self.whole().cut(self.root.body_start, self.size_octets)

    def whole(self) -> Pieces:
        """The message that ``root`` describes: its header is the one before ``change_fields``."""
        return self.pieces if self.pieces is not None else Pieces((Span(0, self.size_octets),))

    def octets_of(self, pieces: Pieces) -> Iterator[bytes]:
        """Octets of pieces, in chunks."""
        return pieces.octets(self._original)

    def part(self) -> Part:
        """The part that the innermost walk is at; the whole message outside of any."""
        if self.loops:
            return part_at(self.root, self.loops[-1].path) or self.root
        return self.root

    def fields_of_part(self, part: Part) -> list[Field]:
        """The fields of a part's header; of the root the message's."""
        if part is self.root:
            return self.fields
        found = self._part_fields.get(part.header_start)
        if found is None:
            length = min(part.body_start - part.header_start, MAX_FIELD_OCTETS)
            found = self._part_fields[part.header_start] = fields_of(self.read(part.header_start, length))
        return found

    def named(self, name: bytes) -> list[Field]:
        """The fields of a name, compared without case, in order; none for what is no field name."""
        return self._named.get(name.lower(), [])

    def values(self, name: bytes) -> list[bytes]:
        return [field.text() for field in self.named(name)]

    def addresses(self, name: bytes) -> list[bytes]:
        """The addr-specs in the fields of a name; what is no address is given as it stands (RFC 5228 §5.1)."""
        result: list[bytes] = []
        for field in self.named(name):
            result.extend(field.addresses())
        return result


def part_at(root: Part, path: tuple[int, ...]) -> Part | None:
    """The part that ``path`` leads to."""
    part = root
    for place in path:
        if place >= len(part.children):
            return None
        part = part.children[place]
    return part


def fields_of(header: bytes) -> list[Field]:
    """The fields of a header block; lines that are none are left out."""
    fields: list[Field] = []
    for name, start, value_start, end in split_fields(header):
        if name:
            written = header[start : start + len(name)]
            fields.append(Field(written, header[value_start:end].rstrip(b"\r\n")))
    return fields


def addresses_of(value: bytes) -> list[bytes]:
    """The addr-specs of an address list, groups opened."""
    result: list[bytes] = []
    for address in parse_addresses(value):
        if address.mailbox is not None and address.host is not None:
            result.append(address.mailbox + b"@" + address.host if address.host else address.mailbox)
    return result
