"""Notification by mail: the method ``mailto`` (RFC 5436, URIs of RFC 6068).

*full* in what a script can say; the message is made by the delivery agent from ``parse_mailto``.
Limits: ``MAX_RECIPIENTS`` in one URI, and those of ``uri``.
"""

from dataclasses import dataclass
from typing import Final

from verbena.sieve.core import is_addr_spec
from verbena.sieve.ext.vacation import is_mailbox_list
from verbena.sieve.registry import Extension, NotifyMethod
from verbena.sieve.uri import decode_percent, is_uri, parse_query

MAX_RECIPIENTS: Final = 5
_IGNORED: Final = frozenset(
    b"from sender reply-to auto-submitted received message-id date bcc return-path in-reply-to references "
    b"mime-version content-type content-transfer-encoding content-disposition".split()
)
"""Header fields that a URI may not set (RFC 5436 §2.7), and such that would change what the message is."""


@dataclass(frozen=True, slots=True)
class MailtoUri:
    """What a mailto URI asks for: checked addr-specs, and fields as (name, one line) without the ignored ones."""

    to: tuple[bytes, ...]
    cc: tuple[bytes, ...]
    subject: bytes | None
    body: bytes | None
    fields: tuple[tuple[bytes, bytes], ...]


def parse_mailto(uri: bytes) -> MailtoUri | str:
    """The URI's value, or why it is none."""
    if not is_uri(uri) or uri[:7].lower() != b"mailto:" or b"#" in uri:
        return "this is no mailto: URI"
    path, _, query = uri[7:].partition(b"?")
    pairs = parse_query(query, b"&")
    if pairs is None:
        return "the part behind “?” is not name=value&…"
    to = path.split(b",") if path else []
    recipients = [_address(each, True) for each in to]
    copies: list[bytes | None] = []
    subject: bytes | None = None
    body: bytes | None = None
    fields: list[tuple[bytes, bytes]] = []
    for name, value in pairs:
        if name == b"to":
            recipients.extend(_address(each, False) for each in value.split(b","))
        elif name == b"cc":
            copies.extend(_address(each, False) for each in value.split(b","))
        elif name == b"body":
            body = value
        elif not _is_field(name, value):
            return f"“{name.decode('utf-8', 'replace')}” is no header field, or has a line end in it"
        elif name == b"subject":
            subject = value
        elif name not in _IGNORED:
            fields.append((name, value))
    return _checked(recipients, copies, subject, body, fields)


def _checked(
    recipients: list[bytes | None],
    copies: list[bytes | None],
    subject: bytes | None,
    body: bytes | None,
    fields: list[tuple[bytes, bytes]],
) -> MailtoUri | str:
    to = [each for each in recipients if each is not None]
    cc = [each for each in copies if each is not None]
    if len(to) != len(recipients) or len(cc) != len(copies):
        return "one of its addresses is no mail address"
    if not to:
        return "it names no recipient"
    if len(to) + len(cc) > MAX_RECIPIENTS:
        return f"it names more than {MAX_RECIPIENTS} recipients"
    return MailtoUri(tuple(to), tuple(cc), subject, body, tuple(fields))


def _address(text: bytes, encoded: bool) -> bytes | None:
    address = decode_percent(text) if encoded else text
    if address is None:
        return None
    address = address.strip(b" ")
    return address if is_addr_spec(address) else None


def _is_field(name: bytes, value: bytes) -> bool:
    if not all(33 <= octet <= 126 and octet != 58 for octet in name):
        return False
    return not any(octet < 32 or octet == 127 for octet in value)


class Mailto(NotifyMethod):
    scheme = b"mailto"

    def complaint(self, uri: bytes) -> str | None:
        found = parse_mailto(uri)
        return found if isinstance(found, str) else None

    def sender_complaint(self, sender: bytes) -> str | None:
        return None if is_mailbox_list(sender) else "“:from” needs a mail address"


EXTENSION: Final[Extension] = Extension(rfc=5436, capabilities=(), methods=(Mailto(),))
