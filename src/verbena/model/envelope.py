"""ENVELOPE and addresses as values (RFC 3501 §7.4.2).

Field contents are octets as the message has them, unfolded, encoded-words left alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Address:
    """One address; a group begins with host None and mailbox its name, and ends with both None."""

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


@dataclass(frozen=True, slots=True)
class Envelope:
    """``sender`` and ``reply_to`` already default to ``from_`` where the message has none or an empty one."""

    date: bytes | None
    subject: bytes | None
    from_: tuple[Address, ...]
    sender: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    in_reply_to: bytes | None
    message_id: bytes | None
