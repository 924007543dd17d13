"""Message content: DATA (RFC 5321 §4.1.1.4), and the way every chunk of a message goes (BDAT, BURL).

Content streams from the link to the receiver; nothing here holds a message. Whatever goes wrong, the octets that belong
to the message are taken off the link before the reply, so that they are never read as commands.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from verbena.model.errors import LinkClosed, PeerError, VerbenaError
from verbena.smtp.assembly import Assembly
from verbena.smtp.codes import Answer, reply_to
from verbena.smtp.registry import Registry, Verb
from verbena.smtp.session import Session, Transaction
from verbena.wire.smtp.eightbitmime import Body
from verbena.wire.smtp.reply import Reply, reply
from verbena.wire.smtp.states import State

MAX_DISCARD_OCTETS = 1024 * 1024 * 1024
"""Content taken off the link for nothing, after which the connection is closed."""

Source = AsyncGenerator[bytes, None]


async def data(session: Session, _registry: Registry, argument: bytes) -> State | None:
    if argument:
        raise Answer(501, "5.5.4", "No argument allowed")
    if _transaction(session).envelope.options.body is Body.BINARY:
        raise Answer(503, "5.5.1", "BINARYMIME needs BDAT")
    session.reply(reply(354, "", "End data with <CR><LF>.<CR><LF>"))
    session.frame.begin_data()
    try:
        replies = await accept(session, _data_source(session))
    except LinkClosed:
        raise
    except VerbenaError as error:
        await _discard_data(session)
        replies = refusals(session, error)
    session.reply(*replies)
    await session.end_transaction()
    return None


async def accept(session: Session, source: Source) -> tuple[Reply, ...]:
    """Give the receiver the whole message. Raises what it raises."""
    async with aclosing(source):
        return await session.receiver.accept(_transaction(session).envelope, source)


def refusals(session: Session, error: VerbenaError) -> tuple[Reply, ...]:
    """The replies of a message that failed as a whole: one, or in LMTP one for each recipient (RFC 2033 §4.2)."""
    if session.settings.per_recipient and session.transaction is not None:
        return (reply_to(error),) * len(session.transaction.envelope.recipients)
    return (reply_to(error),)


async def add_chunk(session: Session, source: Source, last: bool) -> State:
    """Add ``source`` to the transaction's message, replying 250, or with the final replies when it is the ``last``.

    A failure fails the transaction (RFC 3030 §2, RFC 4468 §3.2) and is raised, or told to each recipient where LMTP
    asks for that.
    """
    transaction = _transaction(session)
    try:
        if last and transaction.assembly is None:
            session.reply(*await accept(session, source))
        else:
            octets = await _append(session, transaction, source)
            if not last:
                session.reply(reply(250, "2.0.0", f"{octets} octets received"))
                return State.CHUNKS
            session.reply(*await _finish(transaction))
    except LinkClosed:
        raise
    except VerbenaError as error:
        if not last or not session.settings.per_recipient:
            await (session.end_transaction() if last else session.fail_transaction())
            raise
        session.reply(*refusals(session, error))
    await session.end_transaction()
    return State.GREETED


async def _append(session: Session, transaction: Transaction, source: Source) -> int:
    if transaction.assembly is None:
        transaction.assembly = Assembly(lambda pieces: session.receiver.accept(transaction.envelope, pieces))
    octets = 0
    async with aclosing(source) as pieces:
        async for piece in pieces:
            octets += len(piece)
            await transaction.assembly.put(piece)
    return octets


async def _finish(transaction: Transaction) -> tuple[Reply, ...]:
    assembly = transaction.assembly
    transaction.assembly = None
    return await assembly.finish() if assembly is not None else ()


async def _data_source(session: Session) -> Source:
    frame = session.frame
    while True:
        piece = frame.data()
        if piece:
            session.count_content(len(piece))
            yield piece
        elif frame.data_done:
            break
        else:
            await session.fill(session.settings.data_timeout_s)
    if frame.data_is_broken:
        raise Answer(554, "5.6.0", "Message has a bare CR or LF")


async def _discard_data(session: Session) -> None:
    left = MAX_DISCARD_OCTETS
    while not session.frame.data_done:
        piece = session.frame.data()
        left -= len(piece)
        if left < 0:
            raise PeerError("Message much too big", fatal=True)
        if not piece and not session.frame.data_done:
            await session.fill(session.settings.data_timeout_s)


def _transaction(session: Session) -> Transaction:
    if session.transaction is None:
        raise Answer(503, "5.5.1", "No transaction")
    return session.transaction


DATA = Verb("DATA", data, content=True)
