"""The session's loop: pipelines, literals, limits, timeouts, shutdown."""

import asyncio
import base64
from pathlib import Path

import pytest

from support.house import House, houses
from support.link import MemoryLink
from verbena.imap.extensions import REGISTRY
from verbena.imap.server import ImapService
from verbena.imap.session import Limits
from verbena.model.secret import Secret
from verbena.wire.sasl.scram import ScramClient


def service(house: House, limits: Limits) -> ImapService:
    return ImapService(house.store, house.authenticator, house.bus, house.meter, "h", REGISTRY, lambda: 0.0, limits)


@pytest.mark.rfc("3501 §5.5")
async def test_pipelined_commands_are_answered_in_order(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: x\r\n\r\n")
        connection = await house.login()
        lines = [b"t1 SELECT INBOX", b"t2 STORE 1 +FLAGS (\\Seen)", b"t3 FETCH 1 FLAGS", b"t4 NOOP", b"t5 CLOSE"]
        await connection.send(b"".join(line + b"\r\n" for line in lines))
        replies = await connection.until(b"t5")
        tagged = [reply[:5] for reply in replies if not reply.startswith(b"*")]
        assert tagged == [b"t1 OK", b"t2 OK", b"t3 OK", b"t4 OK", b"t5 OK"]
        assert b"* 1 FETCH (FLAGS (\\Seen \\Recent))" in replies


async def test_many_pipelined_commands_leave_others_their_turn(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        busy, other = await house.login(), await house.login("bob")
        await busy.send(b"".join(b"n%d NOOP\r\n" % number for number in range(1000)))
        await other.send(b"x NOOP\r\n")
        assert (await other.until(b"x"))[-1].startswith(b"x OK")
        assert len([each for each in await busy.until(b"n999") if b" OK" in each]) == 1000


@pytest.mark.rfc("3501 §5.4")
async def test_an_idle_session_is_told_goodbye(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = house.connect(service(house, Limits(login_timeout_s=0.01)))
        assert (await connection.reply()).startswith(b"* OK")
        assert (await connection.reply()).startswith(b"* BYE")
        assert await connection.reply() == b""


async def test_an_octet_now_and_then_is_no_login(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = house.connect(service(house, Limits(login_timeout_s=0.05)), chunk_octets=1)
        assert (await connection.reply()).startswith(b"* OK")
        reply = b""
        while not reply:
            await connection.send(b"x")
            try:
                reply = await connection.reply(0.01)
            except TimeoutError:
                continue
        assert reply.startswith(b"* BYE")


@pytest.mark.rfc("3501 §7.1.5")
async def test_shut_down_ends_idle_sessions(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        waiting, idling = await house.login(), await house.login()
        await idling.send(b"i IDLE\r\n")
        assert (await idling.reply()).startswith(b"+")
        await asyncio.sleep(0)
        house.imap.shut_down()
        for connection in (waiting, idling):
            assert (await connection.reply()).startswith(b"* BYE")
            assert await connection.reply() == b""


async def test_too_many_bad_commands_end_the_session(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = house.connect(house.imap)
        await connection.reply()
        await connection.send(b"GET / HTTP/1.1\r\n" * 10)
        replies = []
        while reply := await connection.reply():
            replies.append(reply)
        assert replies[-1].startswith(b"* BYE")
        assert len(replies) < 10


@pytest.mark.rfc("2683 §3.2.1.5")
async def test_an_endless_line_ends_the_session(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = house.connect(house.imap)
        await connection.reply()
        await connection.send(b"a" * 20000)
        assert (await connection.reply()).startswith(b"* BYE")


@pytest.mark.rfc("3501 §7.5")
async def test_a_synchronizing_literal_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"a APPEND nowhere {100000}\r\n")
        assert (await connection.reply()).startswith(b"a NO [TRYCREATE]")
        await connection.send(b"b APPEND INBOX {2000000000}\r\n")
        assert (await connection.reply()).startswith(b"b NO [TOOBIG]")
        await connection.send(b"c CREATE {100000}\r\n")
        assert (await connection.reply()).startswith(b"c NO [TOOBIG]")
        await connection.send(b"d NOOP\r\n")
        assert (await connection.reply()).startswith(b"d OK")


@pytest.mark.rfc("7888 §4")
async def test_a_refused_non_synchronizing_literal_is_swallowed(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"a APPEND nowhere {10+}\r\nb LOGOUT\r\n\r\nc NOOP\r\n")
        assert (await connection.reply()).startswith(b"a NO [TRYCREATE]")
        assert (await connection.reply()).startswith(b"c OK")


async def test_a_message_with_nul_is_refused_unless_binary(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"a APPEND INBOX {3+}\r\n\0ab\r\nb APPEND INBOX ~{3+}\r\n\0ab\r\n")
        assert (await connection.reply()).startswith(b"a BAD")
        assert (await connection.reply()).startswith(b"b OK")


async def test_a_cut_append_leaves_nothing(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"a APPEND INBOX {1000+}\r\nSubject: half")
        await connection.close()
        assert await connection.reply() == b""
        inbox = house.account().find("INBOX")
        assert inbox is not None
        assert house.account().status(inbox.mailbox_id).messages == 0


@pytest.mark.rfc("3501 §11.1")
async def test_what_is_pipelined_behind_starttls_is_dropped(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = house.connect(house.imap, tls=False)
        assert b"LOGINDISABLED" in await connection.reply()
        await connection.send(b"a LOGIN alice secret\r\n")
        assert (await connection.reply()).startswith(b"a NO [PRIVACYREQUIRED]")
        await connection.send(b"b STARTTLS\r\nc NOOP\r\n")
        assert (await connection.reply()).startswith(b"b OK")
        await connection.send(b"d CAPABILITY\r\n")
        replies = await connection.until(b"d")
        assert b"LOGINDISABLED" not in replies[0]
        assert not any(reply.startswith(b"c") for reply in replies)


@pytest.mark.rfc("4978 §3")
async def test_nothing_may_follow_compress_before_its_reply(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = await house.login()
        await connection.send(b"a COMPRESS DEFLATE\r\nb NOOP\r\n")
        assert (await connection.reply()).startswith(b"a OK")
        assert (await connection.reply()).startswith(b"* BYE")


@pytest.mark.rfc("2180 §3.3")
async def test_a_mailbox_deleted_under_a_session_ends_it(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        one, other = await house.login(), await house.login()
        await one.send(b"a CREATE x\r\nb SELECT x\r\n")
        await one.until(b"b")
        await other.send(b"c DELETE x\r\n")
        await other.until(b"c")
        await one.send(b"d NOOP\r\n")
        assert (await one.reply()).startswith(b"* BYE")


async def test_the_link_learns_who_logged_in(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        link = MemoryLink(tls=True)
        await link.far.send(b"a LOGIN alice secret\r\nb LOGOUT\r\n")
        await house.imap.serve(link)
        assert link.account == "alice@example.org"


@pytest.mark.rfc("3501 §6.4.5")
async def test_a_long_body_is_streamed_with_its_exact_length(tmp_path: Path) -> None:
    body = b"".join(b"line %06d\r\n" % number for number in range(60000))
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: long\r\n\r\n" + body)
        connection = await house.login()
        await connection.send(b"a EXAMINE INBOX\r\nb FETCH 1 (UID BODY.PEEK[TEXT] FLAGS BODY[]<5.200000>)\r\n")
        replies = await connection.until(b"b")
        fetched = next(reply for reply in replies if reply.startswith(b"* 1 FETCH"))
        head = b"* 1 FETCH (UID 1 BODY[TEXT] {%d}\r\n" % len(body)
        assert fetched.startswith(head + body + b" FLAGS (\\Recent) BODY[]<5> {200000}\r\n")


async def test_many_messages_in_batches(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        for number in range(30):
            await house.put(b"Subject: %d\r\n\r\nx" % number)
        connection = await house.login()
        await connection.send(b"a COPY 1 x\r\nb SELECT INBOX\r\n")
        await connection.until(b"b")
        for tag, size in ((b"c", 60), (b"d", 120), (b"e", 240), (b"f", 480), (b"g", 960)):
            await connection.send(tag + b" COPY 1:* INBOX\r\n")
            replies = await connection.until(tag)
            assert b"* %d EXISTS" % size in replies
        await connection.send(b"h FETCH 1:* (UID FLAGS ENVELOPE BODY[TEXT])\r\n")
        replies = await connection.until(b"h")
        assert len(replies) == 961
        assert all(b"\\Seen" in reply for reply in replies[:-1])


@pytest.mark.rfc("3501 §6.2.2")
@pytest.mark.parametrize("initial", [True, False], ids=["initial response", "empty challenge first"])
async def test_scram_with_its_proof_of_the_server(initial: bool, tmp_path: Path) -> None:
    """Data with success go as a challenge of their own, answered by an empty line (RFC 4422 §4)."""
    async with houses(tmp_path) as (house,):
        client = ScramClient("SHA-256", "alice", Secret(b"secret"), b"nonce")
        first = base64.b64encode(client.initial() or b"")
        connection = house.connect(house.imap)
        await connection.reply()
        if initial:
            await connection.send(b"a AUTHENTICATE SCRAM-SHA-256 " + first + b"\r\n")
        else:
            await connection.send(b"a AUTHENTICATE SCRAM-SHA-256\r\n")
            assert await connection.reply() == b"+ "
            await connection.send(first + b"\r\n")
        for _ in range(2):
            challenge = await connection.reply()
            assert challenge.startswith(b"+ ")
            await connection.send(base64.b64encode(client.answer(base64.b64decode(challenge[2:]))) + b"\r\n")
        assert (await connection.reply()).startswith(b"a OK [CAPABILITY IMAP4rev1 ")
        client.complete()
