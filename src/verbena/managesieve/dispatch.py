"""From a whole command to its reply: the one place where rows are obeyed and errors become replies.

``CODES`` is the one table from ``Reason`` to response codes (RFC 5804 §1.3). There is no BAD in this protocol: a
command that makes no sense is answered NO like one that is refused, and counted.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from verbena.managesieve.registry import Answer, CommandRow, Effect
from verbena.managesieve.session import Session
from verbena.model.errors import InternalError, LinkClosed, PeerError, Refused, Unavailable, VerbenaError
from verbena.model.reason import Reason
from verbena.wire.managesieve.frame import Frame
from verbena.wire.managesieve.grammar import Cursor
from verbena.wire.managesieve.reply import Code, Reply, Status, format_reply

log = logging.getLogger("verbena.managesieve")

CODES: Final[Mapping[Reason, bytes]] = MappingProxyType(
    {
        Reason.PRIVACY_REQUIRED: b"ENCRYPT-NEEDED",
        Reason.ENCRYPTION_NEEDED: b"ENCRYPT-NEEDED",
        Reason.TOO_MANY_ATTEMPTS: b"TRYLATER",
        Reason.NONEXISTENT: b"NONEXISTENT",
        Reason.ALREADY_EXISTS: b"ALREADYEXISTS",
        Reason.IN_USE: b"ACTIVE",
        Reason.OVER_QUOTA: b"QUOTA",
        Reason.TOO_BIG: b"QUOTA/MAXSIZE",
        Reason.LIMIT: b"QUOTA/MAXSCRIPTS",
        Reason.UNAVAILABLE: b"TRYLATER",
        Reason.SERVER_BUG: b"TRYLATER",
    }
)
"""A reason that is not here has no code: RFC 5804 has none for it."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: for metrics and the bound on bad commands. ``result`` is ``ok``, ``no`` or ``bad``."""

    name: str
    result: str
    octets: bytes
    effect: Effect | None = None


def describe(error: VerbenaError) -> Reply:
    """The reply that says ``error``."""
    if isinstance(error, PeerError):
        return Reply(Status.NO, error.told)
    if isinstance(error, Refused | Unavailable):
        code = CODES.get(error.reason)
        return Reply(Status.NO, error.told, None if code is None else Code(code))
    return Reply(Status.NO, "Internal error, it has been logged", Code(CODES[Reason.SERVER_BUG]))


def find_row(session: Session, cursor: Cursor) -> CommandRow:
    """The row of the command at ``cursor``. Raises ``PeerError`` for an unknown one and in the wrong state."""
    name = cursor.keyword()
    row = session.services.registry.commands.get(name)
    if row is None:
        raise PeerError(f"Unknown command {name[:32]}")
    if session.state not in row.states:
        raise PeerError(f"{row.name} is not allowed " + ("before login" if session.user is None else "after login"))
    return row


async def run_command(session: Session, frame: Frame) -> Done:
    """Carry out one command. Raises ``LinkClosed``, and ``PeerError`` that is fatal."""
    name = "?"
    try:
        cursor = Cursor(frame)
        row = find_row(session, cursor)
        name = row.name
        answer = await row.handle(session, row.parse(cursor))
    except LinkClosed:
        raise
    except VerbenaError as error:
        if isinstance(error, PeerError) and error.fatal:
            raise
        if not isinstance(error, PeerError | Refused | Unavailable):
            log.exception("ManageSieve command %s failed", name)
        result = "bad" if isinstance(error, PeerError) else "no"
        return Done(name, result, format_reply(describe(error)))
    except Exception:
        log.exception("ManageSieve command %s failed", name)
        return Done(name, "no", format_reply(describe(InternalError("unexpected"))))
    return _done(name, answer)


def _done(name: str, answer: Answer) -> Done:
    result = "ok" if answer.reply.status is Status.OK else "no"
    return Done(name, result, answer.data + format_reply(answer.reply), answer.effect)
