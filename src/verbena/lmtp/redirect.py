"""``redirect``: the message sent on through the outbox, and how it can not go round in circles (RFC 5228 §4.2).

The return path stays, but the owner of the script gets the reports that ``redirect-dsn`` asks for (RFC 6009 §6.1);
a null one stays null. What is sent on has ``Delivered-To`` of the recipient and ``MARKER`` with the account's login: a
message that comes back to the recipient is refused, and one that comes back to the account by another address is not
sent on again but kept.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from verbena.lmtp.filter import reader
from verbena.mime.header import Fields, split_fields
from verbena.mime.transfer import body_of
from verbena.sieve.action import Edition, Redirect
from verbena.sieve.message import Message
from verbena.sieve.pieces import edition_octets
from verbena.sieve.run import Envelope
from verbena.store.api import AccountRef, OutEnvelope, OutRecipient, Staged

MARKER: Final = b"X-Verbena-Redirected-By"
_RETURN_PATH: Final = b"return-path"
PIECE_OCTETS: Final = 64 * 1024
SPARE_OCTETS: Final = 4096
"""of fields that are added"""


def was_here(message: Message, account: AccountRef) -> bool:
    """Whether this account has sent the message on before."""
    login = account.login.encode().lower()
    return any(value.lower() == login for value in message.values(MARKER.lower()))


def marked(recipient: bytes, account: AccountRef, source: Iterator[bytes]) -> Iterator[bytes]:
    """The message to send on: ``source`` without the return path of this delivery, which is among its first fields."""
    first = next(source, b"")
    fields = split_fields(first)
    for name, start, _, end in fields:
        if name == _RETURN_PATH:
            first = first[:start] + first[end:]
            break
    address = bytes(octet for octet in recipient if octet >= 32 and octet != 127)
    head = MARKER + b": " + account.login.encode() + b"\r\n"
    if all(value != address for value in Fields(first).every(b"delivered-to")):
        head += b"Delivered-To: " + address + b"\r\n"
    yield head + first
    yield from source


def edited(staged: Staged, edition: Edition) -> Iterator[bytes]:
    """The message as a script left it, in pieces."""
    return edition_octets(edition, staged.scanned.root.body_start, staged.size_octets, reader(staged))


def octets_of(staged: Staged) -> Iterator[bytes]:
    """The message in pieces; the first has the whole of its first field."""
    at = 0
    while at < staged.size_octets:
        piece = staged.read(at, PIECE_OCTETS)
        yield piece
        at += len(piece)


async def stream(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def envelope_of(
    action: Redirect, addresses: tuple[str, ...], came: Envelope, account: AccountRef, staged: Staged
) -> OutEnvelope:
    """Of ``staged``, the message to send on, for ``addresses``."""
    sender = came.sender.decode("utf-8", "replace")
    reports = action.notify is not None or action.ret is not None
    if sender and reports:
        sender = account.login
    notify = tuple(action.notify.decode("ascii", "replace").split(",")) if action.notify is not None else ()
    utf8 = not (sender.isascii() and staged.scanned.header.isascii() and all(each.isascii() for each in addresses))
    return OutEnvelope(
        sender=sender,
        recipients=tuple(OutRecipient(address, notify) for address in addresses),
        body=body_of(staged.scanned),
        smtputf8=utf8,
        ret=None if action.ret is None else action.ret.decode("ascii", "replace"),
    )
