"""COMPRESS: DEFLATE both ways from the tagged OK on (RFC 4978): full.

Inflating is bounded where it is done, in ``net``.
"""

from collections.abc import AsyncIterator

from verbena.imap.outcome import Effect, No, Ok, Reply
from verbena.imap.registry import LOGGED_IN, Extension, command
from verbena.imap.session import Session
from verbena.model.errors import PeerError
from verbena.wire.imap.command import Compress, parse_compress
from verbena.wire.imap.reply import COMPRESSIONACTIVE, format_code


async def compress(session: Session, arguments: Compress) -> AsyncIterator[Reply]:
    if arguments.algorithm != "DEFLATE":
        raise PeerError("DEFLATE is the only compression here")
    if session.talk.compressed:
        yield No(b"DEFLATE is active already", format_code(COMPRESSIONACTIVE))
        return
    yield Ok(b"DEFLATE active")
    yield Effect.START_DEFLATE


EXTENSION = Extension(
    rfc=4978,
    capability=lambda session: "" if session.talk.compressed else "COMPRESS=DEFLATE",
    commands=(command("COMPRESS", parse_compress, compress, LOGGED_IN),),
)
