"""One session over one link: reads commands, runs them in order, performs their effects (RFC 5804 §1.2, §2).

Commands that arrive together are run one after the other and their replies leave together. The capabilities are told
first, and again after STARTTLS. Limits: ``session.Limits``, and ``wire.managesieve.frame`` before and after login.
"""

import asyncio
import time
from contextlib import suppress
from typing import Final, final

from verbena.auth.patience import Patience
from verbena.managesieve.dispatch import describe, run_command
from verbena.managesieve.registry import Effect
from verbena.managesieve.session import Services, Session
from verbena.model.errors import LinkClosed, LinkTimeout, PeerError
from verbena.model.link import Link, Peer, TlsState
from verbena.wire.managesieve.frame import (
    LIMITS_AFTER_LOGIN,
    LIMITS_BEFORE_LOGIN,
    Frame,
    FrameReader,
    Rejected,
)
from verbena.wire.managesieve.reply import Code, Reply, Status, format_reply
from verbena.wire.managesieve.states import State

FAIR_COMMANDS: Final = 64
"""So many pipelined commands of one session run before others get their turn."""


class _GoingDown(Exception):
    """The server shuts down and this session is between commands."""


@final
class Conversation:
    """See the module; it is also the ``session.Talk`` of its handlers."""

    def __init__(self, services: Services, link: Link, closing: bool) -> None:
        self._services = services
        self._link = link
        self._reader = FrameReader(LIMITS_BEFORE_LOGIN)
        self._session = Session(services, self)
        self._patience = Patience(services.limits.login_timeout_s, asyncio.get_running_loop().time())
        self._closing = closing
        self._idle = False
        self._scope = asyncio.timeout(None)
        self._bad_in_a_row = 0

    # -- for handlers ----------------------------------------------------------------------------

    @property
    def peer(self) -> Peer:
        return self._link.peer

    @property
    def tls(self) -> TlsState | None:
        return self._link.tls

    @property
    def can_start_tls(self) -> bool:
        return self._link.can_start_tls

    def name_account(self, login: str) -> None:
        self._link.set_account(login)

    async def ask(self, line: bytes) -> Frame:
        self._link.write(line)
        frame = await self._frame()
        if isinstance(frame, Rejected):
            raise frame.error
        return frame

    # -- the session -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Until the client or the server ends it. Raises nothing for a peer's fault."""
        try:
            async with self._scope:
                await self._converse()
        except (TimeoutError, _GoingDown):
            if not self._closing:
                raise
            self._say_bye(Reply(Status.BYE, "The server is going down", Code(b"TRYLATER")))
        except LinkTimeout:
            self._say_bye(Reply(Status.BYE, "Idle for too long"))
        except LinkClosed:
            pass
        except PeerError as error:
            self._say_bye(Reply(Status.BYE, error.told))

    def stop(self) -> None:
        """End at once while waiting for the client, else before the next command is read."""
        self._closing = True
        if self._idle:
            self._scope.reschedule(asyncio.get_running_loop().time())

    def _say_bye(self, reply: Reply) -> None:
        with suppress(LinkClosed):
            self._link.write(format_reply(reply))

    def _greet(self) -> None:
        lines = self._services.registry.capability_lines(self._session)
        self._link.write(lines + format_reply(Reply(Status.OK, "Verbena ManageSieve ready")))

    async def _converse(self) -> None:
        self._greet()
        in_turn = 0
        while await self._take(await self._frame()):
            in_turn += 1
            if in_turn >= FAIR_COMMANDS:
                in_turn = 0
                await self._link.drain()
                await asyncio.sleep(0)

    async def _frame(self) -> Frame | Rejected:
        while True:
            frame = self._reader.next_frame()
            if frame is not None:
                return frame
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

    async def _take(self, frame: Frame | Rejected) -> bool:
        """Run one command; false when the session is over."""
        if isinstance(frame, Rejected):
            self._link.write(format_reply(describe(frame.error)))
            return self._count("bad")
        before = self._session.state
        started = time.perf_counter()
        done = await run_command(self._session, frame)
        self._services.meter.command("managesieve", done.name, done.result, time.perf_counter() - started)
        self._link.write(done.octets)
        if self._session.state is not before:
            logged_in = self._session.state is State.AUTHENTICATED
            self._reader.set_limits(LIMITS_AFTER_LOGIN if logged_in else LIMITS_BEFORE_LOGIN)
        if done.effect is None:
            return self._count(done.result)
        await self._link.drain()
        if done.effect is not Effect.START_TLS:
            return False
        # Whatever came in plain text behind the command is dropped.
        self._reader = FrameReader(LIMITS_BEFORE_LOGIN)
        await self._link.start_tls()
        self._greet()
        return True

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
        self._say_bye(Reply(Status.BYE, "Too many bad commands"))
        return False
