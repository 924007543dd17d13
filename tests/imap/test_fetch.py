"""FETCH of many messages: in batches, read ahead, while others expunge."""

import random
from operator import methodcaller
from pathlib import Path

import pytest

from support.house import houses
from support.transcript import Connection
from verbena.imap.cmd import fetch
from verbena.imap.fetching import SHORT_OCTETS, Batch
from verbena.store.api import Account


async def replies(connection: Connection, line: bytes) -> list[bytes]:
    """All of them, the tagged one last; literals in place."""
    await connection.send(b"q " + line + b"\r\n")
    return await connection.until(b"q")


def letter(number: int, size_octets: int) -> bytes:
    source = random.Random(number)
    head = b"Subject: letter %d\r\nX-Pad: %b\r\n\r\n" % (number, b"p" * source.randrange(60))
    return head + source.randbytes(size_octets // 2).hex().encode()


def literal(octets: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(octets), octets)


async def test_short_and_long_messages_arrive_in_order(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        source = random.Random(4)
        sizes = [source.choice((0, 100, SHORT_OCTETS - 200, SHORT_OCTETS, 70_000, 200_000)) for _ in range(60)]
        letters = [letter(number, size) for number, size in enumerate(sizes)]
        for each in letters:
            await house.put(each)
        connection = await house.login()
        await replies(connection, b"SELECT INBOX")
        *whole, done = await replies(connection, b"FETCH 1:* (UID BODY.PEEK[])")
        assert done.startswith(b"q OK")
        assert whole == [b"* %d FETCH (UID %d BODY[] %b)" % (n, n, literal(x)) for n, x in enumerate(letters, 1)]
        *parts, done = await replies(connection, b"FETCH 2:60 (BODY.PEEK[HEADER] BODY.PEEK[TEXT]<3.50> RFC822.SIZE)")
        assert done.startswith(b"q OK")
        for number, part in enumerate(parts, 2):
            head, _, text = letters[number - 1].partition(b"\r\n\r\n")
            assert part == b"* %d FETCH (BODY[HEADER] %b BODY[TEXT]<3> %b RFC822.SIZE %d)" % (
                number,
                literal(head + b"\r\n\r\n"),
                literal(text[3:53]),
                len(letters[number - 1]),
            )


@pytest.mark.rfc("2180 §4.1.2")
@pytest.mark.parametrize("gone_for_good", [False, True])
async def test_numbers_hold_while_others_expunge(tmp_path: Path, gone_for_good: bool) -> None:
    """Columns, sections and facts of messages whose rows moved, or are there no more."""
    async with houses(tmp_path) as (house,):
        for number in range(1, 9):
            await house.put(letter(number, 300), ("\\Deleted",) if number in (2, 5) else ())
        connection, other = await house.login(), await house.login()
        await replies(connection, b"EXAMINE INBOX")
        await replies(other, b"SELECT INBOX")
        await replies(connection, b"FETCH 1:8 FLAGS")
        await replies(other, b"EXPUNGE")
        if gone_for_good:
            shard = house.account().ref.shard
            for table in ("content_meta", "content_data"):
                statement = f"DELETE FROM {table} WHERE content_id IN (2, 5)"
                await house.store.engine.write(shard, methodcaller("run", statement))
        *lines, done = await replies(connection, b"FETCH 1:8 (UID RFC822.SIZE)")
        assert lines == [b"* %d FETCH (UID %d RFC822.SIZE %d)" % (n, n, len(letter(n, 300))) for n in range(1, 9)]
        assert done.startswith(b"q OK")
        wanted = [n for n in range(1, 9) if not gone_for_good or n not in (2, 5)]
        for items, answer in (
            (b"UID BODY.PEEK[]", b"UID %d BODY[] %b"),
            (b"UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]", b"UID %d BODY[HEADER.FIELDS (SUBJECT)] %b"),
        ):
            *found, done = await replies(connection, b"FETCH 1:8 (%b)" % items)
            heads = [b"Subject: letter %d\r\n\r\n" % n for n in wanted]
            values = heads if b"FIELDS" in items else [letter(n, 300) for n in wanted]
            assert found == [
                b"* %d FETCH (%b)" % (n, answer % (n, literal(x))) for n, x in zip(wanted, values, strict=True)
            ]
            assert done.startswith(b"q NO [EXPUNGEISSUED]" if gone_for_good else b"q OK")
        *found, done = await replies(connection, b"FETCH 1:8 (UID ENVELOPE)")
        assert [int(line.split()[1]) for line in found] == wanted
        assert done.startswith(b"q NO [EXPUNGEISSUED]" if gone_for_good else b"q OK")


async def test_batches_are_smaller_where_messages_are_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "BATCH_OCTETS", 1000)
    asked: list[int] = []
    read_contents = Batch.read_contents

    def noted(batch: Batch, account: Account) -> None:
        asked.append(len(batch.seqs))
        read_contents(batch, account)

    monkeypatch.setattr(Batch, "read_contents", noted)
    async with houses(tmp_path) as (house,):
        for number, size in enumerate((100, 100, 5000, 100, 100, 100, 900, 900)):
            await house.put(b"Subject: %d\r\n\r\n" % number + b"x" * size)
        connection = await house.login()
        await replies(connection, b"SELECT INBOX")
        *found, done = await replies(connection, b"FETCH 1:* ENVELOPE")
        assert [line.split(b'"')[1] for line in found] == [b"%d" % number for number in range(8)]
        assert done.startswith(b"q OK")
    assert asked == [2, 1, 3, 1, 1]


@pytest.mark.rfc("3501 §6.4.5")
async def test_only_messages_that_become_seen_tell_their_flags(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        for number in range(1, 5):
            await house.put(letter(number, 10), ("\\Seen",) if number == 3 else ())
        connection = await house.login()
        await replies(connection, b"SELECT INBOX")
        *found, _ = await replies(connection, b"FETCH 1:* (UID BODY[TEXT]<0.1>)")
        assert [b" FLAGS (\\Seen \\Recent)" in line for line in found] == [True, True, False, True]
