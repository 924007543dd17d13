"""The envelope of a message from its header (RFC 3501 §7.4.2): full.

Of a field that may occur once the first counts; address fields that occur again add to the list, of which
``MAX_ADDRESSES`` count.
"""

from typing import Final

from verbena.mime.address import MAX_ADDRESSES, parse_addresses
from verbena.mime.header import FieldSpan, split_fields, unfold
from verbena.model.envelope import Address, Envelope

_ADDRESS_FIELDS: Final = frozenset((b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"))
_TEXT_FIELDS: Final = frozenset((b"date", b"subject", b"in-reply-to", b"message-id"))


def parse_envelope(header: bytes) -> Envelope:
    """The envelope that a header block gives."""
    return envelope_of(header, split_fields(header))


def envelope_of(header: bytes, spans: list[FieldSpan]) -> Envelope:
    """The same, for a block that has been split already."""
    texts: dict[bytes, bytes] = {}
    lists: dict[bytes, list[Address]] = {}
    for span in spans:
        name = span[0]
        if name in _ADDRESS_FIELDS:
            kept = lists.setdefault(name, [])
            if len(kept) < MAX_ADDRESSES:
                kept.extend(parse_addresses(header[span[2] : span[3]]))
        elif name in _TEXT_FIELDS and name not in texts:
            texts[name] = unfold(header[span[2] : span[3]])
    addresses = {name: tuple(kept[:MAX_ADDRESSES]) for name, kept in lists.items()}
    from_ = addresses.get(b"from", ())
    return Envelope(
        texts.get(b"date"),
        texts.get(b"subject"),
        from_,
        addresses.get(b"sender") or from_,
        addresses.get(b"reply-to") or from_,
        addresses.get(b"to", ()),
        addresses.get(b"cc", ()),
        addresses.get(b"bcc", ()),
        texts.get(b"in-reply-to"),
        texts.get(b"message-id"),
    )
