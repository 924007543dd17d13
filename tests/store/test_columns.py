"""Packed columns: snapshots, the trimmed log, the cache, and packing as an inverse."""

from pathlib import Path

import pytest

from contract.opening import Opened, append, opened, second, uids
from verbena.model.errors import Refused
from verbena.model.flags import DELETED, SEEN, FlagEdit, FlagOp
from verbena.model.ids import AccountId, MailboxId
from verbena.store.columns import SNAPSHOT_ROWS, ColumnCache, MailboxColumns, pack_columns, unpack_columns
from verbena.store.pack import pack_ids, pack_set, unpack_ids, unpack_set

ADD = FlagOp.ADD


def snapshots(world: Opened) -> list[tuple[int, int]]:
    rows = world.store.engine.reader(world.ann.ref.shard).all("SELECT mailbox_id, modseq FROM snapshot")
    return [(row[0], row[1]) for row in rows]


async def test_a_large_mailbox_is_loaded_from_its_snapshot(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, count=SNAPSHOT_ROWS + 100)
        async with second(world) as (_, elsewhere):
            await elsewhere.open(inbox)
        at = ann.modseq()
        assert snapshots(world) == [(inbox, at)]
        await ann.store_flags(inbox, uids((10, 20)), FlagEdit(ADD, (DELETED,)))
        await ann.expunge(inbox, uids((15, 17)))
        await append(world.store, ann, inbox, flags=(SEEN,))
        async with second(world) as (_, elsewhere):
            columns = await elsewhere.open(inbox)
            assert len(columns.uids) == SNAPSHOT_ROWS + 98
            assert columns.uids[14:16].tolist() == [18, 19]
            assert columns.flags[-1] == 8
        assert snapshots(world) == [(inbox, at)]
        await ann.store_flags(inbox, uids((1, 300)), FlagEdit(ADD, (SEEN,)))
        async with second(world) as (_, elsewhere):
            await elsewhere.open(inbox)
        assert snapshots(world) == [(inbox, ann.modseq())]


async def test_a_trimmed_log_makes_columns_read_the_rows(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, count=SNAPSHOT_ROWS, flags=(DELETED,))
        columns = await ann.open(inbox)
        async with second(world) as (_, elsewhere):
            await elsewhere.open(inbox)
            await elsewhere.expunge(inbox, uids((5, 10)))
            await elsewhere.store_flags(inbox, uids(1), FlagEdit(ADD, (SEEN,)))
        world.clock.now += 8 * 24 * 3600
        await world.store.maintain()
        assert ann.changes(columns.modseq) == []
        ann.refresh(columns)
        assert columns.uids[:5].tolist() == [1, 2, 3, 4, 11]
        assert columns.flags[0] == 12
        async with second(world) as (_, elsewhere):
            assert len((await elsewhere.open(inbox)).uids) == SNAPSHOT_ROWS - 6


@pytest.mark.parametrize("spoil", ["columns = x'00'", "modseq = 0", "uidvalidity = 7", "columns = zeroblob(46 * 500)"])
async def test_a_spoilt_snapshot_is_passed_over_or_found(tmp_path: Path, spoil: str) -> None:
    async with opened(tmp_path, shards=1) as world:
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, count=SNAPSHOT_ROWS)
        async with second(world) as (_, elsewhere):
            await elsewhere.open(inbox)
        await world.store.engine.write(0, lambda db: db.run(f"UPDATE snapshot SET {spoil}"))
        if "zeroblob" in spoil:
            (fault,) = await world.store.check()
            assert "snapshot" in fault
            await world.store.engine.write(0, lambda db: db.run("DELETE FROM snapshot"))
        else:
            assert (await ann.open(inbox)).uids.tolist() == list(range(1, SNAPSHOT_ROWS + 1))


async def test_scattered_flags_and_expunges(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, count=300)
        columns = await ann.open(inbox)
        odd = uids(*range(1, 300, 2))
        stored = await ann.store_flags(inbox, odd, FlagEdit(ADD, (DELETED,)))
        assert stored.changed == odd
        ann.refresh(columns)
        assert columns.flags.tolist() == [4, 0] * 150
        assert await ann.expunge(inbox, None) == odd
        ann.refresh(columns)
        assert columns.uids.tolist() == list(range(2, 301, 2))


def columns_of(mailbox_id: int, rows: int) -> MailboxColumns:
    columns = MailboxColumns(AccountId(1), MailboxId(mailbox_id))
    for column in columns.arrays:
        column.extend(range(rows))
    return columns


def test_the_cache_holds_a_bounded_number_of_rows() -> None:
    cache = ColumnCache(max_rows=100)
    held = cache.put(columns_of(1, 60))
    cache.put(columns_of(2, 30))
    cache.put(columns_of(3, 40))
    assert cache.get(AccountId(1), MailboxId(1)) is held
    assert cache.get(AccountId(1), MailboxId(2)) is None
    assert cache.get(AccountId(1), MailboxId(3)) is not None
    assert cache.put(columns_of(1, 60)) is held


def test_packing_is_an_inverse() -> None:
    columns = columns_of(1, 7)
    assert unpack_columns(pack_columns(columns.arrays), 7) == columns.arrays
    assert unpack_columns(pack_columns(columns.arrays), 6) is None
    for numbers in (uids(), uids(1), uids((1, 5), 7, (4_000_000_000, 4_294_967_295))):
        assert unpack_set(pack_set(numbers)) == numbers
    assert unpack_ids(pack_ids([1, 1 << 62])).tolist() == [1, 1 << 62]


async def test_a_mailbox_that_is_gone_can_not_be_opened(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        with pytest.raises(Refused):
            await world.ann.open(MailboxId(999))
