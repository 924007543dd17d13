"""APPENDLIMIT: how long a message may be, the same for all mailboxes, in CAPABILITY and STATUS (RFC 7889): full.

TOOBIG for a longer one is said by APPEND itself, before the literal is read.
"""

from typing import Final

from verbena.imap.registry import Extension, StatusItemRow
from verbena.imap.session import Session
from verbena.model.mailbox import Status

LARGEST: Final = 0xFFFFFFFF
"""The largest number that the grammar has."""


def append_limit(session: Session) -> int:
    return min(session.services.limits.message_octets, LARGEST)


def _capability(session: Session) -> str:
    return f"APPENDLIMIT={append_limit(session)}"


def _of_mailbox(session: Session, figures: Status) -> int:
    return append_limit(session)


EXTENSION = Extension(rfc=7889, capability=_capability, status_items=(StatusItemRow("APPENDLIMIT", _of_mailbox),))
