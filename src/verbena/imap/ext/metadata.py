"""GETMETADATA, SETMETADATA and unsolicited METADATA (RFC 5464, and RFC 6154 §4 with its entry): full.

Any well-formed entry can be set on any mailbox, bare levels of the hierarchy too; which names mean something, others
decide (``/shared/imapsieve/script`` is Sieve's). An entry asked for without DEPTH that has no value is told as NIL;
with DEPTH it is left out. Names are told as they were asked for, and below that in lower case.

The server's ``/private`` entries are each user's own. Its ``/shared`` ones all users see and only administrators
change (§3.3); ``/shared/admin`` comes from the configuration. A command that sets both kinds is refused, as they are
kept apart and the RFC wants all or none.

After ENABLE METADATA the changes of others are told before the tagged reply of any command and in IDLE: of every
mailbox of the account and of the server (§4.4.2). The mailbox whose special use was taken is told at once
(RFC 6154 §5.4).

As this server has annotations of mailboxes too, its capability is METADATA; METADATA-SERVER would deny it (§1).
NOPRIVATE is never said: private annotations can be set everywhere.
Limits: ``model.metadata``, ``wire.imap.metadata``; a METADATA response has some ``RESPONSE_OCTETS`` of values, or one.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final

from verbena.imap.cmd.folder import find_any
from verbena.imap.outcome import Ok, RefusedWith, Reply
from verbena.imap.registry import LOGGED_IN, Extension, command
from verbena.imap.session import Session
from verbena.model.change import MetadataChanged
from verbena.model.errors import Refused
from verbena.model.ids import MailboxId, ModSeq
from verbena.model.metadata import MAX_VALUE_OCTETS, SPECIAL_USE_ENTRY, canonical_entry, is_shared
from verbena.model.reason import Reason
from verbena.wire.imap.frame import LiteralStart
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.metadata import (
    MAXSIZE,
    TOOMANY,
    GetMetadata,
    SetMetadata,
    format_metadata_changed,
    format_metadata_values,
    longentries,
    parse_getmetadata,
    parse_setmetadata,
)
from verbena.wire.imap.reply import format_code

NAME: Final = "METADATA"
RESPONSE_OCTETS: Final = 65_536
CHANGES_AT_ONCE: Final = 1_000


class Told:
    """What this session knows of annotations, once it has enabled them: the account's up to ``modseq``, but for its
    ``own`` transactions, and the server's as ``server``."""

    def __init__(self) -> None:
        self.modseq = ModSeq(0)
        self.own: set[ModSeq] = set()
        self.server: Mapping[str, bytes] = {}


class SmallLiterals:
    """``registry.LiteralPolicy`` of SETMETADATA: a value that is too long is refused before it is sent."""

    def decide(self, start: LiteralStart) -> bool:
        if start.size_octets > MAX_VALUE_OCTETS:
            raise _too_big()
        return False


def _small_literals(session: Session, cursor: Cursor) -> SmallLiterals:
    return SmallLiterals()


def _too_big() -> RefusedWith:
    return RefusedWith(Reason.TOO_BIG, f"A value has {MAX_VALUE_OCTETS} octets at most", format_code(MAXSIZE))


def _place(session: Session, mailbox: str) -> MailboxId | None:
    """None is the server. Raises ``Refused(NONEXISTENT)``."""
    return find_any(session, mailbox).mailbox_id if mailbox else None


# --- GETMETADATA ----------------------------------------------------------------------------


def _wanted(session: Session, place: MailboxId | None, arguments: GetMetadata) -> Iterator[tuple[str, str, int]]:
    """The name to tell, the canonical entry, and its size in octets, -1 for NIL; each entry once."""
    seen: set[str] = set()
    for name in arguments.entries:
        scope = canonical_entry(name)
        found = session.account.annotation_sizes(place, scope, arguments.depth)
        if not found and arguments.depth == 0 and scope not in seen:
            seen.add(scope)
            yield name, scope, -1
        for entry, size in found:
            if entry not in seen:
                seen.add(entry)
                yield name + entry[len(scope) :], entry, size


async def getmetadata(session: Session, arguments: GetMetadata) -> AsyncIterator[Reply]:
    place = _place(session, arguments.mailbox)
    longest = 0
    batch: list[tuple[str, bytes | None]] = []
    octets = 0
    for name, entry, size in _wanted(session, place, arguments):
        if arguments.max_size is not None and size > arguments.max_size:
            longest = max(longest, size)
            continue
        if batch and octets + size > RESPONSE_OCTETS:
            yield format_metadata_values(arguments.mailbox, batch)
            batch, octets = [], 0
        batch.append((name, None if size < 0 else session.account.annotation(place, entry)))
        octets += max(size, 0)
    if batch:
        yield format_metadata_values(arguments.mailbox, batch)
    yield Ok(b"GETMETADATA completed", format_code(longentries(longest)) if longest else None)


# --- SETMETADATA ----------------------------------------------------------------------------


async def setmetadata(session: Session, arguments: SetMetadata) -> AsyncIterator[Reply]:
    place = _place(session, arguments.mailbox)
    values = {canonical_entry(name): value for name, value in arguments.values}
    try:
        if place is None and any(is_shared(entry) for entry in values):
            await _set_for_all(session, values)
        else:
            lost_use = await _set(session, place, values)
            if lost_use is not None:
                yield _use_lost(session, lost_use)
    except Refused as refused:
        if refused.reason is Reason.TOO_BIG:
            raise _too_big() from refused
        if refused.reason is Reason.LIMIT:
            raise RefusedWith(Reason.LIMIT, refused.told, format_code(TOOMANY)) from refused
        raise
    yield Ok(b"SETMETADATA completed")


async def _set(session: Session, place: MailboxId | None, values: Mapping[str, bytes | None]) -> MailboxId | None:
    """The mailbox whose special use was taken."""
    done = await session.account.set_annotations(place, values)
    if done.modseq is not None and NAME in session.enabled:
        session.memory(Told).own.add(done.modseq)
    return done.lost_use


async def _set_for_all(session: Session, values: Mapping[str, bytes | None]) -> None:
    """Shared entries of the server."""
    if not session.identity.administrator:
        raise Refused(Reason.NO_PERMISSION, "Shared entries of the server are the administrator's")
    if not all(is_shared(entry) for entry in values):
        raise Refused(Reason.CANNOT, "Private and shared entries of the server can not be set in one command")
    directory = session.services.store.directory
    await directory.set_annotations(values)
    if NAME in session.enabled:
        told = session.memory(Told)
        server = dict(told.server)
        present = directory.annotations()
        for entry in values:
            server.pop(entry, None)
            if entry in present:
                server[entry] = present[entry]
        told.server = server


def _use_lost(session: Session, mailbox_id: MailboxId) -> bytes:
    """As the example of RFC 6154 §5.4 tells it, with its value, to clients that enabled nothing too."""
    for mailbox in session.account.mailboxes():
        if mailbox.mailbox_id == mailbox_id:
            value = session.account.annotation(mailbox_id, SPECIAL_USE_ENTRY)
            return format_metadata_values(mailbox.name, [(SPECIAL_USE_ENTRY, value)])
    return b""


# --- unsolicited ----------------------------------------------------------------------------


def enabled(session: Session, name: str) -> None:
    """From now on changes are told."""
    told = session.memory(Told)
    told.modseq = session.account.modseq()
    told.server = session.services.store.directory.annotations()


def changed_by_others(session: Session) -> bytes:
    """A METADATA response without values for each mailbox whose annotations others changed, and for the server."""
    if NAME not in session.enabled:
        return b""
    told = session.memory(Told)
    places = _changed_places(session, told)
    present = session.services.store.directory.annotations()
    if present is not told.server:
        for entry in sorted(present.keys() | told.server.keys()):
            if present.get(entry) != told.server.get(entry):
                places.setdefault(None, {})[entry] = None
        told.server = present
    if not places:
        return b""
    names: dict[MailboxId | None, str] = {found.mailbox_id: found.name for found in session.account.mailboxes()}
    names[None] = ""
    return b"".join(
        [format_metadata_changed(names[place], entries) for place, entries in places.items() if place in names]
    )


def _changed_places(session: Session, told: Told) -> dict[MailboxId | None, dict[str, None]]:
    """From the change log: mailboxes, and entries as keys in the order of their changes."""
    places: dict[MailboxId | None, dict[str, None]] = {}
    now = session.account.modseq()
    more = now != told.modseq
    while more:
        changes = session.account.changes(told.modseq, CHANGES_AT_ONCE)
        for change in changes:
            if isinstance(change, MetadataChanged) and change.modseq not in told.own:
                places.setdefault(change.mailbox_id, {}).update(dict.fromkeys(change.entries))
        told.modseq = changes[-1].modseq if changes else max(now, told.modseq)
        more = len(changes) >= CHANGES_AT_ONCE
    told.own.clear()
    return places


EXTENSION = Extension(
    rfc=5464,
    capability="METADATA",
    enables=(NAME,),
    on_enable=enabled,
    commands=(
        command("GETMETADATA", parse_getmetadata, getmetadata, LOGGED_IN),
        command("SETMETADATA", parse_setmetadata, setmetadata, LOGGED_IN, literals=_small_literals),
    ),
    news_teller=changed_by_others,
)
