"""Drive a session: one command after the other, errors into replies, limits, metrics (RFC 5321 §4.1.4, §4.5.3).

The only place where exceptions become replies.
"""

import logging
import time

from verbena.model.errors import LinkClosed, LinkTimeout, PeerError, VerbenaError
from verbena.smtp.codes import INTERNAL, Answer, reply_to
from verbena.smtp.registry import Registry, Verb
from verbena.smtp.session import Session, ShuttingDown
from verbena.wire.smtp.command import parse_verb
from verbena.wire.smtp.reply import reply
from verbena.wire.smtp.states import AFTER, LEGAL, State

log = logging.getLogger(__name__)

WRONG_ORDER = {
    State.CONNECTED: "Introduce yourself first",
    State.GREETED: "MAIL first",
    State.SENDER: "Valid RCPT required",
    State.RECIPIENTS: "A transaction is in progress",
    State.CHUNKS: "A transaction is in progress",
    State.FAILED: "The transaction has failed, RSET first",
}


async def converse(session: Session, registry: Registry, greeting: str) -> None:
    """From the greeting to the end. Never raises for a peer's fault."""
    try:
        session.reply(reply(220, "", greeting))
        while not session.ending:
            await _turn(session, registry)
            await session.flush_if_full()
        await session.flush()
    except ShuttingDown:
        await _goodbye(session, "4.3.2", "Service shutting down")
    except LinkTimeout:
        await _goodbye(session, "4.4.2", "Timeout")
    except LinkClosed:
        pass
    finally:
        await session.end_transaction()


async def _goodbye(session: Session, enhanced: str, text: str) -> None:
    try:
        session.reply(reply(421, enhanced, f"{session.settings.hostname} {text}"))
        await session.flush()
    except LinkClosed:
        pass


async def _turn(session: Session, registry: Registry) -> None:
    try:
        line = await session.command_line()
    except PeerError as error:
        session.reply(reply(500, "5.5.2", error.told))
        # It may have been a part of the message: the rest is not to be sent without it (RFC 4468 §3.2).
        await _count_error(session, error, content=True)
        _check_limits(session)
        return
    started = time.perf_counter()
    session.last_code = 0
    name = await _command(session, registry, line)
    session.meter.command(
        session.settings.protocol, name, f"{session.last_code // 100}xx", time.perf_counter() - started
    )
    _check_limits(session)


async def _command(session: Session, registry: Registry, line: bytes) -> str:
    """Run one command and reply; the verb for metrics."""
    verb: Verb | None = None
    try:
        name, argument = parse_verb(line)
        verb = registry.verbs.get(name)
        if verb is None:
            raise Answer(500, "5.5.1", "Command unrecognized")
        await _run(session, registry, verb, line, argument)
    except (LinkClosed, ShuttingDown):
        raise
    except VerbenaError as error:
        session.reply(reply_to(error))
        # In the midst of content an unknown command may have been meant to bring some of it.
        await _count_error(session, error, content=session.state is State.CHUNKS if verb is None else verb.content)
    except Exception:  # the protocol's dispatch: a bug of ours ends this session, not the worker
        log.exception("command failed", extra={"protocol": session.settings.protocol})
        session.reply(INTERNAL)
        session.ending = True
    return "UNKNOWN" if verb is None else verb.name


async def _run(session: Session, registry: Registry, verb: Verb, line: bytes, argument: bytes) -> None:
    refusal = _refusal(session, verb, line)
    if refusal is not None:
        if verb.discard is None or await verb.discard(session, argument):
            raise refusal
        return
    state = await verb.run(session, registry, argument)
    if state is not None:
        session.state = state
    elif verb.name in AFTER:
        session.state = AFTER[verb.name]


def _refusal(session: Session, verb: Verb, line: bytes) -> Answer | None:
    if len(line) > verb.line_octets:
        return Answer(500, "5.5.2", "Line too long")
    if session.settings.auth_required and session.client.identity is None and not verb.before_auth:
        return Answer(530, "5.7.0", "Authentication required")
    if session.state not in LEGAL[verb.name]:
        return Answer(503, "5.5.1", WRONG_ORDER[session.state])
    return None


async def _count_error(session: Session, error: VerbenaError, content: bool) -> None:
    """Count what only a broken client does; fail the transaction where ``content`` may be missing now."""
    if isinstance(error, PeerError) or session.last_code in (500, 503):
        session.tally.errors += 1
    if content and session.state in (State.RECIPIENTS, State.CHUNKS):
        await session.fail_transaction()
    if isinstance(error, PeerError) and error.fatal:
        session.ending = True


def _check_limits(session: Session) -> None:
    tally = session.tally
    tally.commands += 1
    if session.ending:
        return
    if tally.errors > session.settings.max_errors:
        session.reply(reply(421, "4.7.0", "Too many errors"))
        session.ending = True
    elif tally.commands > session.settings.max_commands:
        session.reply(reply(421, "4.7.0", "Too many commands"))
        session.ending = True
