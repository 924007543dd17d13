"""What one ManageSieve session knows: who it serves and in which state it is (RFC 5804 §2).

The loop over the link is ``conversation``; handlers get a ``Session`` and see no socket.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from verbena.auth.api import Authenticator, Identity
from verbena.managesieve.registry import Registry
from verbena.model.errors import InternalError
from verbena.model.link import Meter, Peer, TlsState
from verbena.sieve.parser import DEFAULT_LIMITS
from verbena.sieve.parser import Limits as ScriptLimits
from verbena.sieve.registry import Registry as SieveRegistry
from verbena.sieve.run import DEFAULT_RUN_LIMITS
from verbena.store.api import Account, Store
from verbena.store.script_api import Scripts
from verbena.wire.managesieve.frame import Frame
from verbena.wire.managesieve.states import State


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a session."""

    autologout_s: float = 1800.0
    """RFC 5804 §1.2: at least 30 minutes"""
    login_timeout_s: float = 60.0
    """from one command to the next, before login"""
    bad_commands: int = 20
    """commands that make no sense in a row until the session ends; before login a quarter of them"""
    failed_logins: int = 5


@dataclass(frozen=True, slots=True)
class Language:
    """What scripts may say here: what the delivery agent runs them with."""

    registry: SieveRegistry
    limits: ScriptLimits = DEFAULT_LIMITS
    max_redirects: int = DEFAULT_RUN_LIMITS.redirects


@dataclass(frozen=True, slots=True)
class Services:
    """What the sessions of one server share."""

    store: Store
    authenticator: Authenticator
    meter: Meter
    registry: Registry
    language: Language
    limits: Limits


class Talk(Protocol):
    """The connection, for the few commands that ask about it."""

    @property
    def peer(self) -> Peer: ...

    @property
    def tls(self) -> TlsState | None: ...

    @property
    def can_start_tls(self) -> bool: ...

    def name_account(self, login: str) -> None:
        """Name the account in logs, limits and metrics from now on; empty for none."""

    async def ask(self, line: bytes) -> Frame:
        """Send a line, and wait for the client's. Raises ``PeerError``, ``LinkClosed``."""


@dataclass(frozen=True, slots=True)
class User:
    identity: Identity
    account: Account


class Session:
    """The state of one session; only the command that runs changes it."""

    def __init__(self, services: Services, talk: Talk) -> None:
        self.services: Final = services
        self.talk: Final = talk
        self.user: User | None = None
        self.failed_logins = 0

    @property
    def state(self) -> State:
        return State.NOT_AUTHENTICATED if self.user is None else State.AUTHENTICATED

    @property
    def scripts(self) -> Scripts:
        """Of the logged-in user; the command's row guarantees that there is one."""
        if self.user is None:
            raise InternalError("no user in this state")
        return self.user.account.scripts
