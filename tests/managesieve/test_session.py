"""What transcripts can not show: what is dropped before TLS, limits, warnings, the end of the server, bad input."""

import asyncio
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.house import House, houses
from support.link import MemoryLink
from support.managesieve import ask, greeted, logged_in, service_of
from support.transcript import Connection
from verbena.managesieve.dispatch import CODES
from verbena.managesieve.server import ManageSieveService
from verbena.managesieve.session import Language, Limits
from verbena.model.reason import Reason
from verbena.sieve.extensions import REGISTRY
from verbena.sieve.parser import Limits as ScriptLimits
from verbena.store.scripts import MAX_SCRIPT_OCTETS, MAX_SCRIPTS
from verbena.wire.managesieve.frame import LIMITS_AFTER_LOGIN, MAX_LINE_OCTETS


def literal(octets: bytes) -> bytes:
    return b"{%d+}\r\n%b" % (len(octets), octets)


async def ends(connection: Connection) -> bytes:
    """All that comes up to the end of the stream."""
    lines: list[bytes] = []
    while line := await connection.reply():
        lines.append(line)
    return b"\r\n".join(lines)


@pytest.mark.rfc("5804 §2.2")
async def test_what_was_sent_in_plain_text_is_dropped(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        service = service_of(house)
        connection = house.connect(service, tls=False)
        await greeted(connection)
        answer = await ask(connection, b'STARTTLS\r\nNOOP "injected"')
        assert answer == [b"OK"]
        again = await greeted(connection)
        assert not any(b"STARTTLS" in line for line in again)
        assert await ask(connection, b'NOOP "mine"') == [b'OK (TAG "mine") "Done"']


@pytest.mark.rfc("5804 §2.6")
async def test_warnings(tmp_path: Path) -> None:
    """A script that is good and odd is stored, and its author told."""
    async with houses(tmp_path) as (house,):
        connection = await logged_in(house, service_of(house))
        script = b'require ["mime", "extracttext", "foreverypart", "variables"];\r\nextracttext "x";\r\n'
        (reply,) = await ask(connection, b'PUTSCRIPT "a" ' + literal(script))
        assert reply.startswith(b'OK (WARNINGS) "line 2, column 1: ')
        (reply,) = await ask(connection, b"CHECKSCRIPT " + literal(script))
        assert reply.startswith(b"OK (WARNINGS) ")
        assert [entry.name for entry in house.account().scripts.all()] == ["a"]


async def test_a_large_script_is_compiled_beside(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await logged_in(house, service_of(house))
        large = b"# a line of comment\r\n" * 1000
        assert await ask(connection, b'PUTSCRIPT "a" ' + literal(large + b"keep;\r\n")) == [b"OK"]
        (reply,) = await ask(connection, b'PUTSCRIPT "a" ' + literal(large + b"nonsense;\r\n"))
        assert b"line 1001, column 1" in reply


@pytest.mark.rfc("5804 §1.5", "5804 §1.3")
async def test_quotas(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await logged_in(house, service_of(house))
        big = literal(b"#" * (MAX_SCRIPT_OCTETS + 1))
        assert (await ask(connection, b'PUTSCRIPT "a" ' + big))[0].startswith(b"NO (QUOTA/MAXSIZE)")
        too_long = literal(b"#" * (LIMITS_AFTER_LOGIN.literal_octets + 1))
        assert (await ask(connection, b'PUTSCRIPT "a" ' + too_long))[0].startswith(b"NO (QUOTA/MAXSIZE)")
        for number in range(MAX_SCRIPTS):
            await connection.send(b'PUTSCRIPT "s%d" "keep;"\r\n' % number)
            assert await connection.reply() == b"OK"
        assert (await ask(connection, b'PUTSCRIPT "a" "keep;"'))[0].startswith(b"NO (QUOTA/MAXSCRIPTS)")
        assert (await ask(connection, b'HAVESPACE "a" 5'))[0].startswith(b"NO (QUOTA/MAXSCRIPTS)")
        assert await ask(connection, b'PUTSCRIPT "s1" "stop;"') == [b"OK"]


async def test_limits_of_the_language_are_those_of_delivery(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        language = Language(REGISTRY, ScriptLimits(commands=2), max_redirects=7)
        service = ManageSieveService(house.store, house.authenticator, house.meter, language)
        connection = house.connect(service)
        assert b'"MAXREDIRECTS" "7"' in await greeted(connection)
        connection = await logged_in(house, service)
        assert (await ask(connection, b'CHECKSCRIPT "keep; keep; keep;"'))[0].startswith(b"NO")


@pytest.mark.rfc("5804 §2")
async def test_pipelined_commands_are_answered_in_order(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await logged_in(house, service_of(house))
        await connection.send(b"".join(b'PUTSCRIPT "%d" "keep;"\r\nNOOP "%d"\r\n' % (n, n) for n in range(80)))
        for number in range(80):
            assert await connection.reply() == b"OK"
            assert await connection.reply() == b'OK (TAG "%d") "Done"' % number


@pytest.mark.parametrize(
    "octets",
    [
        b'PUTSCRIPT "a" {5}\r\nkeep;\r\n',
        b"NOOP\nNOOP\r\n",
        b"A" * (MAX_LINE_OCTETS + 10),
        b"PUTSCRIPT {4294967295+}\r\n",
        b"PUTSCRIPT {99999999999+}\r\n" + b"X\r\n" * 30,
        b"NOOP {1+}\r\nx " * 20,
    ],
    ids=["synchronizing", "bare LF", "long line", "huge literal", "no number", "many literals"],
)
async def test_a_stream_that_can_not_be_followed_ends(octets: bytes, tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await logged_in(house, service_of(house))
        await connection.send(octets)
        assert b"BYE " in await ends(connection)


async def test_before_login_little_is_taken(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        service = service_of(house)
        connection = house.connect(service)
        await greeted(connection)
        await connection.send(b'PUTSCRIPT "a" {20000+}\r\n')
        assert b"BYE " in await ends(connection)
        connection = house.connect(service)
        await greeted(connection)
        await connection.send(b"NONSENSE\r\n" * 10)
        assert (await ends(connection)).count(b"NO ") == 5


@pytest.mark.rfc("5804 §1.2")
async def test_the_server_goes_down(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        service = service_of(house)
        connections = [await logged_in(house, service), house.connect(service)]
        await greeted(connections[1])
        service.shut_down()
        for connection in connections:
            assert await ends(connection) == b'BYE (TRYLATER) "The server is going down"'
        late = house.connect(service)
        assert (await ends(late)).endswith(b'BYE (TRYLATER) "The server is going down"')


async def test_a_silent_client_is_sent_away(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await logged_in(house, service_of(house, Limits(autologout_s=0.01)))
        assert await ends(connection) == b'BYE "Idle for too long"'


async def test_a_removed_account(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await logged_in(house, service_of(house), "bob")
        await house.store.directory.remove_account(house.account("bob").ref.account_id)
        assert (await ask(connection, b'PUTSCRIPT "a" "keep;"'))[0].startswith(b"NO")
        assert await ask(connection, b"LISTSCRIPTS") == [b"OK"]


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow beyond one page."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.rfc("5804 §2.6", "5804 §1.3")
async def test_a_full_disk_leaves_the_old_script(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await logged_in(house, service_of(house))
        await ask(connection, b'PUTSCRIPT "a" "keep;"')
        with full_disk():
            (reply,) = await ask(connection, b'PUTSCRIPT "a" ' + literal(b"# long\r\n" * 1000))
            assert reply.startswith(b"NO (TRYLATER)")
            (reply,) = await ask(connection, b'SETACTIVE "a"')
            assert reply.startswith(b"NO (TRYLATER)")
        assert await ask(connection, b"LISTSCRIPTS") == [b'"a"', b"OK"]
        assert await ask(connection, b'GETSCRIPT "a"') == [b"{5}\r\nkeep;", b"OK"]
        assert await ask(connection, b'PUTSCRIPT "a" "stop;"') == [b"OK"]


async def test_the_link_knows_whose_session_it_is(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        link = MemoryLink(tls=True)
        task = asyncio.create_task(service_of(house).serve(link))
        connection = Connection(link.far)
        await greeted(connection)
        await ask(connection, b'AUTHENTICATE "PLAIN" "AGFsaWNlAHNlY3JldA=="')
        assert link.account == "alice@example.org"
        await ask(connection, b"UNAUTHENTICATE")
        assert link.account == ""
        await ask(connection, b"LOGOUT")
        await task
        assert ("managesieve", "AUTHENTICATE", "ok") in house.meter.commands


def test_codes_are_those_of_the_rfc() -> None:
    known = {b"ENCRYPT-NEEDED", b"QUOTA", b"QUOTA/MAXSCRIPTS", b"QUOTA/MAXSIZE", b"TRYLATER", b"ACTIVE"}
    assert set(CODES.values()) == known | {b"NONEXISTENT", b"ALREADYEXISTS"}
    assert set(CODES) <= set(Reason)


async def _throw(house: House, octets: bytes) -> None:
    connection = await logged_in(house, service_of(house))
    await connection.send(octets)
    await connection.close()
    await ends(connection)


async def test_any_bytes_end_in_a_reply_or_a_goodbye(tmp_path: Path) -> None:
    words = [
        b"PUTSCRIPT",
        b"NOOP",
        b"GETSCRIPT",
        b" ",
        b" ",
        b'"a"',
        b"{3+}\r\n",
        b"{3}\r\n",
        b"\r\n",
        b"\r\n",
        b"(",
        b'"',
    ]
    words += [
        b"\x00",
        b"\xff",
        b"\\",
        b"SETACTIVE",
        b"CHECKSCRIPT",
        b"keep;",
        b"AUTHENTICATE",
        b"STARTTLS",
        b"5",
        b"\n",
    ]
    source = random.Random(5804)
    async with houses(tmp_path) as (house,):
        for _ in range(100):
            await _throw(house, b"".join(source.choice(words) for _ in range(source.randrange(40))))
        assert ("managesieve", "?", "no") not in house.meter.commands
