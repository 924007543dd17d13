"""LMTP on a real store: what is told is on disk, with the fields of final delivery, in every way content comes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smtp.setting import Setting, setting
from submission.test_submission import failing
from verbena.lmtp.deliver import is_looping
from verbena.model.errors import Refused, Unavailable
from verbena.model.reason import Reason
from verbena.store.api import AccountRef, OutRecipient, Staged
from verbena.store.delivery import Delivered, Failed

START = b"LHLO mta.example.net\r\nMAIL FROM:<foobar@example.net>\r\n"
MESSAGE = b"From: foobar@example.net\r\nSubject: hi\r\n\r\n.dot\r\nbody\r\n"


@pytest.mark.rfc("2033 §4.2")
@pytest.mark.parametrize("chunk_octets", [1, 65_536])
async def test_delivery(tmp_path: Path, chunk_octets: int) -> None:
    async with setting(tmp_path) as here:
        octets = (
            START
            + b"RCPT TO:<Alice+list@example.org>\r\nDATA\r\n"
            + MESSAGE.replace(b".dot", b"..dot")
            + b".\r\nQUIT\r\n"
        )
        lines = await here.talk(here.lmtp, octets, chunk_octets=chunk_octets)
        assert [line[:9] for line in lines[-5:]] == ["250 2.1.0", "250 2.1.5", "354 End d", "250 2.1.5", "221 2.0.0"]
        (message,) = await here.inbox("alice")
        head = (
            b"Return-Path: <foobar@example.net>\r\nDelivered-To: Alice+list@example.org\r\n"
            b"Received: from mta.example.net ([192.0.2.1])\r\n"
            b"\tby mail.example.org with LMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
            b"\tid "
        )
        assert message.startswith(head)
        assert b"\r\n\tfor <Alice+list@example.org>;\r\n\tFri, 15 Jan 2027 08:00:00 +0000\r\n" in message
        assert message.endswith(MESSAGE)


@pytest.mark.rfc("2033 §4.2")
async def test_several_recipients_share_one_staging(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        octets = (
            START + b"RCPT TO:<alice@example.org>\r\nRCPT TO:<nobody@example.org>\r\nRCPT TO:<x@elsewhere.example>\r\n"
            b"RCPT TO:<bob@example.org>\r\nRCPT TO:<alice@example.org>\r\nBDAT %d LAST\r\n%s" % (len(MESSAGE), MESSAGE)
        )
        lines = await here.talk(here.lmtp, octets)
        assert [line[:9] for line in lines[-8:]] == [
            "250 2.1.5",
            "550 5.1.1",
            "550 5.1.2",
            "250 2.1.5",
            "250 2.1.5",
            "250 2.1.5",
            "250 2.1.5",
            "250 2.1.5",
        ]
        alice, bob = await here.inbox("alice"), await here.inbox("bob")
        assert (len(alice), len(bob)) == (2, 1)
        assert alice[0] == bob[0]
        assert b"Delivered-To" not in bob[0]
        assert b"for <" not in bob[0]


@pytest.mark.rfc("3030 §3")
async def test_binary_survives(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        message = (
            b"Subject: b\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\r\n" + bytes(range(256)) * 600
        )
        octets = (
            b"LHLO x\r\nMAIL FROM:<> BODY=BINARYMIME SIZE=%d\r\nRCPT TO:<bob@example.org>\r\n"
            b"BDAT 50000\r\n%sBDAT %d LAST\r\n%s"
            % (len(message), message[:50_000], len(message) - 50_000, message[50_000:])
        )
        lines = await here.talk(here.lmtp, octets)
        assert lines[-1].startswith("250 2.1.5")
        (kept,) = await here.inbox("bob")
        assert kept.startswith(b"Return-Path: <>\r\n")
        assert kept.endswith(message)


async def test_refusals(tmp_path: Path) -> None:
    async with setting(tmp_path, max_message_octets=1000) as here:
        await here.house.store.directory.set_enabled(here.ref("bob").account_id, False)
        rcpt = b"RCPT TO:<alice@example.org>\r\n"
        lines = await here.talk(here.lmtp, START + b"RCPT TO:<bob@example.org>\r\nRCPT TO:<Postmaster>\r\n")
        assert [line[:9] for line in lines[-2:]] == ["550 5.2.1", "550 5.1.1"]
        lines = await here.talk(here.lmtp, START + rcpt + b"DATA\r\n" + b"x" * 2000 + b"\r\n.\r\nNOOP\r\n")
        assert [line[:9] for line in lines[-2:]] == ["552 5.3.4", "250 2.0.0"]
        looped = b"Delivered-To: ALICE@example.org\r\n\r\nx\r\n"
        lines = await here.talk(here.lmtp, START + rcpt + b"DATA\r\n" + looped + b".\r\n")
        assert lines[-1].startswith("550 5.4.6")
        lines = await here.talk(here.lmtp, b"AUTH PLAIN\r\nBURL imap://x LAST\r\n")
        assert [line[:9] for line in lines] == ["500 5.5.1", "500 5.5.1"]
        assert await here.inbox("alice") == []


def test_loops() -> None:
    assert is_looping(b"Delivered-To: a@b\r\n\r\n", b"A@b")
    assert not is_looping(b"Delivered-To: a@bc\r\n\r\nDelivered-To: a@b\r\n", b"a@b")
    assert is_looping(b"Received: x\r\n" * 101, b"a@b")
    assert not is_looping(b"Received: x\r\n" * 100, b"a@b")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Refused(Reason.OVER_QUOTA, "x"), Failed(False, "4.2.2", "Mailbox full")),
        (Refused(Reason.NONEXISTENT, "x"), Failed(True, "5.1.1", "No such mailbox")),
        (Unavailable("disk full"), Failed(False, "4.3.0", "disk full")),
    ],
)
async def test_what_the_store_refuses_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, expected: Failed
) -> None:
    async with setting(tmp_path) as here:
        account = here.house.account("alice")

        async def append(*arguments: object) -> None:
            raise error

        monkeypatch.setattr(type(account), "append", append)
        octets = START + b"RCPT TO:<alice@example.org>\r\nDATA\r\n" + MESSAGE + b".\r\n"
        lines = await here.talk(here.lmtp, octets)
        code = "550" if expected.permanent else "450"
        assert lines[-1] == f"{code} {expected.enhanced} {expected.told}"
        monkeypatch.undo()
        assert (await here.talk(here.lmtp, octets))[-1].startswith("250")


async def _staged(here: Setting, octets: bytes) -> Staged:
    async def source() -> AsyncIterator[bytes]:
        yield octets

    return await here.house.store.stage(source(), 1 << 20)


async def test_deliver_puts_its_own_fields(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        ref: AccountRef = here.ref("alice")
        async with await _staged(here, MESSAGE) as staged:
            trace = b"Received: by relay; x\r\n"
            assert await here.deliverer.deliver("", "alice@example.org", ref, staged, trace) == Delivered()
        (message,) = await here.inbox("alice")
        assert message == b"Return-Path: <>\r\nDelivered-To: alice@example.org\r\n" + trace + MESSAGE


async def test_a_shutdown_tells_421(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        connection = here.house.connect(here.lmtp)
        assert (await connection.reply()).startswith(b"220 ")
        here.lmtp.shut_down()
        assert (await connection.reply()).startswith(b"421 4.3.2 ")


@pytest.mark.rfc("2033 §4.2")
async def test_who_has_to_wait_brings_the_others_no_second_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with setting(tmp_path) as here:
        for name in ("alice", "bob"):
            await here.house.store.directory.add_alias("all@example.org", here.ref(name).account_id)
        await failing(here, monkeypatch, "bob", Refused(Reason.OVER_QUOTA, "x"))
        octets = START + b"RCPT TO:<all@example.org>\r\nDATA\r\n" + MESSAGE.replace(b".dot", b"..dot") + b".\r\n"
        lines = await here.talk(here.lmtp, octets)
        assert lines[-1].startswith("250 2.1.5")
        (item,) = here.house.store.outbox.items()
        assert item.envelope.recipients == (OutRecipient("bob@example.org", (), b"rfc822;all@example.org"),)
        assert item.envelope.sender == "foobar@example.net"
        account = here.house.store.account(item.account)
        queued = b"".join([piece async for piece in account.stream(item.content_id, 0, item.size_octets)])
        assert queued.startswith(b"Received: from mta.example.net")
        assert queued.endswith(MESSAGE)
        assert (len(await here.inbox("alice")), await here.inbox("bob")) == (1, [])
        await failing(here, monkeypatch, "alice", Unavailable("shard busy"))
        assert (await here.talk(here.lmtp, octets))[-1] == "450 4.3.0 shard busy"
        assert here.house.store.outbox.depth() == 1
