"""The submission client against a scripted server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from client.scripted import serving
from verbena.client.connect import connect
from verbena.client.conversation import Upload
from verbena.client.errors import ServerRefused, ServerUnavailable
from verbena.client.smtp import MessagePiece, SmtpClient, Url
from verbena.model.errors import LinkClosed, PeerError, Refused, VerbenaError
from verbena.model.reason import Reason
from verbena.model.secret import Secret

ALICE = "alice@example.org"
START = [
    b"S: 220 owlry.example.org ESMTP",
    b"C: EHLO potter.example.org",
    b"S: 250-owlry.example.com\r\n250-PIPELINING\r\n250-BURL imap\r\n250-CHUNKING\r\n250 BINARYMIME",
]
PLAIN_START = [b"S: 220 old", b"C: EHLO potter.example.org", b"S: 250 old"]


def play(lines: Sequence[bytes], session: Callable[[SmtpClient], Awaitable[None]]) -> None:
    """Run ``session`` on a client that has been greeted."""

    async def run() -> None:
        async with serving(lines) as endpoint:
            client = SmtpClient(await connect(endpoint), "potter.example.org")
            try:
                await client.greet()
                await session(client)
            finally:
                client.connection.close()

    asyncio.run(run())


@pytest.mark.rfc("5550 §8.4.1")
def test_one_url_goes_in_one_flight() -> None:
    async def session(client: SmtpClient) -> None:
        assert client.extensions["BURL"] == b"imap"
        assert (await client.send(ALICE, ["bob@example.org"], [Url("imap://h/x")])).enhanced == "2.5.0"

    lines = [
        b"C: MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nBURL imap://h/x LAST",
        b"S: 250 2.5.0 Address Ok.\r\n250 2.1.5 foo OK.\r\n250 2.5.0 Ok.",
    ]
    play([*START, *lines], session)


@pytest.mark.rfc("5550 §8.4.2")
def test_chunks_and_urls_in_any_order() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b"end\r\n"

    async def session(client: SmtpClient) -> None:
        pieces: list[MessagePiece] = [b"a\r\n", Url("imap://h/x"), Url("imap://h/y"), Upload(5, source())]
        await client.send(ALICE, ["bob@example.org", "carol@example.org"], pieces, body="BINARYMIME")

    ok = b"S: 250 2.5.0 OK"
    lines = [
        b"C: MAIL FROM:<alice@example.org> BODY=BINARYMIME\r\nRCPT TO:<bob@example.org>\r\nRCPT TO:<carol@example.org>",
        b"S: 250 ok\r\n250 ok\r\n250 ok",
        b"C: BDAT 3\r\na",
        ok,
        b"C: BURL imap://h/x",
        ok,
        b"C: BURL imap://h/y",
        ok,
        b"C: BDAT 5 LAST\r\nend",
        ok,
    ]
    play([*START, *lines], session)


def test_data_for_a_server_without_chunking() -> None:
    async def session(client: SmtpClient) -> None:
        await client.send(ALICE, ["bob@example.org"], [b".a\r\n.b\r\n", b"c"])

    mail = [b"C: MAIL FROM:<$>", b"S: 250 ok", b"C: RCPT TO:<$>", b"S: 250 ok", b"C: DATA", b"S: 354 go"]
    play([*PLAIN_START, *mail, b"C: ..a\r\n..b\r\nc\r\n.", b"S: 250 ok"], session)


@pytest.mark.parametrize(
    ("answers", "error", "code"),
    [
        (b"S: 250 ok\r\n550 5.1.1 who", ServerRefused, "550"),
        (b"S: 451 4.3.0 later\r\n503 5.5.1 no", ServerUnavailable, "451"),
    ],
)
def test_a_refused_recipient_resets(answers: bytes, error: type[VerbenaError], code: str) -> None:
    async def session(client: SmtpClient) -> None:
        with pytest.raises(error) as refused:
            await client.send(ALICE, ["x@example.org"], [b"hello"])
        assert isinstance(refused.value, ServerRefused | ServerUnavailable)
        assert refused.value.code == code

    play([*START, b"C: MAIL FROM:<$>\r\nRCPT TO:<$>", answers, b"C: RSET", b"S: 250 ok"], session)


@pytest.mark.rfc("4468 §3.3")
def test_a_failed_burl_resets() -> None:
    async def session(client: SmtpClient) -> None:
        with pytest.raises(ServerRefused) as refused:
            await client.send(ALICE, ["x@example.org"], [b"helo\r\n", Url("imap://h/x")])
        assert (refused.value.code, refused.value.enhanced) == ("554", "5.6.6")

    lines = [b"C: MAIL FROM:<$>\r\nRCPT TO:<$>", b"S: 250 ok\r\n250 ok", b"C: BDAT 6\r\nhelo"]
    play(
        [*START, *lines, b"S: 250 ok", b"C: BURL imap://h/x LAST", b"S: 554 5.6.6 gone", b"C: RSET", b"S: 250 ok"],
        session,
    )


def test_nothing_is_sent_in_plain_text() -> None:
    async def session(client: SmtpClient) -> None:
        with pytest.raises(Refused) as refused:
            await client.login("alice", Secret(b"secret"))
        assert refused.value.reason is Reason.PRIVACY_REQUIRED
        with pytest.raises(Refused) as refused:
            await client.start_tls()
        assert refused.value.reason is Reason.ENCRYPTION_NEEDED

    play([b"S: 220 x", b"C: EHLO $", b"S: 250-x\r\n250 AUTH PLAIN LOGIN"], session)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"S: hello", PeerError),
        (b"S: 250-a\r\n251 b", PeerError),
        (b"S: 250-open", LinkClosed),
        (b"S: 354 x", PeerError),
    ],
)
def test_bad_answers(answer: bytes, error: type[Exception]) -> None:
    async def session(client: SmtpClient) -> None:
        with pytest.raises(error):
            await client.send(ALICE, ["x@example.org"], [b"hello"])

    lines = [b"C: MAIL FROM:<$>\r\nRCPT TO:<$>", b"S: 250 ok\r\n250 ok", b"C: BDAT 5 LAST", answer]
    play([*START, *lines], session)


@pytest.mark.rfc("3207 §6")
def test_nothing_may_come_between_starttls_and_tls() -> None:
    async def session(client: SmtpClient) -> None:
        with pytest.raises(PeerError) as error:
            await client.start_tls()
        assert error.value.fatal

    injected = b"S: 220 go\r\n250-evil\r\n250 AUTH PLAIN"
    play([b"S: 220 x", b"C: EHLO $", b"S: 250-x\r\n250 STARTTLS", b"C: STARTTLS", injected], session)


@pytest.mark.parametrize(
    "address", ["x@example.org>\r\nDATA", "x@example.org> NOTIFY=NEVER", "a b@example.org", "\x00"]
)
def test_an_address_can_not_become_a_command(address: str) -> None:
    async def session(client: SmtpClient) -> None:
        with pytest.raises(ValueError):
            await client.send(ALICE, [address], [b"hello"])
        with pytest.raises(ValueError):
            await client.send(address, [ALICE], [b"hello"])

    play(START, session)
