"""Which verb is legal when, and what state its success leads to (RFC 5321 §4.1.4, RFC 3030 §2, RFC 4468 §3.2).

``FAILED`` is a transaction of which a chunk failed: what is still in the pipeline is taken and answered 503 until RSET
or the chunk marked LAST.
"""

from enum import Enum, auto
from typing import Final


class State(Enum):
    CONNECTED = auto()
    """no EHLO, HELO or LHLO yet, or void since STARTTLS"""
    GREETED = auto()
    SENDER = auto()
    """MAIL given"""
    RECIPIENTS = auto()
    """at least one RCPT accepted"""
    CHUNKS = auto()
    """a BDAT or BURL without LAST accepted"""
    FAILED = auto()


ALWAYS: Final = frozenset(State)

LEGAL: Final[dict[str, frozenset[State]]] = {
    "EHLO": ALWAYS,
    "HELO": ALWAYS,
    "LHLO": ALWAYS,
    "MAIL": frozenset({State.GREETED}),
    "RCPT": frozenset({State.SENDER, State.RECIPIENTS}),
    "DATA": frozenset({State.RECIPIENTS}),
    "BDAT": frozenset({State.RECIPIENTS, State.CHUNKS}),
    "BURL": frozenset({State.RECIPIENTS, State.CHUNKS}),
    "RSET": ALWAYS,
    "NOOP": ALWAYS,
    "VRFY": ALWAYS,
    "EXPN": ALWAYS,
    "HELP": ALWAYS,
    "QUIT": ALWAYS,
    "STARTTLS": frozenset({State.GREETED}),
    "AUTH": frozenset({State.GREETED}),
}

AFTER: Final[dict[str, State]] = {
    "EHLO": State.GREETED,
    "HELO": State.GREETED,
    "LHLO": State.GREETED,
    "MAIL": State.SENDER,
    "RCPT": State.RECIPIENTS,
    "DATA": State.GREETED,
    "BDAT": State.CHUNKS,
    "BURL": State.CHUNKS,
    "STARTTLS": State.CONNECTED,
}
"""The state after success where it differs; BDAT and BURL with LAST lead to ``GREETED``, as does RSET once greeted."""
