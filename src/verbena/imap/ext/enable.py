"""ENABLE: switch on what changes the server's responses (RFC 5161): full.

Names that are not known, need no enabling or are on already are passed over."""

from collections.abc import AsyncIterator

from verbena.imap.outcome import Reply
from verbena.imap.registry import LOGGED_IN, Extension, command
from verbena.imap.session import Session
from verbena.wire.imap.command import Enable, parse_enable
from verbena.wire.imap.reply import format_enabled


async def enable(session: Session, arguments: Enable) -> AsyncIterator[Reply]:
    newly: list[str] = []
    for name in arguments.names:
        extension = session.services.registry.enables.get(name)
        if extension is None or name in session.enabled:
            continue
        session.enabled.add(name)
        newly.append(name)
        if extension.on_enable is not None:
            extension.on_enable(session, name)
    yield format_enabled(newly)


EXTENSION = Extension(rfc=5161, capability="ENABLE", commands=(command("ENABLE", parse_enable, enable, LOGGED_IN),))
