"""The bus wakes watchers in this process and in the other workers (DESIGN.md §2)."""

import asyncio
import socket
from pathlib import Path

from verbena.model.ids import AccountId, ModSeq
from verbena.notify.bus import Bus
from verbena.store.api import AccountRef

ANN = AccountRef(AccountId(1), "ann@example.org", 0)
BOB = AccountRef(AccountId(2), "bob@example.org", 0)


async def test_a_watch_wakes_for_its_account_only() -> None:
    bus = Bus()
    with bus.watch(ANN.account_id) as watch:
        bus.told(BOB, ModSeq(9))
        assert not watch.pending
        bus.told(ANN, ModSeq(4))
        bus.told(ANN, ModSeq(5))
        assert await watch.changed() == 5
        assert not watch.pending
    bus.told(ANN, ModSeq(6))
    assert not watch.pending
    watch.close()


async def test_cancelling_a_wait_loses_nothing() -> None:
    bus = Bus()
    with bus.watch(ANN.account_id) as watch:
        waiting = asyncio.ensure_future(watch.changed())
        await asyncio.sleep(0)
        waiting.cancel()
        bus.told(ANN, ModSeq(3))
        async with asyncio.timeout(5):
            assert await watch.changed() == 3


async def test_workers_hear_each_other_and_the_store_hears_first(tmp_path: Path) -> None:
    order: list[str] = []
    one = Bus()
    two = Bus(lambda account_id, modseq: order.append(f"store {account_id} {modseq}"))
    one.connect(tmp_path / "run", "worker-1")
    two.connect(tmp_path / "run", "worker-2")
    with two.watch(ANN.account_id) as watch:
        one.told(ANN, ModSeq(7))
        one.told(BOB, ModSeq(8))
        one.told(ANN, ModSeq(9))
        async with asyncio.timeout(5):
            assert await watch.changed() == 9
    assert order == ["store 1 9", "store 2 8"]
    one.close()
    two.close()
    assert list((tmp_path / "run").iterdir()) == []


async def test_a_late_worker_is_found_and_a_dead_one_passed_over(tmp_path: Path) -> None:
    one = Bus()
    one.connect(tmp_path, "worker-1")
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(tmp_path / "dead.notify"))
    dead.close()
    one.told(ANN, ModSeq(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    two = Bus()
    two.connect(tmp_path, "worker-2")
    with two.watch(ANN.account_id) as watch:
        one.told(ANN, ModSeq(2))
        async with asyncio.timeout(5):
            assert await watch.changed() == 2
    one.close()
    two.close()


async def test_a_full_peer_never_blocks_and_gets_the_newest_later(tmp_path: Path) -> None:
    full = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    full.bind(str(tmp_path / "full.notify"))
    full.setblocking(False)
    one = Bus()
    one.connect(tmp_path, "worker-1")
    for modseq in range(1, 2000):
        one.told(ANN, ModSeq(modseq))
        await asyncio.sleep(0)
    last = 0
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        while last < 1999:
            octets = await loop.sock_recv(full, 65536)
            last = max(last, int.from_bytes(octets[-8:], "big"))
    one.close()
    full.close()


async def test_a_long_folder_name_works(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    one = Bus()
    two = Bus()
    one.connect(folder, "worker-1")
    two.connect(folder, "worker-2")
    with two.watch(ANN.account_id) as watch:
        one.told(ANN, ModSeq(2))
        async with asyncio.timeout(5):
            assert await watch.changed() == 2
    one.close()
    two.close()


async def test_rubbish_on_the_socket_is_passed_over(tmp_path: Path) -> None:
    bus = Bus()
    bus.connect(tmp_path, "worker-1")
    other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with bus.watch(ANN.account_id) as watch:
        other.sendto(b"rubbish", str(tmp_path / "worker-1.notify"))
        other.sendto((1).to_bytes(8, "big") + (5).to_bytes(8, "big"), str(tmp_path / "worker-1.notify"))
        async with asyncio.timeout(5):
            assert await watch.changed() == 5
    other.close()
    bus.close()
