"""The one door out: submissions, redirects and notices wait here until a relay has handed them on.

An entry is durable in its sender's shard before ``enqueue`` returns. A relay takes entries by lease, so that any
number of relays in any process can work, and a dead one's entries come back when its lease is over. ``claim`` deals
entries out account by account, oldest first, so that one sender's thousand do not hold up another's one.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol, TypeVar

from verbena.model.ids import AccountId, QueueId
from verbena.store.account import Shared
from verbena.store.api import AccountRef, OutEnvelope, OutRecipient, QueueItem, Staged
from verbena.store.contents import own
from verbena.store.engine import Row
from verbena.store.queueing import enqueue, insert_recipients
from verbena.store.transaction import Transaction, quiet

T = TypeVar("T")

MAX_ERROR_CHARACTERS: Final = 1000

_COLUMNS: Final = (
    "account_id, queue_id, content_id, size_octets, queued_at, attempts, sender, body, smtputf8, ret, envid,"
    " hold_until, last_error"
)
_RECIPIENTS: Final = (
    "SELECT address, notify, orcpt FROM outbox_recipient WHERE account_id = ? AND queue_id = ? ORDER BY place"
)
_DUE: Final = (
    "SELECT account_id, queue_id, due_at FROM outbox WHERE due_at <= ? AND leased_until <= ? ORDER BY due_at LIMIT ?"
)
_LEASE: Final = (
    "UPDATE outbox SET leased_until = ? WHERE account_id = ? AND queue_id = ? AND due_at <= ? AND leased_until <= ?"
    f" RETURNING {_COLUMNS}"
)
_LEASED: Final = "SELECT DISTINCT account_id FROM outbox WHERE leased_until > 0"
_RELEASE: Final = "UPDATE outbox SET leased_until = 0 WHERE account_id = ? AND leased_until > 0"
_SETTLED: Final = "SELECT content_id FROM outbox WHERE account_id = ? AND queue_id = ? AND attempts = ?"
_KEEP: Final = (
    "UPDATE outbox SET attempts = attempts + 1, due_at = ?, leased_until = 0, last_error = ?"
    " WHERE account_id = ? AND queue_id = ?"
)
_FORGET: Final = "DELETE FROM outbox WHERE account_id = ? AND queue_id = ?"
_FORGET_RECIPIENTS: Final = "DELETE FROM outbox_recipient WHERE account_id = ? AND queue_id = ?"
_DEPTH: Final = "SELECT count(*) FROM outbox"
_NEXT: Final = "SELECT min(max(due_at, leased_until)) FROM outbox"
_OLDEST: Final = f"SELECT {_COLUMNS} FROM outbox ORDER BY queued_at, account_id, queue_id LIMIT ?"


class Accounts(Protocol):
    """Of the directory, what the outbox needs."""

    def by_id(self, account_id: AccountId) -> AccountRef | None: ...


class StoredOutbox:
    """``store.api.Outbox``."""

    def __init__(self, shared: Shared, accounts: Accounts) -> None:
        self._shared = shared
        self._engine = shared.engine
        self._accounts = accounts

    async def enqueue(self, account: AccountRef, envelope: OutEnvelope, staged: Staged) -> QueueId:
        """Raises ``Refused(NONEXISTENT)`` when the account is gone."""
        kept = own(staged)
        await kept.place()
        _ = kept.digested  # made here, on the loop, and not while the account is locked
        return await self._keep(account, lambda transaction: enqueue(transaction, envelope, kept, {}))

    async def claim(self, now: datetime, lease_s: float, limit: int) -> list[QueueItem]:
        moment = now.timestamp()
        due: list[tuple[float, AccountRef, int]] = []
        for shard in range(self._engine.shards):
            for account_id, queue_id, due_at in self._engine.reader(shard).all(_DUE, (moment, moment, limit)):
                ref = self._accounts.by_id(account_id)
                if ref is not None:
                    due.append((due_at, ref, queue_id))
        wanted = _deal(due, limit)
        claims = [
            self._keep(ref, partial(_lease, queue_ids=queue_ids, now=moment, until=moment + lease_s))
            for ref, queue_ids in wanted
        ]
        result: list[QueueItem] = []
        for (ref, _), leased in zip(wanted, await asyncio.gather(*claims), strict=True):
            result.extend(_item(ref, row, recipients) for row, recipients in leased)
        return result

    async def release(self) -> None:
        for shard in range(self._engine.shards):
            for (account_id,) in self._engine.reader(shard).all(_LEASED, ()):
                ref = self._accounts.by_id(account_id)
                if ref is not None:
                    await self._keep(ref, _release)

    async def settle(
        self, item: QueueItem, remaining: tuple[OutRecipient, ...], retry_at: datetime | None, error: str | None
    ) -> None:
        """Nothing happens when another relay settled the attempt after this one's lease was over."""
        await self._keep(item.account, lambda transaction: _settle(transaction, item, remaining, retry_at, error))

    async def narrow(self, item: QueueItem, remaining: tuple[OutRecipient, ...]) -> None:
        """Nothing happens when another relay has settled the attempt."""
        await self._keep(item.account, lambda transaction: _narrow(transaction, item, remaining))

    def depth(self) -> int:
        total = 0
        for shard in range(self._engine.shards):
            row = self._engine.reader(shard).one(_DEPTH)
            total += 0 if row is None else row[0]
        return total

    def next_due(self) -> datetime | None:
        """When the next entry can be claimed; in the past when one can be now, None when the outbox is empty."""
        moments: list[float] = []
        for shard in range(self._engine.shards):
            row = self._engine.reader(shard).one(_NEXT)
            if row is not None and row[0] is not None:
                moments.append(row[0])
        return datetime.fromtimestamp(min(moments), UTC) if moments else None

    def items(self, limit: int = 100) -> list[QueueItem]:
        """The oldest, in whatever state they are."""
        result: list[QueueItem] = []
        for shard in range(self._engine.shards):
            db = self._engine.reader(shard)
            for row in db.all(_OLDEST, (limit,)):
                ref = self._accounts.by_id(row[0])
                if ref is not None:
                    result.append(_item(ref, row, db.all(_RECIPIENTS, (row[0], row[1]))))
        result.sort(key=lambda item: item.queued_at)
        return result[:limit]

    async def _keep(self, account: AccountRef, operation: Callable[[Transaction], T]) -> T:
        run = quiet(account.account_id, self._shared.clock(), operation)
        return await self._engine.write(account.shard, run)


def _deal(due: list[tuple[float, AccountRef, int]], limit: int) -> list[tuple[AccountRef, list[int]]]:
    """At most ``limit`` entries, one of each account in turn, oldest first; gathered by account."""
    waiting: dict[AccountRef, deque[int]] = {}
    for _, ref, queue_id in sorted(due, key=lambda entry: entry[0]):
        waiting.setdefault(ref, deque()).append(queue_id)
    dealt: dict[AccountRef, list[int]] = {}
    count = 0
    while waiting and count < limit:
        for ref in list(waiting):
            if count == limit:
                break
            dealt.setdefault(ref, []).append(waiting[ref].popleft())
            count += 1
            if not waiting[ref]:
                del waiting[ref]
    return list(dealt.items())


def _lease(transaction: Transaction, queue_ids: list[int], now: float, until: float) -> list[tuple[Row, list[Row]]]:
    """The entries that could be leased, with their recipients."""
    db, account_id = transaction.db, transaction.account_id
    leased: list[tuple[Row, list[Row]]] = []
    for queue_id in queue_ids:
        row = db.one(_LEASE, (until, account_id, queue_id, now, now))
        if row is not None:
            leased.append((row, db.all(_RECIPIENTS, (account_id, queue_id))))
    return leased


def _release(transaction: Transaction) -> None:
    transaction.db.run(_RELEASE, (transaction.account_id,))


def _settle(
    transaction: Transaction,
    item: QueueItem,
    remaining: tuple[OutRecipient, ...],
    retry_at: datetime | None,
    error: str | None,
) -> None:
    db, account_id, queue_id = transaction.db, transaction.account_id, item.queue_id
    row = db.one(_SETTLED, (account_id, queue_id, item.attempts))
    if row is None:
        return
    db.run(_FORGET_RECIPIENTS, (account_id, queue_id))
    if not remaining:
        db.run(_FORGET, (account_id, queue_id))
        transaction.free([row[0]])
        return
    insert_recipients(db, account_id, queue_id, remaining)
    due_at = transaction.now if retry_at is None else retry_at.timestamp()
    kept_error = None if error is None else error[:MAX_ERROR_CHARACTERS]
    db.run(_KEEP, (due_at, kept_error, account_id, queue_id))


def _narrow(transaction: Transaction, item: QueueItem, remaining: tuple[OutRecipient, ...]) -> None:
    db, account_id, queue_id = transaction.db, transaction.account_id, item.queue_id
    if db.one(_SETTLED, (account_id, queue_id, item.attempts)) is None:
        return
    db.run(_FORGET_RECIPIENTS, (account_id, queue_id))
    insert_recipients(db, account_id, queue_id, remaining)


def _item(ref: AccountRef, row: Row, recipients: list[Row]) -> QueueItem:
    _, queue_id, content_id, size_octets, queued_at, attempts, *facts, last_error = row
    sender, body, smtputf8, ret, envid, hold_until = facts
    envelope = OutEnvelope(
        sender=sender,
        recipients=tuple(
            OutRecipient(address, tuple(notify.split(",")) if notify else (), orcpt)
            for address, notify, orcpt in recipients
        ),
        body=body,
        smtputf8=bool(smtputf8),
        ret=ret,
        envid=envid,
        hold_until=None if hold_until is None else datetime.fromtimestamp(hold_until, UTC),
    )
    return QueueItem(
        queue_id=queue_id,
        account=ref,
        envelope=envelope,
        content_id=content_id,
        size_octets=size_octets,
        attempts=attempts,
        queued_at=datetime.fromtimestamp(queued_at, UTC),
        last_error=last_error,
    )
