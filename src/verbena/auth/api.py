"""Who is at the other end: what services ask of authentication.

One exchange per attempt; mechanisms are ``wire.sasl`` machines, passwords are verified off the loop.
"""

from dataclasses import dataclass
from typing import Protocol

from verbena.model.link import Peer, TlsState
from verbena.model.secret import Secret
from verbena.store.api import AccountRef


@dataclass(frozen=True, slots=True)
class Identity:
    """A session's user. ``submit_server`` marks an identity that may fetch ``submit+`` URLs (RFC 4467 §3,
    RFC 4468 §2)."""

    account: AccountRef
    login: str
    """the name as the client gave it"""
    mechanism: str
    submit_server: bool = False
    stream_server: bool = False
    """may fetch URLs signed for ``stream`` (RFC 5593 §3.4)"""
    administrator: bool = False
    """may change what all users of the server see (RFC 5464 §3.3)"""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Octets to send the client (before base64); its answer goes to ``step``."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Success:
    """``final`` are additional data with success, None when the mechanism has none (RFC 4422 §3.1)."""

    identity: Identity
    final: bytes | None


class Exchange(Protocol):
    """One SASL exchange in progress."""

    async def step(self, response: bytes | None) -> Challenge | Success:
        """Give the client's octets; None at the start when it sent no initial response.

        Raises ``Refused`` with AUTHENTICATION_FAILED, AUTHORIZATION_FAILED, TOO_MANY_ATTEMPTS, ACCOUNT_DISABLED …, and
        ``PeerError`` for octets that break the mechanism's syntax. Failed answers are slowed down inside.
        """


class Authenticator(Protocol):
    """The mechanisms of one service on this server."""

    def mechanisms(self, tls: TlsState | None, peer: Peer) -> tuple[str, ...]:
        """What may be offered now, strongest first: nothing in plain text without TLS unless the configuration
        allows it, ``-PLUS`` only with a channel binding, EXTERNAL only with a client certificate."""

    def start(self, mechanism: str, tls: TlsState | None, peer: Peer, protocol: str) -> Exchange:
        """Raises ``Refused(AUTHENTICATION_FAILED)`` for a mechanism not on offer, ``Refused(PRIVACY_REQUIRED)`` where
        TLS would help."""

    async def login(self, user: str, password: Secret, tls: TlsState | None, peer: Peer, protocol: str) -> Identity:
        """IMAP's LOGIN. Raises as ``Exchange.step``."""

    def login_allowed(self, tls: TlsState | None, peer: Peer) -> bool:
        """False: LOGINDISABLED (RFC 3501 §6.2.3)."""
