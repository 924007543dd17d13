"""Clients that read slowly, hang up half, send too much at once or wait too long; and what others feel of it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from support.house import House, houses
from support.link import MemoryLink
from support.transcript import Connection
from verbena.imap.extensions import REGISTRY
from verbena.imap.server import ImapService
from verbena.imap.session import Limits

HIGH_OCTETS = 256 * 1024
"""What a link queues before ``drain`` waits, as ``model.link.Link`` has it."""
MOST_OCTETS = 1 << 20
"""What a session may have queued at any time."""


class NarrowLink(MemoryLink):
    """Its ``drain`` waits for the client; ``most_octets`` is what was queued at the worst."""

    def __init__(self) -> None:
        super().__init__(tls=True)
        self.queued_octets = 0
        self.most_octets = 0
        self._read = asyncio.Event()

    def write(self, data: bytes) -> None:
        super().write(data)
        self.queued_octets += len(data)
        self.most_octets = max(self.most_octets, self.queued_octets)

    async def drain(self) -> None:
        while self.queued_octets > HIGH_OCTETS:
            self._read.clear()
            await self._read.wait()

    async def take(self) -> bytes:
        """The client reads one piece."""
        data = await self.far.receive()
        self.queued_octets -= len(data)
        self._read.set()
        return data


@asynccontextmanager
async def session(house: House, link: MemoryLink) -> AsyncIterator[None]:
    """Someone is logged in over ``link``; the session has ended behind."""

    async def serve() -> None:
        try:
            await house.imap.serve(link)
        finally:
            link.end()

    task = asyncio.create_task(serve())
    await link.far.send(b"l LOGIN alice secret\r\n")
    yield
    await link.far.close()
    await task


async def double(connection: Connection, times: int) -> None:
    """INBOX with so many copies of what it has."""
    await connection.send(b"d SELECT INBOX\r\n" + b"d COPY 1:* INBOX\r\n" * times)
    for _ in range(times + 1):
        await connection.until(b"d")


@pytest.mark.parametrize(
    ("size_octets", "doublings", "items"),
    [
        (300, 12, b"(UID FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE)"),
        (4_000, 11, b"(UID BODY.PEEK[])"),
        (60_000, 6, b"BODY.PEEK[TEXT]"),
        (7_000_000, 0, b"BODY.PEEK[]"),
    ],
)
async def test_a_slow_reader_costs_no_memory(tmp_path: Path, size_octets: int, doublings: int, items: bytes) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(b"From: a@example.org\r\nSubject: x\r\n\r\n" + b"y" * size_octets)
        await double(await house.login(), doublings)
        link = NarrowLink()
        async with session(house, link):
            await link.far.send(b"s EXAMINE INBOX\r\nf FETCH 1:* %b\r\n" % items)
            total, tail = 0, b""
            while b"\r\nf OK" not in tail:
                data = await link.take()
                await asyncio.sleep(0)
                total += len(data)
                tail = (tail + data)[-1000:]
            assert total > 900_000
            assert link.most_octets < MOST_OCTETS


async def test_a_reader_that_went_away_ends_its_session(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: x\r\n\r\n" + b"y" * 3_000_000)
        link = MemoryLink(tls=True)
        async with session(house, link):
            await link.far.send(b"s EXAMINE INBOX\r\nf FETCH 1 BODY.PEEK[]\r\n")
            while len(await link.far.receive()) < 100_000:
                pass
            link.closed = True
        other = await house.login()
        await other.send(b"n NOOP\r\n")
        assert (await other.until(b"n"))[-1].startswith(b"n OK")


@pytest.mark.rfc("3501 §5.5")
async def test_a_client_that_hangs_up_half_gets_all_its_replies(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: x\r\n\r\n" + b"y" * 300_000)
        connection = await house.login()
        await connection.send(b"s SELECT INBOX\r\nf FETCH 1 BODY[]\r\na APPEND INBOX {3+}\r\nx\r\n\r\nr NOOP\r\nh NOO")
        await connection.close()
        await connection.until(b"s")
        assert len((await connection.until(b"f"))[0]) > 300_000
        assert b"APPENDUID" in (await connection.until(b"a"))[-1]
        await connection.until(b"r")
        assert await connection.reply() == b""


async def test_a_client_that_hangs_up_in_idle_ends_its_session(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"i IDLE\r\n")
        assert (await connection.reply()).startswith(b"+")
        await connection.close()
        assert await connection.reply() == b""


@pytest.mark.rfc("3501 §5.5")
async def test_ten_thousand_pipelined_commands(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: x\r\n\r\n" + b"y" * 50)
        link = NarrowLink()
        other = await house.login()
        async with session(house, link):
            await link.far.send(b"s EXAMINE INBOX\r\n")
            await link.far.send(b"".join(b"n%d FETCH 1 (FLAGS BODY.PEEK[TEXT])\r\n" % n for n in range(10_000)))
            await other.send(b"o NOOP\r\n")
            got = bytearray(await link.take())
            await other.until(b"o")
            assert b"n9999 OK" not in got
            while b"n9999 OK" not in got[-200:]:
                got += await link.take()
                await asyncio.sleep(0)
            tags = [int(tag) for tag in re.findall(rb"(?m)^n(\d+) OK", got)]
            assert tags == list(range(10_000))
            assert link.most_octets < MOST_OCTETS


async def test_giant_answers_of_search(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: x\r\n\r\ny")
        await house.put(b"Subject: z\r\n\r\ny")
        connection = await house.login()
        await double(connection, 13)
        count = 2 << 13
        await connection.send(b"s SELECT INBOX\r\na SEARCH ALL\r\nb UID SEARCH ALL\r\nc SEARCH SUBJECT z\r\n")
        await connection.until(b"s")
        all_of_them = b"* SEARCH " + b" ".join(b"%d" % number for number in range(1, count + 1))
        assert (await connection.until(b"a"))[0] == all_of_them
        assert (await connection.until(b"b"))[0] == all_of_them
        assert (await connection.until(b"c"))[0] == b"* SEARCH " + b" ".join(
            b"%d" % number for number in range(2, count + 1, 2)
        )
        # Numbers of a view with holes in it: every other one goes, by another session's hand.
        other = await house.login()
        await other.send(b"s SELECT INBOX\r\n")
        for first in range(2, count, 2048):
            numbers = b",".join(b"%d" % number for number in range(first, first + 2048, 2))
            await other.send(b"d STORE %b +FLAGS.SILENT (\\Deleted)\r\n" % numbers)
            await other.until(b"d")
        await other.send(b"e EXPUNGE\r\n")
        await other.until(b"e")
        await connection.send(b"n NOOP\r\n")
        replies = await connection.until(b"n")
        told = [int(reply.split()[1]) for reply in replies if reply.endswith(b"EXPUNGE")]
        assert told == list(range(2, count // 2 + 2))
        await connection.send(b"c SEARCH SUBJECT x\r\n")
        assert (await connection.until(b"c"))[0] == b"* SEARCH " + b" ".join(
            b"%d" % number for number in range(1, count // 2 + 1)
        )


async def test_literals_before_login_are_short(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = house.connect(house.imap)
        await connection.reply()
        await connection.send(b"a LOGIN {5}\r\n")
        assert (await connection.reply()).startswith(b"+ ")
        await connection.send(b"alice {100000}\r\n")
        assert (await connection.reply()).startswith((b"a NO", b"a BAD"))
        await connection.send(b"b APPEND INBOX {10}\r\n")
        assert (await connection.reply()).startswith(b"b BAD")
        await connection.send(b"c LOGIN {5}\r\n")
        assert (await connection.reply()).startswith(b"+ ")
        await connection.send(b"alice {6+}\r\nsecret\r\n")
        assert (await connection.reply()).startswith(b"c OK")


async def test_an_unasked_giant_literal_before_login_ends_the_session(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = house.connect(house.imap)
        await connection.reply()
        await connection.send(b"a LOGIN {100000000+}\r\n" + b"x" * 200_000)
        replies = [await connection.reply()]
        while replies[-1]:
            replies.append(await connection.reply())
        assert any(reply.startswith(b"* BYE") for reply in replies)


@pytest.mark.rfc("3501 §5.4")
@pytest.mark.rfc("2177 §3")
@pytest.mark.parametrize("line", [b"NOOP", b"IDLE", b"APPEND INBOX {10}"])
async def test_waiting_for_the_client_has_an_end(tmp_path: Path, line: bytes) -> None:
    async with houses(tmp_path) as (house,):
        service = ImapService(
            house.store, house.authenticator, house.bus, house.meter, "h", REGISTRY, lambda: 0.0, Limits(0.02, 5.0)
        )
        connection = house.connect(service)
        await connection.reply()
        await connection.send(b"l LOGIN alice secret\r\nw " + line + b"\r\n")
        await connection.until(b"l")
        replies = [await connection.reply()]
        while replies[-1]:
            replies.append(await connection.reply())
        assert replies[-2].startswith(b"* BYE")


async def test_no_command_holds_the_loop_for_long(tmp_path: Path) -> None:
    """By turns, not by the clock: while each of these runs, another session gets many replies."""
    async with houses(tmp_path) as (house,):
        await house.put(b"From: a@example.org\r\nSubject: x\r\n\r\n" + b"y" * 100)
        busy, other = await house.login(), await house.login()
        await double(busy, 14)
        for command, least in (
            (b"FETCH 1:* (UID FLAGS)", 8),
            (b"FETCH 1:* (ENVELOPE BODY.PEEK[TEXT])", 8),
            (b"STORE 1:* +FLAGS (\\Flagged)", 8),
            (b"SEARCH FLAGGED SUBJECT x", 3),
            (b"STORE 1:* +FLAGS.SILENT (\\Deleted)", 1),
            (b"EXPUNGE", 1),
        ):
            await busy.send(b"b " + command + b"\r\n")
            running = asyncio.create_task(busy.until(b"b"))
            turns = 0
            while not running.done():
                await other.send(b"o NOOP\r\n")
                await other.until(b"o")
                turns += 1
            assert turns >= least, command
            assert (await running)[-1].startswith(b"b OK"), command
