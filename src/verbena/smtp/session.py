"""One SMTP or LMTP session: its state, its transaction, and its two streams (RFC 5321 §3, RFC 2920).

Verbs act on it (``verb.py``, ``content.py``, ``ext``), ``dispatch.py`` drives it. Replies are gathered and leave when
the session has to wait for the peer, so that a pipelined group is answered in one segment (RFC 2920 §3.2).
"""

import asyncio
from dataclasses import dataclass, field, replace

from verbena.auth.patience import Patience
from verbena.model.errors import LinkClosed, VerbenaError
from verbena.model.link import Link, Meter
from verbena.smtp.assembly import Assembly
from verbena.smtp.codes import Answer
from verbena.smtp.receiver import Client, Envelope, Receiver
from verbena.wire.smtp.frame import SmtpFrame
from verbena.wire.smtp.reply import Reply, format_reply
from verbena.wire.smtp.states import State

SIZE_SLACK_OCTETS = 4096
"""What a message may be bigger than declared, beside an eighth of it."""

FLUSH_OCTETS = 16_384
"""Replies gathered before they are sent without waiting for the end of a pipelined group; a peer that does not read
them is not read either."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a service's sessions have in common. Times are RFC 5321 §4.5.3.2's for a server."""

    protocol: str
    """``submission`` or ``lmtp``, for metrics"""
    hostname: str
    per_recipient: bool = False
    """LMTP: one reply for each recipient after the content (RFC 2033 §4.2)"""
    auth_required: bool = False
    max_message_octets: int = 64 * 1024 * 1024
    max_recipients: int = 1000
    max_errors: int = 20
    max_commands: int = 100_000
    max_logins: int = 5
    """failed AUTH commands; not below 3 (RFC 4954 §9)"""
    login_timeout_s: float = 60.0
    """silence before the login, where ``auth_required``"""
    command_timeout_s: float = 300.0
    data_timeout_s: float = 180.0


@dataclass(slots=True)
class Transaction:
    """A mail transaction in progress. ``octets`` received of its content; ``assembly`` once a chunk came without
    LAST."""

    envelope: Envelope
    octets: int = 0
    assembly: Assembly | None = None


@dataclass(slots=True)
class Tally:
    """What counts against a session's limits."""

    commands: int = 0
    errors: int = 0
    failed_logins: int = 0


@dataclass(slots=True)
class Idle:
    """The wait for the next command, which a shutdown may cut short."""

    scope: asyncio.Timeout | None = None
    closing: bool = False

    def close(self) -> None:
        """End the session at its next command, at once where it waits for one."""
        self.closing = True
        if self.scope is not None:
            self.scope.reschedule(0)


class ShuttingDown(VerbenaError):
    """The service ends: the peer is told 421."""


@dataclass(slots=True, eq=False)
class Session:
    """``client`` and ``state`` are replaced as the session goes on; ``transaction`` is there from MAIL on."""

    link: Link
    settings: Settings
    receiver: Receiver
    meter: Meter
    client: Client = field(init=False)
    state: State = State.CONNECTED
    transaction: Transaction | None = None
    ending: bool = False
    frame: SmtpFrame = field(default_factory=SmtpFrame)
    tally: Tally = field(default_factory=Tally)
    idle: Idle = field(default_factory=Idle)
    last_code: int = 0
    patience: Patience = field(init=False)
    _out: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.client = Client(self.link.peer, self.link.tls)
        self.patience = Patience(self.settings.login_timeout_s, asyncio.get_running_loop().time())

    # replies

    def reply(self, *replies: Reply) -> None:
        """Queue ``replies``."""
        for value in replies:
            self._out += format_reply(value)
            self.last_code = value.code

    async def flush(self) -> None:
        """Send what is queued; waits only while the peer reads too slowly."""
        if self._out:
            self.link.write(bytes(self._out))
            self._out.clear()
        await self.link.drain()

    async def flush_if_full(self) -> None:
        """Send what is queued where it is much."""
        if len(self._out) > FLUSH_OCTETS:
            await self.flush()

    # octets

    async def fill(self, timeout_s: float) -> None:
        """Wait for octets. Raises ``LinkClosed``, also when the peer has closed its side, and ``LinkTimeout``."""
        await self.flush()
        data = await self.link.receive(min(timeout_s, self._patience_s()))
        if not data:
            raise LinkClosed("Closed by the peer")
        self.frame.feed(data)

    def _patience_s(self) -> float:
        """How long the peer may be silent. Raises ``LinkTimeout`` when it had time enough to log in."""
        if not self.settings.auth_required or self.client.identity is not None:
            return float("inf")
        return self.patience.wait_s(asyncio.get_running_loop().time())

    async def line(self) -> bytes:
        """The next line. Raises ``PeerError`` as ``SmtpFrame.line``, ``LinkTimeout``."""
        while True:
            line = self.frame.line()
            if line is not None:
                return line
            await self.fill(self.settings.command_timeout_s)

    async def command_line(self) -> bytes:
        """The next line, where a shutdown may come instead (``ShuttingDown``)."""
        line = self.frame.line()
        if self.idle.closing:
            raise ShuttingDown
        if line is not None:
            return line
        await self.flush()
        try:
            async with asyncio.timeout(None) as self.idle.scope:
                return await self.line()
        except TimeoutError as error:
            raise ShuttingDown from error
        finally:
            self.idle.scope = None

    # state

    def count_content(self, octets: int, code: int = 552) -> None:
        """Count content of the message in, URLs expanded.

        Raises ``Answer`` with ``code`` when it is more than the server takes, or than SIZE declared with the slack that
        an estimate deserves (RFC 1870 §6.3: somewhat larger may be accepted).
        """
        transaction = self.transaction
        if transaction is None:
            return
        transaction.octets += octets
        if transaction.octets > self.settings.max_message_octets:
            raise Answer(code, "5.3.4", "Message too big for system")
        declared = transaction.envelope.options.size_octets
        if declared is not None and transaction.octets > declared + declared // 8 + SIZE_SLACK_OCTETS:
            raise Answer(code, "5.3.4", "Message much bigger than declared")

    async def end_transaction(self) -> None:
        """Forget the transaction and what it has assembled."""
        transaction = self.transaction
        self.transaction = None
        if self.state is not State.CONNECTED:
            self.state = State.GREETED
        if transaction is not None and transaction.assembly is not None:
            await transaction.assembly.abandon()

    async def fail_transaction(self) -> None:
        """Forget the transaction's content; what follows of it in the pipeline is answered 503 (RFC 3030 §2)."""
        await self.end_transaction()
        if self.state is State.GREETED:
            self.state = State.FAILED

    def restart(self) -> None:
        """After the handshake: nothing the client said before holds (RFC 3207 §4.2)."""
        self.frame.clear()
        self.client = Client(self.link.peer, self.link.tls)
        self.transaction = None
        self.state = State.CONNECTED

    def greet(self, helo: str, extended: bool) -> None:
        self.client = replace(self.client, helo=helo, extended=extended)
        self.state = State.GREETED
