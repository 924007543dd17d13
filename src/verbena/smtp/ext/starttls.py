"""STARTTLS (RFC 3207). Full: plain text pipelined after it is dropped, and nothing said before holds after it."""

from verbena.smtp.codes import Answer
from verbena.smtp.registry import Extension, Registry, Verb
from verbena.smtp.session import Session
from verbena.wire.smtp.reply import reply
from verbena.wire.smtp.states import State


def _keyword(session: Session) -> bytes | None:
    return b"STARTTLS" if session.link.can_start_tls and session.link.tls is None else None


async def _starttls(session: Session, _registry: Registry, argument: bytes) -> State | None:
    if argument:
        raise Answer(501, "5.5.4", "No argument allowed")
    if _keyword(session) is None:
        raise Answer(503, "5.5.1", "TLS is active" if session.link.tls is not None else "TLS is not available")
    session.reply(reply(220, "2.0.0", "Ready to start TLS"))
    await session.flush()
    await session.link.start_tls()
    session.restart()
    return None


EXTENSION = Extension(rfc=3207, keyword=_keyword, verbs=(Verb("STARTTLS", _starttls, before_auth=True),))
