"""Message bytes: staging, reading, files that are shared and collected."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.opening import DATE, LIMIT, append, mailbox, message, opened, pieces, refusal, uids
from verbena.model.errors import InternalError, Refused
from verbena.model.flags import DELETED
from verbena.model.ids import ContentId
from verbena.model.reason import Reason
from verbena.store.api import NewMessage
from verbena.store.ingest import BLOCK_OCTETS, SMALL_OCTETS

LINE = b"0123456789 " * 6 + b"\r\n"


def of_size(octets: int) -> bytes:
    head = message()
    body = LINE * (octets // len(LINE) + 1)
    return (head + body)[:octets]


def files(data: Path) -> list[Path]:
    return [path for path in (data / "blobs").rglob("*") if path.is_file() and path.name != "lock"]


SIZES = (500, SMALL_OCTETS, SMALL_OCTETS + 1, BLOCK_OCTETS, BLOCK_OCTETS + 1, 3 * BLOCK_OCTETS + 77)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("piece", [997, 70_000, 10_000_000])
async def test_what_went_in_comes_out(tmp_path: Path, size: int, piece: int) -> None:
    async with opened(tmp_path, shards=1) as world:
        octets = of_size(size)
        ann = world.ann
        async with await world.store.stage(pieces(octets, piece), size) as staged:
            assert staged.size_octets == size
            assert staged.read(0, 100) == octets[:100]
            assert staged.read(size - 10, 100) == octets[-10:]
            await ann.append(world.inbox, [NewMessage(staged, (), DATE)])
        content = ContentId((await ann.open(world.inbox)).contents[0])
        assert ann.read(content, 0, 1 << 20) == octets[: 1 << 20]
        assert ann.read(content, size - 3, 1 << 20) == octets[-3:]
        assert ann.read(content, size, 10) == b""
        got = [part async for part in ann.stream(content, 0, 1 << 40)]
        assert b"".join(got) == octets
        assert max(map(len, got)) <= 256 * 1024
        assert b"".join([part async for part in ann.stream(content, 100, 300)]) == octets[100:400]
        assert len(files(tmp_path)) == (1 if size > SMALL_OCTETS else 0)


@pytest.mark.parametrize("size", [1001, 3 * BLOCK_OCTETS])
async def test_too_big(tmp_path: Path, size: int) -> None:
    async with opened(tmp_path) as world:
        with pytest.raises(Refused) as caught:
            await world.store.stage(pieces(of_size(size)), size - 1)
        assert refusal(caught.value) is Reason.TOO_BIG
        assert files(tmp_path) == []


async def test_a_source_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield of_size(2 * BLOCK_OCTETS)
        raise ConnectionResetError

    async with opened(tmp_path) as world:
        with pytest.raises(ConnectionResetError):
            await world.store.stage(broken(), LIMIT)
        assert files(tmp_path) == []


async def test_a_dropped_message_can_not_be_added(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        async with await world.store.stage(pieces(of_size(BLOCK_OCTETS)), LIMIT) as staged:
            pass
        with pytest.raises(InternalError):
            await world.ann.append(world.inbox, [NewMessage(staged, (), DATE)])
        with pytest.raises(InternalError):
            staged.read(0, 1)
        assert files(tmp_path) == []


async def test_accounts_share_a_file_until_none_names_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        octets = of_size(2 * SMALL_OCTETS)
        ann, bob = world.ann, world.bob
        async with await world.store.stage(pieces(octets), LIMIT) as staged:
            for account in (ann, bob):
                await account.append(mailbox(account, "INBOX"), [NewMessage(staged, (DELETED,), DATE)])
        (file,) = files(tmp_path)
        content = ContentId((await bob.open(mailbox(bob, "INBOX"))).contents[0])
        await ann.expunge(world.inbox, None)
        os.utime(file, (1000, 1000))
        await world.store.maintain()
        assert bob.read(content, 0, 10) == octets[:10]
        await bob.delete((await bob.create("x")).mailbox_id)
        await bob.expunge(mailbox(bob, "INBOX"), None)
        await world.store.maintain()
        assert files(tmp_path) == [file]
        world.clock.now += 301
        await world.store.maintain()
        assert files(tmp_path) == []


async def test_a_file_used_again_is_young_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        octets = of_size(2 * SMALL_OCTETS)
        await append(world.store, world.bob, mailbox(world.bob, "INBOX"), octets)
        (file,) = files(tmp_path)
        os.utime(file, (1000, 1000))
        await append(world.store, world.ann, world.inbox, octets)
        assert file.stat().st_mtime > 1000
        assert files(tmp_path) == [file]


async def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        octets = of_size(2 * SMALL_OCTETS)
        await append(world.store, world.ann, world.inbox, octets)
        (file,) = files(tmp_path)
        file.write_bytes(octets[:-1] + b"!")
        (fault,) = await world.store.check()
        assert "other octets" in fault
        file.unlink()
        (fault,) = await world.store.check()
        assert "can not be read" in fault
        file.write_bytes(octets)


async def test_contents_in_any_order(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        for number in range(40):
            await append(world.store, ann, inbox, message(number), (DELETED,) if number == 7 else ())
        await ann.expunge(inbox, None)
        world.clock.now += 301
        await world.store.maintain()
        for wanted in ([], [3], [8], [40, 1, 8, 20], [5, 4, 8, 6, 4], [1, 999_999], list(range(1, 41))):
            got = ann.contents(wanted)
            assert [None if one is None else one.content_id for one in got] == [
                number if number <= 40 and number != 8 else None for number in wanted
            ]
            octets = ann.reads(wanted)
            assert [None if one is None else len(one) for one in octets] == [
                None if one is None else one.size_octets for one in got
            ]
        assert ann.vanished(inbox, ann.modseq()) == uids()


async def test_reads_gives_octets_of_short_contents(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        short, long = message(1), of_size(2 * SMALL_OCTETS)
        await append(world.store, world.ann, world.inbox, short)
        await append(world.store, world.ann, world.inbox, long)
        columns = await world.ann.open(world.inbox)
        one, other = columns.contents
        assert world.ann.reads([other, one, 999_999, one]) == [None, short, None, short]


@pytest.mark.rfc("5530 §3")
async def test_quota(tmp_path: Path) -> None:
    async with opened(tmp_path, shards=1) as world:
        account_id = world.ann.ref.account_id
        quota = len(message()) * 2
        await world.store.engine.write(
            0, lambda db: db.run("UPDATE account SET quota_octets = ? WHERE account_id = ?", (quota, account_id))
        )
        await append(world.store, world.ann, world.inbox, count=2)
        for refused in (
            append(world.store, world.ann, world.inbox),
            world.ann.copy(world.inbox, uids(1), mailbox(world.ann, "Sent")),
        ):
            with pytest.raises(Refused) as caught:
                await refused
            assert refusal(caught.value) is Reason.OVER_QUOTA
        await world.ann.move(world.inbox, uids(1), mailbox(world.ann, "Sent"))
