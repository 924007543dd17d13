"""CHUNKING and BINARYMIME (RFC 3030). Full.

A chunk is always taken off the link, whatever becomes of it. In LMTP a BDAT LAST without a recipient has no reply at
all (RFC 2033 §4.3).
"""

from verbena.model.errors import LinkClosed, PeerError, VerbenaError
from verbena.smtp.content import MAX_DISCARD_OCTETS, Source, add_chunk
from verbena.smtp.registry import Extension, Registry, Verb, always
from verbena.smtp.session import Session
from verbena.wire.smtp.chunking import parse_bdat
from verbena.wire.smtp.states import State


async def _bdat(session: Session, _registry: Registry, argument: bytes) -> State | None:
    size_octets, last = parse_bdat(argument)
    session.frame.begin_chunk(size_octets)
    try:
        return await add_chunk(session, _chunk_source(session), last)
    except LinkClosed:
        raise
    except VerbenaError:
        await _discard_chunk(session)
        raise


async def _refused_bdat(session: Session, argument: bytes) -> bool:
    size_octets, last = parse_bdat(argument)
    session.frame.begin_chunk(size_octets)
    await _discard_chunk(session)
    told = not (session.settings.per_recipient and last and session.state is State.SENDER)
    if last and session.state in (State.FAILED, State.SENDER):
        await session.end_transaction()
    return told


async def _chunk_source(session: Session) -> Source:
    frame = session.frame
    while not frame.chunk_done:
        piece = frame.chunk()
        if not piece:
            await session.fill(session.settings.data_timeout_s)
            continue
        session.count_content(len(piece))
        yield piece


async def _discard_chunk(session: Session) -> None:
    left = MAX_DISCARD_OCTETS
    while not session.frame.chunk_done:
        piece = session.frame.chunk()
        left -= len(piece)
        if left < 0:
            raise PeerError("Message much too big", fatal=True)
        if not piece:
            await session.fill(session.settings.data_timeout_s)


CHUNKING = Extension(
    rfc=3030,
    keyword=always(b"CHUNKING"),
    verbs=(Verb("BDAT", _bdat, content=True, discard=_refused_bdat),),
)
BINARYMIME = Extension(rfc=3030, keyword=always(b"BINARYMIME"))
