"""The outbox: durable, leased to one relay at a time, fair to senders."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract.opening import LIMIT, Opened, message, opened, pieces, second
from verbena.store.account import StoredAccount
from verbena.store.api import OutEnvelope, OutRecipient, QueueItem

TO = (OutRecipient("a@far.example", ("SUCCESS", "DELAY"), b"rfc822;a@far.example"), OutRecipient("b@far.example"))


def envelope(sender: str = "ann@example.org", hold_until: datetime | None = None) -> OutEnvelope:
    return OutEnvelope(sender, TO, "8BITMIME", smtputf8=False, ret="HDRS", envid=b"id+1", hold_until=hold_until)


async def enqueue(world: Opened, account: StoredAccount, wanted: OutEnvelope) -> int:
    async with await world.store.stage(pieces(message()), LIMIT) as staged:
        return await world.store.outbox.enqueue(account.ref, wanted, staged)


def now(world: Opened) -> datetime:
    return datetime.fromtimestamp(world.clock.now, UTC)


def sorted_ids(items: list[QueueItem]) -> list[tuple[str, int]]:
    return sorted((item.account.login, item.queue_id) for item in items)


@pytest.mark.rfc("3461 §4")
async def test_an_entry_goes_through(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        box = world.store.outbox
        assert (box.depth(), box.next_due(), await box.claim(now(world), 60, 10)) == (0, None, [])
        before = world.ann.modseq()
        queue_id = await enqueue(world, world.ann, envelope())
        assert world.ann.modseq() == before
        assert (box.depth(), box.next_due()) == (1, now(world))
        (item,) = await box.claim(now(world), 60, 10)
        assert (item.queue_id, item.account, item.attempts, item.last_error) == (queue_id, world.ann.ref, 0, None)
        assert item.envelope == envelope()
        assert item.queued_at == now(world)
        assert world.ann.read(item.content_id, 0, item.size_octets) == message()
        assert await box.claim(now(world), 60, 10) == []
        later = now(world) + timedelta(minutes=15)
        await box.settle(item, TO[1:], later, "451 not now")
        assert box.next_due() == later
        assert await box.claim(later - timedelta(seconds=1), 60, 10) == []
        (again,) = await box.claim(later, 60, 10)
        assert (again.attempts, again.last_error, again.envelope.recipients) == (1, "451 not now", TO[1:])
        assert box.items() == [again]
        await box.settle(again, (), None, None)
        assert (box.depth(), box.next_due()) == (0, None)
        world.clock.now += 301
        await world.store.maintain()
        assert world.ann.contents([item.content_id]) == [None]


async def test_who_has_the_message_is_struck_while_others_are_tried(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        box = world.store.outbox
        await enqueue(world, world.ann, envelope())
        (item,) = await box.claim(now(world), 60, 10)
        await box.narrow(item, TO[1:])
        assert await box.claim(now(world) + timedelta(seconds=59), 60, 10) == []
        (again,) = await box.claim(now(world) + timedelta(seconds=60), 60, 10)
        assert (again.attempts, again.envelope.recipients) == (0, TO[1:])
        await box.settle(again, TO[1:], now(world), None)
        await box.narrow(item, TO)
        assert box.items()[0].envelope.recipients == TO[1:]


async def test_a_dead_relay_s_entries_come_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, second(world) as (store, _):
        await enqueue(world, world.ann, envelope())
        (item,) = await world.store.outbox.claim(now(world), 60, 10)
        assert await store.outbox.claim(now(world) + timedelta(seconds=59), 60, 10) == []
        assert store.outbox.next_due() == now(world) + timedelta(seconds=60)
        (taken,) = await store.outbox.claim(now(world) + timedelta(seconds=60), 60, 10)
        assert taken.queue_id == item.queue_id
        await store.outbox.settle(taken, TO[:1], now(world), None)
        await world.store.outbox.settle(item, (), None, None)
        assert world.store.outbox.depth() == 1


async def test_who_is_left_alone_need_not_wait(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, second(world) as (store, _):
        await enqueue(world, world.ann, envelope())
        (item,) = await world.store.outbox.claim(now(world), 3600, 10)
        await store.outbox.release()
        (taken,) = await store.outbox.claim(now(world), 60, 10)
        assert (taken.queue_id, taken.attempts) == (item.queue_id, 0)


async def test_two_relays_never_get_the_same_entry(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, second(world) as (store, _):
        for _ in range(6):
            await enqueue(world, world.ann, envelope())
        one, two = await asyncio.gather(
            world.store.outbox.claim(now(world), 60, 6), store.outbox.claim(now(world), 60, 6)
        )
        assert len(one) + len(two) == 6
        assert len({item.queue_id for item in one + two}) == 6


async def test_one_sender_does_not_hold_up_another(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        for _ in range(5):
            await enqueue(world, world.ann, envelope())
        world.clock.now += 1
        await enqueue(world, world.bob, envelope("bob@example.org"))
        got = await world.store.outbox.claim(now(world), 60, 2)
        assert sorted_ids(got) == [("ann@example.org", 1), ("bob@example.org", 1)]


@pytest.mark.rfc("4865 §4")
async def test_held_mail_waits(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        until = now(world) + timedelta(hours=5)
        await enqueue(world, world.ann, envelope(hold_until=until))
        assert await world.store.outbox.claim(until - timedelta(seconds=1), 60, 10) == []
        (item,) = await world.store.outbox.claim(until, 60, 10)
        assert item.envelope.hold_until == until
