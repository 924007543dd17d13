"""One session over one link: reads commands, runs them in order, performs their effects (RFC 3501 §2.2, §5.4, §5.5).

Commands that arrive together are run one after the other and their replies leave together. A literal that is a
message is staged in the store while it arrives; any other is kept whole within ``FrameLimits`` (RFC 7888 §3 to §5).

Limits: ``session.Limits``, and ``wire.imap.frame`` before and after login.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing, suppress
from typing import Final, assert_never, final

from verbena.auth.patience import Patience
from verbena.imap.dispatch import Done, Output, describe, find_row, run_command
from verbena.imap.outcome import Effect
from verbena.imap.registry import LiteralPolicy
from verbena.imap.session import Services, Session
from verbena.imap.telling import told
from verbena.model.errors import InternalError, LinkClosed, LinkTimeout, PeerError, Refused, Unavailable, VerbenaError
from verbena.model.link import Link, Peer, TlsState
from verbena.notify.bus import Watch
from verbena.wire.imap.frame import (
    CONTINUE,
    LIMITS_AFTER_LOGIN,
    LIMITS_BEFORE_LOGIN,
    Event,
    Frame,
    FrameReader,
    LiteralPiece,
    LiteralStart,
    Rejected,
)
from verbena.wire.imap.grammar import Cursor, find_tag
from verbena.wire.imap.reply import (
    Condition,
    Continuation,
    StatusReply,
    capability_code,
    format_continuation,
    format_status_reply,
)
from verbena.wire.imap.states import State

FAIR_S: Final = 0.003
"""After so long others get their turn between two pipelined commands."""


class _GoingDown(Exception):
    """The server shuts down and this session is between commands."""


@final
class _Incoming:
    """The command that is arriving: who decides about its literals, its staged messages, its first failure."""

    __slots__ = ("failure", "literal_open", "policy", "stack")

    def __init__(self) -> None:
        self.policy: LiteralPolicy | None = None
        self.failure: VerbenaError | None = None
        self.stack = AsyncExitStack()
        self.literal_open = False

    async def clear(self) -> None:
        self.policy = None
        self.failure = None
        self.literal_open = False
        await self.stack.aclose()


@final
class Conversation:
    """See the module; it is also the ``session.Talk`` of its handlers."""

    def __init__(self, services: Services, link: Link, closing: bool) -> None:
        self._services = services
        self._link = link
        self._output = Output(link)
        self._reader = FrameReader(LIMITS_BEFORE_LOGIN)
        self._session = Session(services, self)
        self._incoming = _Incoming()
        self._patience = Patience(services.limits.login_timeout_s, asyncio.get_running_loop().time())
        self._closing = closing
        self._idle = False
        self._scope = asyncio.timeout(None)
        self._bad_in_a_row = 0

    # -- facts for handlers ----------------------------------------------------------------------

    @property
    def peer(self) -> Peer:
        return self._link.peer

    @property
    def tls(self) -> TlsState | None:
        return self._link.tls

    @property
    def compressed(self) -> bool:
        return self._link.compressed

    @property
    def can_start_tls(self) -> bool:
        return self._link.can_start_tls

    def name_account(self, login: str) -> None:
        self._link.set_account(login)

    # -- dialogue within a command ---------------------------------------------------------------

    async def prompt(self, text: bytes) -> None:
        self._link.write(format_continuation(Continuation(text)))
        await self._link.drain()

    async def line(self, limit_octets: int) -> bytes:
        while True:
            line = self._next_line(limit_octets)
            if line is not None:
                return line
            await self._more()

    async def line_or_change(self, watch: Watch, limit_octets: int) -> bytes | None:
        line = self._next_line(limit_octets)
        while line is None:
            if not await self._more_or_change(watch):
                return None
            line = self._next_line(limit_octets)
        return line

    def _next_line(self, limit_octets: int) -> bytes | None:
        line = self._reader.next_line()
        if line is not None and len(line) > limit_octets:
            raise PeerError("The line is too long")
        return line

    async def _more_or_change(self, watch: Watch) -> bool:
        """Whether octets came; false when the watch was told of something first."""
        if watch.pending:
            await watch.changed()
            return False
        more = asyncio.ensure_future(self._more())
        change = asyncio.ensure_future(watch.changed())
        try:
            await asyncio.wait((more, change), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (more, change):
                if not task.done():
                    task.cancel()
            await asyncio.wait((more, change))
        if more.cancelled():
            return False
        if not change.cancelled():
            # Both at once: the octets are taken first, so the change has to be told of again.
            watch.wake(watch.modseq)
        more.result()
        return True

    # -- the session -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Until the client or the server ends it. Raises nothing for a peer's fault."""
        try:
            async with self._scope, self._incoming.stack:
                await self._converse()
        except (TimeoutError, _GoingDown):
            if not self._closing:
                raise
            self._say_bye("The server is going down")
        except LinkTimeout:
            self._say_bye("Idle for too long")
        except LinkClosed:
            pass
        except PeerError as error:
            self._say_bye(error.told)
        finally:
            self._end()

    def stop(self) -> None:
        """End at once while waiting for the client, else before the next command is read."""
        self._closing = True
        if self._idle:
            self._scope.reschedule(asyncio.get_running_loop().time())

    def _end(self) -> None:
        session = self._session
        session.unselect()
        session.state = State.LOGOUT
        if session.user is not None:
            session.user.watch.close()

    def _say_bye(self, text: str) -> None:
        with suppress(LinkClosed):
            self._link.write(format_status_reply(StatusReply(Condition.BYE, text)))

    async def _converse(self) -> None:
        services = self._services
        capabilities = capability_code(services.registry.capabilities(self._session))
        self._link.write(told(capabilities, f"{services.hostname} ready"))
        began = time.perf_counter()
        while True:
            event = self._reader.next_event()
            if event is None:
                await self._more()
                began = time.perf_counter()
            elif not await self._take(event):
                return
            elif time.perf_counter() - began >= FAIR_S:
                await self._link.drain()
                await asyncio.sleep(0)
                began = time.perf_counter()

    async def _more(self) -> None:
        """Feed the reader with what comes next, waiting for it."""
        data = self._link.received()
        if not data:
            await self._link.drain()
            data = await self._receive()
        self._reader.feed(data)

    async def _receive(self) -> bytes:
        if self._closing:
            raise _GoingDown
        self._idle = True
        try:
            data = await self._link.receive(self._patience_s())
        finally:
            self._idle = False
        if not data:
            raise LinkClosed("the client has closed its side")
        return data

    def _patience_s(self) -> float:
        """How long the client may be silent. Raises ``LinkTimeout`` when it had time enough to log in."""
        if self._session.state is not State.NOT_AUTHENTICATED:
            return self._services.limits.autologout_s
        return self._patience.wait_s(asyncio.get_running_loop().time())

    # -- events ----------------------------------------------------------------------------------

    async def _take(self, event: Event) -> bool:
        """Deal with one event; false when the session is over."""
        if isinstance(event, Frame):
            return await self._command(event)
        if isinstance(event, LiteralStart):
            await self._literal(event)
            return True
        if isinstance(event, Rejected):
            await self._incoming.clear()
            self._session.staged.clear()
            return self._answer_error(event.text, event.error)
        if isinstance(event, LiteralPiece):
            raise InternalError("a literal's piece comes while nobody reads the literal")
        assert_never(event)

    def _answer_error(self, text: bytes, error: VerbenaError) -> bool:
        result, ending = describe(error)
        self._link.write((find_tag(text) or b"*") + b" " + ending + b"\r\n")
        return self._count(result)

    def _count(self, result: str) -> bool:
        """Bound the bad commands in a row; false when there were too many."""
        if result != "bad":
            self._bad_in_a_row = 0
            return True
        self._bad_in_a_row += 1
        most = self._services.limits.bad_commands
        if self._session.state is State.NOT_AUTHENTICATED:
            most //= 4
        if self._bad_in_a_row < most:
            return True
        self._say_bye("Too many bad commands")
        return False

    async def _command(self, frame: Frame) -> bool:
        incoming = self._incoming
        if not frame.literals:
            return await self._run(frame)
        if incoming.failure is not None:
            failure = incoming.failure
            await incoming.clear()
            self._session.staged.clear()
            return self._answer_error(frame.text, failure)
        try:
            return await self._run(frame)
        finally:
            self._session.staged.clear()
            await incoming.clear()

    async def _run(self, frame: Frame) -> bool:
        session = self._session
        before = session.state
        started = time.perf_counter()
        done = await run_command(session, self._output, frame)
        self._services.meter.command("imap", done.name, done.result, time.perf_counter() - started)
        if before is State.NOT_AUTHENTICATED and session.state is not before:
            self._reader.set_limits(LIMITS_AFTER_LOGIN)
        if not self._count(done.result):
            return False
        return done.effect is None or await self._perform(done)

    async def _perform(self, done: Done) -> bool:
        """The effect of a command, after its reply; false for the end of the session."""
        await self._link.drain()
        match done.effect:
            case Effect.START_TLS:
                # Whatever came in plain text behind the command is dropped: RFC 3501 §6.2.1 and §11.
                self._reader = FrameReader(LIMITS_BEFORE_LOGIN)
                await self._link.start_tls()
                return True
            case Effect.START_DEFLATE:
                if self._reader.unread_octets:
                    raise PeerError("Nothing may follow before the reply is read", fatal=True)
                self._link.start_deflate()
                return True
            case _:
                return False

    # -- literals --------------------------------------------------------------------------------

    async def _literal(self, start: LiteralStart) -> None:
        """Decide what becomes of an announced literal, and stage it if it is a message."""
        incoming = self._incoming
        if incoming.failure is not None:
            self._reader.refuse(incoming.failure)
            return
        try:
            staging = self._is_message(start)
        except (PeerError, Refused) as error:
            self._reader.refuse(error)
            return
        if not staging:
            if self._reader.accept() and start.synchronizing:
                self._link.write(CONTINUE)
            return
        self._reader.stream()
        if start.synchronizing:
            self._link.write(CONTINUE)
        await self._stage(start)

    def _is_message(self, start: LiteralStart) -> bool:
        """Ask the command's row. Raises ``PeerError`` and ``Refused`` where the command can not succeed."""
        incoming = self._incoming
        if start.index == 0:
            cursor = Cursor(start.text)
            cursor.tag()
            cursor.sp()
            row = find_row(self._session, cursor)
            incoming.policy = None if row.literals is None else row.literals(self._session, cursor)
        return incoming.policy is not None and incoming.policy.decide(start)

    async def _stage(self, start: LiteralStart) -> None:
        """Take a message in; a failure is told once the command has ended, so its rest is read and dropped."""
        incoming = self._incoming
        incoming.literal_open = True
        try:
            async with aclosing(self._pieces()) as pieces:
                staged = await self._services.store.stage(pieces, start.size_octets)
            self._session.staged[start.index] = await incoming.stack.enter_async_context(staged)
        except (Refused, Unavailable) as error:
            incoming.failure = error
        if incoming.literal_open:
            async for _ in self._pieces():
                pass

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        """The octets of the literal that is being streamed, as they arrive."""
        while True:
            event = self._reader.next_event()
            if event is None:
                await self._more()
                continue
            if not isinstance(event, LiteralPiece):
                raise InternalError("a streamed literal is not followed by its pieces")
            self._incoming.literal_open = not event.last
            if event.octets:
                yield event.octets
            if event.last:
                return
