"""The message a script looks at: its fields as text, its addresses, its size (RFC 5228 §2.4.2.2, §2.7.2)."""

from collections.abc import Callable
from typing import Final

from verbena.mime.address import parse_addresses
from verbena.mime.header import decode_words, split_fields, unfold
from verbena.model.part import Part

MAX_FIELD_OCTETS: Final = 64 * 1024
"""More of a field's value is not looked at."""


class Field:
    """One field: ``name`` as written, ``raw`` its value as written, without the last line end."""

    def __init__(self, name: bytes, raw: bytes) -> None:
        self.name = name
        self.raw = raw

    def text(self) -> bytes:
        """Unfolded, encoded words decoded, as UTF-8, white space at both ends removed."""
        value = unfold(self.raw[:MAX_FIELD_OCTETS])
        return (decode_words(value).encode("utf-8", "replace") if b"=?" in value else value).strip(b" \t\r\n")


class Message:
    """``header`` is the whole header block with its empty line; ``read(start, length)`` gives octets of the message;
    ``root`` is its MIME tree."""

    def __init__(self, header: bytes, size_octets: int, root: Part, read: Callable[[int, int], bytes]) -> None:
        self.size_octets = size_octets
        self.root = root
        self.read = read
        self.edited = False
        self.fields: list[Field] = []
        for name, start, value_start, end in split_fields(header):
            if name:
                written = header[start : start + len(name)]
                self.fields.append(Field(written, header[value_start:end].rstrip(b"\r\n")))

    def named(self, name: bytes) -> list[Field]:
        """The fields of a name, compared without case, in order; none for what is no field name."""
        wanted = name.lower()
        return [field for field in self.fields if field.name.lower() == wanted]

    def values(self, name: bytes) -> list[bytes]:
        return [field.text() for field in self.named(name)]

    def addresses(self, name: bytes) -> list[bytes]:
        """The addr-specs in the fields of a name; what is no address is given as it stands (RFC 5228 §5.1)."""
        result: list[bytes] = []
        for field in self.named(name):
            result.extend(addresses_of(unfold(field.raw[:MAX_FIELD_OCTETS])))
        return result


def addresses_of(value: bytes) -> list[bytes]:
    """The addr-specs of an address list, groups opened."""
    result: list[bytes] = []
    for address in parse_addresses(value):
        if address.mailbox is not None and address.host is not None:
            result.append(address.mailbox + b"@" + address.host if address.host else address.mailbox)
    return result
