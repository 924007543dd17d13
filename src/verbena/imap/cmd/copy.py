"""COPY and UID COPY (RFC 3501 §6.4.7), with COPYUID (RFC 4315 §3): full. MOVE (RFC 6851) shares their parts."""

from collections.abc import AsyncIterator

from verbena.imap.outcome import Ok, Reply
from verbena.imap.registry import SELECTED, command
from verbena.imap.session import Session
from verbena.model.errors import Refused
from verbena.model.ids import MailboxId
from verbena.model.reason import Reason
from verbena.store.api import Copied
from verbena.wire.imap import reply
from verbena.wire.imap.command import Copy, parse_copy
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.reply import format_code


def target(session: Session, name: str) -> MailboxId:
    """The mailbox that messages go to. Raises ``Refused(TRY_CREATE)`` when it could be created, as a bare level can be
    too (RFC 3501 §6.3.11, §6.4.7)."""
    mailbox = session.account.find(name)
    if mailbox is None or not mailbox.selectable:
        raise Refused(Reason.TRY_CREATE, "There is no such mailbox")
    return mailbox.mailbox_id


def copyuid(copied: Copied) -> bytes | None:
    """The COPYUID code; None when nothing was copied."""
    if not copied.uids:
        return None
    return format_code(reply.copyuid(copied.uidvalidity, copied.source_uids, copied.uids))


async def copy(session: Session, request: Copy) -> AsyncIterator[Reply]:
    view = session.mailbox.view
    uids = view.uids_at(view.resolve(request.messages, request.by_uid))
    to = target(session, request.mailbox)
    if not request.by_uid:
        view.advance(session.account)
        if view.gone and not view.gone.isdisjoint(uids):
            # All of them or none (RFC 2180 §4.4.1); unknown UIDs are passed over.
            raise Refused(Reason.EXPUNGE_ISSUED, "Some of the messages were expunged")
    if not uids:
        yield Ok(b"Nothing to copy")
        return
    copied = await session.account.copy(view.columns.mailbox_id, uids, to)
    if not copied.uids:
        raise Refused(Reason.EXPUNGE_ISSUED, "The messages were expunged")
    yield Ok(b"COPY completed", copyuid(copied))


def _parse_copy(cursor: Cursor) -> Copy:
    return parse_copy(cursor, by_uid=False, move=False)


def _parse_uid_copy(cursor: Cursor) -> Copy:
    return parse_copy(cursor, by_uid=True, move=False)


ROWS = (
    command("COPY", _parse_copy, copy, SELECTED),
    command("UID COPY", _parse_uid_copy, copy, SELECTED),
)
