"""The mechanisms by name: what each needs of the connection, and the machine for it (RFC 4422 §3.1)."""

from dataclasses import dataclass
from typing import Final

from verbena.model.errors import InternalError
from verbena.model.secret import Secret
from verbena.wire.sasl.machine import ClientMachine, ServerMachine
from verbena.wire.sasl.plain import ExternalServer, LoginServer, PlainClient, PlainServer
from verbena.wire.sasl.scram import Bindings, ScramClient, ScramServer


@dataclass(frozen=True, slots=True)
class Mechanism:
    """``hash_name`` is empty for what is not SCRAM; ``shows_password``: whoever reads along has the password."""

    name: str
    hash_name: str = ""
    needs_binding: bool = False
    needs_certificate: bool = False
    shows_password: bool = False


MECHANISMS: Final = (
    Mechanism("EXTERNAL", needs_certificate=True),
    Mechanism("SCRAM-SHA-256-PLUS", "SHA-256", needs_binding=True),
    Mechanism("SCRAM-SHA-256", "SHA-256"),
    Mechanism("SCRAM-SHA-1-PLUS", "SHA-1", needs_binding=True),
    Mechanism("SCRAM-SHA-1", "SHA-1"),
    Mechanism("PLAIN", shows_password=True),
    Mechanism("LOGIN", shows_password=True),
)
"""Strongest first."""


def find_mechanism(name: str) -> Mechanism | None:
    """Names are compared without case, as protocols that carry them do."""
    wanted = name.upper()
    for mechanism in MECHANISMS:
        if mechanism.name == wanted:
            return mechanism
    return None


def server_machine(mechanism: Mechanism, bindings: Bindings, nonce: bytes) -> ServerMachine:
    """A fresh machine; ``nonce`` as ``ScramServer`` wants it, unused by the others."""
    if mechanism.hash_name:
        return ScramServer(mechanism.hash_name, mechanism.needs_binding, bindings, nonce)
    match mechanism.name:
        case "PLAIN":
            return PlainServer()
        case "LOGIN":
            return LoginServer()
        case "EXTERNAL":
            return ExternalServer()
    raise InternalError("a SASL mechanism without a machine")


def choose_client(
    offered: tuple[str, ...], user: str, password: Secret, bindings: Bindings, nonce: bytes, encrypted: bool
) -> tuple[str, ClientMachine] | None:
    """The strongest mechanism of ``offered`` that a password serves, with its machine; None when there is none.

    PLAIN only on an ``encrypted`` channel. When the channel has a binding and the server offers no ``-PLUS``, the
    exchange says so, and a server from whose list it was struck will refuse (RFC 5802 §6).
    """
    names = {name.upper() for name in offered}
    for hash_name in ("SHA-256", "SHA-1"):
        base = f"SCRAM-{hash_name}"
        if bindings and f"{base}-PLUS" in names:
            machine = ScramClient(hash_name, user, password, nonce, binding=bindings[0])
            return f"{base}-PLUS", machine
        if base in names:
            could_bind = bool(bindings)
            return base, ScramClient(hash_name, user, password, nonce, could_bind=could_bind)
    if "PLAIN" in names and encrypted:
        return "PLAIN", PlainClient(user, password)
    return None
