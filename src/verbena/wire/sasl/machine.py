"""What all SASL machines have in common: the values they give, and their base classes (RFC 4422 §3).

A server machine is fed with ``receive`` until it gives a ``Verified``, ``NeedPasswordCheck`` or ``NeedIdentity``,
which end it; ``NeedScramKeys`` is answered with ``keys_found``. Octets that break the mechanism's grammar raise
``PeerError``, a proof that does not hold raises ``Refused(AUTHENTICATION_FAILED)``; after either the machine is dead.
"""

from dataclasses import dataclass
from typing import Final

from verbena.model.errors import InternalError
from verbena.model.secret import Secret

MAX_MESSAGE_OCTETS: Final = 8192
"""Longest message of an exchange, before base64."""


@dataclass(frozen=True, slots=True)
class SendChallenge:
    """Send ``octets`` and feed what the client answers."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class NeedScramKeys:
    """Answer with ``keys_found``: the keys of ``user``, or made-up ones when there is no such user (RFC 5802 §5)."""

    user: str
    hash_name: str


@dataclass(frozen=True, slots=True)
class NeedPasswordCheck:
    """The exchange is over: whether ``password`` is ``user``'s is for the caller to find out.

    All three are prepared with SASLprep; ``authzid`` is empty when none was given.
    """

    user: str
    password: Secret
    authzid: str


@dataclass(frozen=True, slots=True)
class NeedIdentity:
    """The exchange is over: the identity is what the security layer below knows of the client (EXTERNAL)."""

    authzid: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The exchange is over and ``user`` proved to know the password; ``final`` goes to the client with the success."""

    user: str
    authzid: str
    final: bytes


ServerStep = SendChallenge | NeedScramKeys | NeedPasswordCheck | NeedIdentity | Verified


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """What a server keeps of a password for one hash, ``SHA-1`` or ``SHA-256`` (RFC 5802 §3)."""

    hash_name: str
    salt: bytes
    iterations: int
    stored_key: Secret
    server_key: Secret


class ServerMachine:
    """The server's side of one exchange."""

    def receive(self, octets: bytes | None) -> ServerStep:
        """The client's next octets; None only at the start, when there was no initial response."""
        raise InternalError("a SASL machine without receive")

    def keys_found(self, keys: ScramVerifier) -> SendChallenge:
        """Answer a ``NeedScramKeys``."""
        raise InternalError("keys given to a machine that did not ask")


class ClientMachine:
    """The client's side of one exchange."""

    def initial(self) -> bytes | None:
        """The initial response; None for a mechanism in which the server speaks first (RFC 4422 §5)."""
        raise InternalError("a SASL machine without initial")

    def answer(self, challenge: bytes) -> bytes:
        """The answer to a challenge. Raises ``PeerError`` when the server's octets make no sense."""
        raise InternalError("a SASL machine without answer")

    def complete(self) -> None:
        """Call when the server told success. Raises ``PeerError`` when it should have proved itself and has not."""
