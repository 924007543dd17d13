"""UNSELECT: leave a mailbox without expunging (RFC 3691): full."""

from collections.abc import AsyncIterator

from verbena.imap.outcome import Ok, Reply
from verbena.imap.registry import SELECTED, Extension, command
from verbena.imap.session import Session
from verbena.wire.imap.command import Bare, parse_bare
from verbena.wire.imap.grammar import Cursor


def parse_unselect(cursor: Cursor) -> Bare:
    return parse_bare(cursor, "UNSELECT")


async def unselect(session: Session, arguments: Bare) -> AsyncIterator[Reply]:
    session.unselect()
    yield Ok(b"UNSELECT completed")


EXTENSION = Extension(
    rfc=3691,
    capability="UNSELECT",
    commands=(command("UNSELECT", parse_unselect, unselect, SELECTED, breaks_numbers=True),),
)
