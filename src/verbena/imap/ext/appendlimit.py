"""APPENDLIMIT: how long a message may be, the same for all mailboxes (RFC 7889): full.

TOOBIG for a longer one is said by APPEND itself, before the literal is read.
"""

from typing import Final

from verbena.imap.registry import Extension
from verbena.imap.session import Session

LARGEST: Final = 0xFFFFFFFF
"""The largest number that the grammar has."""


def append_limit(session: Session) -> str:
    return f"APPENDLIMIT={min(session.services.limits.message_octets, LARGEST)}"


EXTENSION = Extension(rfc=7889, capability=append_limit)
