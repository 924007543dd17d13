"""Mailboxes: canonical names, attributes, status figures.

A name is ``str`` in its decoded form (modified UTF-7 is the wire's business), hierarchy levels
parted by ``DELIMITER``. INBOX is spelled ``INBOX`` whatever case a client used (RFC 3501 §5.1).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from verbena.model.flags import Flag
from verbena.model.ids import MailboxId, ModSeq, Uid, UidValidity

DELIMITER: Final = "/"
INBOX: Final = "INBOX"
MAX_NAME_OCTETS: Final = 1000
"""Longest mailbox name, in octets of UTF-8."""
MAX_NAME_LEVELS: Final = 32


class SpecialUse(Enum):
    """Special-use attributes (RFC 6154 §2, RFC 8457)."""

    ALL = "\\All"
    ARCHIVE = "\\Archive"
    DRAFTS = "\\Drafts"
    FLAGGED = "\\Flagged"
    IMPORTANT = "\\Important"
    JUNK = "\\Junk"
    SENT = "\\Sent"
    TRASH = "\\Trash"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox as the account's list shows it. ``selectable`` is false for a bare ``\\Noselect`` level."""

    mailbox_id: MailboxId
    name: str
    uidvalidity: UidValidity
    selectable: bool
    subscribed: bool
    special_use: SpecialUse | None
    has_children: bool


@dataclass(frozen=True, slots=True)
class Status:
    """Figures of one mailbox at one moment (RFC 3501 §6.3.10, RFC 7162 §3.1.2, RFC 8438)."""

    mailbox_id: MailboxId
    name: str
    messages: int
    recent: int
    uidnext: Uid
    uidvalidity: UidValidity
    unseen: int
    deleted: int
    highestmodseq: ModSeq
    size_octets: int
    keywords: tuple[Flag, ...]


def canonical_name(name: str) -> str:
    """``name`` with its INBOX, alone or as the first level, in capitals."""
    head, slash, rest = name.partition(DELIMITER)
    return INBOX + slash + rest if head.upper() == INBOX else name
