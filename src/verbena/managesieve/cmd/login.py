"""AUTHENTICATE (RFC 5804 §2.1) and UNAUTHENTICATE (§2.14.1): full, without SASL security layers.

Data that a mechanism gives with success go in the SASL response code. After ``Limits.failed_logins`` failures the
session ends with BYE. Limits: ``MAX_STEPS`` challenges in one exchange.
"""

from collections.abc import Iterator
from typing import Final

from verbena.auth.api import Challenge, Exchange, Success
from verbena.managesieve.registry import Answer, Effect, command
from verbena.managesieve.session import Session, User
from verbena.model.errors import PeerError, Refused, Unavailable
from verbena.model.reason import Reason
from verbena.wire.managesieve.command import Authenticate, parse_authenticate, parse_nothing, parse_response
from verbena.wire.managesieve.grammar import Cursor
from verbena.wire.managesieve.reply import Capability, Code, Reply, Status, format_challenge
from verbena.wire.managesieve.states import LOGGED_IN, LOGGED_OUT
from verbena.wire.sasl.coding import encode_base64

MAX_STEPS: Final = 10


async def authenticate(session: Session, arguments: Authenticate) -> Answer:
    services, talk = session.services, session.talk
    try:
        exchange = services.authenticator.start(arguments.mechanism, talk.tls, talk.peer, "managesieve")
        success = await _exchange(session, exchange, arguments)
    except (PeerError, Refused, Unavailable):
        session.failed_logins += 1
        if session.failed_logins < services.limits.failed_logins:
            raise
        return Answer(reply=Reply(Status.BYE, "Too many failed logins"), effect=Effect.CLOSE)
    identity = success.identity
    session.failed_logins = 0
    session.user = User(identity, services.store.account(identity.account))
    talk.name_account(identity.account.login)
    code = None if success.final is None else Code(b"SASL", encode_base64(success.final))
    return Answer(reply=Reply(Status.OK, "Logged in", code))


async def _exchange(session: Session, exchange: Exchange, arguments: Authenticate) -> Success:
    """Challenges and responses to the end. Raises as ``Exchange.step``, ``PeerError`` when the client gives up."""
    response = None if arguments.initial is None else arguments.initial.reveal()
    for _ in range(MAX_STEPS):
        step = await exchange.step(response)
        if isinstance(step, Success):
            return step
        response = await _ask(session, step)
    raise Refused(Reason.AUTHENTICATION_FAILED, "The exchange is too long")


async def _ask(session: Session, challenge: Challenge) -> bytes:
    answer = parse_response(Cursor(await session.talk.ask(format_challenge(challenge.octets))))
    if answer is None:
        raise PeerError("Authentication is cancelled")
    return answer.reveal()


async def unauthenticate(session: Session, _: None) -> Answer:
    session.user = None
    session.talk.name_account("")
    return Answer()


def capabilities(session: Session) -> Iterator[Capability]:
    yield Capability("UNAUTHENTICATE")


LOGIN_ROWS = (command("AUTHENTICATE", parse_authenticate, authenticate, LOGGED_OUT),)
UNAUTHENTICATE_ROWS = (command("UNAUTHENTICATE", parse_nothing, unauthenticate, LOGGED_IN),)
