"""The response of ``vacation``: whether one may be sent, and the message (RFC 5230 §4, §5; RFC 3834).

Whether a message may be answered is ``sieve.ext.vacation.may_answer``; whom it was answered to is in the account's
notes, written in the transaction that queues the response, so that two workers answer once.
"""

from collections.abc import Sequence
from hashlib import sha256

from verbena.lmtp.compose import Origin, addr_specs, address_field, addresses_in, crlf, field, text_entity, threading
from verbena.mime.header import split_fields
from verbena.model.envelope import Address
from verbena.sieve.action import Vacation
from verbena.sieve.message import Message
from verbena.sieve.run import Envelope
from verbena.store.api import AccountRef, Directory, Note, NoteKind

MAX_ADDRESSES = 200
"""of a message's addressees looked at"""
ONCE_S = 60
"""An interval of 0 answers every message (RFC 6131 §2), but not the same one twice within a minute."""


def note_of(action: Vacation, sender: bytes, message: Message) -> Note:
    """Stands for the answer to this sender (§4.2)."""
    digest = sha256(b"%d:%b" % (len(action.handle), action.handle))
    digest.update(sender.lower())
    if action.interval_s == 0:
        digest.update(b"".join(b"\0" + value for value in message.values(b"message-id")))
    return Note(NoteKind.ANSWERED, digest.digest(), action.interval_s or ONCE_S)


def own_addresses(directory: Directory, account: AccountRef, message: Message, envelope: Envelope) -> list[bytes]:
    """Those of the sender's and the addressees' addresses that are the account's."""
    found = [envelope.sender]
    for name in (b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc"):
        found.extend(message.addresses(name)[:MAX_ADDRESSES])
    mine = [account.login.encode()]
    for address in found[:MAX_ADDRESSES]:
        local_part, _, domain = address.decode("utf-8", "replace").rpartition("@")
        if domain and directory.may_send_as(account, local_part, domain):
            mine.append(address)
    return mine


def response(action: Vacation, message: Message, envelope: Envelope, account: AccountRef, origin: Origin) -> bytes:
    """The whole message."""
    sender: Sequence[Address] = addresses_in(action.sender) if action.sender is not None else ()
    if not sender:
        sender = addr_specs([envelope.recipient if b"@" in envelope.recipient else account.login.encode()])
    head = address_field(b"From", sender) + address_field(b"To", addr_specs([envelope.sender]))
    head += field(b"Subject", _subject(action, message)) + origin.fields() + threading(message)
    head += b"Auto-Submitted: auto-replied (vacation)\r\nPrecedence: bulk\r\nX-Auto-Response-Suppress: All\r\n"
    return head + (_entity(action.reason) if action.mime else text_entity(action.reason))


def _subject(action: Vacation, message: Message) -> bytes:
    if action.subject is not None:
        return action.subject
    original = message.values(b"subject")[:1]
    return b"Auto: " + original[0] if original and original[0] else b"Automated reply"


def _entity(reason: bytes) -> bytes:
    """A MIME entity of the script's: of its header only the fields that say what the body is (§4.4, §5)."""
    entity = crlf(reason)
    header, empty, body = entity.partition(b"\r\n\r\n")
    if entity.startswith(b"\r\n") or not empty:
        return text_entity(reason)
    block = header + b"\r\n\r\n"
    fields: list[bytes] = []
    for name, start, _, end in split_fields(block):
        if name.startswith(b"content-") and block[start:end].isascii():
            fields.append(block[start:end])
    return b"MIME-Version: 1.0\r\n" + b"".join(fields) + b"\r\n" + body
