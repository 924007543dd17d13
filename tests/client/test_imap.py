"""The IMAP client against a scripted server: the RFCs' own dialogues where they have them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from client.scripted import serving
from verbena.client.connect import connect
from verbena.client.conversation import Upload
from verbena.client.errors import ServerRefused, ServerUnavailable
from verbena.client.imap import AppendedAs, ImapClient, open_imap
from verbena.client.urlfetch import RemoteImap
from verbena.model.errors import LinkClosed, PeerError, Refused, Unavailable
from verbena.model.flags import FORWARDED, SEEN, FlagOp
from verbena.model.ids import Uid, UidValidity
from verbena.model.reason import Reason
from verbena.model.secret import Secret

GREETING = b"S: * OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR CONDSTORE IDLE] ready"
SECRET = Secret(b"secret")


def play(lines: Sequence[bytes], session: Callable[[ImapClient], Awaitable[None]]) -> None:
    """Run ``session`` on a client that has been greeted."""

    async def run() -> None:
        async with serving(lines) as endpoint:
            client = ImapClient(await connect(endpoint))
            try:
                await client.greet()
                await session(client)
            finally:
                client.connection.close()

    asyncio.run(run())


async def collect(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def test_capabilities_are_asked_for_when_the_greeting_has_none() -> None:
    async def session(client: ImapClient) -> None:
        assert client.capabilities == {"IMAP4REV1", "AUTH=PLAIN"}

    play([b"S: * OK hello", b"C: A0001 CAPABILITY", b"S: * CAPABILITY IMAP4rev1 auth=plain", b"S: A0001 OK"], session)


def test_login_command_where_no_mechanism_is_safe() -> None:
    async def session(client: ImapClient) -> None:
        await client.login("bob", Secret(b'a "b'))
        assert "NEW" in client.capabilities

    play([GREETING, b'C: A0001 LOGIN bob "a \\"b"', b"S: A0001 OK [CAPABILITY IMAP4rev1 NEW] in"], session)


@pytest.mark.rfc("3501 §6.2.3")
def test_login_is_not_sent_where_it_is_disabled() -> None:
    async def session(client: ImapClient) -> None:
        with pytest.raises(Refused) as refused:
            await client.login("bob", SECRET)
        assert refused.value.reason is Reason.PRIVACY_REQUIRED
        with pytest.raises(Refused):
            await client.start_tls()

    play([b"S: * OK [CAPABILITY IMAP4rev1 LOGINDISABLED AUTH=PLAIN] ready"], session)


def test_wrong_password() -> None:
    async def session(client: ImapClient) -> None:
        with pytest.raises(ServerRefused) as refused:
            await client.login("bob", SECRET)
        assert (refused.value.reason, refused.value.code) == (Reason.AUTHENTICATION_FAILED, "AUTHENTICATIONFAILED")

    play([GREETING, b"C: A0001 LOGIN bob secret", b"S: A0001 NO [AUTHENTICATIONFAILED] no"], session)


def test_a_server_that_does_not_prove_itself_is_left() -> None:
    async def session(client: ImapClient) -> None:
        with pytest.raises(PeerError):
            await client.login("bob", SECRET)

    greeting = b"S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=SCRAM-SHA-256] ready"
    lines = [greeting, b"C: A0001 AUTHENTICATE SCRAM-SHA-256 $"]
    play([*lines, b"S: A0001 OK [CAPABILITY IMAP4rev1] in"], session)


def test_select_tells_figures() -> None:
    async def session(client: ImapClient) -> None:
        selected = await client.select("Reisen/Gr\u00fc\u00dfe")
        assert (selected.messages, selected.uidvalidity, selected.uidnext) == (3, 7, 44)
        assert selected.highestmodseq == 90

    lines = [
        b"C: A0001 SELECT Reisen/Gr&APwA3w-e (CONDSTORE)",
        b"S: * 3 EXISTS",
        b"S: * OK [UIDVALIDITY 7] ok",
        b"S: * OK [UIDNEXT 44] ok",
        b"S: * OK [HIGHESTMODSEQ 90] ok",
        b"S: A0001 OK [READ-WRITE] done",
    ]
    play([GREETING, *lines], session)


def test_fetch_reads_items_of_every_form() -> None:
    async def session(client: ImapClient) -> None:
        (fetched,) = await client.fetch(b"5", b"(UID FLAGS)")
        assert (fetched.seq, fetched.number(b"UID"), fetched.number(b"MODSEQ")) == (2, 5, 99)
        assert fetched.items[b"FLAGS"] == (b"\\Seen", b"$Forwarded")
        assert fetched.octets(b"BODY[HEADER.FIELDS (TO CC)]") == b"hello"
        assert fetched.octets(b"BODY[1]<0>") == b""
        with pytest.raises(PeerError):
            fetched.octets(b"BODY[2]")

    line = b"S: * 2 FETCH (UID 5 FLAGS (\\Seen $Forwarded) MODSEQ (99) BODY[1]<0> NIL BODY[HEADER.FIELDS (TO CC)] {5}"
    play([GREETING, b"C: A0001 UID FETCH 5 (UID FLAGS)", line + b"\r\nhello)", b"S: A0001 OK"], session)


@pytest.mark.parametrize(
    ("answer", "octets"),
    [
        (b"* 1 FETCH (BODY[2] {11}\r\nhello world UID 5)", b"hello world"),
        (b'* 1 FETCH (UID 5 BODY[2] "hello")', b"hello"),
        (b"* 1 FETCH (UID 5 BODY[2] {0}\r\n)", b""),
        (b"* 1 FETCH (UID 5 BODY[2] NIL)", b""),
    ],
)
def test_download_streams(answer: bytes, octets: bytes) -> None:
    async def session(client: ImapClient) -> None:
        assert await collect(client.download(Uid(5), b"2")) == octets

    play([GREETING, b"C: A0001 UID FETCH 5 (BODY.PEEK[2])", b"S: " + answer, b"S: * 9 EXISTS", b"S: A0001 OK"], session)


def test_literals_wait_for_the_go_ahead_without_literal_plus() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b"hello "
        yield b"world"

    async def session(client: ImapClient) -> None:
        assert await client.append("Sent", Upload(11, source()), (SEEN,)) == AppendedAs(UidValidity(3), Uid(45))

    lines = [
        b"S: * OK [CAPABILITY IMAP4rev1] ready",
        b"C: A0001 APPEND Sent (\\Seen) {11}",
        b"S: + go",
        b"C: hello world",
        b"S: A0001 OK [APPENDUID 3 45] done",
    ]
    play(lines, session)


def test_a_refused_literal_is_not_sent() -> None:
    async def session(client: ImapClient) -> None:
        with pytest.raises(ServerRefused) as refused:
            await client.append("Sent", b"x" * 11)
        assert refused.value.reason is Reason.TOO_BIG
        await client.search(b"ALL")

    lines = [
        b"S: * OK [CAPABILITY IMAP4rev1] ready",
        b"C: A0001 APPEND Sent {11}",
        b"S: A0001 NO [TOOBIG] no",
        b"C: A0002 UID SEARCH ALL",
        b"S: A0002 OK",
    ]
    play(lines, session)


@pytest.mark.rfc("7888 §5")
def test_literal_minus_sends_short_ones_at_once() -> None:
    async def session(client: ImapClient) -> None:
        await client.append("Sent", b"x" * 11)
        await client.append("Sent", b"x" * 5000)

    lines = [
        b"S: * OK [CAPABILITY IMAP4rev1 LITERAL-] ready",
        b"C: A0001 APPEND Sent {11+}\r\nxxxxxxxxxxx",
        b"S: A0001 OK",
        b"C: A0002 APPEND Sent {5000}",
        b"S: + go",
        b"C: $",
        b"S: A0002 OK",
    ]
    play(lines, session)


@pytest.mark.rfc("4469 §3")
def test_catenate() -> None:
    async def session(client: ImapClient) -> None:
        appended = await client.catenate("Sent", [b"abc", "/INBOX/;UID=2/;SECTION=2", b"de"], (SEEN,))
        assert appended == AppendedAs(UidValidity(387899045), Uid(45))

    lines = [
        b"C: A0001 APPEND Sent (\\Seen) CATENATE (TEXT {3+}\r\nabc URL $/INBOX/;UID=2/;SECTION=2$ TEXT {2+}\r\nde)",
        b"S: A0001 OK [APPENDUID 387899045 45] CATENATE Completed",
    ]
    play([GREETING, *lines], session)


@pytest.mark.rfc("4467 §7")
def test_generate_urlauth() -> None:
    async def session(client: ImapClient) -> None:
        rump = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred"
        assert await client.generate_urlauth([rump]) == [rump + ":internal:91354a473744909de610943775f92038"]

    lines = [
        b"C: A0001 GENURLAUTH $imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred$ INTERNAL",
        b'S: * GENURLAUTH "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:internal:'
        b'91354a473744909de610943775f92038"',
        b"S: A0001 OK GENURLAUTH completed",
    ]
    play([GREETING, *lines], session)


@pytest.mark.rfc("4467 §7")
@pytest.mark.parametrize(
    ("answer", "octets"),
    [
        (b"{28}\r\nSi vis pacem, para bellum.\r\n", b"Si vis pacem, para bellum.\r\n"),
        (b'"short"', b"short"),
        (b'""', b""),
    ],
)
def test_url_is_fetched(answer: bytes, octets: bytes) -> None:
    async def session(client: ImapClient) -> None:
        assert await collect(client.fetch_url("imap://joe@example.com/INBOX/;uid=20")) == octets

    lines = [b"C: A0001 URLFETCH $", b'S: * URLFETCH "imap://joe@example.com/INBOX/;uid=20" ' + answer, b"S: A0001 OK"]
    play([GREETING, *lines], session)


def test_url_that_is_not_given() -> None:
    async def session(client: ImapClient) -> None:
        with pytest.raises(Refused) as refused:
            await collect(client.fetch_url("imap://joe@example.com/INBOX/;uid=20"))
        assert refused.value.reason is Reason.URL_FETCH_FAILED

    lines = [b"C: A0001 URLFETCH $", b'S: * URLFETCH "imap://joe@example.com/INBOX/;uid=20" NIL', b"S: A0001 OK"]
    play([GREETING, *lines], session)


@pytest.mark.rfc("2177 §3")
def test_idle() -> None:
    async def session(client: ImapClient) -> None:
        seen: list[int | None] = []
        events = client.idle(5)
        async for event in events:
            seen.append(event.number)
            if len(seen) == 2:
                break
        await events.aclose()  # type: ignore[attr-defined]
        assert seen == [23, 4]
        await client.store(b"4", FlagOp.ADD, (FORWARDED,))

    lines = [b"C: A0001 IDLE", b"S: + idling", b"S: * 23 EXPUNGE", b"S: * 4 EXISTS", b"C: DONE", b"S: A0001 OK"]
    play([GREETING, *lines, b"C: A0002 UID STORE 4 +FLAGS.SILENT ($Forwarded)", b"S: A0002 OK"], session)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"S: A0001 BAD what", ServerRefused),
        (b"S: A0001 NO [UNAVAILABLE] later", ServerUnavailable),
        (b"S: * BYE gone", LinkClosed),
        (b"S: A0009 OK who", PeerError),
        (b"S: hello", PeerError),
        (b"S: * 1 FETCH (UID", LinkClosed),
    ],
)
def test_bad_answers(answer: bytes, error: type[Exception]) -> None:
    async def session(client: ImapClient) -> None:
        with pytest.raises(error):
            await client.search(b"ALL")

    play([GREETING, b"C: A0001 UID SEARCH ALL", answer], session)


def test_remote_urls_share_a_connection() -> None:
    url = b'* URLFETCH "imap://h/INBOX/;uid=1" {2}\r\nhi'
    lines = [
        GREETING,
        b"C: A0001 LOGIN submitserver secret",
        b"S: A0001 OK [CAPABILITY IMAP4rev1] in",
        b"C: A0002 URLFETCH $",
        b"S: " + url,
        b"S: A0002 OK",
        b"C: A0003 URLFETCH $",
        b"S: " + url,
        b"S: A0003 OK",
        b"C: A0004 LOGOUT",
        b"S: * BYE",
        b"S: A0004 OK",
    ]

    async def run() -> None:
        async with serving(lines) as endpoint, RemoteImap(endpoint, "submitserver", SECRET) as remote:
            for _ in range(2):
                assert await collect(remote.fetch("imap://h/INBOX/;uid=1")) == b"hi"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([GREETING, b"C: $", b"S: A0001 NO [AUTHENTICATIONFAILED] no", b"C: $"], Reason.URL_NOT_TRUSTED),
        ([b"S: * BYE busy"], Reason.UNAVAILABLE),
        ([b"S: 220 smtp"], Reason.UNAVAILABLE),
        (
            [GREETING, b"C: $", b"S: A0001 OK [CAPABILITY X]", b"C: $", b'S: * URLFETCH "x" {10}\r\nabc'],
            Reason.UNAVAILABLE,
        ),
    ],
)
def test_remote_failures(lines: list[bytes], reason: Reason) -> None:
    async def run() -> None:
        async with serving(lines) as endpoint, RemoteImap(endpoint, "submitserver", SECRET) as remote:
            with pytest.raises((Refused, Unavailable)) as failed:
                await collect(remote.fetch("imap://h/INBOX/;uid=1"))
            assert isinstance(failed.value, Refused | Unavailable)
            assert failed.value.reason is reason

    asyncio.run(run())


def test_open_imap_leaves_politely_when_a_command_is_refused() -> None:
    lines = [GREETING, b"C: A0001 LOGIN bob secret", b"S: A0001 OK [CAPABILITY X]", b"C: A0002 UID SEARCH ALL"]

    async def run() -> None:
        async with serving([*lines, b"S: A0002 NO no", b"C: A0003 LOGOUT", b"S: A0003 OK"]) as endpoint:
            with pytest.raises(ServerRefused):
                async with open_imap(endpoint, "bob", SECRET) as client:
                    await client.search(b"ALL")

    asyncio.run(run())


@pytest.mark.rfc("3501 §11.1")
def test_nothing_may_come_between_starttls_and_tls() -> None:
    async def session(client: ImapClient) -> None:
        with pytest.raises(PeerError) as error:
            await client.start_tls()
        assert error.value.fatal

    greeting = b"S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready"
    play([greeting, b"C: A0001 STARTTLS", b"S: A0001 OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN"], session)
