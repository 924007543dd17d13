"""From a whole command to its tagged reply: the one place where rows are obeyed and errors become replies.

A command is looked up, read and checked against its row; its handler's octets go to the link as they come; then the
client is told what happened meanwhile, as far as the row allows; then comes the tagged line (RFC 3501 §5.5, §7.1).
``CODES`` is the one table from ``Reason`` to response codes (RFC 3501, 4469, 5530, 3516, 6154).

Invariant: nothing is written between the parts of a response. A handler that can not finish a response it began raises
``LinkClosed``: the client counts octets, so the session can not go on.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, assert_never, final

from verbena.imap.outcome import Effect, No, Ok, RefusedWith
from verbena.imap.registry import CommandRow, Registry
from verbena.imap.session import Session
from verbena.imap.telling import news, updates
from verbena.model.errors import InternalError, LinkClosed, PeerError, Refused, Unavailable, VerbenaError
from verbena.model.link import Link
from verbena.model.reason import Reason
from verbena.wire.imap import reply as codes
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import Cursor, cursor_of, find_tag

log = logging.getLogger("verbena.imap")

DRAIN_OCTETS: Final = 131072
"""So many octets are written until the link is asked whether the peer reads them."""

_R = Reason

CODES: Final[Mapping[Reason, codes.Code | None]] = MappingProxyType(
    {
        _R.AUTHENTICATION_FAILED: codes.AUTHENTICATIONFAILED,
        _R.AUTHORIZATION_FAILED: codes.AUTHORIZATIONFAILED,
        _R.EXPIRED: codes.EXPIRED,
        _R.PRIVACY_REQUIRED: codes.PRIVACYREQUIRED,
        _R.ENCRYPTION_NEEDED: codes.PRIVACYREQUIRED,
        _R.CONTACT_ADMIN: codes.CONTACTADMIN,
        _R.NO_PERMISSION: codes.NOPERM,
        _R.TOO_MANY_ATTEMPTS: codes.LIMIT,
        _R.NONEXISTENT: codes.NONEXISTENT,
        _R.ALREADY_EXISTS: codes.ALREADYEXISTS,
        _R.TRY_CREATE: codes.TRYCREATE,
        _R.CANNOT: codes.CANNOT,
        _R.IN_USE: codes.INUSE,
        _R.HAS_CHILDREN: codes.Code("HASCHILDREN"),
        _R.READ_ONLY: codes.READ_ONLY,
        _R.USE_ATTRIBUTE: codes.USEATTR,
        _R.NOT_EMPTY: codes.CANNOT,
        _R.OVER_QUOTA: codes.OVERQUOTA,
        _R.TOO_BIG: codes.TOOBIG,
        _R.LIMIT: codes.LIMIT,
        _R.EXPUNGE_ISSUED: codes.EXPUNGEISSUED,
        _R.UNKNOWN_CTE: codes.UNKNOWN_CTE,
        _R.BAD_CHARSET: codes.Code("BADCHARSET"),
        _R.BAD_URL: codes.Code("BADURL"),
        _R.BAD_COMPARATOR: codes.Code("BADCOMPARATOR"),
        _R.CORRUPTION: codes.CORRUPTION,
        _R.BAD_SENDER: None,
        _R.BAD_RECIPIENT: None,
        _R.UNKNOWN_RECIPIENT: None,
        _R.RELAY_DENIED: None,
        _R.ACCOUNT_DISABLED: codes.AUTHORIZATIONFAILED,
        _R.TOO_MANY_RECIPIENTS: None,
        _R.ROUTING_LOOP: None,
        _R.NEEDS_UTF8: None,
        _R.CONVERSION_REQUIRED: None,
        _R.MESSAGE_CONTENT: None,
        _R.URL_FETCH_FAILED: None,
        _R.URL_NOT_TRUSTED: None,
        _R.CLIENT_BUG: codes.CLIENTBUG,
        _R.UNAVAILABLE: codes.UNAVAILABLE,
        _R.SERVER_BUG: codes.SERVERBUG,
    }
)


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended: for metrics and the bound on bad commands. ``result`` is ``ok``, ``no`` or ``bad``."""

    name: str
    result: str
    effect: Effect | None = None


def _printable(told: str) -> bytes:
    """``told`` as resp-text: one line of ASCII that is not empty (RFC 3501 §9)."""
    text = " ".join(told.encode("ascii", "replace").decode("ascii").split())
    return (text or "Failed").encode("ascii")


def _coded(word: bytes, code: bytes | None, text: bytes) -> bytes:
    return word + b" [" + code + b"] " + text if code is not None else word + b" " + text


def describe(error: VerbenaError) -> tuple[str, bytes]:
    """The result and the text after the tag that say ``error``."""
    if isinstance(error, PeerError):
        return "bad", b"BAD " + _printable(error.told)
    if isinstance(error, RefusedWith):
        return "no", _coded(b"NO", error.code, _printable(error.told))
    if isinstance(error, Refused | Unavailable):
        code = CODES[error.reason]
        return "no", _coded(b"NO", None if code is None else codes.format_code(code), _printable(error.told))
    return "no", b"NO [SERVERBUG] Internal error, it has been logged"


def read_name(cursor: Cursor, registry: Registry) -> str:
    """A command's name, of two words where the first is a prefix such as UID."""
    name = cursor.keyword()
    if name in registry.prefixes:
        cursor.sp()
        name += " " + cursor.keyword()
    return name


def find_row(session: Session, cursor: Cursor) -> CommandRow:
    """The row of the command at ``cursor``. Raises ``PeerError`` for an unknown one and in the wrong state."""
    registry = session.services.registry
    name = read_name(cursor, registry)
    row = registry.commands.get(name)
    if row is None:
        raise PeerError(f"Unknown command {name}")
    if session.state not in row.states:
        raise PeerError(f"{row.name} is not allowed in this state")
    return row


@final
class Output:
    """Where a session's octets go. Once there are ``DRAIN_OCTETS`` of them, of one command or of many, writing waits
    until the peer has read enough."""

    __slots__ = ("_link", "_written")

    def __init__(self, link: Link) -> None:
        self._link = link
        self._written = 0

    async def write(self, octets: bytes) -> None:
        self._link.write(octets)
        self._written += len(octets)
        if self._written >= DRAIN_OCTETS:
            self._written = 0
            await self._link.drain()


class _Run:
    """One command on its way: what is known of it, and its reply."""

    __slots__ = ("effect", "ending", "name", "result", "row")

    def __init__(self) -> None:
        self.name = "?"
        self.row: CommandRow | None = None
        self.result = "ok"
        self.ending = b""
        self.effect: Effect | None = None


async def run_command(session: Session, output: Output, frame: Frame) -> Done:
    """Carry out one command and write its whole reply. Raises ``LinkClosed``, and ``PeerError`` that is fatal."""
    run = _Run()
    tag = find_tag(frame.text)
    try:
        if tag is None:
            raise PeerError("A tag is expected")
        session.tag = tag
        session.holds_numbers = False
        await _handle(session, output, run, frame)
    except LinkClosed:
        raise
    except VerbenaError as error:
        if isinstance(error, PeerError) and error.fatal:
            raise
        if not isinstance(error, PeerError | Refused | Unavailable):
            log.exception("IMAP command %s failed", run.name)
        run.result, run.ending = describe(error)
        run.effect = None
    except Exception:
        log.exception("IMAP command %s failed", run.name)
        run.result, run.ending = describe(InternalError("unexpected"))
        run.effect = None
    await _conclude(session, output, run, tag or b"*")
    return Done(run.name, run.result, run.effect)


async def _handle(session: Session, output: Output, run: _Run, frame: Frame) -> None:
    """Read the command and follow its handler to the end."""
    cursor = cursor_of(frame)
    cursor.tag()
    cursor.sp()
    row = find_row(session, cursor)
    run.name, run.row = row.name, row
    arguments = row.parse(cursor, session.services.registry)
    async for reply in row.handle(session, arguments):
        if isinstance(reply, bytes):
            if reply:
                await output.write(reply)
        elif isinstance(reply, Ok):
            run.ending = _coded(b"OK", reply.code, reply.text)
        elif isinstance(reply, No):
            run.result, run.ending = "no", _coded(b"NO", reply.code, reply.text)
        elif isinstance(reply, Effect):
            run.effect = reply
        else:
            assert_never(reply)
    if not run.ending:
        run.ending = b"OK " + row.name.encode("ascii") + b" completed"


async def _conclude(session: Session, output: Output, run: _Run, tag: bytes) -> None:
    """Tell what happened meanwhile, then the tagged line."""
    row = run.row
    told = b""
    try:
        if session.selected is not None and row is not None and not row.breaks_numbers:
            told = await updates(session, row.may_tell_expunges and not session.holds_numbers)
        if run.effect is not Effect.CLOSE:
            told += news(session)
    except Refused as refused:
        if refused.reason is not Reason.NONEXISTENT:
            raise
        what = b"selected mailbox was deleted" if session.selected is not None else b"account was removed"
        session.unselect()
        told = b"* BYE The " + what + b"\r\n"
        run.effect = Effect.CLOSE
    await output.write(told + tag + b" " + run.ending + b"\r\n")
