"""CAPABILITY, LOGOUT, NOOP, STARTTLS (RFC 5804 §2.2 to §2.4, §2.13): full. The capabilities of §1.7.

REFERRAL is never offered: any server serves any account.
"""

from collections.abc import Iterator

from verbena import __version__
from verbena.managesieve.registry import Answer, Effect, command
from verbena.managesieve.session import Session
from verbena.model.errors import PeerError
from verbena.wire.managesieve.command import parse_noop, parse_nothing
from verbena.wire.managesieve.reply import Capability, Code, Reply, Status
from verbena.wire.managesieve.states import ANY_STATE, LOGGED_OUT, State

LANGUAGE = "en"
"""Of all that is told (RFC 5646)."""


def capabilities(session: Session) -> Iterator[Capability]:
    services, talk, user = session.services, session.talk, session.user
    language = services.language
    yield Capability("IMPLEMENTATION", f"Verbena {__version__}")
    yield Capability("SASL", " ".join(services.authenticator.mechanisms(talk.tls, talk.peer)))
    yield Capability("SIEVE", language.registry.capability_line().decode("ascii"))
    methods = language.registry.notify_line().decode("ascii")
    if methods:
        yield Capability("NOTIFY", methods)
    if talk.can_start_tls and session.state is State.NOT_AUTHENTICATED:
        yield Capability("STARTTLS")
    yield Capability("MAXREDIRECTS", str(language.max_redirects))
    yield Capability("LANGUAGE", LANGUAGE)
    if user is not None:
        yield Capability("OWNER", user.identity.account.login)
    yield Capability("VERSION", "1.0")


async def capability(session: Session, _: None) -> Answer:
    return Answer(session.services.registry.capability_lines(session))


async def noop(session: Session, tag: bytes | None) -> Answer:
    if tag is None:
        return Answer(reply=Reply(Status.OK, "NOOP completed"))
    return Answer(reply=Reply(Status.OK, "Done", Code(b"TAG", tag)))


async def start_tls(session: Session, _: None) -> Answer:
    if not session.talk.can_start_tls:
        raise PeerError("TLS can not be started here")
    return Answer(effect=Effect.START_TLS)


async def logout(session: Session, _: None) -> Answer:
    return Answer(reply=Reply(Status.OK, "Goodbye"), effect=Effect.CLOSE)


ROWS = (
    command("CAPABILITY", parse_nothing, capability, ANY_STATE),
    command("NOOP", parse_noop, noop, ANY_STATE),
    command("STARTTLS", parse_nothing, start_tls, LOGGED_OUT),
    command("LOGOUT", parse_nothing, logout, ANY_STATE),
)
