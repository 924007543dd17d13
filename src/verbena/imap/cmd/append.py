"""APPEND (RFC 3501 §6.3.11) with MULTIAPPEND (RFC 3502), APPENDUID (RFC 4315 §3) and literal8 (RFC 3516): full.

A message is staged while it arrives and nothing holds it whole. A command that can not succeed is refused before its
literal is asked for (RFC 3501 §7.5). All messages of a command are added in one transaction, or none.
What may stand in place of a literal is an append source of the registry, such as CATENATE.

Limits: ``session.Limits`` for the length of a message and the number in one command.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from verbena.imap.cmd.copy import target
from verbena.imap.outcome import Ok, Reply
from verbena.imap.registry import LOGGED_IN, Registry, open_command
from verbena.imap.session import Session
from verbena.model.date import InternalDate
from verbena.model.errors import PeerError, Refused
from verbena.model.flags import Flag
from verbena.model.reason import Reason
from verbena.store.api import NewMessage, Staged
from verbena.wire.imap.append import AppendParser, AppendStep, Begin, LiteralUse, Url
from verbena.wire.imap.frame import LiteralStart
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.reply import appenduid, format_code

CATENATE = "CATENATE"


class AppendLiterals:
    """``registry.LiteralPolicy`` of APPEND: follows the grammar while the command arrives."""

    def __init__(self, session: Session, cursor: Cursor) -> None:
        self._session = session
        self._parser = AppendParser(cursor)
        self._messages = 0
        self._checked = False

    def decide(self, start: LiteralStart) -> bool:
        parser = self._parser
        steps = parser.text(None if start.index == 0 else start.text, more=True)
        limits = self._session.services.limits
        self._messages += sum(1 for step in steps if isinstance(step, Begin))
        if self._messages > limits.messages_per_append:
            raise Refused(Reason.LIMIT, "Too many messages in one APPEND")
        if parser.use is LiteralUse.STRING:
            # Its octets are known only with the whole command; where it stands is all that matters here.
            self._checked = self._checked or parser.mailbox is None
            parser.string(b"x")
            return False
        if not self._checked and parser.mailbox is not None:
            self._checked = True
            target(self._session, parser.mailbox)
        if start.size_octets > limits.message_octets:
            raise Refused(Reason.TOO_BIG, "The message is too long")
        return True


@dataclass(slots=True)
class _Draft:
    """One message of the command: a literal by its index, or the pieces of a source."""

    flags: tuple[Flag, ...]
    internal_date: InternalDate | None
    catenate: bool
    pieces: list[Url | int] = field(default_factory=list)


@dataclass(slots=True)
class Append:
    mailbox: str
    drafts: list[_Draft]


def _parse_append(cursor: Cursor, registry: Registry) -> Append:
    """The whole command; each text of it goes through the parser that ``AppendLiterals`` used as well."""
    frame = cursor.rest()
    parser = AppendParser(Cursor(frame.text))
    drafts: list[_Draft] = []
    _add_steps(drafts, parser.text(None, more=bool(frame.literals)))
    last = len(frame.literals) - 1
    for index, literal in enumerate(frame.literals):
        if parser.use is LiteralUse.STRING:
            _add_steps(drafts, parser.string(literal.octets))
        else:
            drafts[-1].pieces.append(index)
        _add_steps(drafts, parser.text(frame.texts[index], more=index < last))
    if parser.mailbox is None:
        raise PeerError("A mailbox is expected")
    if any(draft.catenate for draft in drafts) and CATENATE not in registry.append_sources:
        raise PeerError("A literal is expected")
    return Append(parser.mailbox, drafts)


def _add_steps(drafts: list[_Draft], steps: tuple[AppendStep, ...]) -> None:
    for step in steps:
        if isinstance(step, Begin):
            drafts.append(_Draft(step.flags, step.internal_date, step.catenate))
        elif isinstance(step, Url):
            drafts[-1].pieces.append(step)


async def append(session: Session, request: Append) -> AsyncIterator[Reply]:
    to = target(session, request.mailbox)
    arrived = InternalDate(int(session.services.now()))
    async with AsyncExitStack() as stack:
        messages: list[NewMessage] = []
        for draft in request.drafts:
            staged = await _staged(session, stack, draft)
            messages.append(NewMessage(staged, draft.flags, draft.internal_date or arrived))
        appended = await session.account.append(to, messages)
    yield Ok(b"APPEND completed", format_code(appenduid(appended.uidvalidity, appended.uids)))


async def _staged(session: Session, stack: AsyncExitStack, draft: _Draft) -> Staged:
    """The message: its literal, or what the source makes of the pieces, dropped with ``stack``."""
    pieces = _pieces(session, draft.pieces)
    if not draft.catenate:
        if len(pieces) == 1 and not isinstance(pieces[0], Url):
            return pieces[0]
        raise PeerError("A literal is expected")
    source = session.services.registry.append_sources[CATENATE]
    return await stack.enter_async_context(await source.assemble(session, pieces))


def _pieces(session: Session, pieces: Sequence[Url | int]) -> list[Url | Staged]:
    return [piece if isinstance(piece, Url) else session.staged[piece] for piece in pieces]


ROWS = (open_command("APPEND", _parse_append, append, LOGGED_IN, literals=AppendLiterals),)
