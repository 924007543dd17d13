"""What a handler yields: untagged octets, then how the command ended and what is to be done after the reply.

A handler is an async generator. It yields ``bytes`` (whole untagged responses with their CRLF, or consecutive
pieces of one), then at most one ``Ok`` or ``No``, then at most one ``Effect``. Without an ``Ok`` the dispatcher
says ``OK … completed``. What can not be done is raised, as ``model.errors`` (RFC 3501 §7.1).
"""

from dataclasses import dataclass
from enum import Enum, auto

from verbena.model.errors import Refused
from verbena.model.reason import Reason


@dataclass(frozen=True, slots=True)
class Ok:
    """The tagged OK: ``code`` is a response code without its brackets, such as ``b"READ-ONLY"``."""

    text: bytes
    code: bytes | None = None


@dataclass(frozen=True, slots=True)
class No:
    """The tagged NO of a command that did part of its work and whose reason has no ``Reason``."""

    text: bytes
    code: bytes | None = None


class Effect(Enum):
    """What happens to the connection once the tagged reply is flushed."""

    START_TLS = auto()
    START_DEFLATE = auto()
    CLOSE = auto()


Reply = bytes | Ok | No | Effect


class RefusedWith(Refused):
    """A refusal whose response code has arguments: ``code`` without brackets, such as ``b'BADURL "…"'``."""

    def __init__(self, reason: Reason, told: str, code: bytes) -> None:
        super().__init__(reason, told)
        self.code = code
