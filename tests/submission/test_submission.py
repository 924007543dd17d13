"""Submission on a real store: rights, fix-ups, delivery here, the outbox for elsewhere, BURL in both flows."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smtp.setting import Setting, setting
from verbena.model.errors import Unavailable
from verbena.store.api import OutRecipient
from verbena.submission.policy import HeaderEnd, rewrite_header

MAIL = b"MAIL FROM:<alice@example.org>\r\n"
BOB = b"RCPT TO:<bob@example.org>\r\n"
AWAY = b"RCPT TO:<foo@example.net>\r\n"
FULL = b"From: Alice <alice@example.org>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@x>\r\n"


def data(message: bytes) -> bytes:
    return b"DATA\r\n" + message + b".\r\n"


def codes(lines: list[str]) -> list[str]:
    return [" ".join(line.split(" ")[:2]) for line in lines]


@pytest.mark.rfc("6409 §3")
@pytest.mark.rfc("3848 §1")
@pytest.mark.parametrize("chunk_octets", [1, 65_536])
async def test_mail_for_here_is_in_the_inbox(tmp_path: Path, chunk_octets: int) -> None:
    async with setting(tmp_path) as here:
        message = FULL + b"To: bob@example.org\r\n\r\nhello\r\n"
        lines = await here.submit(MAIL + BOB + data(message), chunk_octets=chunk_octets)
        assert codes(lines) == ["250 2.1.0", "250 2.1.5", "354 End", "250 2.6.0"]
        (kept,) = await here.inbox("bob")
        assert kept.startswith(
            b"Return-Path: <alice@example.org>\r\nDelivered-To: bob@example.org\r\nReceived: from c.example.org"
        )
        assert b" with ESMTPSA (" in kept
        assert kept.endswith(message)
        assert here.house.store.outbox.depth() == 0


@pytest.mark.rfc("6409 §8")
@pytest.mark.parametrize(
    ("given", "wanted", "unwanted"),
    [
        (b"Subject: hi\r\n\r\nx\r\n",
         [rb"\r\nDate: ", rb"\r\nMessage-ID: <[0-9a-f]+@mail.example.org>", rb"\r\nFrom: <alice@"], []),
        (b"x\r\n", [rb"\r\nDate: .*\r\n\r\nx\r\n$"], []),
        (b"\r\nx\r\n", [rb"\r\nDate: "], []),
        (FULL + b"Bcc: secret@example.org,\r\n more@example.org\r\nReturn-Path: <x@y>\r\n\r\nBcc: stays\r\n",
         [rb"Bcc: stays"], [rb"secret|more@", rb"<x@y>"]),
        (b"From: bob@example.org\r\n\r\nx\r\n", [rb"\r\nSender: <alice@example.org>\r\n"], []),
        (FULL + b"Sender: bob@example.org\r\n\r\nx\r\n", [rb"\r\nSender: <alice@example.org>"], [rb"Sender: bob"]),
        (FULL + b"SENDER : bob@example.org\r\n\r\nx\r\n", [rb"\r\nSender: <alice@example.org>"], [rb"SENDER"]),
        (FULL + b"Sender: a+x@example.org\r\nSender: alice@example.org\r\n\r\nx\r\n", [rb"Sender: <"], [rb"a\+x"]),
        (FULL + b"Sender: Alice <alice+x@example.org>\r\n\r\nx\r\n", [rb"Sender: Alice"], [rb"Sender: <"]),
        (b"From: your bank\r\n\r\nx\r\n", [rb"\r\nSender: <alice@example.org>\r\n"], []),
        (b"From: alice@example.org\r\nFrom: bob@example.org\r\n\r\nx\r\n", [rb"\r\nSender: <alice@"], []),
        (FULL, [rb"Message-ID: <1@x>\r\n\r\n$"], [rb"Date:.*Date:"]),
    ],
)  # fmt: skip
async def test_fix_ups(tmp_path: Path, given: bytes, wanted: list[bytes], unwanted: list[bytes]) -> None:
    async with setting(tmp_path) as here:
        lines = await here.submit(MAIL + BOB + data(given))
        assert lines[-1].startswith("250")
        (kept,) = await here.inbox("bob")
        for pattern in wanted:
            assert re.search(pattern, kept, re.DOTALL), pattern
        for pattern in unwanted:
            assert not re.search(pattern, kept, re.DOTALL), pattern


@pytest.mark.rfc("6409 §8.1")
@pytest.mark.parametrize("header", [b"From: bob@example.org\r\n", b"Subject: x\r\n"])
async def test_a_null_sender_hides_nobody(tmp_path: Path, header: bytes) -> None:
    async with setting(tmp_path) as here:
        lines = await here.submit(b"MAIL FROM:<>\r\n" + BOB + data(header + b"\r\nx\r\n"))
        assert lines[-1].startswith("250")
        (kept,) = await here.inbox("bob")
        assert re.search(rb"\r\n(Sender|From): <alice@example.org>\r\n", kept)


@pytest.mark.rfc("6409 §6.1")
@pytest.mark.rfc("3463 §3")
@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"MAIL FROM:<bob@example.org>\r\n", ["550 5.7.1"]),
        (b"MAIL FROM:<alice@elsewhere.example>\r\n", ["550 5.7.1"]),
        (b"MAIL FROM:<alice+tag@example.org>\r\n", ["250 2.1.0"]),
        (b"MAIL FROM:<>\r\n", ["250 2.1.0"]),
        (MAIL + b"RCPT TO:<nobody@example.org>\r\n", ["250 2.1.0", "550 5.1.1"]),
        (MAIL + b"RCPT TO:<x@localhost>\r\n", ["250 2.1.0", "550 5.1.2"]),
        (MAIL + b"RCPT TO:<x@[127.0.0.1]>\r\n", ["250 2.1.0", "550 5.1.2"]),
        (
            MAIL + b"RCPT TO:<x@example.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@example.com\r\n",
            ["250 2.1.0", "250 2.1.5"],
        ),
    ],
)
async def test_who_may_send_what_where(tmp_path: Path, octets: bytes, expected: list[str]) -> None:
    async with setting(tmp_path) as here:
        assert codes(await here.submit(octets)) == expected


async def test_nothing_without_a_login(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        lines = await here.talk(here.submission, b"EHLO x\r\n" + MAIL + BOB)
        assert codes(lines)[-2:] == ["530 5.7.0", "530 5.7.0"]
        lines = await here.talk(here.submission, b"EHLO x\r\n", tls=False)
        assert not any("AUTH" in line for line in lines)
        assert any("STARTTLS" in line for line in lines)


async def test_mail_for_elsewhere_is_in_the_outbox(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        octets = (
            b"MAIL FROM:<alice@example.org> RET=HDRS ENVID=QQ+2B1 BODY=8BITMIME\r\n"
            b"RCPT TO:<foo@example.net> NOTIFY=SUCCESS ORCPT=rfc822;foo@example.net\r\n"
            + BOB
            + data(FULL + b"\r\nx\r\n")
        )
        lines = await here.submit(octets)
        assert lines[-1].startswith("250 2.6.0")
        (item,) = here.house.store.outbox.items()
        assert item.envelope.sender == "alice@example.org"
        assert item.envelope.recipients == (OutRecipient("foo@example.net", ("SUCCESS",), b"rfc822;foo@example.net"),)
        assert (item.envelope.ret, item.envelope.envid, item.envelope.body) == ("HDRS", b"QQ+1", "8BITMIME")
        account = here.house.account("alice")
        queued = b"".join([piece async for piece in account.stream(item.content_id, 0, item.size_octets)])
        assert queued.startswith(b"Received: ")
        assert b"Return-Path" not in queued
        (kept,) = await here.inbox("bob")
        assert kept == b"Return-Path: <alice@example.org>\r\nDelivered-To: bob@example.org\r\n" + queued
        assert here.woken == [1]


@pytest.mark.rfc("3461 §5.2.3")
async def test_success_is_notified_where_asked(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        rcpt = b"RCPT TO:<bob@example.org> NOTIFY=SUCCESS ORCPT=rfc822;b+2Bob@example.org\r\n"
        lines = await here.submit(
            b"MAIL FROM:<alice@example.org> ENVID=e1\r\n" + rcpt + data(FULL + b"Subject: s\r\n\r\nx\r\n")
        )
        assert lines[-1].startswith("250")
        (report,) = await here.inbox("alice")
        for part in (
            b"Return-Path: <>\r\n",
            b"report-type=delivery-status",
            b"Original-Envelope-Id: e1\r\nReporting-MTA: dns; mail.example.org\r\n",
            b"Original-Recipient: rfc822; b+ob@example.org\r\nFinal-Recipient: rfc822; bob@example.org\r\n"
            b"Action: delivered\r\nStatus: 2.0.0\r\n",
            b"Content-Type: text/rfc822-headers",
            b"Subject: s\r\n",
        ):
            assert part in report
        assert report.count(b"Return-Path") == 1


async def failing(here: Setting, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    """The store refuses what is appended to the account ``name``."""
    account = here.house.account(name)
    original = type(account).append

    async def append(self: object, *arguments: object) -> object:
        if getattr(self, "ref", None) == account.ref:
            raise error
        return await original(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(type(account), "append", append)


async def test_what_can_not_be_delivered_now_waits_in_the_outbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with setting(tmp_path) as here:
        await failing(here, monkeypatch, "bob", Unavailable("shard busy"))
        lines = await here.submit(MAIL + BOB + b"RCPT TO:<alice@example.org>\r\n" + data(FULL + b"\r\nx\r\n"))
        assert lines[-1].startswith("250 2.6.0")
        (item,) = here.house.store.outbox.items()
        assert [recipient.address for recipient in item.envelope.recipients] == ["bob@example.org"]
        account = here.house.account("alice")
        queued = b"".join([piece async for piece in account.stream(item.content_id, 0, item.size_octets)])
        assert queued.startswith(b"Received: ")
        assert len(await here.inbox("alice")) == 1


async def test_a_failure_for_good_is_told(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        looped = FULL + b"Delivered-To: bob@example.org\r\n\r\nx\r\n"
        lines = await here.submit(MAIL + BOB + data(looped))
        assert lines[-1].startswith("550 5.4.6")
        lines = await here.submit(MAIL + BOB + b"RCPT TO:<alice@example.org> NOTIFY=NEVER\r\n" + data(looped))
        assert lines[-1].startswith("250")
        first, report = await here.inbox("alice")
        assert first.endswith(looped)
        assert b"Final-Recipient: rfc822; bob@example.org\r\nAction: failed\r\nStatus: 5.4.6\r\n" in report


async def _put(here: Setting, octets: bytes) -> bytes:
    """A message in alice's INBOX; its URL without the server, up to the UID."""
    uid = await here.house.put(octets)
    inbox = here.house.account().find("INBOX")
    assert inbox is not None
    return b"/INBOX;UIDVALIDITY=%d/;UID=%d" % (inbox.uidvalidity, uid)


async def _signed(here: Setting, *rumps: bytes) -> list[bytes]:
    imap = await here.house.login("alice")
    quoted = b" ".join(b'"%s" INTERNAL' % rump for rump in rumps)
    await imap.send(b"g GENURLAUTH " + quoted + b"\r\n")
    reply = await imap.reply()
    assert reply.startswith(b"* GENURLAUTH "), reply
    return re.findall(rb'"([^"]+)"', reply) or reply.split()[2:]


TRIP = (
    FULL
    + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
    b"text\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + b"QUFB" * 10
    + b"\r\n--b--\r\n"
)


@pytest.mark.rfc("5550 §8.4.1")
@pytest.mark.parametrize("user", [b"alice", b"alice@example.org"])
@pytest.mark.parametrize("chunk_octets", [1, 65_536])
async def test_burl_of_a_whole_message(tmp_path: Path, user: bytes, chunk_octets: int) -> None:
    async with setting(tmp_path) as here:
        path = await _put(here, TRIP)
        rump = b"imap://%s@example.org%s;expire=2030-10-28T23:59:59Z;urlauth=submit+%s" % (
            user.replace(b"@", b"%40"),
            path,
            user.replace(b"@", b"%40"),
        )
        (url,) = await _signed(here, rump)
        lines = await here.submit(MAIL + BOB + b"BURL " + url + b" LAST\r\n", chunk_octets=chunk_octets)
        assert codes(lines) == ["250 2.1.0", "250 2.1.5", "250 2.6.0"]
        (kept,) = await here.inbox("bob")
        assert kept.endswith(TRIP)


@pytest.mark.rfc("5550 §8.4.2")
async def test_burl_and_bdat(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        path = await _put(here, TRIP)
        rumps = [
            b"imap://alice@example.org%s/;Section=2%s;urlauth=submit+alice" % (path, what) for what in (b".MIME", b"")
        ]
        mime, body = await _signed(here, *rumps)
        start = (
            FULL + b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="n"\r\n\r\n--n\r\n\r\nhi\r\n--n\r\n'
        )
        end = b"\r\n--n--\r\n"
        octets = (
            b"MAIL FROM:<alice@example.org> BODY=BINARY\r\n" + BOB + b"BDAT %d\r\n%s" % (len(start), start)
            + b"BURL " + mime + b"\r\nBURL " + body + b"\r\nBDAT %d LAST\r\n%s" % (len(end), end)
        )  # fmt: skip
        lines = await here.submit(octets)
        assert codes(lines) == ["250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0", "250 2.0.0", "250 2.6.0"]
        (kept,) = await here.inbox("bob")
        header = b"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        assert kept.endswith(start + header + b"QUFB" * 10 + end)


TOKEN = b"0" * 32


class Elsewhere:
    """A trusted IMAP server."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def fetch(self, url: str) -> AsyncIterator[bytes]:
        self.asked.append(url)
        yield FULL
        yield b"\r\nfrom elsewhere\r\n"


@pytest.mark.rfc("4468 §3.3")
@pytest.mark.parametrize(
    ("url", "code"),
    [
        (b"imap://a@other.example.net/INBOX/;UID=1;URLAUTH=submit+alice:internal:" + TOKEN, "250 2.6.0"),
        (b"imap://a@other.example.net/INBOX/;UID=1;URLAUTH=submit+alice%40example.org:internal:" + TOKEN, "250 2.6.0"),
        (b"imap://a@other.example.net/INBOX/;UID=1;URLAUTH=submit+bob:internal:" + TOKEN, "554 5.7.8"),
        (b"imap://a@other.example.net/INBOX/;UID=1;URLAUTH=user+alice:internal:" + TOKEN, "554 5.7.8"),
        (b"imap://a@other.example.net/INBOX/;UID=1;URLAUTH=authuser:internal:" + TOKEN, "250 2.6.0"),
        (b"imap://a@other.example.net/INBOX/;UID=1", "554 5.7.14"),
        (b"imap://a@other.example.net:993/INBOX/;UID=1;URLAUTH=submit+alice:internal:" + TOKEN, "554 5.7.14"),
        (b"imap://a@evil.example.net/INBOX/;UID=1;URLAUTH=submit+alice:internal:" + TOKEN, "554 5.7.14"),
        (b"imap://alice@example.org/INBOX/;UID=99;URLAUTH=submit+alice:internal:" + TOKEN, "554 5.7.8"),
        (b"imap://alice@example.org/INBOX/;UID=99;URLAUTH=submit+bob:internal:" + TOKEN, "554 5.7.8"),
        (b"imap://alice@example.org/INBOX/;UID=99", "554 5.6.6"),
        (b"imap://bob@example.org/INBOX/;UID=1", "554 5.7.8"),
        (b"/INBOX/;UID=1", "501 5.5.2"),
        (b"http://example.org/", "501 5.5.2"),
    ],
)
async def test_which_urls_are_opened(tmp_path: Path, url: bytes, code: str) -> None:
    elsewhere = Elsewhere()
    async with setting(tmp_path, remotes={"other.example.net": elsewhere}) as here:
        lines = await here.submit(MAIL + BOB + b"BURL " + url + b" LAST\r\nNOOP\r\n")
        assert codes(lines)[2:] == [code, "250 2.0.0"]
        assert len(await here.inbox("bob")) == (1 if code.startswith("250") else 0)
        assert len(elsewhere.asked) == (1 if code.startswith("250") else 0)


@pytest.mark.rfc("4468 §3.3")
async def test_a_plain_url_of_ones_own(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        path = await _put(here, TRIP)
        lines = await here.submit(MAIL + BOB + b"BURL imap://alice@example.org" + path + b" LAST\r\n")
        assert lines[-1].startswith("250 2.6.0")
        lines = await here.submit(
            b"MAIL FROM:<bob@example.org>\r\n" + BOB + b"BURL imap://alice@example.org" + path + b" LAST\r\n", "bob"
        )
        assert lines[-1].startswith("554 5.7.8")


async def test_the_limit_holds_for_the_expanded_message(tmp_path: Path) -> None:
    async with setting(tmp_path, max_message_octets=2000) as here:
        path = await _put(here, FULL + b"\r\n" + b"x" * 1500 + b"\r\n")
        burl = b"BURL imap://alice@example.org" + path
        lines = await here.submit(MAIL + BOB + burl + b"\r\n" + burl + b" LAST\r\n")
        assert codes(lines)[2:] == ["250 2.0.0", "554 5.3.4"]
        assert await here.inbox("bob") == []


@pytest.mark.parametrize(
    ("octets", "end"),
    [
        (b"A: b\r\n\r\nbody", 8),
        (b"A: b\n\nbody", 6),
        (b"\r\nbody", 2),
        (b"\nbody", 1),
        (b"body\r\n\r\n", 0),
        (b"A: b\r\n", None),
        (b"A", None),
    ],
)
def test_header_end(octets: bytes, end: int | None) -> None:
    assert HeaderEnd().find(bytearray(octets)) == end


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    "octets", [b"A: b\r\nC: d\r\n\r\nx\r\n\r\ny", b"A: b\n\nx", b"\r\nx", b"x\r\n\r\ny", b"A: b", b"x", b""]
)
async def test_rewriting_does_not_depend_on_pieces(octets: bytes, size: int) -> None:
    async def source() -> AsyncIterator[bytes]:
        for at in range(0, len(octets), size):
            yield octets[at : at + size]

    headers: list[bytes] = []

    def fix(header: bytes) -> bytes:
        headers.append(header)
        return b"<" + header + b">"

    result = b"".join([piece async for piece in rewrite_header(source(), fix)])
    assert len(headers) == 1
    assert result == b"<" + headers[0] + b">" + octets[len(headers[0]) :]
    end = HeaderEnd().find(bytearray(octets))
    assert len(headers[0]) == (end if end is not None else (len(octets) if b":" in octets else 0))


async def test_an_address_of_several_accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with setting(tmp_path) as here:
        for name in ("alice", "bob"):
            await here.house.store.directory.add_alias("all@example.org", here.ref(name).account_id)
        rcpt = b"RCPT TO:<all@example.org> NOTIFY=SUCCESS,FAILURE\r\n"
        await failing(here, monkeypatch, "bob", Unavailable("shard busy"))
        lines = await here.submit(MAIL + rcpt + data(FULL + b"\r\nx\r\n"))
        assert lines[-1].startswith("250 2.6.0")
        (item,) = here.house.store.outbox.items()
        waiting = OutRecipient("bob@example.org", ("SUCCESS", "FAILURE"), b"rfc822;all@example.org")
        assert item.envelope.recipients == (waiting,)
        assert len(await here.inbox("alice")) == 1


async def test_an_address_given_twice_gets_one_copy(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        twice = BOB + b"RCPT TO:<bob@EXAMPLE.org>\r\nRCPT TO:<a@example.net>\r\nRCPT TO:<a@example.net>\r\n"
        lines = await here.submit(MAIL + twice + data(FULL + b"\r\nx\r\n"))
        assert lines[-1].startswith("250 2.6.0")
        assert len(await here.inbox("bob")) == 1
        assert here.house.store.outbox.items()[0].envelope.recipients == (OutRecipient("a@example.net"),)
