"""Names of external lists: absolute URIs, with ``:name`` for Sieve's own URNs (RFC 6134 §2.5, §2.6)."""

from typing import Final
from urllib.parse import unquote_to_bytes

MAX_NAME_OCTETS: Final = 1024
_URN: Final = b"urn:ietf:params:sieve:"
_BOOK: Final = _URN + b"addrbook:"
_SCHEME: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")


def list_name(text: bytes) -> bytes | None:
    """The name in one form: the shorthand written out, what has no case in lower case; None for what is no absolute
    URI. All ways to write the default address book give ``urn:ietf:params:sieve:addrbook:default``."""
    name = _URN + text[1:] if text[:1] == b":" else text
    scheme, colon, rest = name.partition(b":")
    if not colon or not rest or not scheme[:1].isalpha() or any(octet not in _SCHEME for octet in scheme):
        return None
    if len(name) > MAX_NAME_OCTETS or any(octet <= 32 or octet == 127 for octet in name):
        return None
    if not name.lower().startswith(_BOOK):
        return scheme.lower() + b":" + rest
    book = name[len(_BOOK) :]
    return _BOOK + (b"default" if unquote_to_bytes(book).lower() == b"default" else book)
