"""CATENATE streams what it joins, within APPEND's limits (RFC 4469)."""

from pathlib import Path

import pytest

from support.house import House, houses
from support.transcript import Connection
from verbena.imap.extensions import REGISTRY
from verbena.imap.server import ImapService
from verbena.imap.session import Limits

BIG = b"Subject: big\r\n\r\n" + b"0123456789abcdef\r\n" * 50_000


async def said(connection: Connection, octets: bytes) -> bytes:
    """The tagged reply to a command that is sent in one go."""
    await connection.send(octets)
    tag = octets.split(b" ", 1)[0]
    while not (reply := await connection.reply()).startswith(tag + b" "):
        assert reply
    return reply


async def newest(house: House, mailbox: str) -> bytes:
    account = house.account()
    found = account.find(mailbox)
    assert found is not None
    columns = await account.open(found.mailbox_id)
    content = account.contents([columns.contents[-1]])[0]
    assert content is not None
    return b"".join([piece async for piece in account.stream(content.content_id, 0, content.size_octets)])


@pytest.mark.rfc("4469 §3")
async def test_long_parts_and_literals_are_joined_octet_by_octet(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(BIG)
        connection = await house.login()
        text = b"a\0b" * 200_000
        reply = await said(
            connection,
            b'a APPEND Sent CATENATE (TEXT {17+}\r\nSubject: joined\r\n URL "/INBOX/;UID=1" TEXT ~{%d+}\r\n' % len(text)
            + text
            + b' URL "/INBOX/;UID=1/;SECTION=TEXT/;PARTIAL=10.100000")\r\n',
        )
        assert reply.startswith(b"a OK [APPENDUID"), reply
        body = BIG[BIG.index(b"\r\n\r\n") + 4 :]
        assert await newest(house, "Sent") == b"Subject: joined\r\n" + BIG + text + body[10:100_010]


@pytest.mark.rfc("4469 §4.2")
async def test_a_message_over_the_limit_is_too_big(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(BIG)
        services = house.imap._services
        limits = Limits(message_octets=len(BIG) + 10)
        small = ImapService(
            services.store,
            services.authenticator,
            services.bus,
            services.meter,
            services.hostname,
            REGISTRY,
            services.now,
            limits,
        )
        connection = house.connect(small)
        await connection.reply()
        assert (await said(connection, b"l LOGIN alice secret\r\n")).startswith(b"l OK")
        assert (await said(connection, b'a APPEND Sent CATENATE (URL "/INBOX/;UID=1")\r\n')).startswith(b"a OK")
        twice = b'b APPEND Sent CATENATE (URL "/INBOX/;UID=1" URL "/INBOX/;UID=1")\r\n'
        assert (await said(connection, twice)).startswith(b"b NO [TOOBIG]")
        more = b'c APPEND Sent CATENATE (URL "/INBOX/;UID=1" TEXT {11+}\r\n0123456789\n)\r\n'
        assert (await said(connection, more)).startswith(b"c NO [TOOBIG]")
        assert (await said(connection, b"d APPEND Sent {%d}\r\n" % (len(BIG) + 11))).startswith(b"d NO [TOOBIG]")


@pytest.mark.rfc("4469 §4.1")
async def test_the_named_url_is_made_fit_for_the_code(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        reply = await said(connection, b"a APPEND Sent CATENATE (URL {8+}\r\n/a]b\r\nOK)\r\n")
        assert reply.startswith(b"a NO [BADURL /abOK] "), reply


@pytest.mark.rfc("4469 §3")
async def test_all_messages_of_a_command_or_none(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: x\r\n\r\nx\r\n")
        connection = await house.login()
        reply = await said(
            connection,
            b'a APPEND Sent CATENATE (URL "/INBOX/;UID=1") CATENATE (URL "/INBOX/;UID=2") {3+}\r\nabc\r\n',
        )
        assert reply.startswith(b"a NO [BADURL /INBOX/;UID=2]"), reply
        sent = house.account().find("Sent")
        assert sent is not None
        assert house.account().status(sent.mailbox_id).messages == 0
