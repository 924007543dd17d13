"""Notification by a web hook: the method ``https``, our own, after the rules of RFC 5435 §3.8.

The notification is a POST of one JSON object to the URI. ``:from``, ``:importance`` and ``:message`` are members of it;
of ``:options`` none is known. A URI is refused that has a user and password, a fragment, no host name, or an address of
digits as its host; which hosts may be called is for the delivery agent, which never follows redirects.
"""

from typing import Final

from verbena.sieve.registry import Extension, NotifyMethod
from verbena.sieve.uri import is_uri

_HOST: Final = b"abcdefghijklmnopqrstuvwxyz0123456789-."


def complaint(uri: bytes) -> str | None:
    """Why this is no URI of a web hook, or None."""
    if not is_uri(uri) or uri[:8].lower() != b"https://":
        return "this is no https: URI"
    if b"#" in uri:
        return "a URI with a fragment can not be used"
    rest = uri[8:]
    end = len(rest)
    for at in range(len(rest)):
        if rest[at] in b"/?":
            end = at
            break
    authority = rest[:end]
    if b"@" in authority:
        return "a URI with a user can not be used"
    host, colon, port = authority.partition(b":")
    if colon and not (port.isdigit() and len(port) <= 5 and 0 < int(port) <= 65535):
        return "it has no proper port"
    return None if is_host_name(host.lower()) else "it has no proper host name"


def is_host_name(host: bytes) -> bool:
    """Whether it is a name of two or more labels, in lower case, that is no address of digits."""
    if len(host) > 253 or any(octet not in _HOST for octet in host):
        return False
    labels = host.split(b".")
    if len(labels) < 2 or labels[-1].isdigit() or labels[-1].startswith(b"0x"):
        return False
    return all(0 < len(label) <= 63 and label[:1] != b"-" and label[-1:] != b"-" for label in labels)


class Webhook(NotifyMethod):
    scheme = b"https"

    def complaint(self, uri: bytes) -> str | None:
        return complaint(uri)


EXTENSION: Final[Extension] = Extension(rfc=5435, capabilities=(), methods=(Webhook(),))
