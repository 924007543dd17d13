"""Binary parts come in and go out as they are (RFC 3516)."""

import base64
import quopri
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.house import House, houses
from support.transcript import Connection
from verbena.imap.ext.binary import KEPT_OCTETS, Decoding
from verbena.model.ids import ContentId
from verbena.model.part import Encoding, PartialRange

NULS = bytes(range(256)) * 8


def single(encoding: bytes, body: bytes) -> bytes:
    return (
        b"Content-Type: image/png\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body
    )


async def fetch(connection: Connection, items: bytes) -> bytes:
    await connection.send(b"f FETCH 1 (" + items + b")\r\n")
    reply = await connection.reply()
    assert reply.startswith(b"* 1 FETCH (") or reply.startswith(b"f "), reply
    if not reply.startswith(b"f "):
        assert (await connection.reply()).startswith(b"f OK")
    return reply


async def selected(house: House) -> Connection:
    connection = await house.login()
    await connection.send(b"s EXAMINE INBOX\r\n")
    while not (await connection.reply()).startswith(b"s OK"):
        pass
    return connection


@pytest.mark.rfc("3516 §4.4")
async def test_a_literal8_is_accepted_in_any_mailbox_and_served_as_it_was(tmp_path: Path) -> None:
    message = single(b"binary", NULS)
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        for name in (b"INBOX", b"Sent"):
            await connection.send(b"a APPEND " + name + b" ~{%d}\r\n" % len(message))
            assert (await connection.reply()).startswith(b"+")
            await connection.send(message + b"\r\n")
            assert (await connection.reply()).startswith(b"a OK [APPENDUID")
        connection = await selected(house)
        reply = await fetch(connection, b"BINARY.SIZE[1] BINARY.PEEK[1]")
        assert reply.startswith(b"* 1 FETCH (BINARY.SIZE[1] 2048 BINARY[1] ~{2048}\r\n" + NULS)
        assert b"~{%d}\r\n" % len(message) + message in await fetch(connection, b"BINARY.PEEK[]")
        assert b"BINARY[1]<1> {3}\r\n\1\2\3" in await fetch(connection, b"BINARY.PEEK[1]<1.3>")


@pytest.mark.rfc("3516 §4.4")
async def test_a_plain_literal_with_a_nul_is_refused_and_the_session_goes_on(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"a APPEND INBOX {3+}\r\na\0b\r\nb NOOP\r\n")
        assert (await connection.reply()).startswith(b"a BAD")
        assert (await connection.reply()).startswith(b"b OK")


@pytest.mark.rfc("3516 §4.3")
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"base64", base64.encodebytes(NULS).replace(b"\n", b"\r\n")),
        (b"quoted-printable", quopri.encodestring(NULS).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")),
        (b"8bit", b"\xff\xfe text\r\n"),
        (b"7bit", b"text\r\n"),
    ],
)
async def test_encodings_are_undone(tmp_path: Path, encoding: bytes, body: bytes) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(single(encoding, body))
        connection = await selected(house)
        reply = await fetch(connection, b"BINARY.SIZE[1] BINARY.PEEK[1]")
        size = int(reply.partition(b"BINARY.SIZE[1] ")[2].split(b" ")[0])
        head, _, data = reply.partition(b"}\r\n")
        assert data.endswith(b")")
        data = data[:-1]
        assert len(data) == size
        assert head.endswith((b"~{%d" if b"\0" in data else b"[1] {%d") % size)
        if encoding == b"base64":
            assert data == NULS
        if encoding.endswith(b"bit"):
            assert data == body


@pytest.mark.rfc("3516 §4.3")
async def test_a_long_part_is_decoded_twice_and_not_kept(tmp_path: Path) -> None:
    data = NULS * (2 * KEPT_OCTETS // len(NULS))
    async with houses(tmp_path) as (house,):
        await house.put(single(b"base64", base64.encodebytes(data)))
        connection = await selected(house)
        reply = await fetch(connection, b"BINARY.PEEK[1]")
        assert reply == b"* 1 FETCH (BINARY[1] ~{%d}\r\n" % len(data) + data + b")"


@pytest.mark.rfc("3516 §4.2")
async def test_ranges_count_decoded_octets(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        body = base64.encodebytes(NULS)
        message = single(b"base64", body)
        await house.put(message)
        account = house.account()
        mailbox = account.find("INBOX")
        assert mailbox is not None
        content_id = ContentId((await account.open(mailbox.mailbox_id)).contents[0])
        start = len(message) - len(body)

        @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.integers(0, len(NULS) + 10), st.none() | st.integers(1, len(NULS) + 10))
        def check(offset: int, length: int | None) -> None:
            decoding = Decoding(account, content_id, start, len(message), Encoding.BASE64, PartialRange(offset, length))
            end = None if length is None else offset + length
            assert drive(decoding) == NULS[offset:end]

        check()


def drive(decoding: Decoding) -> bytes:
    """The whole stream; nothing in it waits for anything, the message being small."""
    result: list[bytes] = []

    async def collect() -> None:
        async for piece in decoding.stream():
            result.append(piece)

    steps = collect()
    try:
        while True:
            steps.send(None)
    except StopIteration:
        return b"".join(result)
