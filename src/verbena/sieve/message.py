"""The message a script looks at: its fields as text, its addresses, its size (RFC 5228 §2.4.2.2, §2.7.2).

A script may change it (RFC 5293, RFC 5703): through ``change_fields`` and ``change_body`` only, so that what was found
out about the fields before is forgotten. Limits: ``MAX_FIELD_OCTETS``.
"""

from collections.abc import Callable
from typing import Final

from verbena.mime.address import parse_addresses
from verbena.mime.header import decode_words, split_fields, unfold
from verbena.model.part import Part
from verbena.sieve.action import Edition

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


class Message:
    """``header`` is the whole header block with its empty line; ``read(start, length)`` gives octets of the message as
    it came; ``root`` is its MIME tree, as it came."""

    def __init__(self, header: bytes, size_octets: int, root: Part, read: Callable[[int, int], bytes]) -> None:
        self.size_octets = size_octets
        self.root = root
        self.read = read
        self.edited = False
        self.body: bytes | None = None
        """what a script has put in the place of the body; None: the body as it came"""
        self.fields: list[Field] = []
        self._named: dict[bytes, list[Field]] = {}
        self._edition: Edition | None = None
        for name, start, value_start, end in split_fields(header):
            if name:
                written = header[start : start + len(name)]
                self.fields.append(Field(written, header[value_start:end].rstrip(b"\r\n")))
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

    def change_body(self, body: bytes) -> None:
        """Put this in the place of the body."""
        self.body = body
        self._changed()

    def _changed(self) -> None:
        self.edited = True
        self._edition = None
        self._index()

    def edition(self) -> Edition | None:
        """The message as it is now; None while it is as it came."""
        if self.edited and self._edition is None:
            lines = [field.name + b":" + field.raw + b"\r\n" for field in self.fields]
            self._edition = Edition(b"".join(lines) + b"\r\n", self.body)
        return self._edition

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


def addresses_of(value: bytes) -> list[bytes]:
    """The addr-specs of an address list, groups opened."""
    result: list[bytes] = []
    for address in parse_addresses(value):
        if address.mailbox is not None and address.host is not None:
            result.append(address.mailbox + b"@" + address.host if address.host else address.mailbox)
    return result
