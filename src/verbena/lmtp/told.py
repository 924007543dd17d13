"""Telling a user that a script failed: a message in INBOX, once for each version of the script (RFC 5228 §2.10.6)."""

from hashlib import sha256

from verbena.lmtp.compose import Origin, addr_specs, address_field, field, text_entity
from verbena.lmtp.filter import Failure
from verbena.sieve.message import Message
from verbena.store.api import AccountRef, Note, NoteKind

TOLD_S = 400 * 86_400


def note_of(failure: Failure) -> Note:
    key = sha256(f"{failure.version} {failure.script}".encode()).digest()
    return Note(NoteKind.TOLD, key, TOLD_S)


def report(failure: Failure, message: Message, account: AccountRef, origin: Origin) -> bytes:
    """The whole message."""
    subject = b"".join(message.values(b"subject")[:1])[:200].decode("utf-8", "replace")
    text = (
        f"Your mail filter “{failure.script}” failed on a message:\n\n"
        f"    {failure.told}\n\n"
        f"The message has the subject “{subject}”. It was not lost: it is where your\n"
        "filter had put it up to then, or else in your inbox.\n\n"
        "The filter stays active, and you are not told of this again until you change it.\n"
        "To try it: verbena sieve test SCRIPT MESSAGE --trace\n"
    )
    head = address_field(b"From", addr_specs([f"MAILER-DAEMON@{origin.hostname}".encode()]))
    head += address_field(b"To", addr_specs([account.login.encode()]))
    head += field(b"Subject", f"Your mail filter “{failure.script}” failed".encode()) + origin.fields()
    return head + b"Auto-Submitted: auto-generated\r\n" + text_entity(text.encode())
