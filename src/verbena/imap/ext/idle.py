"""IDLE: be told of changes as they happen (RFC 2177): full.

The session waits for the client's ``DONE`` and for its account's watch at once; what is told is what NOOP would tell.
Limits: a line of 128 octets; the session's idle time runs as ever, so a client says DONE and IDLE again before it ends.
"""

from collections.abc import AsyncIterator
from typing import Final

from verbena.imap.outcome import Ok, Reply
from verbena.imap.registry import LOGGED_IN, Extension, command
from verbena.imap.session import Session
from verbena.imap.telling import news, updates
from verbena.model.errors import InternalError, PeerError
from verbena.wire.imap.command import Bare, parse_bare
from verbena.wire.imap.grammar import Cursor

MAX_LINE_OCTETS: Final = 128


def parse_idle(cursor: Cursor) -> Bare:
    return parse_bare(cursor, "IDLE")


async def idle(session: Session, arguments: Bare) -> AsyncIterator[Reply]:
    if session.user is None:
        raise InternalError("no user in this state")
    watch = session.user.watch
    await session.talk.prompt(b"idling")
    while True:
        yield await updates(session, may_tell_expunges=True)
        yield news(session)
        line = await session.talk.line_or_change(watch, MAX_LINE_OCTETS)
        if line is not None:
            break
    if line.upper() != b"DONE":
        raise PeerError("IDLE ends with DONE")
    yield Ok(b"IDLE terminated")


EXTENSION = Extension(rfc=2177, capability="IDLE", commands=(command("IDLE", parse_idle, idle, LOGGED_IN),))
