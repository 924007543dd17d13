"""FETCH and UID FETCH (RFC 3501 §6.4.5, RFC 4466 §2.4): full. Who answers an item is in the registry.

Messages go in batches: one read of the facts of all messages of a batch, one write of ``\\Seen``; items that are
columns are formatted for a batch in one pass. After each piece of output other sessions have their turn. Long literals
are streamed, the octets of short messages are read ahead, many at once. An expunged message is served while its content
is there. A message that can not be answered (its content gone or damaged, its encoding unknown) is left out: the others
are told, and the command ends in NO with the first reason (RFC 2180 §4.1.2, RFC 3516 §4.3).
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, cast

from verbena.imap.fetching import Batch, FetchPlan, Message, read_ahead
from verbena.imap.outcome import Reply
from verbena.imap.registry import SELECTED, Column, FetchItem, Prepared, Registry, open_command
from verbena.imap.session import Session, condstore_on
from verbena.imap.telling import new_keywords
from verbena.imap.view import View
from verbena.model.errors import InternalError, LinkClosed, Refused, Unavailable
from verbena.model.flags import SEEN, SEEN_BIT, FlagEdit, FlagOp
from verbena.model.reason import Reason
from verbena.store.api import Account, Content
from verbena.wire.imap.condstore import MODSEQ
from verbena.wire.imap.fetch import FLAGS, UID, Fetch, FetchAtt, parse_fetch
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.reply import format_fetch_lines

BATCH: Final = 500
"""Messages whose facts are read at once; some 2 ms."""
BATCH_OCTETS: Final = 16 << 20
"""Of messages whose facts are read at once, no one counting for more than ``FACTS_OCTETS``: envelopes are not longer
than the header, of which ingest looks at so much."""
FACTS_OCTETS: Final = 1 << 20
PIECE_OCTETS: Final = 262144
"""Output is handed on when it is this long."""

_ADD_SEEN: Final = FlagEdit(FlagOp.ADD, (SEEN,))


def _parse_fetch(cursor: Cursor, registry: Registry) -> Fetch:
    return parse_fetch(cursor, False, registry.fetch_atts, registry.fetch_modifier_parsers)


def _parse_uid_fetch(cursor: Cursor, registry: Registry) -> Fetch:
    return parse_fetch(cursor, True, registry.fetch_atts, registry.fetch_modifier_parsers)


def plan_fetch(session: Session, request: Fetch) -> FetchPlan:
    """What is to be done, after all modifiers. Raises ``PeerError``."""
    view = session.mailbox.view
    plan = FetchPlan(request, view.resolve(request.messages, request.by_uid), list(request.atts))
    if request.by_uid:
        plan.add(UID)
    given = {modifier.name: modifier for modifier in request.modifiers}
    for name, row in session.services.registry.fetch_modifiers.items():
        if name in given:
            row.apply(session, plan, given[name])
    return plan


def _prepare(session: Session, att: FetchAtt) -> FetchItem:
    row = session.services.registry.fetch_items.get(att.name)
    if row is None:
        raise InternalError(f"nobody answers FETCH {att.name}")
    return row.prepare(session, att)


@dataclass(slots=True)
class _Work:
    """One FETCH under way. ``seen_items`` are for messages that become ``\\Seen`` by it: they tell their flags too
    (RFC 3501 §6.4.5), with UID and modseq once the client knows those (RFC 7162 §3.2.4)."""

    account: Account
    view: View
    items: list[FetchItem]
    seen_items: list[FetchItem] | None
    needs_content: bool
    needs_octets: bool
    failure: Refused | None = None
    """why some message could not be answered, the first of such"""

    def fail(self, refused: Refused) -> None:
        if self.failure is None:
            self.failure = refused


def _start(session: Session, plan: FetchPlan) -> _Work:
    items = [_prepare(session, att) for att in plan.atts]
    answered = [item for item in items if isinstance(item, Prepared)]
    seen_items: list[FetchItem] | None = None
    if any(item.sets_seen for item in answered) and not session.mailbox.read_only:
        wanted = (FLAGS, UID, MODSEQ) if condstore_on(session) else (FLAGS,)
        seen_items = items + [_prepare(session, att) for att in wanted if att not in plan.atts]
    return _Work(
        session.account,
        session.mailbox.view,
        items,
        seen_items,
        any(item.needs_content for item in items),
        any(item.needs_octets for item in answered),
    )


async def fetch(session: Session, request: Fetch) -> AsyncIterator[Reply]:
    plan = plan_fetch(session, request)
    work = _start(session, plan)
    for octets in plan.preamble:
        yield octets
    keywords = new_keywords(session.mailbox)
    if keywords:
        yield keywords
    for place, these in enumerate(_batches(work, plan.indexes)):
        if place:
            await asyncio.sleep(0)
        marked = await _mark_seen(session, work, these) if work.seen_items is not None else frozenset()
        batch = _gather(work, these)
        if all(isinstance(item, Column) for item in work.items):
            yield _lines(batch, work.items)
        else:
            async for octets in _answer(work, batch, marked):
                yield octets
    if work.failure is not None:
        raise work.failure


def _batches(work: _Work, indexes: list[int]) -> Iterator[list[int]]:
    """At most ``BATCH`` each; fewer where what is known of them could be long, which their length bounds."""
    first = 0
    while first < len(indexes):
        these = indexes[first : first + BATCH]
        if work.needs_content and len(these) > 1:
            sums = list(accumulate(min(size, FACTS_OCTETS) for size in Batch(work.view, these).sizes()))
            these = these[: max(1, bisect_right(sums, BATCH_OCTETS))]
        yield these
        first += len(these)


async def _mark_seen(session: Session, work: _Work, batch: list[int]) -> frozenset[int]:
    """Set ``\\Seen`` on the messages of a batch that have it not; their numbers. One write.

    When nothing can be written now, mail can be read nevertheless; it stays unseen.
    """
    view = work.view
    unseen: list[int] = []
    for index, (rows, row) in zip(batch, view.locate_all(batch), strict=True):
        if row >= 0 and not rows.flags[row] & SEEN_BIT and view.uids[index] not in view.gone:
            unseen.append(index)
    if not unseen:
        return frozenset()
    try:
        stored = await work.account.store_flags(view.columns.mailbox_id, view.uids_at(unseen), _ADD_SEEN)
    except Unavailable:
        return frozenset()
    if stored.changed:
        view.hush(stored.modseq)
        view.advance(work.account)
    return frozenset([index + 1 for index in unseen])


def _gather(work: _Work, indexes: list[int]) -> Batch:
    """The messages of a batch with what is to be known of them."""
    batch = Batch(work.view, indexes)
    if work.needs_content:
        batch.read_contents(work.account)
    if batch.lost:
        work.fail(Refused(Reason.EXPUNGE_ISSUED, "Some of the messages were expunged"))
    return batch


def _lines(batch: Batch, items: list[FetchItem]) -> bytes:
    """The FETCH responses where all items are columns."""
    return format_fetch_lines(
        batch.seqs, [(item.template, item.values(batch)) for item in items if isinstance(item, Column)]
    )


Cell = tuple[Prepared | None, list[bytes]]
"""How a message's answer to an item is found: asked for, or ready in the list."""


def _cells(batch: Batch, items: list[FetchItem]) -> list[Cell]:
    return [
        (item, []) if isinstance(item, Prepared) else (None, [item.template % value for value in item.values(batch)])
        for item in items
    ]


def _messages(work: _Work, batch: Batch) -> list[Message]:
    contents: Sequence[Content | None] = batch.contents if work.needs_content else [None] * len(batch.seqs)
    return [
        Message(work.account, seq, uid, rows, row, content)
        for seq, uid, (rows, row), content in zip(batch.seqs, batch.uids, batch.places(), contents, strict=True)
    ]


async def _answer(work: _Work, batch: Batch, marked: frozenset[int]) -> AsyncIterator[bytes]:
    """The FETCH responses of a batch in pieces of a bounded length."""
    plain = _cells(batch, work.items)
    with_flags = _cells(batch, work.seen_items) if marked and work.seen_items is not None else plain
    messages = _messages(work, batch)
    out: list[bytes] = []
    octets = ahead = 0
    for place, message in enumerate(messages):
        if work.needs_octets and place == ahead:
            ahead = read_ahead(work.account, messages, place)
        try:
            values = [
                texts[place] if item is None else item.answer(message)
                for item, texts in (with_flags if message.seq in marked else plain)
            ]
        except Refused as refused:
            work.fail(refused)
            continue
        message.octets = None
        line, streams = _join(message.seq, values)
        out.append(line)
        octets += len(line)
        if streams:
            async for piece in _stream(out, values):
                yield piece
            octets = 0
        elif octets >= PIECE_OCTETS:
            yield b"".join(out)
            out.clear()
            octets = 0
            await asyncio.sleep(0)
    if out:
        yield b"".join(out)


def _join(seq: int, values: list[bytes | AsyncIterator[bytes]]) -> tuple[bytes, bool]:
    """The response where all values are octets; else its beginning, and true."""
    try:
        # join itself finds a stream among them; asking each value first costs a third of a FETCH's time.
        return b"* %d FETCH (%b)\r\n" % (seq, b" ".join(cast("list[bytes]", values))), False
    except TypeError:
        return b"* %d FETCH (" % seq, True


async def _stream(out: list[bytes], values: list[bytes | AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    """``out``, which ends with the beginning of a response, and the rest of that response.

    Once anything of the response is on its way its length is announced: an error after that ends the session.
    """
    separator = b""
    for value in values:
        out.append(separator)
        separator = b" "
        if isinstance(value, bytes):
            out.append(value)
            continue
        try:
            async for piece in value:
                out.append(piece)
                yield b"".join(out)
                out.clear()
        except (Refused, Unavailable, InternalError) as error:
            raise LinkClosed("a response was cut short") from error
    out.append(b")\r\n")
    yield b"".join(out)
    out.clear()


ROWS = (
    open_command("FETCH", _parse_fetch, fetch, SELECTED, may_tell_expunges=False),
    open_command("UID FETCH", _parse_uid_fetch, fetch, SELECTED),
)
