"""METADATA where a transcript can not say it: limits, literals and an account that goes (RFC 5464)."""

from pathlib import Path

import pytest

from support.house import houses
from support.transcript import Connection
from verbena.model.metadata import MAX_ENTRIES, MAX_VALUE_OCTETS


async def run(connection: Connection, line: bytes) -> list[bytes]:
    """The replies of one command, the tagged one last."""
    await connection.send(b"t " + line + b"\r\n")
    replies: list[bytes] = []
    while True:
        reply = await connection.reply()
        replies.append(reply)
        if not reply or reply.startswith(b"t "):
            return replies


@pytest.mark.rfc("5464 §4.3")
async def test_a_value_that_is_too_long(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        alice = await house.login()
        most = b"x" * MAX_VALUE_OCTETS
        (done,) = await run(alice, b"SETMETADATA INBOX (/private/a {%d+}\r\n%b)" % (len(most), most))
        assert done.startswith(b"t OK")
        refused = b"t NO [METADATA MAXSIZE %d]" % MAX_VALUE_OCTETS
        # A synchronizing literal is refused before it is sent, another is read and dropped.
        (done,) = await run(alice, b"SETMETADATA INBOX (/private/b NIL /private/a {%d}" % (len(most) + 1))
        assert done.startswith(refused)
        (done,) = await run(alice, b"SETMETADATA INBOX (/private/a ~{%d+}\r\n%b)" % (len(most) + 1, most + b"x"))
        assert done.startswith(refused)
        told, done = await run(alice, b"GETMETADATA INBOX /private/a")
        assert told.startswith(b"* METADATA INBOX (/private/a {%d}\r\nxxx" % MAX_VALUE_OCTETS)
        assert done.startswith(b"t OK")


@pytest.mark.rfc("5464 §4.3")
async def test_too_many_entries(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        alice = await house.login()
        for start in range(0, MAX_ENTRIES, 100):
            names = b" ".join(b'/private/e/%d "v"' % number for number in range(start, start + 100))
            (done,) = await run(alice, b"SETMETADATA INBOX (%b)" % names)
            assert done.startswith(b"t OK")
        (done,) = await run(alice, b'SETMETADATA INBOX (/private/comment "My new comment" /private/e/0 "changed")')
        assert done.startswith(b"t NO [METADATA TOOMANY]")
        assert (await run(alice, b"GETMETADATA INBOX /private/e/0"))[0] == b'* METADATA INBOX (/private/e/0 "v")'


@pytest.mark.rfc("5464 §5")
async def test_octets_of_any_kind(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        alice = await house.login()
        await alice.send(b"t SETMETADATA INBOX (/private/a ~{4}\r\n")
        assert (await alice.reply()).startswith(b"+")
        await alice.send(b"\0\r\n\xff)\r\n")
        assert (await alice.reply()).startswith(b"t OK")
        await alice.send(b"t GETMETADATA INBOX /private/a\r\n")
        assert await alice.reply() == b"* METADATA INBOX (/private/a ~{4}\r\n\0\r\n\xff)"
        assert (await alice.reply()).startswith(b"t OK")
        (done,) = await run(alice, b"SETMETADATA INBOX (/private/a {3+}\r\na\0b)")
        assert done.startswith(b"t BAD")


async def test_large_values_come_in_several_responses(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        alice = await house.login()
        value = b"y" * 40_000
        for name in (b"a", b"b", b"c"):
            await run(alice, b"SETMETADATA INBOX (/private/x/%b {%d+}\r\n%b)" % (name, len(value), value))
        *told, _ = await run(alice, b"GETMETADATA (DEPTH 1) INBOX /private/x")
        assert [reply[:30] for reply in told] == [b"* METADATA INBOX (/private/x/%b" % n for n in (b"a", b"b", b"c")]


async def test_the_account_is_removed_under_a_session(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        bob = await house.login("bob")
        await run(bob, b"ENABLE METADATA")
        await house.store.directory.remove_account(house.account("bob").ref.account_id)
        replies = await run(bob, b"NOOP")
        assert replies[0].startswith(b"* BYE")
        assert await bob.reply() == b""
