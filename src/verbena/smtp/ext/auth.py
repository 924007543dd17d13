"""AUTH (RFC 4954). Full, without SASL security layers.

Data that a mechanism gives with success go as a challenge that the client answers with an empty line (RFC 4954 §4, RFC
4422 §5). The AUTH parameter of MAIL is read and, nobody being trusted to speak for others, ignored (RFC 4954 §5).
"""

from dataclasses import dataclass, replace

from verbena.auth.api import Authenticator, Challenge, Exchange, Identity
from verbena.model.errors import PeerError, Refused, Unavailable
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.smtp.codes import Answer
from verbena.smtp.receiver import MailOptions
from verbena.smtp.registry import Extension, Registry, Verb
from verbena.smtp.session import Session
from verbena.wire.smtp.auth import format_base64, parse_auth, parse_auth_parameter, parse_auth_response
from verbena.wire.smtp.frame import MAX_LINE_OCTETS
from verbena.wire.smtp.reply import Reply, reply
from verbena.wire.smtp.states import State


@dataclass(frozen=True, slots=True)
class AuthExtension:
    authenticator: Authenticator

    def keyword(self, session: Session) -> bytes | None:
        mechanisms = self.authenticator.mechanisms(session.link.tls, session.link.peer)
        return b"AUTH " + " ".join(mechanisms).encode() if mechanisms else None

    async def run(self, session: Session, _registry: Registry, argument: bytes) -> State | None:
        if session.client.identity is not None:
            raise Answer(503, "5.5.1", "Already authenticated")
        mechanism, initial = parse_auth(argument)
        link = session.link
        try:
            exchange = self.authenticator.start(mechanism, link.tls, link.peer, session.settings.protocol)
        except Refused as error:
            if error.reason is Reason.AUTHENTICATION_FAILED:
                raise Answer(504, "5.5.4", "Unrecognized authentication type") from error
            raise
        try:
            identity = await _exchange(session, exchange, initial)
        except (Refused, PeerError, Unavailable) as error:
            raise _failure(session, error) from error
        session.client = replace(session.client, identity=identity)
        link.set_account(identity.account.login)
        session.reply(reply(235, "2.7.0", "Authentication successful"))
        return None


async def _exchange(session: Session, exchange: Exchange, initial: Secret | None) -> Identity:
    """Raises as ``Exchange.step``, and ``PeerError`` for broken base64."""
    response = initial.reveal() if initial is not None else None
    while True:
        step = await exchange.step(response)
        if isinstance(step, Challenge):
            response = await _ask(session, step.octets)
            continue
        if step.final is not None:
            await _ask(session, step.final)
        return step.identity


async def _ask(session: Session, octets: bytes) -> bytes:
    session.reply(Reply(334, "", (format_base64(octets),)))
    try:
        line = await session.line()
    except PeerError as error:
        if error.fatal:
            session.ending = True
        raise Answer(500, "5.5.6", "Authentication exchange line is too long or broken") from error
    answer = parse_auth_response(line)
    if answer is None:
        raise Answer(501, "5.7.0", "Authentication cancelled")
    return answer.reveal()


def _failure(session: Session, error: Refused | PeerError | Unavailable) -> Answer:
    session.tally.failed_logins += 1
    if session.tally.failed_logins >= session.settings.max_logins:
        session.ending = True
        return Answer(421, "4.7.0", "Too many failed logins")
    if isinstance(error, PeerError):
        return Answer(501, "5.5.2", error.told)
    if isinstance(error, Unavailable):
        return Answer(454, "4.7.0", "Temporary authentication failure")
    match error.reason:
        case Reason.TOO_MANY_ATTEMPTS:
            return Answer(454, "4.7.0", error.told)
        case Reason.PRIVACY_REQUIRED | Reason.ENCRYPTION_NEEDED:
            return Answer(538, "5.7.11", error.told)
        case Reason.ACCOUNT_DISABLED:
            return Answer(535, "5.7.13", error.told)
        case _:
            return Answer(535, "5.7.8", error.told)


def _parameter(options: MailOptions, value: bytes | None) -> MailOptions:
    parse_auth_parameter(value)
    return options


def extension(authenticator: Authenticator) -> Extension:
    auth = AuthExtension(authenticator)
    return Extension(
        rfc=4954,
        keyword=auth.keyword,
        verbs=(Verb("AUTH", auth.run, line_octets=MAX_LINE_OCTETS, before_auth=True),),
        mail_parameters={"AUTH": _parameter},
    )
