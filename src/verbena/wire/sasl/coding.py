"""The base64 layer under SASL in IMAP, SMTP and ManageSieve (RFC 3501 §6.2.2, RFC 4954 §4, RFC 4959 §3).

Strict: only the alphabet of RFC 4648 §4, whole quads, padding at the end, no white space, unused bits zero.
"""

import binascii
from typing import Final

from verbena.model.errors import PeerError

MAX_ENCODED_OCTETS: Final = 12_288
"""Longest line of an exchange, without CRLF (RFC 4954 §4 asks for at least this)."""

CANCEL: Final = b"*"
"""What a client sends in place of a response to give up."""

EMPTY_INITIAL: Final = b"="
"""An initial response that is there and empty (RFC 4959 §3)."""


def decode_base64(encoded: bytes) -> bytes:
    """The octets that ``encoded`` stands for. Raises ``PeerError`` for anything but canonical base64."""
    if len(encoded) > MAX_ENCODED_OCTETS:
        raise PeerError("SASL response too long")
    try:
        octets = binascii.a2b_base64(encoded, strict_mode=True)
    except binascii.Error as error:
        raise PeerError("invalid base64") from error
    if binascii.b2a_base64(octets, newline=False) != encoded:
        raise PeerError("invalid base64")
    return octets


def encode_base64(octets: bytes) -> bytes:
    """Without line breaks."""
    return binascii.b2a_base64(octets, newline=False)


def decode_initial(encoded: bytes) -> bytes:
    """An initial response as commands carry it, where ``=`` is an empty one. Raises ``PeerError``."""
    return b"" if encoded == EMPTY_INITIAL else decode_base64(encoded)


def encode_initial(octets: bytes) -> bytes:
    return encode_base64(octets) if octets else EMPTY_INITIAL


def decode_response(line: bytes) -> bytes | None:
    """A line the client sent during an exchange; None when it cancelled. Raises ``PeerError``."""
    return None if line == CANCEL else decode_base64(line)
