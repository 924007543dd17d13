"""LOGIN and AUTHENTICATE (RFC 3501 §6.2.2, §6.2.3), with SASL-IR (RFC 4959): full.

The CAPABILITY code stands in the tagged OK, for the list is another one after login (RFC 3501 §7.1).
Limits: one line of a SASL exchange is at most ``SASL_LINE_OCTETS`` long.
"""

import base64
from collections.abc import AsyncIterator
from typing import Final

from verbena.auth.api import Challenge, Exchange, Identity, Success
from verbena.imap.outcome import Ok, Reply
from verbena.imap.registry import LOGGED_OUT, command
from verbena.imap.session import Session, User
from verbena.model.errors import PeerError, Refused
from verbena.model.reason import Reason
from verbena.wire.imap.command import Authenticate, Login, parse_authenticate, parse_base64, parse_login
from verbena.wire.imap.reply import capability_code, format_code
from verbena.wire.imap.states import State

SASL_LINE_OCTETS: Final = 8192
MAX_STEPS: Final = 10
"""Challenges in one exchange."""


async def login(session: Session, arguments: Login) -> AsyncIterator[Reply]:
    services, talk = session.services, session.talk
    if not services.authenticator.login_allowed(talk.tls, talk.peer):
        raise Refused(Reason.PRIVACY_REQUIRED, "LOGIN is disabled without TLS")
    identity = await services.authenticator.login(arguments.user, arguments.password, talk.tls, talk.peer, "imap")
    yield _welcome(session, identity)


async def authenticate(session: Session, arguments: Authenticate) -> AsyncIterator[Reply]:
    services, talk = session.services, session.talk
    exchange = services.authenticator.start(arguments.mechanism, talk.tls, talk.peer, "imap")
    initial = None if arguments.initial is None else arguments.initial.reveal()
    identity = await _exchange(session, exchange, initial)
    yield _welcome(session, identity)


async def _exchange(session: Session, exchange: Exchange, response: bytes | None) -> Identity:
    """Challenges and responses to the end. Raises ``PeerError`` when the client cancels."""
    for _ in range(MAX_STEPS):
        result = await exchange.step(response)
        if isinstance(result, Success):
            if result.final is not None:
                # IMAP has no place for data with success: they go as a challenge, answered by an empty response.
                await _ask(session, result.final)
            return result.identity
        response = await _ask(session, result.octets if isinstance(result, Challenge) else b"")
    raise Refused(Reason.AUTHENTICATION_FAILED, "The exchange is too long")


async def _ask(session: Session, challenge: bytes) -> bytes:
    await session.talk.prompt(base64.b64encode(challenge))
    line = await session.talk.line(SASL_LINE_OCTETS)
    if line == b"*":
        raise PeerError("Authentication is cancelled")
    return parse_base64(line)


def _welcome(session: Session, identity: Identity) -> Ok:
    """Enter the authenticated state."""
    services = session.services
    account = services.store.account(identity.account)
    session.user = User(identity, account, services.bus.watch(identity.account.account_id))
    session.state = State.AUTHENTICATED
    session.talk.name_account(identity.account.login)
    return Ok(b"Logged in", format_code(capability_code(services.registry.capabilities(session))))


ROWS = (
    command("LOGIN", parse_login, login, LOGGED_OUT),
    command("AUTHENTICATE", parse_authenticate, authenticate, LOGGED_OUT),
)
