"""NAMESPACE: where mailboxes are (RFC 2342): full for what there is, the user's own mailboxes.

Other users' and shared namespaces are NIL until mailboxes can be shared.
"""

from collections.abc import AsyncIterator

from verbena.imap.outcome import Reply
from verbena.imap.registry import LOGGED_IN, Extension, command
from verbena.imap.session import Session
from verbena.model.mailbox import DELIMITER
from verbena.wire.imap.command import Bare, parse_bare
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.reply import NamespaceReply, format_namespace


def parse_namespace(cursor: Cursor) -> Bare:
    return parse_bare(cursor, "NAMESPACE")


async def namespace(session: Session, arguments: Bare) -> AsyncIterator[Reply]:
    yield format_namespace(NamespaceReply(personal=(("", DELIMITER),), others=(), shared=()))


EXTENSION = Extension(
    rfc=2342, capability="NAMESPACE", commands=(command("NAMESPACE", parse_namespace, namespace, LOGGED_IN),)
)
