"""ID: the server says what it is and notes what the client says it is (RFC 2971): full.

What a client says goes to the log only, cut short and with everything but printable ASCII taken out.
Limits: those of ``parse_id``; 200 characters of the log.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

from verbena import __version__
from verbena.imap.outcome import Reply
from verbena.imap.registry import ANY_STATE, Extension, command
from verbena.imap.session import Session
from verbena.wire.imap.command import Id, parse_id
from verbena.wire.imap.reply import format_id_reply

log = logging.getLogger("verbena.imap")

MAX_LOGGED: Final = 200


def printable(fields: Sequence[tuple[bytes, bytes | None]]) -> str:
    """``fields`` as a log may have them."""
    words: list[str] = []
    for name, value in fields:
        words.append(f"{name.decode('latin-1')}={(value or b'').decode('latin-1')}")
    text = "; ".join(words)
    return "".join([char if " " <= char <= "~" else "?" for char in text[:MAX_LOGGED]])


async def id_command(session: Session, arguments: Id) -> AsyncIterator[Reply]:
    if arguments.params:
        log.info("IMAP client is %s", printable(arguments.params))
    yield format_id_reply([(b"name", b"Verbena"), (b"version", __version__.encode("ascii"))])


EXTENSION = Extension(rfc=2971, capability="ID", commands=(command("ID", parse_id, id_command, ANY_STATE),))
