"""Child mailboxes: ``\\HasChildren`` and ``\\HasNoChildren`` in LIST (RFC 3348): full."""

from verbena.imap.registry import Extension
from verbena.imap.session import Session
from verbena.model.mailbox import Mailbox


def children(session: Session, mailbox: Mailbox) -> tuple[str, ...]:
    return ("\\HasChildren",) if mailbox.has_children else ("\\HasNoChildren",)


EXTENSION = Extension(rfc=3348, capability="CHILDREN", list_attributes=children)
