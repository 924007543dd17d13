"""QRESYNC: a client that was away is brought up to date exactly, whatever happened meanwhile."""

import random
import re
from pathlib import Path

import pytest

from support.house import House, houses
from support.transcript import Connection

FETCH = re.compile(rb"\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\)")
CODE = re.compile(rb"\* OK \[(HIGHESTMODSEQ|UIDVALIDITY) (\d+)\]")
EARLIER = re.compile(rb"\* VANISHED \(EARLIER\) (\S+)")


async def ask(connection: Connection, line: bytes) -> list[bytes]:
    await connection.send(b"q " + line + b"\r\n")
    replies: list[bytes] = []
    while not replies or not replies[-1].startswith(b"q "):
        replies.append(await connection.reply())
        assert replies[-1], line
    assert replies[-1].startswith(b"q OK"), (line, replies[-1])
    return replies


def numbers(text: bytes) -> list[int]:
    result: list[int] = []
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        result.extend(range(int(first), int(last or first) + 1))
    return result


class Cache:
    """What a client keeps while it is away; ``vanished_told`` counts the UIDs named to it."""

    def __init__(self) -> None:
        self.codes: dict[bytes, int] = {}
        self.messages: dict[int, frozenset[bytes]] = {}
        self.vanished_told = 0

    def parameters(self, how: str) -> bytes:
        text = b"%d %d" % (self.codes[b"UIDVALIDITY"], self.codes[b"HIGHESTMODSEQ"])
        uids = sorted(self.messages)
        if how == "known uids" and uids:
            # New messages are learned too: the set is open upwards.
            text += b" 1:4294967295"
        if how == "sequence match" and uids:
            last = len(uids)
            text += b" 1:4294967295 (%d,%d %d,%d)" % (1, last, uids[0], uids[-1]) if last > 1 else b""
        return text

    async def resync(self, house: House, how: str) -> None:
        connection = await house.login()
        await ask(connection, b"ENABLE QRESYNC")
        if self.codes:
            replies = await ask(connection, b"EXAMINE INBOX (QRESYNC (%b))" % self.parameters(how))
        else:
            replies = await ask(connection, b"EXAMINE INBOX")
            replies += await ask(connection, b"FETCH 1:* (UID FLAGS)")
        for reply in replies:
            self.take(reply)
        await connection.close()

    def take(self, reply: bytes) -> None:
        if found := CODE.match(reply):
            self.codes[found[1]] = int(found[2])
        elif found := EARLIER.match(reply):
            gone = numbers(found[1])
            self.vanished_told += len(gone)
            for uid in gone:
                self.messages.pop(uid, None)
        elif found := FETCH.match(reply):
            self.messages[int(found[1])] = frozenset(found[2].split()) - {b"\\Recent"}


async def change(house: House, worker: Connection, source: random.Random) -> None:
    replies = await ask(worker, b"UID FETCH 1:* (UID)")
    uids = [int(found[1]) for reply in replies if (found := re.search(rb"UID (\d+)", reply))]
    what = source.randrange(4)
    if what == 0 or not uids:
        await house.put(b"Subject: new\r\n\r\n")
    elif what == 1:
        await ask(worker, b"UID STORE %d +FLAGS (k%d)" % (source.choice(uids), source.randrange(4)))
    elif what == 2:
        await ask(worker, b"UID STORE %d FLAGS ()" % source.choice(uids))
    else:
        chosen = source.choice(uids)
        await ask(worker, b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % chosen)
        await ask(worker, b"UID EXPUNGE %d" % chosen)


@pytest.mark.rfc("7162 §3.2.5")
@pytest.mark.parametrize("how", ["all", "known uids", "sequence match"])
@pytest.mark.parametrize("seed", range(3))
async def test_resync(how: str, seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    async with houses(tmp_path, workers=2) as (here, there):
        for _ in range(10):
            await here.put(b"Subject: x\r\n\r\n")
        worker = await here.login()
        await ask(worker, b"SELECT INBOX")
        cache = Cache()
        await cache.resync(there, how)
        for _ in range(8):
            for _ in range(source.randrange(6)):
                await change(here, worker, source)
            await cache.resync(there, how)
            truth = Cache()
            await truth.resync(here, how)
            assert cache.messages == truth.messages


@pytest.mark.rfc("7162 §3.2.5.2")
async def test_sequence_match_data_spares_what_is_known(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        for _ in range(12):
            await house.put(b"Subject: x\r\n\r\n")
        connection = await house.login()
        await ask(connection, b"ENABLE QRESYNC")
        validity = next(
            int(found[2])
            for reply in await ask(connection, b"SELECT INBOX")
            if (found := CODE.match(reply)) and found[1] == b"UIDVALIDITY"
        )
        await ask(connection, b"STORE 1:3,9 +FLAGS.SILENT (\\Deleted)")
        await ask(connection, b"EXPUNGE")
        # Message 2 now has UID 5: the client is shown to know of all that vanished up to it.
        replies = await ask(connection, b"EXAMINE INBOX (QRESYNC (%d 1 1:12 (2,8 5,12)))" % validity)
        assert [reply for reply in replies if b"VANISHED" in reply] == []
        replies = await ask(connection, b"EXAMINE INBOX (QRESYNC (%d 1 1:12 (2,9 5,12)))" % validity)
        assert [reply for reply in replies if b"VANISHED" in reply] == [b"* VANISHED (EARLIER) 9"]
