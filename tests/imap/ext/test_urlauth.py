"""What the transcripts of URLAUTH can not show: time, roles, other servers' sessions (RFC 4467, RFC 5593)."""

import re
from pathlib import Path

import pytest

from support.house import HOSTNAME, NOW, House, houses
from support.transcript import Connection
from verbena.auth.service import AuthService
from verbena.imap.extensions import REGISTRY
from verbena.imap.server import ImapService
from verbena.imap.session import Limits

MESSAGE = b"Subject: x\r\n\r\n0123456789\r\n"
LONG = b"Subject: long\r\n\r\n" + b"0123456789abcdef\r\n" * 40_000


async def sign(connection: Connection, rest: bytes, host: bytes = b"alice@mail.example.org") -> bytes:
    await connection.send(b'g GENURLAUTH "imap://' + host + b"/" + rest + b'" INTERNAL\r\n')
    reply = await connection.reply()
    found = re.match(rb'\* GENURLAUTH "([^"]+)"', reply)
    assert found is not None, reply
    assert (await connection.reply()).startswith(b"g OK")
    return found[1]


async def fetched(connection: Connection, url: bytes) -> bytes | None:
    await connection.send(b'u URLFETCH "' + url + b'"\r\n')
    reply = await connection.reply()
    assert (await connection.reply()).startswith(b"u OK")
    prefix = b'* URLFETCH "' + url + b'" '
    assert reply.startswith(prefix), reply
    value = reply[len(prefix) :]
    if value == b"NIL":
        return None
    head, _, octets = value.partition(b"}\r\n")
    assert int(head[1:]) == len(octets)
    return octets


def later(house: House, seconds: int) -> ImapService:
    """The same server at another time."""
    authenticator = AuthService(
        house.store.directory,
        house.store.directory.secret("scram-fake-salt"),
        submit_users=("submitserver",),
        stream_users=("bob@example.org",),
    )
    return ImapService(
        house.store, authenticator, house.bus, house.meter, HOSTNAME, REGISTRY, lambda: NOW + seconds, Limits()
    )


async def login(house: House, service: ImapService, name: bytes) -> Connection:
    connection = house.connect(service)
    await connection.reply()
    await connection.send(b"l LOGIN " + name + b" secret\r\n")
    assert (await connection.reply()).startswith(b"l OK")
    return connection


@pytest.mark.rfc("4467 §3")
async def test_a_url_expires(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(MESSAGE)
        alice = await house.login()
        # NOW is 2027-01-15T08:00:00Z
        url = await sign(
            alice, b"INBOX/;uid=1;expire=2027-01-15T09:00:01%2b01:00;urlauth=anonymous".replace(b"%2b", b"+")
        )
        assert await fetched(alice, url) == MESSAGE
        bob = await login(house, later(house, 1), b"bob")
        assert await fetched(bob, url) == MESSAGE
        bob = await login(house, later(house, 2), b"bob")
        assert await fetched(bob, url) is None


@pytest.mark.rfc("5593 §3.4")
async def test_stream_urls_are_for_streaming_servers(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(MESSAGE)
        alice = await house.login()
        url = await sign(alice, b"INBOX/;uid=1;urlauth=stream")
        assert await fetched(alice, url) is None
        assert await fetched(await house.login("bob"), url) is None
        assert await fetched(await login(house, later(house, 0), b"bob"), url) == MESSAGE


@pytest.mark.rfc("4467 §7")
async def test_a_long_message_is_streamed(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(LONG)
        alice = await house.login()
        url = await sign(alice, b"INBOX/;uid=1;urlauth=submit+alice", b"alice%40example.org@example.org")
        assert await fetched(await house.login("submitserver"), url) == LONG


@pytest.mark.rfc("4467 §7")
async def test_fetching_needs_no_mailbox_and_sets_no_flag(tmp_path: Path) -> None:
    async with houses(tmp_path, workers=2) as (here, there):
        await here.put(MESSAGE)
        alice = await here.login()
        url = await sign(alice, b"INBOX/;uid=1;urlauth=user+bob")
        assert await fetched(await there.login("bob"), url) == MESSAGE
        await alice.send(b"a EXAMINE INBOX\r\nb FETCH 1 FLAGS\r\n")
        while not (reply := await alice.reply()).startswith(b"* 1 FETCH"):
            assert reply
        assert b"\\Seen" not in reply


async def test_no_token_reaches_a_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(MESSAGE)
        with caplog.at_level("DEBUG"):
            alice = await house.login()
            url = await sign(alice, b"INBOX/;uid=1;urlauth=anonymous")
            await fetched(alice, url)
            await fetched(alice, url[:-1] + b"g")
        assert url.rpartition(b":")[2][:20].decode() not in caplog.text
