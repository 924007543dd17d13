"""SELECT, EXAMINE and CLOSE (RFC 3501 §6.3.1, §6.3.2, §6.4.2), with the parameters of RFC 4466 §2.1: full.

HIGHESTMODSEQ is told in every SELECT and NOMODSEQ never: all mailboxes have persistent mod-sequences
(RFC 7162 §3.1.2). CLOSED is told whenever a selected mailbox is left for another (§3.2.11).
"""

from collections.abc import AsyncIterator

from verbena.imap.outcome import Ok, Reply
from verbena.imap.registry import LOGGED_IN, SELECTED, Registry, command, open_command
from verbena.imap.session import Selected, Session, condstore_on
from verbena.imap.telling import claim_recent, flag_facts, told
from verbena.imap.view import View
from verbena.model.errors import Refused
from verbena.model.flags import SEEN_BIT
from verbena.model.mailbox import Mailbox
from verbena.model.reason import Reason
from verbena.wire.imap.command import Bare, parse_bare
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.reply import (
    CLOSED,
    READ_ONLY,
    READ_WRITE,
    format_code,
    format_exists,
    format_recent,
    number_code,
)
from verbena.wire.imap.select import Select, parse_select


def _parse_select(cursor: Cursor, registry: Registry) -> Select:
    return parse_select(cursor, False, registry.select_parameter_parsers)


def _parse_examine(cursor: Cursor, registry: Registry) -> Select:
    return parse_select(cursor, True, registry.select_parameter_parsers)


def find_mailbox(session: Session, name: str) -> Mailbox:
    """Raises ``Refused(NONEXISTENT)``; a bare level of the hierarchy is no mailbox to open."""
    mailbox = session.account.find(name)
    if mailbox is None or not mailbox.selectable:
        raise Refused(Reason.NONEXISTENT, "There is no such mailbox")
    return mailbox


async def select(session: Session, arguments: Select) -> AsyncIterator[Reply]:
    parameters = [(session.services.registry.select_parameters[param.name], param) for param in arguments.params]
    for row, param in parameters:
        row.apply(session, param)
    if session.selected is not None:
        session.unselect()
        yield told(CLOSED, "The mailbox before is closed")
    mailbox = find_mailbox(session, arguments.mailbox)
    selected = await _open(session, mailbox, arguments.read_only)
    session.select(selected)
    # Nothing is awaited from the making of the view to here: HIGHESTMODSEQ must not be ahead of what the view has.
    yield _facts(selected)
    for teller in session.services.registry.select_tellers:
        yield teller(session)
    for row, param in parameters:
        if row.tell is not None:
            async for octets in row.tell(session, param):
                yield octets
    yield Ok(b"Mailbox selected", format_code(READ_ONLY if arguments.read_only else READ_WRITE))


async def _open(session: Session, mailbox: Mailbox, read_only: bool) -> Selected:
    account = session.account
    columns = await account.open(mailbox.mailbox_id)
    first_recent = await claim_recent(session, columns, read_only)
    account.refresh(columns)
    view = View(columns)
    if first_recent is not None:
        view.add_recent(first_recent)
    return Selected(mailbox, view, read_only, columns.keywords, condstore_on(session))


def _facts(selected: Selected) -> bytes:
    """The untagged responses of RFC 3501 §6.3.1 and RFC 7162 §3.1.2.1."""
    view = selected.view
    columns = view.columns
    pieces = [
        flag_facts(selected),
        format_exists(view.count),
        format_recent(view.recent_count()),
    ]
    unseen = _first_unseen(view)
    if unseen:
        pieces.append(told(number_code("UNSEEN", unseen), "The first unseen message"))
    pieces.append(told(number_code("UIDVALIDITY", columns.uidvalidity), "UIDs are valid"))
    pieces.append(told(number_code("UIDNEXT", columns.uidnext), "The next UID"))
    pieces.append(told(number_code("HIGHESTMODSEQ", columns.highestmodseq), "The highest mod-sequence"))
    return b"".join(pieces)


def _first_unseen(view: View) -> int:
    """Number of the first message without ``\\Seen``; 0 when there is none."""
    for row, bits in enumerate(view.rows.flags):
        if not bits & SEEN_BIT:
            return row + 1
    return 0


def _parse_close(cursor: Cursor) -> Bare:
    return parse_bare(cursor, "CLOSE")


async def close(session: Session, arguments: Bare) -> AsyncIterator[Reply]:
    """Expunge without telling, and leave (RFC 3501 §6.4.2; no HIGHESTMODSEQ: RFC 7162 §3.2.8)."""
    selected = session.mailbox
    session.unselect()
    if not selected.read_only:
        try:
            await session.account.expunge(selected.mailbox.mailbox_id, None)
        except Refused as refused:
            # CLOSE has no NO, and leaving what another client deleted meanwhile succeeds.
            if refused.reason is not Reason.NONEXISTENT:
                raise
    yield Ok(b"Mailbox closed")


ROWS = (
    open_command("SELECT", _parse_select, select, LOGGED_IN, breaks_numbers=True),
    open_command("EXAMINE", _parse_examine, select, LOGGED_IN, breaks_numbers=True),
    command("CLOSE", _parse_close, close, SELECTED, breaks_numbers=True),
)
