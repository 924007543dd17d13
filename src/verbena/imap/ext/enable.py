"""ENABLE: switch on what changes the server's responses (RFC 5161): full.

Names that are not known, need no enabling or are on already are passed over.
Limits: 64 names.
"""

from collections.abc import AsyncIterator
from typing import Final

from verbena.imap.outcome import Reply
from verbena.imap.registry import LOGGED_IN, Extension, command
from verbena.imap.session import Session
from verbena.wire.imap.grammar import Cursor

MAX_NAMES: Final = 64


# enable = "ENABLE" 1*(SP capability)
def parse_enable(cursor: Cursor) -> tuple[str, ...]:
    names: list[str] = []
    while not names or not cursor.at_end():
        cursor.sp()
        names.append(cursor.atom().decode("ascii").upper())
        if len(names) > MAX_NAMES:
            raise cursor.error("there are too many names")
    return tuple(names)


async def enable(session: Session, names: tuple[str, ...]) -> AsyncIterator[Reply]:
    newly: list[str] = []
    for name in names:
        extension = session.services.registry.enables.get(name)
        if extension is None or name in session.enabled:
            continue
        session.enabled.add(name)
        newly.append(name)
        if extension.on_enable is not None:
            extension.on_enable(session, name)
    yield " ".join(("* ENABLED", *newly)).encode("ascii") + b"\r\n"


EXTENSION = Extension(rfc=5161, capability="ENABLE", commands=(command("ENABLE", parse_enable, enable, LOGGED_IN),))
