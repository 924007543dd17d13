"""The ManageSieve client against a scripted server: servers that are not ours, and what they should not say."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from client.scripted import serving
from verbena.client.connect import connect
from verbena.client.errors import ServerRefused, ServerUnavailable
from verbena.client.managesieve import ManageSieveClient
from verbena.model.errors import LinkClosed, PeerError, Refused
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.wire.managesieve.reply import Listed
from verbena.wire.sasl.plain import PlainClient

GREETING = b'S: "IMPlemENTATION" "Example1"\r\n"SASl" "PLAIN"\r\n"SIeVE" "fileinto vacation"\r\n"StaRTTLS"\r\nOK'


def play(lines: Sequence[bytes], session: Callable[[ManageSieveClient], Awaitable[None]]) -> None:
    """Run ``session`` on a client that has been greeted."""

    async def run() -> None:
        async with serving(lines) as endpoint:
            client = ManageSieveClient(await connect(endpoint))
            try:
                await client.greet()
                await session(client)
            finally:
                client.connection.close()

    asyncio.run(run())


@pytest.mark.rfc("5804 §1.7", "5804 §2.7", "5804 §2.9")
def test_words_in_any_case_and_literals_anywhere() -> None:
    async def session(client: ManageSieveClient) -> None:
        assert dict(client.capabilities) == {
            "IMPLEMENTATION": "Example1",
            "SASL": "PLAIN",
            "SIEVE": "fileinto vacation",
            "STARTTLS": "",
        }
        assert await client.scripts() == [Listed("summer", False), Listed('clever"script', False), Listed("main", True)]
        assert await client.get("myscript") == b'#this is my wonderful script\r\nreject "I reject all";\r\n'
        with pytest.raises(ServerRefused) as missing:
            await client.activate("baz")
        assert (missing.value.reason, missing.value.code) == (Reason.NONEXISTENT, "NONEXISTENT")
        assert await client.put("a", b"keep;") == "line 8: server redirect action limit is 2"
        await client.logout()

    literal = b'S: {54}\r\n#this is my wonderful script\r\nreject "I reject all";\r\n\r\nOK'
    lines = [
        GREETING,
        b"C: LISTSCRIPTS",
        b'S: "summer"\r\n{13}\r\nclever"script\r\n"main" active\r\nok',
        b'C: GETSCRIPT "myscript"',
        literal,
        b'C: SETACTIVE "baz"',
        b"S: No (NONEXISTENT) {31}\r\nThere is no script by that name",
        b'C: PUTSCRIPT "a" "keep;"',
        b'S: OK (WARNINGS) "line 8: server redirect action limit is 2"',
        b"C: LOGOUT",
        b"S: Ok",
    ]
    play(lines, session)


@pytest.mark.rfc("5804 §1.3")
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (b"QUOTA", Reason.OVER_QUOTA),
        (b"QUOTA/MAXSIZE", Reason.TOO_BIG),
        (b"quota/maxscripts", Reason.LIMIT),
        (b"QUOTA/MAXSIZE/NEW", Reason.OVER_QUOTA),
        (b"X-UNKNOWN (a 5)", Reason.CANNOT),
    ],
)
def test_codes(code: bytes, reason: Reason) -> None:
    async def session(client: ManageSieveClient) -> None:
        with pytest.raises(ServerRefused) as error:
            await client.have_space("a", 5)
        assert (error.value.reason, error.value.told) == (reason, "no")

    play([GREETING, b'C: HAVESPACE "a" 5', b"S: NO (" + code + b') "no"'], session)


@pytest.mark.parametrize(
    "reply", [b'BYE "bad day"', b'NO (TRYLATER) "bad day"', b"BYE (REFERRAL sieve://b) {7}\r\nbad day"]
)
def test_later(reply: bytes) -> None:
    async def session(client: ManageSieveClient) -> None:
        with pytest.raises(ServerUnavailable, match="bad day"):
            await client.delete("a")

    play([GREETING, b'C: DELETESCRIPT "a"', b"S: " + reply], session)


@pytest.mark.rfc("5804 §2.1.1")
def test_a_password_is_not_sent_without_tls() -> None:
    async def session(client: ManageSieveClient) -> None:
        with pytest.raises(Refused) as error:
            await client.login("alice", Secret(b"secret"))
        assert error.value.reason is Reason.PRIVACY_REQUIRED

    play([GREETING], session)


@pytest.mark.rfc("5804 §2.1")
def test_an_exchange() -> None:
    said: list[bytes] = []

    async def run() -> None:
        lines = [GREETING, b'C: AUTHENTICATE "PLAIN" "AGFsaWNlAHNlY3JldA=="', b'S: NO "no"']
        async with serving(lines) as endpoint:
            client = ManageSieveClient(await connect(endpoint, lambda who, line: said.append(line)))
            await client.greet()
            with pytest.raises(ServerRefused) as error:
                await client.authenticate("PLAIN", PlainClient("alice", Secret(b"secret")))
            assert error.value.reason is Reason.AUTHENTICATION_FAILED
            client.connection.close()

    asyncio.run(run())
    assert b'AUTHENTICATE "PLAIN" ****' in said
    assert b"AGFsaWNlAHNlY3JldA==" not in b"".join(said)


@pytest.mark.rfc("5804 §2.2")
def test_nothing_may_come_between_starttls_and_tls() -> None:
    async def session(client: ManageSieveClient) -> None:
        with pytest.raises(PeerError) as error:
            await client.start_tls()
        assert error.value.fatal

    play([GREETING, b"C: STARTTLS", b'S: OK\r\n"SASL" "PLAIN"\r\nOK'], session)


@pytest.mark.parametrize("line", [b"MAYBE", b'OK "a', b'OK (TAG "other")', b"* OK"])
def test_what_no_server_should_say(line: bytes) -> None:
    async def session(client: ManageSieveClient) -> None:
        with pytest.raises(PeerError):
            await client.noop("mine")
            await client.scripts()

    play([GREETING, b'C: NOOP "mine"', b"S: " + line], session)


def test_the_server_is_gone() -> None:
    async def session(client: ManageSieveClient) -> None:
        with pytest.raises(LinkClosed):
            await client.check(b"keep;")
        await client.logout()

    play([GREETING, b'C: CHECKSCRIPT "keep;"'], session)
