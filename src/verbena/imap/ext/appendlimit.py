"""APPENDLIMIT: how long a message may be, the same for all mailboxes (RFC 7889): full.

TOOBIG for a longer one is said by APPEND itself, before the literal is read.
"""

from verbena.imap.registry import Extension
from verbena.imap.session import Session


def append_limit(session: Session) -> str:
    return f"APPENDLIMIT={session.services.limits.message_octets}"


EXTENSION = Extension(rfc=7889, capability=append_limit)
