"""The MIME tree of a message, by offsets into its bytes (RFC 2045, RFC 3501 §6.4.5 and §7.4.2)."""

from dataclasses import dataclass
from enum import Enum, IntEnum

from verbena.model.envelope import Envelope


class PartKind(IntEnum):
    LEAF = 0
    MULTIPART = 1
    MESSAGE = 2
    """message/rfc822 and message/global: the one child is the root of the inner message."""


class Encoding(IntEnum):
    """Content-Transfer-Encoding; an unknown one can not be decoded (RFC 3516 §4.3, UNKNOWN-CTE)."""

    IDENTITY = 0
    """7bit, 8bit, binary, or no field"""
    BASE64 = 1
    QUOTED_PRINTABLE = 2
    UUENCODE = 3
    UNKNOWN = 4


@dataclass(frozen=True, slots=True)
class Disposition:
    kind: bytes
    params: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A node of the tree. Offsets are octets from the first octet of the whole message.

    The MIME header with its empty line is ``[header_start, body_start)``, the body
    ``[body_start, end)``. The root's header is the message header.
    """

    kind: PartKind
    media_type: bytes
    subtype: bytes
    params: tuple[tuple[bytes, bytes], ...]
    content_id: bytes | None
    description: bytes | None
    encoding_name: bytes
    encoding: Encoding
    md5: bytes | None
    disposition: Disposition | None
    language: tuple[bytes, ...]
    location: bytes | None
    header_start: int
    body_start: int
    end: int
    body_lines: int
    has_nul_or_8bit: bool
    """the body (of a leaf) has an octet 0 or above 127, or a line over 998 octets"""
    envelope: Envelope | None
    """of the message whose root this part is; None below a multipart"""
    children: tuple["Part", ...]


class SectionText(Enum):
    """What of a part is meant (RFC 3501 §6.4.5 ``section-text``)."""

    ALL = ""
    HEADER = "HEADER"
    HEADER_FIELDS = "HEADER.FIELDS"
    HEADER_FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True, slots=True)
class Section:
    """A section specification: part numbers, then what of that part; ``fields`` for HEADER.FIELDS."""

    path: tuple[int, ...] = ()
    text: SectionText = SectionText.ALL
    fields: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class PartialRange:
    """``length_octets`` octets from ``offset_octets``; None for all that follow (RFC 5092 §11, ``partial-range``)."""

    offset_octets: int
    length_octets: int | None
