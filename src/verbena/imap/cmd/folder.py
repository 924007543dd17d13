"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and STATUS (RFC 3501 §6.3.3 to §6.3.7, §6.3.10): full.

Deleting the mailbox that this session has selected leaves it; other sessions
that have it selected are told goodbye (RFC 2180 §3.3).
"""

from collections.abc import AsyncIterator

from verbena.imap.cmd.select import find_mailbox
from verbena.imap.outcome import Ok, Reply
from verbena.imap.plan import CreatePlan
from verbena.imap.registry import LOGGED_IN, Registry, StatusItemRow, command, open_command
from verbena.imap.session import Session
from verbena.imap.telling import told
from verbena.model.errors import PeerError, Refused
from verbena.model.mailbox import Mailbox, Status
from verbena.model.reason import Reason
from verbena.wire.imap.folder import (
    Create,
    Delete,
    Rename,
    StatusOf,
    Subscribe,
    parse_create,
    parse_delete,
    parse_rename,
    parse_status,
    parse_subscribe,
)
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.reply import CLOSED, MailboxStatusReply, format_mailbox_status


def find_any(session: Session, name: str) -> Mailbox:
    """A mailbox or a bare level. Raises ``Refused(NONEXISTENT)``."""
    mailbox = session.account.find(name)
    if mailbox is None:
        raise Refused(Reason.NONEXISTENT, "There is no such mailbox")
    return mailbox


def _parse_create(cursor: Cursor, registry: Registry) -> Create:
    return parse_create(cursor, registry.create_parameter_parsers)


async def create(session: Session, arguments: Create) -> AsyncIterator[Reply]:
    plan = CreatePlan()
    for parameter, value in arguments.params:
        session.services.registry.create_parameters[parameter].apply(session, plan, value)
    # A trailing delimiter only says that levels below will follow (RFC 3501 §6.3.3).
    name = arguments.mailbox.removesuffix("/")
    await session.account.create(name, plan.special_use)
    yield Ok(b"Mailbox created")


async def delete(session: Session, arguments: Delete) -> AsyncIterator[Reply]:
    mailbox = find_any(session, arguments.mailbox)
    await session.account.delete(mailbox.mailbox_id)
    if session.selected is not None and session.selected.mailbox.mailbox_id == mailbox.mailbox_id:
        session.unselect()
        yield told(CLOSED, "The deleted mailbox was selected")
    yield Ok(b"Mailbox deleted")


async def rename(session: Session, arguments: Rename) -> AsyncIterator[Reply]:
    mailbox = find_any(session, arguments.mailbox)
    await session.account.rename(mailbox.mailbox_id, arguments.new_name.removesuffix("/"))
    yield Ok(b"Mailbox renamed")


async def subscribe(session: Session, arguments: Subscribe) -> AsyncIterator[Reply]:
    """A name that does not exist can be unsubscribed, not subscribed (RFC 3501 §6.3.6)."""
    name = arguments.mailbox.removesuffix("/")
    if arguments.subscribed:
        find_any(session, name)
    await session.account.subscribe(name, arguments.subscribed)
    yield Ok(b"Subscribed" if arguments.subscribed else b"Unsubscribed")


def _parse_subscribe(cursor: Cursor) -> Subscribe:
    return parse_subscribe(cursor, True)


def _parse_unsubscribe(cursor: Cursor) -> Subscribe:
    return parse_subscribe(cursor, False)


async def status(session: Session, arguments: StatusOf) -> AsyncIterator[Reply]:
    mailbox = find_mailbox(session, arguments.mailbox)
    yield format_status(session, mailbox, arguments.items)


def format_status(session: Session, mailbox: Mailbox, items: tuple[str, ...]) -> bytes:
    """One STATUS response. Raises ``PeerError`` for an item that nobody answers."""
    rows = [_status_row(session, item) for item in items]
    for row in rows:
        if row.apply is not None:
            row.apply(session)
    figures = session.account.status(mailbox.mailbox_id)
    answers = tuple((row.name, row.figure(session, figures)) for row in rows)
    return format_mailbox_status(MailboxStatusReply(mailbox.name, answers))


def _status_row(session: Session, item: str) -> StatusItemRow:
    row = session.services.registry.status_items.get(item)
    if row is None:
        raise PeerError(f"Unknown STATUS item {item}")
    return row


def _messages(session: Session, figures: Status) -> int:
    return figures.messages


def _recent(session: Session, figures: Status) -> int:
    return figures.recent


def _uidnext(session: Session, figures: Status) -> int:
    return figures.uidnext


def _uidvalidity(session: Session, figures: Status) -> int:
    return figures.uidvalidity


def _unseen(session: Session, figures: Status) -> int:
    return figures.unseen


STATUS_ITEMS = (
    StatusItemRow("MESSAGES", _messages),
    StatusItemRow("RECENT", _recent),
    StatusItemRow("UIDNEXT", _uidnext),
    StatusItemRow("UIDVALIDITY", _uidvalidity),
    StatusItemRow("UNSEEN", _unseen),
)

ROWS = (
    open_command("CREATE", _parse_create, create, LOGGED_IN),
    command("DELETE", parse_delete, delete, LOGGED_IN),
    command("RENAME", parse_rename, rename, LOGGED_IN),
    command("SUBSCRIBE", _parse_subscribe, subscribe, LOGGED_IN),
    command("UNSUBSCRIBE", _parse_unsubscribe, subscribe, LOGGED_IN),
    command("STATUS", parse_status, status, LOGGED_IN),
)
