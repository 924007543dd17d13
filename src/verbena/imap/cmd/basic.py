"""CAPABILITY, NOOP, LOGOUT, STARTTLS and CHECK (RFC 3501 §6.1, §6.2.1, §6.4.1): full."""

from collections.abc import AsyncIterator

from verbena.imap.outcome import Effect, Ok, Reply
from verbena.imap.registry import ANY_STATE, LOGGED_OUT, SELECTED, command
from verbena.imap.session import Session
from verbena.model.errors import PeerError
from verbena.wire.imap.command import Bare, parse_bare
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.reply import Condition, StatusReply, format_capability, format_status_reply


def _parse(cursor: Cursor) -> Bare:
    return parse_bare(cursor, "")


async def capability(session: Session, arguments: Bare) -> AsyncIterator[Reply]:
    yield format_capability(session.services.registry.capabilities(session))


async def nothing(session: Session, arguments: Bare) -> AsyncIterator[Reply]:
    """NOOP and CHECK: the dispatcher tells what is new; every commit is on disk already (RFC 3501 §6.4.1)."""
    yield Ok(b"Nothing else to do")


async def logout(session: Session, arguments: Bare) -> AsyncIterator[Reply]:
    session.unselect()
    yield format_status_reply(StatusReply(Condition.BYE, "Until next time"))
    yield Effect.CLOSE


async def starttls(session: Session, arguments: Bare) -> AsyncIterator[Reply]:
    if not session.talk.can_start_tls:
        raise PeerError("TLS is not available, or on already")
    yield Ok(b"Begin TLS negotiation now")
    yield Effect.START_TLS


ROWS = (
    command("CAPABILITY", _parse, capability, ANY_STATE),
    command("NOOP", _parse, nothing, ANY_STATE),
    command("LOGOUT", _parse, logout, ANY_STATE, breaks_numbers=True),
    command("STARTTLS", _parse, starttls, LOGGED_OUT),
    command("CHECK", _parse, nothing, SELECTED),
)
