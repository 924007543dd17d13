"""UNSELECT: leave a mailbox without expunging (RFC 3691): full."""

from collections.abc import AsyncIterator

from verbena.imap.outcome import Reply
from verbena.imap.registry import SELECTED, Extension, command
from verbena.imap.session import Session
from verbena.wire.imap.grammar import Cursor


def parse_unselect(cursor: Cursor) -> None:
    """Nothing follows the name."""


async def unselect(session: Session, arguments: None) -> AsyncIterator[Reply]:
    session.unselect()
    return
    yield


EXTENSION = Extension(
    rfc=3691,
    capability="UNSELECT",
    commands=(command("UNSELECT", parse_unselect, unselect, SELECTED, breaks_numbers=True),),
)
