"""QRESYNC over a lost connection: what a client may conclude from what it was told never hides a change.

The client follows RFC 7162 §6 to the letter: it keeps the HIGHESTMODSEQ that the server names or, where none is
named, the highest MODSEQ of the FETCH responses up to a tagged one. Two others change the mailbox meanwhile. At any
moment the client's connection is gone, and one SELECT must put it right.
"""

import random
import re
from pathlib import Path

import pytest

from support.house import House, houses
from support.transcript import Connection

FETCH = re.compile(rb"\* (\d+) FETCH \(")
UID = re.compile(rb"UID (\d+)")
FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
MODSEQ = re.compile(rb"MODSEQ \((\d+)\)")
HIGHEST = re.compile(rb"HIGHESTMODSEQ (\d+)\]")
VALIDITY = re.compile(rb"UIDVALIDITY (\d+)\]")
STEPS = 60


def numbers(text: bytes) -> list[int]:
    result: list[int] = []
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        result.extend(range(int(first), int(last or first) + 1))
    return result


class Offline:
    """A client with a cache; ``view`` are the UIDs by message number, 0 where not yet known."""

    def __init__(self) -> None:
        self.flags: dict[int, frozenset[bytes]] = {}
        self.highest = 0
        self.validity = 0
        self.view: list[int] = []
        self._connection: Connection | None = None
        self._seen = 0
        self._named: int | None = None
        self._asked = 0

    async def connect(self, house: House) -> None:
        self._connection = await house.login()
        self.view = []
        await self.run(b"ENABLE QRESYNC")
        if self.validity:
            await self.run(b"SELECT INBOX (QRESYNC (%d %d))" % (self.validity, self.highest))
        else:
            await self.run(b"SELECT INBOX")
        await self.learn()

    async def cut(self) -> None:
        assert self._connection is not None
        await self._connection.close()

    async def run(self, line: bytes) -> None:
        assert self._connection is not None
        self._asked += 1
        tag = b"c%d " % self._asked
        await self._connection.send(tag + line + b"\r\n")
        while True:
            reply = await self._connection.reply()
            assert reply, line
            self._take(reply)
            if reply.startswith(tag):
                assert b" BAD" not in reply, (line, reply)
                break
        if self._named is not None:
            self.highest = self._named
        else:
            self.highest = max(self.highest, self._seen)
        self._seen, self._named = 0, None

    def _take(self, reply: bytes) -> None:
        if found := HIGHEST.search(reply):
            self._named = int(found[1])
        if found := VALIDITY.search(reply):
            self.validity = int(found[1])
        words = reply.split(b" ")
        if words[1] == b"VANISHED":
            earlier = words[2] == b"(EARLIER)"
            for uid in numbers(words[-1]):
                self.flags.pop(uid, None)
                if not earlier:
                    self.view.remove(uid)
        elif words[-1] == b"EXISTS":
            self.view += [0] * (int(words[1]) - len(self.view))
        elif found := FETCH.match(reply):
            self._fetched(int(found[1]), reply)

    def _fetched(self, number: int, reply: bytes) -> None:
        uid = UID.search(reply)
        assert uid is not None, reply
        assert self.view[number - 1] in (0, int(uid[1])), reply
        self.view[number - 1] = int(uid[1])
        if flags := FLAGS.search(reply):
            self.flags[int(uid[1])] = frozenset(flags[1].split()) - {b"\\Recent"}
        if modseq := MODSEQ.search(reply):
            self._seen = max(self._seen, int(modseq[1]))

    async def learn(self) -> None:
        """New messages are asked for at once, as VANISHED names UIDs."""
        if 0 in self.view:
            await self.run(b"FETCH 1:* (UID FLAGS)")

    async def act(self, source: random.Random) -> None:
        many = len(self.view)
        what = source.randrange(7) if many else 0
        if what == 0:
            await self.run(b"NOOP")
        elif what == 1:
            number = source.randint(1, many)
            await self.run(b"STORE %d +FLAGS (k%d)" % (number, source.randrange(4)))
        elif what == 2:
            await self.run(b"FETCH %d (UID FLAGS MODSEQ)" % source.randint(1, many))
        elif what == 3:
            await self.run(b"FETCH 1:* (UID MODSEQ)")
        elif what == 4:
            await self.run(b"UID STORE %d (UNCHANGEDSINCE %d) +FLAGS (b)" % (source.choice(self.view), self.highest))
        elif what == 5:
            await self.run(b"UID STORE %d +FLAGS (\\Deleted)" % source.choice(self.view))
            await self.run(b"EXPUNGE")
        else:
            await self.run(b"SEARCH MODSEQ %d" % self.highest)
        await self.learn()


async def disturb(house: House, other: Offline, source: random.Random) -> None:
    if source.randrange(3) == 0 or not other.view:
        await house.put(b"Subject: new\r\n\r\n")
        return
    await other.act(source)


@pytest.mark.rfc("7162 §6")
@pytest.mark.parametrize("seed", range(8))
async def test_cut_at_any_moment(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    async with houses(tmp_path, workers=2) as (here, there):
        for _ in range(6):
            await here.put(b"Subject: x\r\n\r\n")
        client, others = Offline(), [Offline(), Offline()]
        await client.connect(here)
        await others[0].connect(here)
        await others[1].connect(there)
        for _ in range(STEPS):
            if source.random() < 0.6:
                await disturb(here, source.choice(others), source)
            elif source.random() < 0.8:
                await client.act(source)
            else:
                await client.cut()
                await client.connect(source.choice((here, there)))
                truth = Offline()
                await truth.connect(here)
                assert client.flags == truth.flags
                assert client.view == truth.view
                await truth.cut()
