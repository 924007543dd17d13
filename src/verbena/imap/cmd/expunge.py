"""EXPUNGE (RFC 3501 §6.4.3) and what UID EXPUNGE shares with it: full.

The expunged messages are told by the dispatcher, as all changes are. With QRESYNC the tagged OK has HIGHESTMODSEQ
(RFC 7162 §3.2.7).
"""

from collections.abc import AsyncIterator

from verbena.imap.cmd.store import writable
from verbena.imap.outcome import Ok, Reply
from verbena.imap.registry import SELECTED, command
from verbena.imap.session import Session
from verbena.model.uidset import NumberSet
from verbena.wire.imap.command import Expunge, parse_expunge
from verbena.wire.imap.reply import format_code, number_code


async def expunge(session: Session, request: Expunge) -> AsyncIterator[Reply]:
    view = writable(session)
    uids: NumberSet | None = None
    if request.uids is not None:
        uids = request.uids.resolve(view.last_uid)
    removed = await session.account.expunge(view.columns.mailbox_id, uids)
    yield Ok(b"EXPUNGE completed", highest(session) if removed else None)


def highest(session: Session) -> bytes | None:
    """HIGHESTMODSEQ for the tagged OK of a command that expunged, once QRESYNC is on.

    Every change up to it is told before the tagged line, so that a client that keeps it misses nothing.
    """
    if "QRESYNC" not in session.enabled:
        return None
    view = session.mailbox.view
    view.advance(session.account)
    return format_code(number_code("HIGHESTMODSEQ", view.columns.highestmodseq))


ROWS = (command("EXPUNGE", parse_expunge, expunge, SELECTED),)
