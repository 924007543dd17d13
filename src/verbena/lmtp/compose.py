"""Making short messages: fields that can not be broken out of, bodies that need no more than seven bits.

What comes in here was written by senders and by script authors. Every field value goes through ``field`` or
``address_field``: controls become blanks, so that no value begins a field of its own (RFC 5322 §2.2, RFC 2047).
"""

import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from verbena.mime.address import parse_addresses
from verbena.mime.coding import QuotedPrintableEncoder
from verbena.mime.header import unfold
from verbena.model.envelope import Address
from verbena.sieve.message import Message

FOLD_OCTETS: Final = 76
MAX_VALUE_OCTETS: Final = 2000
WORD_OCTETS: Final = 42
"""of text in one encoded word, so that it has at most 75 characters (RFC 2047 §2)"""
MAX_REFERENCES: Final = 20
PLAIN_LINE_OCTETS: Final = 900


@dataclass(frozen=True, slots=True)
class Origin:
    """Of a message made here: the host's name, a random token, the aware time."""

    hostname: str
    token: str
    now: datetime

    def fields(self) -> bytes:
        date = format_datetime(self.now).encode()
        return b"Date: " + date + b"\r\nMessage-ID: <%s@%s>\r\n" % (self.token.encode(), self.hostname.encode())


def one_line(text: bytes) -> bytes:
    """``text`` without controls, valid UTF-8, not longer than a field may reasonably be."""
    cleaned = bytes(32 if octet < 32 or octet == 127 else octet for octet in text[:MAX_VALUE_OCTETS])
    return cleaned.decode("utf-8", "ignore").encode().strip()


def field(name: bytes, text: bytes) -> bytes:
    """A field of unstructured text, folded, in encoded words where it is not ASCII."""
    return _folded(name, encoded_words(one_line(text)))


def encoded_words(text: bytes) -> list[bytes]:
    """The words of a field's value; RFC 2047 where they are more than plain words."""
    words = text.split()
    if text.isascii() and b"=?" not in text and all(len(word) <= 900 for word in words):
        return words
    result: list[bytes] = []
    at = 0
    while at < len(text):
        end = min(at + WORD_OCTETS, len(text))
        while end < len(text) and text[end] & 0xC0 == 0x80:
            end -= 1
        result.append(b"=?UTF-8?B?" + binascii.b2a_base64(text[at:end], newline=False) + b"?=")
        at = end
    return result


def _folded(name: bytes, words: Sequence[bytes]) -> bytes:
    lines = [name + b":"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > FOLD_OCTETS and lines[-1] != name + b":":
            lines.append(b"")
        lines[-1] += b" " + word
    return b"\r\n".join(lines) + b"\r\n"


def address_field(name: bytes, addresses: Sequence[Address]) -> bytes:
    """A field of addresses with their display names; those without a domain are left out."""
    words: list[bytes] = []
    for address in addresses:
        if not address.mailbox or not address.host:
            continue
        if words:
            words[-1] += b","
        if address.name:
            words.extend(_phrase(one_line(address.name)))
        words.append(b"<" + one_line(address.mailbox + b"@" + address.host).replace(b" ", b"") + b">")
    return _folded(name, words)


def _phrase(text: bytes) -> list[bytes]:
    if text.isascii() and b"=?" not in text:
        return [b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"']
    if text.isascii():
        return text.split()
    return encoded_words(text)


def addresses_in(text: bytes) -> tuple[Address, ...]:
    return tuple(each for each in parse_addresses(one_line(text)) if each.mailbox and each.host)


def addr_specs(addresses: Sequence[bytes]) -> tuple[Address, ...]:
    """Checked addr-specs as addresses."""
    result: list[Address] = []
    for address in addresses:
        local_part, _, domain = address.rpartition(b"@")
        result.append(Address(None, None, local_part, domain))
    return tuple(result)


def threading(message: Message) -> bytes:
    """In-Reply-To and References of a message that answers (RFC 5322 §3.6.4); nothing where it has no Message-ID."""
    ids = _message_ids(message, b"message-id")[:1]
    if not ids:
        return b""
    earlier = _message_ids(message, b"references") or _message_ids(message, b"in-reply-to")[:1]
    if len(earlier) >= MAX_REFERENCES:
        earlier = earlier[:1] + earlier[1 - MAX_REFERENCES :]
    return _folded(b"In-Reply-To", ids) + _folded(b"References", [*earlier, *ids])


def _message_ids(message: Message, name: bytes) -> list[bytes]:
    result: list[bytes] = []
    for found in message.named(name)[:1]:
        for word in unfold(found.raw[:16_384]).split():
            inner = word[1:-1]
            whole = word[:1] == b"<" and word[-1:] == b">" and 0 < len(inner) <= 250 and inner.isascii()
            if whole and all(33 <= octet < 127 and octet not in b"<>" for octet in inner):
                result.append(word)
    return result


def crlf(text: bytes) -> bytes:
    """``text`` with CRLF for every line end, without NUL, ended by one."""
    lines = text.replace(b"\0", b"").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return lines.rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n"


def text_entity(text: bytes) -> bytes:
    """A text part of seven bits, its header with it."""
    body = crlf(text.decode("utf-8", "replace").encode())
    if body.isascii() and all(len(line) <= PLAIN_LINE_OCTETS for line in body.split(b"\r\n")):
        return b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body
    encoder = QuotedPrintableEncoder()
    coded = encoder.feed(body) + encoder.finish()
    head = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    return head + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + coded
