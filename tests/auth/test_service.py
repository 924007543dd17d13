"""Authentication over a real directory: each mechanism, each refusal, and what an attacker can not learn."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from verbena.auth.api import Authenticator, Challenge, Exchange, Identity, Success
from verbena.auth.password import REMEMBERED_S, make_credentials
from verbena.auth.service import AuthService, LoginEvent
from verbena.model.errors import PeerError, Refused
from verbena.model.link import Peer, TlsState
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.store.api import AccountRef
from verbena.store.directory import SqliteDirectory
from verbena.wire.sasl.machine import ClientMachine
from verbena.wire.sasl.plain import ExternalClient, LoginClient, PlainClient
from verbena.wire.sasl.scram import ScramClient
from verbena.wire.sasl.scram_message import parse_server_first

PEER = Peer("192.0.2.1", 40000, "192.0.2.9", 143)
BINDING = ("tls-server-end-point", Secret(b"\x07" * 32))
TLS = TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384", None, (BINDING,))
PASSWORD = Secret("gr\u00fcne Verbene".encode())
CREDENTIALS = make_credentials(PASSWORD, secrets.token_bytes)


class NoRows:
    async def create_account_rows(self, ref: AccountRef) -> None:
        """No shards in these tests."""

    async def remove_account_rows(self, ref: AccountRef) -> None:
        """No shards in these tests."""


@dataclass
class World:
    """A service with a clock, sleep and login log that the test holds."""

    directory: SqliteDirectory
    now_s: float = 0.0
    slept_s: list[float] = field(default_factory=list)
    events: list[LoginEvent] = field(default_factory=list)

    def service(self, allow_plaintext: bool = False) -> AuthService:
        async def sleep(delay_s: float) -> None:
            self.slept_s.append(delay_s)

        made = AuthService(
            self.directory,
            self.directory.secret("scram-fake-salt"),
            allow_plaintext=allow_plaintext,
            submit_users=["submitserver"],
            told=self.events.append,
            clock=lambda: self.now_s,
            sleep=sleep,
        )
        keeps_the_promise: Authenticator = made
        assert keeps_the_promise is made
        return made


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    directory = SqliteDirectory(tmp_path / "server.db", NoRows(), 8)

    async def fill() -> None:
        await directory.add_domain("example.org")
        for name in ("bob", "carol", "submitserver"):
            await directory.add_account(f"{name}@example.org", CREDENTIALS)
        await directory.add_account("submitserver@other.example", CREDENTIALS)

    asyncio.run(fill())
    yield World(directory)
    directory.close()


def play(world: World, session: Callable[[AuthService], Awaitable[None]], allow_plaintext: bool = False) -> None:
    async def run() -> None:
        service = world.service(allow_plaintext)
        try:
            await session(service)
        finally:
            service.close()

    asyncio.run(run())


async def converse(exchange: Exchange, client: ClientMachine) -> Identity:
    """Play both sides as IMAP does: success data travel as a challenge."""
    response = client.initial()
    while True:
        step = await exchange.step(response)
        if isinstance(step, Success):
            if step.final is not None:
                client.answer(step.final)
            client.complete()
            return step.identity
        response = client.answer(step.octets)


def clients() -> list[tuple[str, ClientMachine]]:
    bob = "bob@example.org"
    return [
        ("PLAIN", PlainClient(bob, PASSWORD)),
        ("PLAIN", PlainClient("BOB", PASSWORD, authzid=bob)),
        ("LOGIN", LoginClient(bob, PASSWORD)),
        ("SCRAM-SHA-1", ScramClient("SHA-1", bob, PASSWORD, b"nonce")),
        ("SCRAM-SHA-256", ScramClient("SHA-256", "Bob", PASSWORD, b"nonce", authzid=bob)),
        ("SCRAM-SHA-1-PLUS", ScramClient("SHA-1", bob, PASSWORD, b"nonce", binding=BINDING)),
        ("SCRAM-SHA-256-PLUS", ScramClient("SHA-256", bob, PASSWORD, b"nonce", binding=BINDING)),
    ]


def test_every_mechanism_logs_in(world: World) -> None:
    async def session(service: AuthService) -> None:
        for mechanism, client in clients():
            assert mechanism in service.mechanisms(TLS, PEER)
            identity = await converse(service.start(mechanism.lower(), TLS, PEER, "imap"), client)
            assert (identity.account.login, identity.mechanism) == ("bob@example.org", mechanism)
            assert not identity.submit_server
        assert {event.result for event in world.events} == {"ok"}
        assert world.slept_s == []

    play(world, session)


@pytest.mark.rfc("3501 §6.2.3")
def test_login_command(world: World) -> None:
    async def session(service: AuthService) -> None:
        identity = await service.login("bob", PASSWORD, TLS, PEER, "imap")
        assert (identity.account.login, identity.login) == ("bob@example.org", "bob")
        for user, password in (("bob", b"wrong"), ("nobody", PASSWORD.reveal()), ("bob", b"\xff"), ("bob", b"")):
            with pytest.raises(Refused) as refused:
                await service.login(user, Secret(password), TLS, PEER, "imap")
            assert refused.value.reason is Reason.AUTHENTICATION_FAILED
        assert [event.result for event in world.events] == ["ok", *["authentication_failed"] * 4]
        assert world.slept_s == [0.25, 0.5, 1.0, 2.0]

    play(world, session)


def test_nothing_without_tls_unless_allowed(world: World) -> None:
    async def refuses(service: AuthService) -> None:
        assert service.mechanisms(None, PEER) == ()
        assert not service.login_allowed(None, PEER)
        with pytest.raises(Refused) as refused:
            service.start("PLAIN", None, PEER, "imap")
        assert refused.value.reason is Reason.PRIVACY_REQUIRED
        with pytest.raises(Refused) as refused:
            await service.login("bob", PASSWORD, None, PEER, "imap")
        assert refused.value.reason is Reason.PRIVACY_REQUIRED
        assert service.login_allowed(None, Peer("unix", 0, "unix", 0))

    async def allows(service: AuthService) -> None:
        assert service.mechanisms(None, PEER) == ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN")
        await converse(service.start("PLAIN", None, PEER, "imap"), PlainClient("bob", PASSWORD))

    play(world, refuses)
    play(world, allows, allow_plaintext=True)


@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "DIGEST-MD5", "EXTERNAL", "", "PLAIN\0"])
def test_what_is_not_on_offer_can_not_be_started(world: World, mechanism: str) -> None:
    async def session(service: AuthService) -> None:
        with pytest.raises(Refused) as refused:
            service.start(mechanism, TLS, PEER, "imap")
        assert refused.value.reason is Reason.AUTHENTICATION_FAILED

    play(world, session)


def test_plus_needs_a_channel_binding(world: World) -> None:
    async def session(service: AuthService) -> None:
        bare = TlsState("TLSv1.3", "x", None, ())
        assert service.mechanisms(bare, PEER) == ("SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN")
        with pytest.raises(Refused):
            service.start("SCRAM-SHA-256-PLUS", bare, PEER, "imap")

    play(world, session)


@pytest.mark.rfc("4422 §A")
def test_external_takes_the_certificates_name(world: World) -> None:
    async def session(service: AuthService) -> None:
        tls = TlsState("TLSv1.3", "x", "carol@example.org", ())
        assert service.mechanisms(tls, PEER)[0] == "EXTERNAL"
        for authzid in ("", "carol"):
            identity = await converse(service.start("EXTERNAL", tls, PEER, "imap"), ExternalClient(authzid))
            assert identity.account.login == "carol@example.org"
        with pytest.raises(Refused) as refused:
            await converse(service.start("EXTERNAL", tls, PEER, "imap"), ExternalClient("bob"))
        assert refused.value.reason is Reason.AUTHORIZATION_FAILED
        stranger = TlsState("TLSv1.3", "x", "stranger@example.org", ())
        with pytest.raises(Refused):
            await converse(service.start("EXTERNAL", stranger, PEER, "imap"), ExternalClient())

    play(world, session)


@pytest.mark.rfc("4616 §2")
def test_nobody_acts_for_others(world: World) -> None:
    async def session(service: AuthService) -> None:
        for authzid in ("carol", "nobody"):
            for mechanism, client in (
                ("PLAIN", PlainClient("bob", PASSWORD, authzid)),
                ("SCRAM-SHA-256", ScramClient("SHA-256", "bob", PASSWORD, b"nonce", authzid)),
            ):
                with pytest.raises(Refused) as refused:
                    await converse(service.start(mechanism, TLS, PEER, "imap"), client)
                assert refused.value.reason is Reason.AUTHORIZATION_FAILED

    play(world, session)


@pytest.mark.rfc("4468 §2")
def test_submit_identities_are_marked(world: World) -> None:
    async def session(service: AuthService) -> None:
        assert (await service.login("submitserver", PASSWORD, TLS, PEER, "imap")).submit_server
        # a name without domain means the first domain's account, and no other
        assert not (await service.login("submitserver@other.example", PASSWORD, TLS, PEER, "imap")).submit_server

    play(world, session)


def test_disabled_accounts_and_new_passwords_count_at_once(world: World) -> None:
    async def session(service: AuthService) -> None:
        bob = (await service.login("bob", PASSWORD, TLS, PEER, "imap")).account
        await world.directory.set_enabled(bob.account_id, False)
        with pytest.raises(Refused) as refused:
            await service.login("bob", PASSWORD, TLS, PEER, "imap")
        assert refused.value.reason is Reason.ACCOUNT_DISABLED
        await world.directory.set_enabled(bob.account_id, True)
        await world.directory.set_credentials(bob.account_id, make_credentials(Secret(b"new"), secrets.token_bytes))
        with pytest.raises(Refused):
            await service.login("bob", PASSWORD, TLS, PEER, "imap")
        await service.login("bob", Secret(b"new"), TLS, PEER, "imap")

    play(world, session)


def test_verified_logins_are_remembered_for_a_while(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[bytes] = []
    verify = __import__("verbena.auth.password", fromlist=["_matches"])._matches

    def count(argon2: bytes, password: Secret) -> bool:
        hashed.append(argon2)
        return bool(verify(argon2, password))

    monkeypatch.setattr("verbena.auth.password._matches", count)

    async def session(service: AuthService) -> None:
        await asyncio.gather(*(service.login("bob", PASSWORD, TLS, PEER, "imap") for _ in range(50)))
        assert 1 <= len(hashed) <= 2
        await service.login("bob", PASSWORD, TLS, PEER, "imap")
        assert len(hashed) <= 2
        world.now_s += REMEMBERED_S
        before = len(hashed)
        await service.login("bob", PASSWORD, TLS, PEER, "imap")
        assert len(hashed) == before + 1
        # an unknown name costs a hash as well
        with pytest.raises(Refused):
            await service.login("nobody", PASSWORD, TLS, PEER, "imap")
        assert len(hashed) == before + 2

    play(world, session)


@pytest.mark.rfc("5802 §9")
def test_scram_does_not_tell_who_has_an_account(world: World) -> None:
    async def server_first(service: AuthService, user: bytes) -> tuple[int, int, bytes]:
        step = await service.start("SCRAM-SHA-256", TLS, PEER, "imap").step(b"n,,n=" + user + b",r=nonce")
        assert isinstance(step, Challenge)
        first = parse_server_first(step.octets)
        return len(first.salt), first.iterations, first.salt

    async def session(service: AuthService) -> None:
        known = await server_first(service, b"bob")
        unknown = await server_first(service, b"nobody")
        assert known[:2] == unknown[:2]
        assert unknown == await server_first(service, b"NOBODY")
        assert unknown == await server_first(service, b"nobody@example.org")
        assert known == await server_first(service, b"bob@example.org")
        assert unknown[2] != (await server_first(service, b"nobody2"))[2]
        client = ScramClient("SHA-256", "nobody", PASSWORD, b"nonce")
        with pytest.raises(Refused) as refused:
            await converse(service.start("SCRAM-SHA-256", TLS, PEER, "imap"), client)
        assert (refused.value.reason, refused.value.told) == (Reason.AUTHENTICATION_FAILED, "Authentication failed")

    play(world, session)


def test_guessing_is_limited_per_address(world: World) -> None:
    async def session(service: AuthService) -> None:
        for guess in range(50):
            with pytest.raises(Refused) as refused:
                await service.login(f"user{guess}", Secret(b"guess"), TLS, PEER, "imap")
            assert refused.value.reason is Reason.AUTHENTICATION_FAILED
        for attempt in (
            service.login("bob", PASSWORD, TLS, PEER, "imap"),
            service.start("PLAIN", TLS, PEER, "imap").step(None),
        ):
            with pytest.raises(Refused) as refused:
                await attempt
            assert refused.value.reason is Reason.TOO_MANY_ATTEMPTS
        other = Peer("192.0.2.2", 1, "192.0.2.9", 143)
        await service.login("bob", PASSWORD, TLS, other, "imap")

    play(world, session)


@pytest.mark.parametrize("octets", [b"", b"\0\0\0\0", b"\0bob", b"\xff\0\xff\0\xff"])
def test_broken_octets_are_the_peers_fault(world: World, octets: bytes) -> None:
    async def session(service: AuthService) -> None:
        for mechanism in ("PLAIN", "SCRAM-SHA-256"):
            with pytest.raises(PeerError):
                await service.start(mechanism, TLS, PEER, "imap").step(octets)
        assert world.slept_s == [0.25, 0.5]

    play(world, session)


@pytest.mark.parametrize("password", [b"", b"\xff", b"bell\x07", "\u0221".encode(), "\u00ad".encode()])
def test_passwords_that_can_not_be(password: bytes) -> None:
    with pytest.raises(Refused):
        make_credentials(Secret(password), secrets.token_bytes)


def test_secrets_stay_out_of_reprs() -> None:
    shown = repr(CREDENTIALS)
    assert "argon2id" not in shown
    assert repr(CREDENTIALS.scram[0].stored_key.reveal()) not in shown
