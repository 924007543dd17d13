"""ID: the server says what it is and notes what the client says it is (RFC 2971): full.

What a client says goes to the log only, cut short and with everything but printable ASCII taken out.
Limits: those of ``wire.imap.id``; 200 characters of the log.
"""

import logging
from collections.abc import AsyncIterator
from typing import Final

from verbena import __version__
from verbena.imap.outcome import Reply
from verbena.imap.registry import ANY_STATE, Extension, command
from verbena.imap.session import Session
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.id import IdFields, format_id_params, parse_id_params

log = logging.getLogger("verbena.imap")

MAX_LOGGED: Final = 200


def parse_id(cursor: Cursor) -> IdFields:
    cursor.sp()
    return parse_id_params(cursor)


def printable(fields: IdFields) -> str:
    """``fields`` as a log may have them."""
    words: list[str] = []
    for name, value in fields:
        words.append(f"{name.decode('latin-1')}={(value or b'').decode('latin-1')}")
    text = "; ".join(words)
    return "".join([char if " " <= char <= "~" else "?" for char in text[:MAX_LOGGED]])


async def id_command(session: Session, fields: IdFields) -> AsyncIterator[Reply]:
    if fields:
        log.info("IMAP client is %s", printable(fields))
    own = ((b"name", b"Verbena"), (b"version", __version__.encode("ascii")))
    yield b"* ID " + format_id_params(own) + b"\r\n"


EXTENSION = Extension(rfc=2971, capability="ID", commands=(command("ID", parse_id, id_command, ANY_STATE),))
