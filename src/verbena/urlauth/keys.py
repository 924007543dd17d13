"""URLAUTH tokens of the INTERNAL mechanism (RFC 4467 §2.4.1, §5, §6).

A token is an octet that names the algorithm and a keyed hash of the rump URL's octets, in hexadecimal. The key is the
mailbox access key of the URL's owner, which the store makes and resets; it never leaves the server. Algorithm 1 is
HMAC-SHA-256. Another one gets another number, so that old tokens can go on being verified for a while.
"""

import hmac
import secrets
from typing import Final

from verbena.model.secret import Secret

MECHANISM: Final = "INTERNAL"

_HASHES: Final = {1: "sha256"}
_CURRENT: Final = 1
_PLAUSIBLE_KEY: Final = Secret(secrets.token_bytes(32))
"""Stands in for the key of a mailbox that is not there, so that a refusal takes the same time (RFC 4467 §6)."""


def make_token(key: Secret, rump: bytes) -> Secret:
    """The token for ``rump``, 66 hexadecimal digits."""
    octets = bytes([_CURRENT]) + hmac.digest(key.reveal(), rump, _HASHES[_CURRENT])
    return Secret(octets.hex().encode("ascii"))


def verify_token(key: Secret | None, rump: bytes, token: Secret) -> bool:
    """Whether ``token`` was made for ``rump`` with ``key``; in constant time, and never for None."""
    try:
        octets = bytes.fromhex(token.reveal().decode("ascii"))
    except ValueError:
        octets = b""
    hash_name = _HASHES.get(octets[0]) if octets else None
    wanted = hmac.digest((key or _PLAUSIBLE_KEY).reveal(), rump, hash_name or _HASHES[_CURRENT])
    same = hmac.compare_digest(octets[1:], wanted)
    return same and key is not None and hash_name is not None
