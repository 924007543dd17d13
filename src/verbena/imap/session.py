"""What one IMAP session knows: who it serves, what is selected, what was enabled (RFC 3501 §3).

The loop over the link is ``server``; handlers get a ``Session`` and see no socket. What an extension must remember
for the length of a session it keeps under a type of its own with ``Session.memory``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar, cast

from verbena.auth.api import Authenticator, Identity
from verbena.imap.registry import Registry
from verbena.imap.view import View
from verbena.model.errors import InternalError
from verbena.model.flags import Flag
from verbena.model.link import Meter, Peer, TlsState
from verbena.model.mailbox import Mailbox
from verbena.notify.bus import Bus, Watch
from verbena.store.api import Account, Staged, Store
from verbena.wire.imap.states import State

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a session. ``message_octets`` is also APPENDLIMIT (RFC 7889)."""

    autologout_s: float = 1800.0
    """RFC 3501 §5.4: at least 30 minutes"""
    login_timeout_s: float = 60.0
    """from one command to the next, before login"""
    bad_commands: int = 20
    """BADs in a row until the session ends; before login a quarter of them"""
    message_octets: int = 1 << 30
    messages_per_append: int = 100


@dataclass(frozen=True, slots=True)
class Services:
    """What the sessions of one server share. ``now`` gives seconds since the epoch."""

    store: Store
    authenticator: Authenticator
    bus: Bus
    meter: Meter
    hostname: str
    registry: Registry
    limits: Limits
    now: Callable[[], float]


class Talk(Protocol):
    """The dialogue within a command, for the few that have one. Times out as the session does."""

    @property
    def peer(self) -> Peer: ...

    @property
    def tls(self) -> TlsState | None: ...

    @property
    def compressed(self) -> bool: ...

    @property
    def can_start_tls(self) -> bool: ...

    def name_account(self, login: str) -> None:
        """Name the account in logs, limits and metrics from now on."""

    async def prompt(self, text: bytes) -> None:
        """Send ``+ text`` and what was yielded before it."""

    async def line(self, limit_octets: int) -> bytes:
        """The client's next line without CRLF. Raises ``PeerError`` for a longer one, ``LinkClosed`` at the end."""

    async def line_or_change(self, watch: Watch, limit_octets: int) -> bytes | None:
        """The client's next line, or None as soon as ``watch`` was told of a change."""


@dataclass(frozen=True, slots=True)
class User:
    """The logged-in user. ``watch`` is closed by the session's end."""

    identity: Identity
    account: Account
    watch: Watch


@dataclass(slots=True)
class Selected:
    """The selected mailbox. ``told_keywords`` are those of the last FLAGS response; ``modseq_told`` that
    HIGHESTMODSEQ was told since the client showed that it knows mod-sequences."""

    mailbox: Mailbox
    view: View
    read_only: bool
    told_keywords: tuple[Flag, ...]
    modseq_told: bool


@dataclass(slots=True)
class Session:
    """The state of one session; only the command that runs changes it. ``tag`` is that command's, and ``staged``
    has its message literals by their index in the command; they are dropped when it ends.

    ``holds_numbers``: it names message numbers, though its row does not say so, so that no expunge may be told.
    ``enabled`` has the names that took effect, by ENABLE or by use (RFC 5161 §3.1, RFC 7162 §3.1).
    """

    services: Final[Services]
    talk: Talk
    state: State = State.NOT_AUTHENTICATED
    user: User | None = None
    selected: Selected | None = None
    enabled: set[str] = field(default_factory=set)
    tag: bytes = b"*"
    holds_numbers: bool = False
    staged: dict[int, Staged] = field(default_factory=dict)
    memories: dict[type[object], object] = field(default_factory=dict)

    @property
    def account(self) -> Account:
        """Of the logged-in user; the command's row guarantees that there is one."""
        if self.user is None:
            raise InternalError("no user in this state")
        return self.user.account

    @property
    def identity(self) -> Identity:
        if self.user is None:
            raise InternalError("no user in this state")
        return self.user.identity

    @property
    def mailbox(self) -> Selected:
        """The selected mailbox; the command's row guarantees that there is one."""
        if self.selected is None:
            raise InternalError("no mailbox in this state")
        return self.selected

    def memory(self, kind: type[M]) -> M:
        """The one value of type ``kind`` in this session, made by ``kind()`` at first need."""
        found = self.memories.get(kind)
        if found is None:
            found = self.memories[kind] = kind()
        return cast(M, found)

    def unselect(self) -> None:
        """Leave the selected mailbox, if any, without expunging."""
        self.selected = None
        if self.state is State.SELECTED:
            self.state = State.AUTHENTICATED

    def select(self, selected: Selected) -> None:
        self.selected = selected
        self.state = State.SELECTED


def condstore_on(session: Session) -> bool:
    """Whether the client showed that it knows mod-sequences (RFC 7162 §3.1)."""
    return "CONDSTORE" in session.enabled or "QRESYNC" in session.enabled
