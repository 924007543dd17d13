"""STORE and UID STORE (RFC 3501 §6.4.6, RFC 4466 §2.5, RFC 7162 §3.1.3): full.

One write for the whole command. The client is told the new flags of all messages it named, those that had them already
too; with ``.SILENT`` only modseqs, and those only once it knows them. Messages expunged meanwhile are passed over; a
command that named such by number and is not silent ends in NO [EXPUNGEISSUED] (RFC 2180 §4.2.1 to §4.2.3).
"""

from collections.abc import AsyncIterator

from verbena.imap.outcome import No, Ok, Reply
from verbena.imap.plan import StorePlan
from verbena.imap.registry import SELECTED, Registry, open_command
from verbena.imap.session import Session, condstore_on
from verbena.imap.telling import flag_updates, new_keywords
from verbena.imap.view import View
from verbena.model.errors import Refused
from verbena.model.reason import Reason
from verbena.model.uidset import NumberSet, number_set
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.reply import EXPUNGEISSUED, format_code, modified
from verbena.wire.imap.store import Store, parse_store


def _parse_store(cursor: Cursor, registry: Registry) -> Store:
    return parse_store(cursor, False, registry.store_modifier_parsers)


def _parse_uid_store(cursor: Cursor, registry: Registry) -> Store:
    return parse_store(cursor, True, registry.store_modifier_parsers)


def writable(session: Session) -> View:
    """The view of the selected mailbox. Raises ``Refused(READ_ONLY)`` after EXAMINE."""
    selected = session.mailbox
    if selected.read_only:
        raise Refused(Reason.READ_ONLY, "The mailbox is selected read-only")
    return selected.view


async def store(session: Session, request: Store) -> AsyncIterator[Reply]:
    view = writable(session)
    indexes = view.resolve(request.messages, request.by_uid)
    plan = StorePlan()
    for modifier in request.modifiers:
        session.services.registry.store_modifiers[modifier.name].apply(session, plan, modifier)
    if not indexes:
        return
    account = session.account
    uids = view.uids_at(indexes)
    stored = await account.store_flags(view.columns.mailbox_id, uids, request.edit, plan.unchanged_since)
    if stored.changed:
        view.hush(stored.modseq)
    view.advance(account)
    keywords = new_keywords(session.mailbox)
    if keywords:
        yield keywords
    told = _told(view, indexes, stored.failed)
    if not request.silent:
        async for octets in flag_updates(session, told, with_uid=request.by_uid):
            yield octets
        view.told(told)
    elif condstore_on(session):
        # A conditional one tells the modseq of every message that passed, changed or not (RFC 7162 §3.1.3).
        quiet = plan.unchanged_since is None
        passed = [index for index in told if view.uids[index] in stored.changed] if quiet else told
        async for octets in flag_updates(session, passed, with_uid=request.by_uid, with_flags=False):
            yield octets
    if stored.failed:
        # RFC 7162 §3.1.3 recommends to show why, so that the client need not ask.
        failed = [index for index in indexes if view.uids[index] in stored.failed and view.uids[index] not in view.gone]
        async for octets in flag_updates(session, failed, with_uid=request.by_uid):
            yield octets
        view.told(failed)
    yield _outcome(view, request, indexes, stored.failed)


def _told(view: View, indexes: list[int], failed: NumberSet) -> list[int]:
    """Of the messages named, those that are there and were not refused."""
    if not failed and not view.gone:
        return indexes
    return [index for index in indexes if view.uids[index] not in failed and view.uids[index] not in view.gone]


def _outcome(view: View, request: Store, indexes: list[int], failed: NumberSet) -> Ok | No:
    """MODIFIED names messages as the command did (RFC 7162 §3.1.3)."""
    code: bytes | None = None
    if failed:
        numbers = number_set([index + 1 for index in indexes if view.uids[index] in failed])
        code = format_code(modified(failed if request.by_uid else numbers))
    loud = not request.by_uid and not request.silent
    lost = loud and bool(view.gone) and any(view.uids[index] in view.gone for index in indexes)
    if lost:
        return No(b"Some of the messages were expunged", code if code is not None else format_code(EXPUNGEISSUED))
    return Ok(b"Some of the messages were modified" if failed else b"STORE completed", code)


ROWS = (
    open_command("STORE", _parse_store, store, SELECTED, may_tell_expunges=False),
    open_command("UID STORE", _parse_uid_store, store, SELECTED),
)
