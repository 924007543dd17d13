"""Faults: a process killed at any moment, a full disk, two writers at once, a store of another version."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import apsw
import pytest

from contract.opening import Opened, append, mailbox, message, opened, second, uids
from verbena.model.errors import Unavailable
from verbena.model.flags import SEEN, FlagEdit, FlagOp
from verbena.model.ids import ContentId
from verbena.model.uidset import number_set
from verbena.store.open import init_store, open_store

COMMON = """
import asyncio, resource, signal, sys
from pathlib import Path
from contract.opening import append, mailbox, message
from verbena.model.errors import Unavailable
from verbena.store.open import open_store

async def main():
    store = open_store(Path(sys.argv[1]))
    account = store.account(store.directory.find_login("ann@example.org"))
    inbox = mailbox(account, "INBOX")
"""

APPENDS = (
    COMMON
    + """
    async def writer(name):
        for number in range(100_000):
            body = b"%d %d\\r\\n" % (name, number) * (9000 if number % 5 == 4 else 1)
            (uid,) = await append(store, account, inbox, message(number, body))
            print(uid, name, number, flush=True)
    await asyncio.gather(*map(writer, range(4)))
asyncio.run(main())
"""
)

FULL_DISK = (
    COMMON
    + """
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
    for size in (60_000, 4_000_000):
        kept = refused = 0
        for number in range(100):
            try:
                await append(store, account, inbox, message(number, b"x" * 70 + b"\\r\\n" + b"y" * size))
                kept += 1
            except Unavailable:
                refused += 1
                break
        print(kept, refused)
    messages = account.status(inbox).messages
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await append(store, account, inbox, message(1))
    print(messages, account.status(inbox).messages)
    print(await store.check())
    await store.close()
asyncio.run(main())
"""
)


def start(program: str, data: Path, *arguments: str) -> "subprocess.Popen[str]":
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(data), *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )


def lines(running: "subprocess.Popen[str]", count: int) -> list[str]:
    assert running.stdout is not None
    return [running.stdout.readline() for _ in range(count)]


@pytest.mark.parametrize("after", [1, 37, 150])
async def test_kill_9_loses_nothing_acknowledged(tmp_path: Path, after: int) -> None:
    async with opened(tmp_path, shards=1) as world:
        running = start(APPENDS, tmp_path)
        said = "".join(lines(running, after))
        running.send_signal(signal.SIGKILL)
        assert running.stdout is not None
        said += running.stdout.read()
        running.stdout.close()
        running.wait()
        columns = await world.ann.open(world.inbox)
        found: dict[bytes, int] = {}
        for uid, content in zip(columns.uids, columns.contents, strict=True):
            octets = world.ann.read(ContentId(content), 0, 1 << 20)
            body = octets.partition(b"\r\n\r\n")[2]
            line = body.split(b"\r\n")[0]
            assert body == (line + b"\r\n") * (body.count(b"\n"))
            assert line not in found
            found[line] = uid
        acknowledged = said.split("\n")[:-1]
        for told in acknowledged:
            told_uid, name, number = told.split()
            assert found[f"{name} {number}".encode()] == int(told_uid)
        assert len(acknowledged) >= after


def test_a_full_disk_refuses_and_recovers(tmp_path: Path) -> None:
    async def make() -> None:
        async with opened(tmp_path, shards=1):
            pass

    asyncio.run(make())
    running = start(FULL_DISK, tmp_path)
    output, _ = running.communicate()
    small, large, counts, fault = output.splitlines()
    kept, refused = map(int, small.split())
    assert kept > 5
    assert refused == 1
    assert large == "0 1"
    assert counts == f"{kept} {kept + 1}"
    assert fault == "[]"


async def run_writers(world: Opened, rounds: int) -> list[int]:
    """Another process appends without pause while this one does its ``rounds``; how many each did meanwhile."""
    running = start(APPENDS, world.data)
    try:
        lines(running, 1)
        inbox = world.inbox
        before = world.ann.status(inbox).messages
        own: list[int] = []
        for number in range(rounds):
            own += await append(world.store, world.ann, inbox, message(number))
            await world.ann.store_flags(inbox, uids(own[-1]), FlagEdit(FlagOp.ADD, (SEEN,)))
        others = world.ann.status(inbox).messages - before - rounds
    finally:
        running.kill()
        running.communicate()
    assert own == sorted(set(own))
    columns = await world.ann.open(inbox)
    assert number_set(columns.uids) == uids((1, world.ann.status(inbox).uidnext - 1))
    assert world.ann.status(inbox).unseen == len(columns.uids) - rounds
    return [rounds, others]


async def test_two_processes_write_to_one_account(tmp_path: Path) -> None:
    async with opened(tmp_path, shards=1) as world:
        own, others = await run_writers(world, 40)
        assert others > own // 4


async def test_two_stores_race(tmp_path: Path) -> None:
    async with opened(tmp_path, shards=1) as world, second(world) as (store, elsewhere):
        inbox = world.inbox
        got = await asyncio.gather(
            *(append(world.store, world.ann, inbox) for _ in range(25)),
            *(append(store, elsewhere, inbox) for _ in range(25)),
        )
        assert sorted(uid for (uid,) in got) == list(range(1, 51))
        assert (await elsewhere.open(inbox)).uids == (await world.ann.open(inbox)).uids


async def test_close_waits_for_writes(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        store = open_store(tmp_path)
        account = store.account(world.ann.ref)
        tasks = [asyncio.ensure_future(account.create(f"m{number}")) for number in range(20)]
        await asyncio.sleep(0)
        await store.close()
        assert len(await asyncio.gather(*tasks)) == 20
        with pytest.raises(Unavailable):
            await account.create("late")
        assert mailbox(world.ann, "m19")


def test_what_is_no_store_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        open_store(tmp_path)
    with pytest.raises(ValueError, match="shards"):
        init_store(tmp_path, 0)
    init_store(tmp_path, 1)
    init_store(tmp_path, 3)
    assert [path.name for path in (tmp_path / "shards").glob("*.db")] == ["00.db"]
    (tmp_path / "shards" / "00.db").rename(tmp_path / "shards" / "01.db")
    with pytest.raises(Unavailable, match="missing"):
        open_store(tmp_path)


def test_a_store_of_another_version_is_not_opened(tmp_path: Path) -> None:
    init_store(tmp_path, 1)
    with apsw.Connection(str(tmp_path / "shards" / "00.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unavailable, match="version"):
        open_store(tmp_path)


LARGE = """
import asyncio, resource, sys
from pathlib import Path
from contract.opening import DATE, LIMIT, mailbox
from verbena.store.api import NewMessage
from verbena.store.open import open_store

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

async def source(blocks):
    yield b"Subject: large\\r\\n\\r\\n"
    for _ in range(blocks):
        yield (b"x" * 76 + b"\\r\\n") * 840

async def main():
    store = open_store(Path(sys.argv[1]))
    account = store.account(store.directory.find_login("ann@example.org"))
    inbox = mailbox(account, "INBOX")
    for blocks in (20, 2000):
        before = peak()
        async with await store.stage(source(blocks), LIMIT) as staged:
            await account.append(inbox, [NewMessage(staged, (), DATE)])
        content = (await account.open(inbox)).contents[-1]
        total = sum([len(piece) async for piece in account.stream(content, 0, LIMIT)])
        print(total, peak() - before)
    await store.close()
asyncio.run(main())
"""


async def test_a_large_message_passes_in_little_memory(tmp_path: Path) -> None:
    async with opened(tmp_path, shards=1):
        output, _ = await asyncio.to_thread(start(LARGE, tmp_path).communicate)
        (_, _), (octets, grown_kib) = [map(int, line.split()) for line in output.splitlines()]
        assert octets > 131_000_000
        assert grown_kib < 24_000
