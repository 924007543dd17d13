"""CATENATE: a message made of literals and of parts that are here already (RFC 4469), with MULTIAPPEND: full.

URLs may be relative, to the selected mailbox too, or absolute of this server, the user's own or signed by others for
it. The first that can not be opened is named in BADURL. What they name is read as it is stored: no ``\\Seen`` is set,
nothing is decoded. The pieces stream into the new message; none is held whole.

Limits: those of APPEND, for the whole message (TOOBIG).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from verbena.imap.ext.urlauth import place_of, who_of
from verbena.imap.outcome import RefusedWith
from verbena.imap.registry import AppendSourceRow, Extension
from verbena.imap.session import Session
from verbena.model.errors import Refused
from verbena.model.reason import Reason
from verbena.store.api import Staged
from verbena.urlauth.resolve import Slice, resolve
from verbena.wire.imap.append import Url
from verbena.wire.imap.reply import badurl, format_code

PIECE_OCTETS: Final = 1 << 18
FAIR_PIECES: Final = 16
"""So many pieces are looked up before other sessions get their turn."""


async def assemble(session: Session, pieces: Sequence[Url | Staged]) -> Staged:
    """The message. Raises ``Refused``: BAD_URL, TOO_BIG."""
    sources: list[Slice | Staged] = []
    for place, piece in enumerate(pieces):
        if place % FAIR_PIECES == 0:
            await asyncio.sleep(0)
        sources.append(await _open(session, piece) if isinstance(piece, Url) else piece)
    limit = session.services.limits.message_octets
    if sum([source.size_octets for source in sources]) > limit:
        raise Refused(Reason.TOO_BIG, "The message would be too long")
    return await session.services.store.stage(_octets(sources), limit)


async def _open(session: Session, url: Url) -> Slice:
    """Raises ``Refused(BAD_URL)`` with the URL."""
    try:
        selected = None
        if session.selected is not None:
            # By what it is called now: it may have been renamed since.
            selected = session.account.status(session.selected.mailbox.mailbox_id).name
        return (await resolve(place_of(session), url.octets, who_of(session, plain=True), selected)).slice
    except Refused as refused:
        told = "CATENATE can not open a URL"
        raise RefusedWith(Reason.BAD_URL, told, format_code(badurl(url.octets))) from refused


async def _octets(sources: Sequence[Slice | Staged]) -> AsyncIterator[bytes]:
    for source in sources:
        if isinstance(source, Slice):
            async for piece in source.stream():
                yield piece
            continue
        for start in range(0, source.size_octets, PIECE_OCTETS):
            yield source.read(start, PIECE_OCTETS)


EXTENSION = Extension(rfc=4469, capability="CATENATE", append_sources=(AppendSourceRow("CATENATE", assemble),))
