"""The directory's promises, with two processes' worth of connections on one file."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from verbena.model.errors import Refused
from verbena.model.ids import AccountId
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.store.address import canonical_domain, checked_address
from verbena.store.api import AccountRef, Credentials, Directory, ScramKeys
from verbena.store.directory import SqliteDirectory

SCRAM = ScramKeys("SHA-256", b"salt", 4096, Secret(b"stored"), Secret(b"server"))
CREDENTIALS = Credentials(Secret(b"$argon2id$..."), (SCRAM, replace(SCRAM, hash_name="SHA-1")))


class Rows:
    """Remembers which accounts have rows in their shard."""

    def __init__(self) -> None:
        self.refs: list[AccountRef] = []

    async def create_account_rows(self, ref: AccountRef) -> None:
        self.refs.append(ref)

    async def remove_account_rows(self, ref: AccountRef) -> None:
        self.refs = [kept for kept in self.refs if kept.account_id != ref.account_id]


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
def directory(tmp_path: Path, rows: Rows) -> Iterator[SqliteDirectory]:
    opened = SqliteDirectory(tmp_path / "server.db", rows, 8)
    keeps_the_promise: Directory = opened
    assert keeps_the_promise is opened
    yield opened
    assert opened.check() == []
    opened.close()


def test_accounts_are_found_with_and_without_domain(directory: SqliteDirectory, rows: Rows) -> None:
    async def play() -> None:
        await directory.add_domain("example.org")
        await directory.add_domain("Example.NET.")
        bob_net = await directory.add_account("bob@example.net", None)
        bob = await directory.add_account("Bob@Example.org", CREDENTIALS)
        assert (bob.login, bob.shard, bob.enabled) == ("bob@example.org", bob.account_id % 8, True)
        assert directory.find_login("BOB@EXAMPLE.ORG") == bob
        assert directory.find_login("bob") == bob
        assert directory.find_login("bob@example.net") == bob_net
        assert directory.find_login("carol") is None
        assert directory.by_id(bob.account_id) == bob
        assert directory.credentials(bob.account_id) == CREDENTIALS
        assert directory.credentials(bob_net.account_id) is None
        assert list(directory.accounts()) == [bob_net, bob]
        assert list(directory.domains()) == ["example.org", "example.net"]
        assert rows.refs == [bob_net, bob]

    asyncio.run(play())


def test_another_connection_sees_every_write_at_once(directory: SqliteDirectory, rows: Rows, tmp_path: Path) -> None:
    other = SqliteDirectory(tmp_path / "server.db", rows, 8)

    async def play() -> None:
        assert other.find_login("bob@example.org") is None
        bob = await directory.add_account("bob@example.org", CREDENTIALS)
        assert other.find_login("bob@example.org") == bob
        await other.set_enabled(bob.account_id, False)
        assert directory.find_login("bob@example.org") == replace(bob, enabled=False)
        changed = Credentials(Secret(b"$argon2id$new"), ())
        await other.set_credentials(bob.account_id, changed)
        assert directory.credentials(bob.account_id) == changed
        await other.remove_account(bob.account_id)
        assert directory.by_id(bob.account_id) is None
        assert rows.refs == []
        again = await directory.add_account("bob@example.org", None)
        assert again.account_id > bob.account_id

    asyncio.run(play())
    assert other.secret("scram-fake-salt") == directory.secret("scram-fake-salt")
    assert len(other.secret("scram-fake-salt").reveal()) == 32
    other.close()


def test_names_are_taken_once(directory: SqliteDirectory, rows: Rows) -> None:
    async def play() -> None:
        outcomes = await asyncio.gather(
            *(directory.add_account("bob@example.org", None) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(outcome, AccountRef) for outcome in outcomes) == 1
        refusals = [outcome.reason for outcome in outcomes if isinstance(outcome, Refused)]
        assert refusals == [Reason.ALREADY_EXISTS] * 4
        assert len(rows.refs) == 1
        carol = await directory.add_account("carol@example.org", None)
        with pytest.raises(Refused):
            await directory.add_alias("bob@example.org", carol.account_id)
        await directory.add_alias("sales@example.org", carol.account_id)
        with pytest.raises(Refused):
            await directory.add_account("sales@example.org", None)

    asyncio.run(play())


@pytest.mark.rfc("5321 §2.4")
def test_addresses_go_to_accounts_aliases_details_and_catch_alls(directory: SqliteDirectory) -> None:
    async def play() -> None:
        await directory.add_domain("example.org")
        bob = await directory.add_account("bob@example.org", None)
        carol = await directory.add_account("carol@example.org", None)
        elsewhere = await directory.add_account("dave@elsewhere.example", None)
        await directory.add_alias("Team@example.org", bob.account_id)
        await directory.add_alias("team@example.org", carol.account_id)
        resolve = directory.resolve_address
        assert resolve("Bob", "EXAMPLE.org") == (bob,)
        assert resolve("bob+lists", "example.org") == (bob,)
        assert resolve("team", "example.org") == (bob, carol)
        assert resolve("team+x", "example.org") == (bob, carol)
        assert resolve("nobody", "example.org") == ()
        assert resolve("dave", "elsewhere.example") == ()
        assert directory.may_send_as(elsewhere, "dave", "elsewhere.example")
        assert directory.may_send_as(bob, "bob+x", "example.org")
        assert directory.may_send_as(bob, "team", "example.org")
        assert not directory.may_send_as(bob, "carol", "example.org")
        await directory.add_alias("@example.org", carol.account_id)
        assert resolve("nobody", "example.org") == (carol,)
        assert resolve("", "example.org") == (carol,)
        assert not directory.may_send_as(carol, "bob", "example.org")
        assert list(directory.aliases()) == [
            ("@example.org", "carol@example.org"),
            ("team@example.org", "bob@example.org"),
            ("team@example.org", "carol@example.org"),
        ]
        await directory.remove_alias("TEAM@example.org")
        assert resolve("team", "example.org") == (carol,)
        with pytest.raises(Refused):
            await directory.remove_alias("team@example.org")
        await directory.remove_account(carol.account_id)
        assert resolve("nobody", "example.org") == ()

    asyncio.run(play())


def test_what_is_not_there_is_refused(directory: SqliteDirectory) -> None:
    nobody = AccountId(99)

    async def play() -> None:
        for call in (
            directory.remove_account(nobody),
            directory.set_credentials(nobody, CREDENTIALS),
            directory.set_enabled(nobody, True),
            directory.add_alias("x@example.org", nobody),
        ):
            with pytest.raises(Refused) as refused:
                await call
            assert refused.value.reason is Reason.NONEXISTENT

    asyncio.run(play())


@pytest.mark.parametrize(
    "login",
    [
        *(
            "",
            "bob",
            "@example.org",
            "b ob@example.org",
            ".bob@example.org",
            "bob..x@example.org",
            "bob@",
            "bob@-x.org",
        ),
        *("bob@exa mple.org", "b" * 65 + "@example.org", "bo\nb@example.org", 'b"b@example.org', "bob@" + "a" * 64),
    ],
)
def test_a_login_must_be_an_address(directory: SqliteDirectory, rows: Rows, login: str) -> None:
    with pytest.raises(Refused) as refused:
        asyncio.run(directory.add_account(login, None))
    assert refused.value.reason is Reason.BAD_RECIPIENT
    assert rows.refs == []


@pytest.mark.rfc("6531 §3.3")
def test_addresses_beyond_ascii() -> None:
    assert checked_address("Jose\u0301@B\u00fccher.example") == ("jos\u00e9", "xn--bcher-kva.example")
    assert canonical_domain("XN--BCHER-KVA.example") == "xn--bcher-kva.example"
