"""Notification of the user's own devices: the method ``webpush``, our own, after the rules of RFC 5435 §3.8.

``webpush:NAME`` goes to the subscription that the user has registered under NAME, ``webpush:*`` to all of them
(RFC 8030, RFC 8291; the keys are with the subscription, never in a script). ``:importance`` becomes the urgency
(RFC 8030 §5.3); ``:from`` and ``:message`` are in the payload. No copy can be filed of it.
"""

from typing import Final

from verbena.sieve.registry import Extension, NotifyMethod
from verbena.sieve.uri import decode_percent, is_uri

MAX_NAME_OCTETS: Final = 64


def subscription_of(uri: bytes) -> bytes | None:
    """The subscription's name, ``*`` for all; None where the URI has none."""
    if not is_uri(uri) or uri[:8].lower() != b"webpush:" or b"?" in uri or b"#" in uri:
        return None
    name = decode_percent(uri[8:])
    if not name or len(name) > MAX_NAME_OCTETS or any(octet <= 32 or octet == 127 for octet in name):
        return None
    return name


class WebPush(NotifyMethod):
    scheme = b"webpush"
    files_copies = False

    def complaint(self, uri: bytes) -> str | None:
        return "“webpush:” needs the name of a subscription, or “*”" if subscription_of(uri) is None else None


EXTENSION: Final[Extension] = Extension(rfc=5435, capabilities=(), methods=(WebPush(),))
