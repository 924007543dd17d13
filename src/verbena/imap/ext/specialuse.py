"""Special-use mailboxes in LIST and CREATE (RFC 6154 §2, §3; RFC 8457).

Partial: the selection and return options of extended LIST come with LIST-EXTENDED, ``/private/specialuse`` with
METADATA. Plain LIST always shows the attributes. CREATE itself reads USE and refuses what can not be had (USEATTR).
"""

from verbena.imap.registry import Extension
from verbena.imap.session import Session
from verbena.model.mailbox import Mailbox


def special_use(session: Session, mailbox: Mailbox) -> tuple[str, ...]:
    return () if mailbox.special_use is None else (mailbox.special_use.value,)


EXTENSION = Extension(rfc=6154, capability="SPECIAL-USE CREATE-SPECIAL-USE", list_attributes=special_use)
