"""MOVE and UID MOVE: copy and expunge in one step (RFC 6851): full.

COPYUID is told in an untagged OK before the expunges (RFC 6851 §4.3), which the dispatcher tells as all changes are.
All of it is one transaction of the store.
"""

from collections.abc import AsyncIterator

from verbena.imap.cmd.copy import copyuid, target
from verbena.imap.cmd.expunge import highest
from verbena.imap.cmd.store import writable
from verbena.imap.outcome import Ok, Reply
from verbena.imap.registry import SELECTED, Extension, command
from verbena.imap.session import Session
from verbena.model.errors import Refused
from verbena.model.reason import Reason
from verbena.wire.imap.command import Copy, parse_copy
from verbena.wire.imap.grammar import Cursor


async def move(session: Session, request: Copy) -> AsyncIterator[Reply]:
    view = writable(session)
    uids = view.uids_at(view.resolve(request.messages, request.by_uid))
    to = target(session, request.mailbox)
    if not uids:
        yield Ok(b"Nothing to move")
        return
    moved = await session.account.move(view.columns.mailbox_id, uids, to)
    code = copyuid(moved)
    if code is None:
        raise Refused(Reason.EXPUNGE_ISSUED, "The messages were expunged")
    yield b"* OK [" + code + b"] Moved\r\n"
    yield Ok(b"MOVE completed", highest(session))


def _parse_move(cursor: Cursor) -> Copy:
    return parse_copy(cursor, by_uid=False, move=True)


def _parse_uid_move(cursor: Cursor) -> Copy:
    return parse_copy(cursor, by_uid=True, move=True)


EXTENSION = Extension(
    rfc=6851,
    capability="MOVE",
    commands=(
        command("MOVE", _parse_move, move, SELECTED),
        command("UID MOVE", _parse_uid_move, move, SELECTED),
    ),
)
