"""IDLE misses nothing, however changes and DONE meet (RFC 2177 §3)."""

from pathlib import Path

import pytest

from support.house import houses
from support.transcript import Connection

MESSAGE = b"Subject: x\r\n\r\nx\r\n"


async def until(connection: Connection, tagged: bytes) -> list[bytes]:
    """All replies up to and with the one that begins with ``tagged``."""
    seen: list[bytes] = []
    while not seen or not seen[-1].startswith(tagged):
        reply = await connection.reply()
        assert reply, seen
        seen.append(reply)
    return seen


@pytest.mark.rfc("2177 §3")
async def test_a_change_in_another_worker_is_told(tmp_path: Path) -> None:
    async with houses(tmp_path, workers=2) as (here, there):
        connection = await here.login()
        await connection.send(b"a SELECT INBOX\r\n")
        await until(connection, b"a OK")
        await connection.send(b"b IDLE\r\n")
        await until(connection, b"+ ")
        for number in range(1, 4):
            await there.put(MESSAGE)
            assert b"* %d EXISTS" % number in await until(connection, b"* %d EXISTS" % number)
        await connection.send(b"DONE\r\n")
        await until(connection, b"b OK")


@pytest.mark.rfc("2177 §3")
async def test_done_may_come_with_the_command(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"a SELECT INBOX\r\nb IDLE\r\nDONE\r\nc NOOP\r\nd IDLE\r\ndone\r\n")
        seen = await until(connection, b"d OK")
        assert seen.count(b"+ idling") == 2
        assert [reply[:4] for reply in seen if reply[1:2] == b" "][-5:] == [b"+ id", b"b OK", b"c OK", b"+ id", b"d OK"]


@pytest.mark.rfc("2177 §3")
async def test_idle_without_a_mailbox_waits_for_done(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"a IDLE\r\n")
        assert await connection.reply() == b"+ idling"
        await house.put(MESSAGE)
        await connection.send(b"DONE\r\n")
        assert (await connection.reply()).startswith(b"a OK")


async def test_what_came_before_idle_is_told_at_once(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"a SELECT INBOX\r\n")
        await until(connection, b"a OK")
        await house.put(MESSAGE)
        await connection.send(b"b IDLE\r\n")
        assert b"* 1 EXISTS" in await until(connection, b"* 1 EXISTS")


async def test_a_long_line_ends_idle_and_not_the_session(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"a IDLE\r\n")
        await connection.reply()
        await connection.send(b"x" * 1000 + b"\r\n")
        assert (await connection.reply()).startswith(b"a BAD")
        await connection.send(b"b NOOP\r\n")
        assert (await connection.reply()).startswith(b"b OK")


async def test_the_mailbox_goes_away_while_the_client_waits(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        account = house.account()
        other = await account.create("Other")
        connection = await house.login()
        await connection.send(b"a SELECT Other\r\n")
        await until(connection, b"a OK")
        await connection.send(b"b IDLE\r\n")
        await until(connection, b"+ ")
        await account.delete(other.mailbox_id)
        reply = await connection.reply()
        assert reply.startswith((b"* BYE", b"b NO")), reply
