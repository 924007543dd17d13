"""Notification by instant message: the method ``xmpp`` (RFC 5437, URIs of RFC 5122).

*full* in what a script can say; the stanza is made by the delivery agent from ``parse_xmpp``. A URI that names an
account to log in with (``xmpp://…``) is refused (RFC 5437 §2.1: SHOULD NOT).
"""

from dataclasses import dataclass
from typing import Final

from verbena.sieve.ext.vacation import is_mailbox_list
from verbena.sieve.registry import Extension, NotifyMethod
from verbena.sieve.uri import decode_percent, is_uri, parse_query

MAX_PART_OCTETS: Final = 1023
"""Of each part of an XMPP address (RFC 7622 §3.1)."""


@dataclass(frozen=True, slots=True)
class XmppUri:
    """``address`` is a JID, perhaps with a resource; ``query`` the type, such as ``message``; ``keys`` what
    follows it."""

    address: bytes
    query: bytes
    keys: tuple[tuple[bytes, bytes], ...]


def parse_xmpp(uri: bytes) -> XmppUri | str:
    """The URI's value, or why it is none."""
    if not is_uri(uri) or uri[:5].lower() != b"xmpp:":
        return "this is no xmpp: URI"
    if uri[5:7] == b"//":
        return "a URI with an account to log in with can not be used"
    if b"#" in uri:
        return "a URI with a fragment can not be used"
    path, _, query = uri[5:].partition(b"?")
    kind, _, rest = query.partition(b";")
    keys = parse_query(rest, b";")
    address = decode_percent(path)
    if keys is None or address is None:
        return "the part behind “?” is not type;name=value;…"
    if not is_address(address):
        return "it names no XMPP address"
    return XmppUri(address, kind.lower(), tuple(keys))


def is_address(address: bytes) -> bool:
    """Whether it is a JID: an optional local part, a domain, an optional resource (RFC 7622 §3)."""
    bare, slash, resource = address.partition(b"/")
    local, at, domain = bare.rpartition(b"@")
    try:
        address.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if any(octet <= 32 or octet == 127 for octet in bare) or any(octet < 32 or octet == 127 for octet in resource):
        return False
    if (at and not local) or not domain or (slash and not resource) or b".." in domain:
        return False
    if any(octet in b"\"&'/:<>@" for octet in local) or any(octet in b"\"&'<>@" for octet in domain):
        return False
    return max(len(local), len(domain), len(resource)) <= MAX_PART_OCTETS


class Xmpp(NotifyMethod):
    scheme = b"xmpp"

    def complaint(self, uri: bytes) -> str | None:
        found = parse_xmpp(uri)
        return found if isinstance(found, str) else None

    def sender_complaint(self, sender: bytes) -> str | None:
        return None if is_mailbox_list(sender) else "“:from” needs a mail address"


EXTENSION: Final[Extension] = Extension(rfc=5437, capabilities=(), methods=(Xmpp(),))
