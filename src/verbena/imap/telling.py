"""Untagged responses about the selected mailbox: what others did to it since the client was told last.

EXISTS, RECENT and FETCH may be told in any command, EXPUNGE and VANISHED only where numbers are not in use
(RFC 3501 §5.2, §7.3, §7.4; RFC 7162 §3.1.4.2, §3.2.10). One text for all: NOOP, IDLE and every other command.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from verbena.imap.fetching import Batch, flag_lists
from verbena.imap.session import Selected, Session, condstore_on
from verbena.model.errors import Unavailable
from verbena.model.flags import SYSTEM_FLAGS
from verbena.model.ids import Uid
from verbena.store.api import Columns
from verbena.wire.imap.flag import ANY_KEYWORD
from verbena.wire.imap.reply import (
    MODSEQ_ATT,
    UID_ATT,
    Code,
    Condition,
    FlagText,
    StatusReply,
    format_exists,
    format_expunges,
    format_fetch_lines,
    format_flags,
    format_recent,
    format_status_reply,
    number_code,
    permanentflags,
)

TOLD_AT_ONCE: Final = 1000
"""So many FETCH responses are made before others have their turn."""


def told(code: Code, text: str) -> bytes:
    """An untagged OK that carries ``code``."""
    return format_status_reply(StatusReply(Condition.OK, text, code))


def flag_facts(selected: Selected) -> bytes:
    """FLAGS, and PERMANENTFLAGS, of which a read-only mailbox has none (RFC 3501 §7.1, §7.2.6)."""
    flags = (*SYSTEM_FLAGS, *selected.view.columns.keywords)
    if selected.read_only:
        return format_flags(flags) + told(permanentflags(()), "Read-only mailbox")
    return format_flags(flags) + told(permanentflags((*flags, ANY_KEYWORD)), "Flags may be changed")


def new_keywords(selected: Selected) -> bytes:
    """FLAGS and PERMANENTFLAGS again when the mailbox has other keywords than were told (RFC 3501 §7.2.6)."""
    keywords = selected.view.columns.keywords
    if keywords == selected.told_keywords:
        return b""
    selected.told_keywords = keywords
    return flag_facts(selected)


async def updates(session: Session, may_tell_expunges: bool) -> bytes:
    """All there is to tell now, in the order that keeps numbers right; empty when nothing happened.

    Raises ``Refused(NONEXISTENT)`` when the selected mailbox was deleted.
    """
    selected = session.selected
    if selected is None:
        return b""
    if not selected.view.advance(session.account):
        return first_modseq(session, selected)
    view = selected.view
    pieces: list[bytes] = []
    if may_tell_expunges and view.gone:
        pieces.append(expunged(session))
    added = view.take_added()
    if added:
        first = await claim_recent(session, view.columns, selected.read_only)
        if first is not None:
            view.add_recent(first)
        pieces.append(format_exists(view.count) + format_recent(view.recent_count()))
    changed = view.take_changed()
    if changed:
        pieces.append(new_keywords(selected))
        pieces.extend([octets async for octets in flag_updates(session, changed)])
    if view.gone and "QRESYNC" in session.enabled:
        # The client may have seen modseqs above the delayed expunge's: RFC 7162 §3.2 (erratum 1810 of its forerunner).
        pieces.append(told(number_code("HIGHESTMODSEQ", view.gone_floor), "Expunges are held back"))
    pieces.append(first_modseq(session, selected))
    return b"".join(pieces)


def first_modseq(session: Session, selected: Selected) -> bytes:
    """HIGHESTMODSEQ once, when the client shows with a mailbox selected that it knows mod-sequences (RFC 7162 §3.1).

    It covers no more than what has been told.
    """
    if selected.modseq_told or not condstore_on(session):
        return b""
    selected.modseq_told = True
    view = selected.view
    highest = view.gone_floor if view.gone else view.columns.highestmodseq
    return told(number_code("HIGHESTMODSEQ", highest), "The highest mod-sequence")


def news(session: Session) -> bytes:
    """What extensions have to tell beside ``updates``; empty before login. Raises ``Refused(NONEXISTENT)`` when the
    account is gone.
    """
    if session.user is None:
        return b""
    return b"".join([teller(session) for teller in session.services.registry.news_tellers])


async def claim_recent(session: Session, columns: Columns, read_only: bool) -> Uid | None:
    """The UID from which on messages are now ``\\Recent`` in this session; None when none are.

    EXAMINE shows them, but takes them from nobody (RFC 3501 §6.3.2).
    """
    status = session.account.status(columns.mailbox_id)
    if not status.recent:
        return None
    if read_only:
        session.account.refresh(columns)
        unclaimed = columns.uids[-status.recent :]
        return Uid(unclaimed[0]) if unclaimed else None
    try:
        return await session.account.claim_recent(columns.mailbox_id)
    except Unavailable:
        # Nothing can be written now. The messages are told without the flag: a later session will have it.
        return None


def expunged(session: Session) -> bytes:
    """EXPUNGE for each expunged message, or what an extension tells in its place."""
    uids, numbers = session.mailbox.view.take_gone()
    if not uids:
        return b""
    for teller in session.services.registry.expunge_tellers:
        octets = teller(session, uids)
        if octets is not None:
            return octets
    return format_expunges(numbers)


async def flag_updates(
    session: Session, indexes: list[int], with_uid: bool = False, with_flags: bool = True
) -> AsyncIterator[bytes]:
    """FETCH responses with flags; with UID and modseq too once the client knows mod-sequences (RFC 7162 §3.2.4).

    Others have their turn in between; flags are those at the time of telling.
    """
    texts = FlagText(session.mailbox.view.columns)
    for first in range(0, len(indexes), TOLD_AT_ONCE):
        if first:
            await asyncio.sleep(0)
        view = session.mailbox.view
        batch = Batch(view, indexes[first : first + TOLD_AT_ONCE])
        columns: list[tuple[bytes, list[int] | list[bytes]]] = []
        modseqs = condstore_on(session)
        if with_uid or modseqs:
            columns.append((UID_ATT, batch.uids))
        if with_flags:
            columns.append((b"%b", flag_lists(batch, texts, view.recent)))
        if modseqs:
            columns.append((MODSEQ_ATT, batch.modseqs()))
        yield format_fetch_lines(batch.seqs, columns)
