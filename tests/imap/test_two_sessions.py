"""Clients that believe what they are told: after any mix of commands their picture is the mailbox.

Each client keeps message numbers, UIDs and flags as RFC 3501 §5.2 and §7 let it, from untagged responses only. Two on
different workers change one mailbox in turns, a third knows QRESYNC. A number that shifts at the wrong moment, a flag
or an expunge that is not told, shows as a difference.
"""

import random
import re
from pathlib import Path

import pytest

from support.house import House, houses
from support.transcript import Connection

FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
UID = re.compile(rb"UID (\d+)")
ROUNDS = 60


class Client:
    """``messages[n-1]`` is (UID, flags) of message n; UID 0 and no flags while not yet known."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.messages: list[tuple[int, frozenset[bytes]]] = []
        self._count = 0

    async def run(self, line: bytes) -> bytes:
        self._count += 1
        tag = b"c%d" % self._count
        await self.connection.send(tag + b" " + line + b"\r\n")
        while True:
            reply = await self.connection.reply()
            assert reply, line
            if reply.startswith(tag + b" "):
                assert b" BAD" not in reply, (line, reply)
                return reply
            self.take(reply, line)

    def take(self, reply: bytes, line: bytes) -> None:
        words = reply.split(b" ")
        if words[1] == b"VANISHED" and words[2] != b"(EARLIER)":
            assert not line.startswith((b"FETCH", b"STORE")), (line, reply)
            for first, _, last in (each.partition(b":") for each in words[2].split(b",")):
                for uid in range(int(first), int(last or first) + 1):
                    self.messages.remove(next(each for each in self.messages if each[0] == uid))
        elif len(words) > 2 and words[2] == b"EXPUNGE":
            assert not line.startswith((b"FETCH", b"STORE")), (line, reply)
            del self.messages[int(words[1]) - 1]
        elif len(words) > 2 and words[2] == b"EXISTS":
            assert int(words[1]) >= len(self.messages)
            self.messages += [(0, frozenset())] * (int(words[1]) - len(self.messages))
        elif len(words) > 2 and words[2] == b"FETCH":
            self.fetched(int(words[1]), reply)

    def fetched(self, number: int, reply: bytes) -> None:
        uid, flags = self.messages[number - 1]
        found = UID.search(reply)
        if found is not None:
            assert uid in (0, int(found[1])), (number, uid, reply)
            uid = int(found[1])
        told = FLAGS.search(reply)
        if told is not None:
            flags = frozenset(told[1].split()) - {b"\\Recent"}
        self.messages[number - 1] = (uid, flags)

    async def learn(self) -> None:
        """Ask for what new messages are."""
        if any(uid == 0 for uid, _ in self.messages):
            await self.run(b"FETCH 1:* (UID FLAGS)")


async def act(house: House, client: Client, source: random.Random) -> None:
    """One command, on a number that the client believes in."""
    many = len(client.messages)
    what = source.randrange(9)
    if what == 0 or not many:
        await house.put(b"Subject: new\r\n\r\nbody\r\n")
    elif what == 1:
        await client.run(b"STORE %d +FLAGS (\\Deleted)" % source.randint(1, many))
        await client.run(b"EXPUNGE")
    elif what == 2:
        await client.run(b"STORE %d -FLAGS (\\Seen)" % source.randint(1, many))
    elif what == 3:
        await store_silently(client, source.randint(1, many), b"key%d" % source.randrange(5))
    elif what == 4:
        await client.run(b"FETCH %d (BODY[TEXT])" % source.randint(1, many))
    elif what == 5:
        await client.run(b"COPY %d:* INBOX" % source.randint(max(1, many - 2), many))
    elif what == 6:
        await client.run(b"UID FETCH 1:* (FLAGS)")
    elif what == 7:
        await client.run(b"MOVE %d INBOX" % source.randint(1, many))
    else:
        await client.run(b"NOOP")


async def store_silently(client: Client, number: int, keyword: bytes) -> None:
    """The client knows what it stored, on the messages that the server says are still there."""
    before = list(client.messages)
    reply = await client.run(b"STORE %d +FLAGS.SILENT (%s)" % (number, keyword))
    if b" OK" in reply:
        uid, flags = client.messages[number - 1]
        if flags == before[number - 1][1]:
            client.messages[number - 1] = (uid, flags | {keyword})


async def start(house: House, qresync: bool) -> Client:
    client = Client(await house.login())
    if qresync:
        await client.run(b"ENABLE QRESYNC")
    await client.run(b"SELECT INBOX")
    await client.learn()
    return client


@pytest.mark.rfc("3501 §5.2")
@pytest.mark.parametrize("seed", range(6))
async def test_what_is_told_adds_up(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    async with houses(tmp_path, workers=2) as workers:
        for _ in range(5):
            await workers[0].put(b"Subject: x\r\n\r\nbody\r\n")
        clients = [await start(workers[number % 2], qresync=number == 2) for number in range(3)]
        for _ in range(ROUNDS):
            client = source.choice(clients)
            await act(source.choice(workers), client, source)
            if client is clients[2] or source.random() < 0.3:
                # VANISHED names UIDs, so who knows QRESYNC must ask for those of new messages at once.
                await client.learn()
        for client in clients:
            await client.run(b"NOOP")
            await client.learn()
        fresh = await start(workers[0], qresync=False)
        truth = dict(fresh.messages)
        for client in clients:
            assert dict(client.messages) == truth
