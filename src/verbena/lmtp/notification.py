"""Notifications that ``notify`` asks for (RFC 5435): the mail of ``mailto`` (RFC 5436), and what other methods tell.

A message with Auto-Submitted other than ``no`` makes no mail (RFC 5436 §2.7), nor does one without a sender get a
notification that has one. Mail goes through the outbox; other methods through ``Notifier``, which may lose one.
"""

from dataclasses import dataclass
from typing import Protocol

from verbena.lmtp.compose import Origin, addr_specs, address_field, addresses_in, field, text_entity, threading
from verbena.sieve.action import Notify
from verbena.sieve.ext.mailto import MailtoUri, parse_mailto
from verbena.sieve.message import Message
from verbena.sieve.run import Envelope
from verbena.store.api import AccountRef, OutEnvelope, OutRecipient

_IMPORTANCE = {1: (b"high", b"1 (High)"), 2: (b"normal", b"3 (Normal)"), 3: (b"low", b"5 (Low)")}


@dataclass(frozen=True, slots=True)
class Call:
    """A notification by another method than mail. Texts are one line each, except ``message``, that of ``:message``;
    ``importance`` is 1 (high) to 3. ``url`` is an IMAP URL of the message, empty where it is in no mailbox."""

    account: AccountRef
    uri: bytes
    importance: int
    sender: str
    message: str | None
    subject: str
    mail_from: str
    recipient: str
    url: str = ""


class Notifier(Protocol):
    """Tells of notifications that are no mail, in its own time."""

    @property
    def schemes(self) -> frozenset[bytes]:
        """Of the URIs that it can notify now."""

    def put(self, call: Call) -> None:
        """Never waits, never fails: what is too much is dropped and logged."""


class NoNotifier:
    """Knows no method."""

    @property
    def schemes(self) -> frozenset[bytes]:
        return frozenset()

    def put(self, call: Call) -> None:
        return


def made_by_program(message: Message) -> bool:
    return any(value.partition(b";")[0].strip().lower() != b"no" for value in message.values(b"auto-submitted"))


def call_of(action: Notify, message: Message, envelope: Envelope, account: AccountRef) -> Call:
    subject = _first(message, b"subject")
    return Call(
        account=account,
        uri=action.method,
        importance=action.importance,
        sender=_text(action.sender or b""),
        message=None if action.message is None else _text(action.message),
        subject=_text(subject),
        mail_from=_text(_first(message, b"from")),
        recipient=_text(envelope.recipient),
    )


def mail(
    action: Notify, message: Message, envelope: Envelope, account: AccountRef, origin: Origin
) -> tuple[bytes, OutEnvelope] | None:
    """The mail that ``mailto`` asks for and its envelope; None for a URI that is none."""
    uri = parse_mailto(action.method)
    if isinstance(uri, str):
        return None
    owner = envelope.recipient.decode("utf-8", "replace") if b"@" in envelope.recipient else account.login
    chosen = addresses_in(action.sender) if action.sender is not None else ()
    sender = owner
    if chosen:
        sender = b"@".join((chosen[0].mailbox or b"", chosen[0].host or b"")).decode("utf-8", "replace")
    recipients = tuple(dict.fromkeys(each.decode("utf-8", "replace") for each in (*uri.to, *uri.cc)))
    head = b'Auto-Submitted: auto-notified; owner-email="' + _quoted(account.login) + b'"\r\n'
    head += address_field(b"From", chosen or addr_specs([owner.encode()]))
    head += _head(uri, action, message) + origin.fields() + threading(message) + _importance(action.importance)
    octets = head + text_entity(uri.body if uri.body is not None else _body(message))
    utf8 = not (head.isascii() and sender.isascii() and all(each.isascii() for each in recipients))
    out = tuple(OutRecipient(each, ("NEVER",)) for each in recipients)
    return octets, OutEnvelope(sender if envelope.sender else "", out, "8BITMIME" if utf8 else "7BIT", utf8)


def _head(uri: MailtoUri, action: Notify, message: Message) -> bytes:
    result = address_field(b"To", addr_specs(uri.to))
    if uri.cc:
        result += address_field(b"Cc", addr_specs(uri.cc))
    subject = action.message if action.message is not None else uri.subject
    result += field(b"Subject", subject if subject is not None else _first(message, b"subject"))
    taken = {b"to", b"cc", b"subject", b"importance", b"x-priority", b"return-path", b"delivered-to"}
    for name, value in uri.fields:
        if name.lower() not in taken and not name.lower().startswith((b"resent-", b"content-", b"dkim-", b"arc-")):
            result += field(name.title(), value)
    return result


def copy(action: Notify, message: Message, account: AccountRef, origin: Origin) -> bytes:
    """What ``:fcc`` files of a notification that is no mail (RFC 8580 §6.1)."""
    text = action.message if action.message is not None else _first(message, b"subject")
    head = b'Auto-Submitted: auto-notified; owner-email="' + _quoted(account.login) + b'"\r\n'
    head += address_field(b"From", addr_specs([account.login.encode()]))
    return head + field(b"Subject", text) + origin.fields() + threading(message) + text_entity(text)


def _importance(importance: int) -> bytes:
    word, priority = _IMPORTANCE[importance]
    return b"Importance: " + word + b"\r\nX-Priority: " + priority + b"\r\n"


def _body(message: Message) -> bytes:
    lines = [name + b": " + _first(message, name.lower()) for name in (b"From", b"To", b"Subject", b"Date")]
    return b"New mail:\n\n" + b"\n".join(lines) + b"\n"


def _first(message: Message, name: bytes) -> bytes:
    found = message.values(name)
    return found[0][:1000] if found else b""


def _quoted(text: str) -> bytes:
    return text.replace("\\", "\\\\").replace('"', '\\"').encode()


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
