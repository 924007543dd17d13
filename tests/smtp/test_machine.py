"""The SMTP machine: order, parameters, limits, transactions, and every extension's dialogue, in any cut of the
octets."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp.driver import PLAIN_HARRY, Inbox, play
from verbena.model.errors import Refused, Unavailable
from verbena.model.reason import Reason
from verbena.wire.smtp.eightbitmime import Body

EHLO = b"EHLO potter.example.com\r\n"
MAIL = b"MAIL FROM:<harry@gryffindor.example.com>\r\n"
RON = b"RCPT TO:<ron@gryffindor.example.com>\r\n"
START = EHLO + MAIL + RON
CUTS = (1, 5, 65_536)
URL = (
    b"imap://harry@gryffindor.example.com/outbox;uidvalidity=1078863300/;uid=25;urlauth=submit+harry:internal:91354a47"
)


@pytest.mark.rfc("5321 §3.3")
@pytest.mark.parametrize("cut", CUTS)
async def test_a_message(cut: int) -> None:
    played = await play(START + b"DATA\r\nSubject: hi\r\n\r\n..\r\n.\r\nQUIT\r\n", chunk_octets=cut)
    assert played.codes() == ["220", "250", "250 2.1.0", "250 2.1.5", "354", "250 2.6.0", "221 2.0.0"]
    envelope, content = played.inbox.taken[0]
    assert content == b"Subject: hi\r\n\r\n.\r\n"
    assert str(envelope.sender) == "harry@gryffindor.example.com"
    assert [str(recipient.mailbox) for recipient in envelope.recipients] == ["ron@gryffindor.example.com"]
    assert envelope.client.helo == "potter.example.com"
    assert ("submission", "DATA", "2xx") in played.meter.commands


@pytest.mark.rfc("5321 §4.1.1.1")
async def test_ehlo_is_computed() -> None:
    played = await play(EHLO, tls=True)
    assert played.replies[1:] == [
        b"250-owlry.example.com greets potter.example.com",
        b"250-8BITMIME",
        b"250-BINARYMIME",
        b"250-PIPELINING",
        b"250-CHUNKING",
        b"250-DSN",
        b"250-SIZE 67108864",
        b"250-ENHANCEDSTATUSCODES",
        b"250-SMTPUTF8",
        b"250-AUTH FINAL PLAIN",
        b"250 BURL imap",
    ]
    played = await play(EHLO)
    assert b"250-STARTTLS" in played.replies
    assert b"250-AUTH FINAL PLAIN" not in played.replies
    played = await play(EHLO + PLAIN_HARRY + EHLO, tls=True)
    assert played.replies[-1] == b"250 BURL imap imap://imap.example.com"


@pytest.mark.rfc("5321 §4.1.4")
@pytest.mark.parametrize(
    ("octets", "codes"),
    [
        (MAIL, ["503 5.5.1"]),
        (EHLO + RON, ["250", "503 5.5.1"]),
        (EHLO + MAIL + MAIL, ["250", "250 2.1.0", "503 5.5.1"]),
        (EHLO + MAIL + b"DATA\r\n", ["250", "250 2.1.0", "503 5.5.1"]),
        (START + b"RSET\r\nDATA\r\n", ["250", "250 2.1.0", "250 2.1.5", "250 2.0.0", "503 5.5.1"]),
        (START + EHLO + RON, ["250", "250 2.1.0", "250 2.1.5", "250", "503 5.5.1"]),
        (START + b"AUTH PLAIN\r\n", ["250", "250 2.1.0", "250 2.1.5", "503 5.5.1"]),
        (b"HELO x\r\nNOOP\r\nVRFY x\r\nHELP\r\n", ["250", "250 2.0.0", "252 2.1.5", "214 2.0.0"]),
        (b"EHLO \xff\xfe\r\nEHLO my pc\r\nEHLO\r\n", ["250", "250", "501 5.5.4"]),
        (b"LHLO x\r\nEXPN x\r\nXYZZY\r\n\r\n", ["500 5.5.1", "502 5.5.1", "500 5.5.1", "501 5.5.2"]),
        (EHLO + b"MAIL FROM:<a@b\r\n", ["250", "501 5.5.2"]),
        (EHLO + b"MAIL FROM:<a@b> FOO=1\r\n", ["250", "555 5.5.4"]),
        (EHLO + b"MAIL FROM:<a@b> SIZE=67108865\r\n", ["250", "552 5.3.4"]),
        (EHLO + "MAIL FROM:<ü@b>\r\n".encode(), ["250", "550 5.6.7"]),
        (EHLO + "MAIL FROM:<a@b> SMTPUTF8\r\nRCPT TO:<ü@b>\r\n".encode(), ["250", "250 2.1.0", "250 2.1.5"]),
        (EHLO + MAIL + "RCPT TO:<ü@b>\r\n".encode(), ["250", "250 2.1.0", "553 5.6.7"]),
        (EHLO + b"MAIL FROM:<a@b> RET=HDRS ENVID=x RET=FULL\r\n", ["250", "501 5.5.2"]),
        (EHLO + MAIL + b"RCPT TO:<a@b> NOTIFY=NEVER,DELAY\r\n", ["250", "250 2.1.0", "501 5.5.2"]),
        (EHLO + b"MAIL FROM:<forged@b>\r\n", ["250", "550 5.7.1"]),
        (EHLO + MAIL + b"RCPT TO:<malfoy@b>\r\nRCPT TO:<later@b>\r\n", ["250", "250 2.1.0", "550 5.7.1", "451 4.3.0"]),
        (EHLO + MAIL + b"RCPT TO:<bug@b>\r\nNOOP\r\n", ["250", "250 2.1.0", "451 4.3.0"]),
        (b"NOOP\x00\r\nNOOP\r\n", ["500 5.5.2", "250 2.0.0"]),
        (b"NOOP\nNOOP\r\n", ["500 5.5.2"]),
        (EHLO + b"MAIL FROM:<a@b> X=" + b"x" * 2100 + b"\r\nNOOP\r\n", ["250", "500 5.5.2", "250 2.0.0"]),
        (EHLO + b"x" * 20_000 + b"\r\nNOOP\r\n", ["250", "500 5.5.2", "250 2.0.0"]),
    ],
)
async def test_order_and_syntax(octets: bytes, codes: list[str]) -> None:
    played = await play(octets)
    assert played.codes()[1:] == codes


@pytest.mark.rfc("5321 §4.1.1.4")
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("smuggled", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n"])
async def test_no_message_is_smuggled(smuggled: bytes, cut: int) -> None:
    octets = START + b"DATA\r\nhi" + smuggled + MAIL + RON + b"DATA\r\nevil\r\n.\r\nNOOP\r\n"
    played = await play(octets, chunk_octets=cut)
    assert played.inbox.taken == []
    assert played.codes()[4:] == ["354", "554 5.6.0", "250 2.0.0"]


@pytest.mark.rfc("1870 §6.3")
async def test_size_is_judged_on_what_came() -> None:
    small = lambda value: replace(value, max_message_octets=100)  # noqa: E731
    played = await play(START + b"DATA\r\n" + b"x" * 200 + b"\r\n.\r\nNOOP\r\n", settings=small)
    assert played.codes()[4:] == ["354", "552 5.3.4", "250 2.0.0"]
    assert played.inbox.gave_up == 1
    played = await play(START + b"BDAT 200\r\n" + b"x" * 200 + b"BDAT 2 LAST\r\nxxNOOP\r\n", settings=small)
    assert played.codes()[4:] == ["552 5.3.4", "503 5.5.1", "250 2.0.0"]
    declared = EHLO + b"MAIL FROM:<a@b> SIZE=10\r\n" + RON + b"BDAT 5000 LAST\r\n" + b"x" * 5000
    played = await play(declared)
    assert played.codes()[4:] == ["552 5.3.4"]
    played = await play(START + b"BDAT 9 LAST\r\n123456789NOOP\r\n", inbox=Inbox(limit=5))
    assert played.codes()[4:] == ["552 5.3.4", "250 2.0.0"]


@pytest.mark.rfc("3030 §4.1")
async def test_simple_chunking() -> None:
    message = b"To: Susan@random.com\r\nFrom: Sam@random.com\r\nSubject: This is a bodyless test message\r\n"
    assert len(message) == 86
    played = await play(START + b"BDAT 86 LAST\r\n" + message + b"QUIT\r\n")
    assert played.codes()[4:] == ["250 2.6.0", "221 2.0.0"]
    assert played.inbox.taken[0][1] == message


@pytest.mark.rfc("3030 §4.2")
@pytest.mark.parametrize("cut", CUTS)
async def test_pipelined_binarymime(cut: int) -> None:
    binary = bytes(range(256)) * 40
    octets = (
        EHLO
        + b"MAIL FROM:<ned@ymir.claremont.edu> BODY=BINARYMIME\r\nRCPT TO:<a@b>\r\nRCPT TO:<c@d>\r\n"
        + b"BDAT %d\r\n%sBDAT 3\r\n\r\nxBDAT 0 LAST\r\nQUIT\r\n" % (len(binary), binary)
    )
    played = await play(octets, chunk_octets=cut)
    assert played.codes()[5:] == ["250 2.0.0", "250 2.0.0", "250 2.6.0", "221 2.0.0"]
    envelope, content = played.inbox.taken[0]
    assert content == binary + b"\r\nx"
    assert envelope.options.body is Body.BINARY


@pytest.mark.rfc("3030 §2")
@pytest.mark.parametrize(
    ("octets", "codes"),
    [
        # a chunk is taken off the link whatever its reply
        (EHLO + b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", ["250", "503 5.5.1", "250 2.0.0"]),
        (EHLO + MAIL + b"BDAT 6\r\nQUIT\r\nNOOP\r\n", ["250", "250 2.1.0", "503 5.5.1", "250 2.0.0"]),
        (b"BDAT x\r\nNOOP\r\n", ["500 5.5.2"]),
        # DATA and BDAT do not mix, and the transaction is lost
        (
            START + b"BDAT 1\r\nxDATA\r\nRSET\r\n",
            ["250", "250 2.1.0", "250 2.1.5", "250 2.0.0", "503 5.5.1", "250 2.0.0"],
        ),
        (
            START + b"BDAT 1\r\nxDATA\r\nBDAT 1 LAST\r\nx",
            ["250", "250 2.1.0", "250 2.1.5", "250 2.0.0", "503 5.5.1", "503 5.5.1"],
        ),
        # after a failure chunks are refused until RSET, or the last one
        (
            START + b"BDAT 6 LAST\r\npoisonNOOP\r\n" + MAIL,
            ["250", "250 2.1.0", "250 2.1.5", "554 5.7.1", "250 2.0.0", "250 2.1.0"],
        ),
        (
            START + b"BDAT 1\r\nxRSET\r\nBDAT 1 LAST\r\nx",
            ["250", "250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0", "503 5.5.1"],
        ),
        (
            EHLO + b"MAIL FROM:<a@b> BODY=BINARYMIME\r\n" + RON + b"DATA\r\nRSET\r\n",
            ["250", "250 2.1.0", "250 2.1.5", "503 5.5.1", "250 2.0.0"],
        ),
        # a line too long to read may have been part of the message
        (
            START + b"BURL " + b"x" * 20_000 + b"\r\nBDAT 1 LAST\r\nx" + MAIL,
            ["250", "250 2.1.0", "250 2.1.5", "500 5.5.2", "503 5.5.1", "250 2.1.0"],
        ),
    ],
)
async def test_bdat_order(octets: bytes, codes: list[str]) -> None:
    played = await play(octets)
    assert played.codes()[1:] == codes
    assert played.inbox.taken == []


@pytest.mark.rfc("4468 §3.4")
@pytest.mark.parametrize("cut", CUTS)
async def test_burl(cut: int) -> None:
    octets = EHLO + PLAIN_HARRY + MAIL + RON + b"BURL " + URL + b" LAST\r\n"
    played = await play(octets, tls=True, urls={URL: b"From: harry\r\n\r\nhi\r\n"}, chunk_octets=cut)
    assert played.codes()[2:] == ["235 2.7.0", "250 2.1.0", "250 2.1.5", "250 2.6.0"]
    assert played.inbox.taken[0][1] == b"From: harry\r\n\r\nhi\r\n"
    assert played.link.account == "harry@gryffindor.example.com"


@pytest.mark.rfc("5550 §8.4.2")
@pytest.mark.parametrize("cut", CUTS)
async def test_burl_and_bdat_mix(cut: int) -> None:
    octets = (
        EHLO + PLAIN_HARRY + EHLO + b"MAIL FROM:<bob.ar@example.org> BODY=BINARY\r\nRCPT TO:<foo@example.net>\r\n"
        b"BDAT 5\r\nhead\nBURL imap://a/mime\r\nBURL imap://a/body\r\nBURL imap://a/none\r\nBDAT 4 LAST\r\ntail"
    )
    urls: dict[bytes, bytes | Exception] = {
        b"imap://a/mime": b"MIME\r\n\r\n",
        b"imap://a/body": b"\0body" * 100,
        b"imap://a/none": b"",
    }
    played = await play(octets, tls=True, urls=urls, chunk_octets=cut)
    assert played.codes()[6:] == ["250 2.0.0", "250 2.0.0", "250 2.0.0", "250 2.0.0", "250 2.6.0"]
    envelope, content = played.inbox.taken[0]
    assert content == b"head\nMIME\r\n\r\n" + b"\0body" * 100 + b"tail"
    assert envelope.options.body is Body.BINARY


@pytest.mark.rfc("4468 §6")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused(Reason.BAD_URL, "x"), "554 5.7.8"),
        (Refused(Reason.URL_FETCH_FAILED, "x"), "554 5.6.6"),
        (Refused(Reason.AUTHORIZATION_FAILED, "x"), "554 5.7.8"),
        (Refused(Reason.URL_NOT_TRUSTED, "x"), "554 5.7.14"),
        (Refused(Reason.TOO_BIG, "x"), "554 5.3.4"),
        (Unavailable("x"), "451 4.4.1"),
    ],
)
@pytest.mark.parametrize("last", [True, False])
async def test_a_failed_burl_fails_the_transaction(error: Exception, code: str, last: bool) -> None:
    burl = b"BURL imap://a/x LAST\r\n" if last else b"BURL imap://a/x\r\nBDAT 4 LAST\r\nQUIT"
    octets = EHLO + PLAIN_HARRY + MAIL + RON + b"BDAT 1\r\nx" + burl + MAIL + b"NOOP\r\n"
    played = await play(octets, tls=True, urls={b"imap://a/x": error})
    tail = [] if last else ["503 5.5.1"]
    assert played.codes()[5:] == ["250 2.0.0", code, *tail, "250 2.1.0", "250 2.0.0"]
    assert played.inbox.taken == []
    assert played.inbox.gave_up == 1


@pytest.mark.rfc("4468 §3.2")
async def test_burl_without_recipient_or_login() -> None:
    malfoy = b"RCPT TO:<malfoy@slitherin.example.com>\r\n"
    played = await play(EHLO + PLAIN_HARRY + MAIL + malfoy + b"BURL " + URL + b" LAST\r\n", tls=True)
    assert played.codes()[3:] == ["250 2.1.0", "550 5.7.1", "503 5.5.1"]
    played = await play(START + b"BURL " + URL + b" LAST\r\n", tls=True, urls={URL: b"x"})
    assert played.codes()[4:] == ["530 5.7.0"]
    played = await play(EHLO + PLAIN_HARRY + MAIL + RON + b"BURL imap://a b c\r\nBDAT 1 LAST\r\nx", tls=True)
    assert played.codes()[5:] == ["501 5.5.2", "503 5.5.1"]


async def test_the_limit_holds_for_expanded_urls() -> None:
    small = lambda value: replace(value, max_message_octets=1000)  # noqa: E731
    octets = EHLO + PLAIN_HARRY + MAIL + RON + b"BDAT 500\r\n" + b"x" * 500 + b"BURL imap://a/x LAST\r\nNOOP\r\n"
    played = await play(octets, tls=True, urls={b"imap://a/x": b"y" * 501}, settings=small)
    assert played.codes()[5:] == ["250 2.0.0", "554 5.3.4", "250 2.0.0"]


@pytest.mark.rfc("4954 §4")
@pytest.mark.parametrize(
    ("octets", "codes"),
    [
        (PLAIN_HARRY, ["235 2.7.0"]),
        (b"AUTH PLAIN\r\naGFycnkAaGFycnkAYWNjaW8=\r\n", ["334", "235 2.7.0"]),
        (b"AUTH PLAIN\r\n*\r\nNOOP\r\n", ["334", "501 5.7.0", "250 2.0.0"]),
        (b"AUTH FINAL\r\naGk=\r\n\r\n", ["334", "334", "235 2.7.0"]),
        (b"AUTH CRAM-MD5\r\n", ["504 5.5.4"]),
        (b"AUTH PLAIN aGFycnkAaGFycnkAd3Jvbmc=\r\n", ["535 5.7.8"]),
        (b"AUTH PLAIN =AAA\r\n", ["501 5.5.2"]),
        (b"AUTH PLAIN\r\n\xff\r\n", ["334", "501 5.5.2"]),
        (b"AUTH PLAIN\r\n" + b"A" * 13_000 + b"\r\nNOOP\r\n", ["334", "500 5.5.6", "250 2.0.0"]),
        (PLAIN_HARRY + PLAIN_HARRY, ["235 2.7.0", "503 5.5.1"]),
        (b"AUTH PLAIN aGFycnkAaGFycnkAd3Jvbmc=\r\n" * 9, ["535 5.7.8"] * 4 + ["421 4.7.0"]),
    ],
)
async def test_auth(octets: bytes, codes: list[str]) -> None:
    played = await play(EHLO + octets, tls=True)
    assert played.codes()[2:] == codes
    assert b"accio" not in repr(played.session.client).encode()


@pytest.mark.rfc("4954 §6")
async def test_authentication_required() -> None:
    strict = lambda value: replace(value, auth_required=True)  # noqa: E731
    octets = EHLO + MAIL + b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\nVRFY x\r\n" + PLAIN_HARRY + MAIL
    played = await play(octets, tls=True, settings=strict)
    assert played.codes()[2:] == ["530 5.7.0", "530 5.7.0", "250 2.0.0", "530 5.7.0", "235 2.7.0", "250 2.1.0"]
    played = await play(EHLO + PLAIN_HARRY, settings=strict)
    assert played.codes()[2:] == ["538 5.7.11"]


@pytest.mark.rfc("3207 §4.2")
async def test_starttls_forgets_what_was_said() -> None:
    # What is dropped includes the end of this test's stream, so that the session waits, and in vain.
    impatient = lambda value: replace(value, command_timeout_s=0.01)  # noqa: E731
    played = await play(EHLO + b"STARTTLS\r\n" + MAIL + RON, settings=impatient)
    assert played.codes()[2:] == ["220 2.0.0", "421 4.4.2"]
    assert played.link.tls is not None
    assert played.session.client.helo == ""
    played = await play([EHLO, START + b"STARTTLS\r\n"])
    assert played.codes()[2:] == ["250", "250 2.1.0", "250 2.1.5", "503 5.5.1"]
    played = await play(EHLO + b"STARTTLS\r\n", tls=True)
    assert played.codes()[2:] == ["503 5.5.1"]


@pytest.mark.rfc("2033 §4.2")
@pytest.mark.parametrize(
    "content", [b"DATA\r\nBlah\r\n.\r\n", b"BDAT 4 LAST\r\nBlah", b"BDAT 4\r\nBlahBDAT 0 LAST\r\n"]
)
async def test_lmtp_replies_for_each_recipient(content: bytes) -> None:
    octets = (
        b"EHLO x\r\nHELO x\r\nLHLO foo.edu\r\nMAIL FROM:<chris@bar.com>\r\nRCPT TO:<pat@foo.edu>\r\n"
        b"RCPT TO:<malfoy@foo.edu>\r\nRCPT TO:<full@foo.edu>\r\nRCPT TO:<pat@foo.edu>\r\n" + content + b"QUIT\r\n"
    )
    played = await play(octets, lmtp=True)
    assert played.codes()[1:3] == ["500 5.5.1", "500 5.5.1"]
    between = {b"D": ["354"], b"B": ["250 2.0.0"] if b"LAST\r\nBlah" not in content else []}[content[:1]]
    assert played.codes()[4:] == [
        "250 2.1.0",
        "250 2.1.5",
        "550 5.7.1",
        "250 2.1.5",
        "250 2.1.5",
        *between,
        "250 2.1.5",
        "452 4.2.2",
        "250 2.1.5",
        "221 2.0.0",
    ]


@pytest.mark.rfc("2033 §4.3")
async def test_lmtp_failures_are_told_to_each_recipient() -> None:
    start = b"LHLO foo.edu\r\nMAIL FROM:<chris@bar.com>\r\n"
    two = b"RCPT TO:<pat@foo.edu>\r\nRCPT TO:<jo@foo.edu>\r\n"
    played = await play(start + two + b"BDAT 6 LAST\r\npoisonNOOP\r\n", lmtp=True)
    assert played.codes()[5:] == ["554 5.7.1", "554 5.7.1", "250 2.0.0"]
    played = await play(start + two + b"DATA\r\npoison\r\n.\r\nNOOP\r\n", lmtp=True)
    assert played.codes()[5:] == ["354", "554 5.7.1", "554 5.7.1", "250 2.0.0"]
    played = await play(start + b"BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n" + start[14:], lmtp=True)
    assert played.codes()[3:] == ["250 2.0.0", "250 2.1.0"]
    played = await play(start + b"DATA\r\n", lmtp=True)
    assert played.codes()[3:] == ["503 5.5.1"]


async def test_limits_of_a_session() -> None:
    played = await play(b"XYZZY\r\n" * 30)
    assert played.codes()[1:] == ["500 5.5.1"] * 21 + ["421 4.7.0"]
    few = lambda value: replace(value, max_recipients=2, max_commands=7)  # noqa: E731
    played = await play(START + RON * 2 + b"NOOP\r\n" * 10, settings=few)
    assert played.codes()[3:] == [
        "250 2.1.5",
        "250 2.1.5",
        "452 4.5.3",
        "250 2.0.0",
        "250 2.0.0",
        "250 2.0.0",
        "421 4.7.0",
    ]


@pytest.mark.rfc("2920 §3.2")
async def test_a_pipelined_group_is_answered_in_one_write() -> None:
    played = await play([EHLO, MAIL + RON * 20 + b"DATA\r\n", b"hi\r\n.\r\n"])
    assert len(played.codes()) == 25


@pytest.mark.parametrize("octets", [START + b"DATA\r\nhalf", START + b"BDAT 9\r\nhalf", START + b"BDAT 4\r\nhalf"])
async def test_a_cut_connection_leaves_no_message(octets: bytes) -> None:
    played = await play(octets)
    assert played.inbox.taken == []
    assert played.inbox.gave_up == 1


WORDS = [
    b"EHLO x\r\n", b"MAIL FROM:<a@b>", b" BODY=BINARYMIME", b"\r\n", b"RCPT TO:<c@d>\r\n", b"DATA\r\n", b".\r\n",
    b"BDAT 5\r\n", b"BDAT 3 LAST\r\n", b"BURL imap://a/x", b" LAST\r\n", b"RSET\r\n", b"AUTH PLAIN\r\n", b"\n", b"\r",
    b"\x00\xff", b"abc", b"STARTTLS\r\n", PLAIN_HARRY, b"LHLO x\r\n",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=8)), max_size=25), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_any_octets_in_any_cut(words: list[bytes], cut: int) -> None:
    asyncio.run(_any_octets(b"".join(words), cut))


async def _any_octets(octets: bytes, cut: int) -> None:
    for lmtp in (False, True):
        whole = await play(octets, lmtp=lmtp, tls=True, urls={b"imap://a/x": b"u"})
        if b"STARTTLS" not in octets:
            pieces = await play(octets, lmtp=lmtp, tls=True, urls={b"imap://a/x": b"u"}, chunk_octets=cut)
            assert pieces.codes() == whole.codes()
            assert [taken[1] for taken in pieces.inbox.taken] == [taken[1] for taken in whole.inbox.taken]


@pytest.mark.rfc("5321 §4.5.3.2")
@pytest.mark.parametrize("octets", [b"", EHLO, EHLO + b"AUTH PLAIN\r\n", EHLO + b"BDAT 9\r\nx"])
async def test_who_does_not_log_in_is_not_waited_for(octets: bytes) -> None:
    impatient = lambda value: replace(value, auth_required=True, login_timeout_s=0.01)  # noqa: E731
    played = await play([octets] if octets else [], tls=True, settings=impatient, close=False)
    assert played.replies[-1] == b"421 4.4.2 owlry.example.com Timeout"
    in_time = lambda value: replace(value, auth_required=True, login_timeout_s=0.5)  # noqa: E731
    played = await play(EHLO + PLAIN_HARRY, tls=True, settings=in_time)
    assert played.codes()[-1] == "235 2.7.0"


async def test_who_is_busy_without_a_login_is_not_served_for_ever() -> None:
    spent = lambda value: replace(value, auth_required=True, login_timeout_s=0.0)  # noqa: E731
    played = await play(EHLO + b"NOOP\r\n" * 10, tls=True, settings=spent)
    assert played.replies == [b"220 owlry.example.com ready", b"421 4.4.2 owlry.example.com Timeout"]


async def test_replies_do_not_pile_up() -> None:
    """A peer that sends and does not read is given a little at a time, so that ``drain`` can stop it."""
    played = await play(b"HELP\r\n" * 2000)
    assert played.link.most_undrained < 20_000
