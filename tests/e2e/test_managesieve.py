"""ManageSieve on a whole server with two workers, by our own client and by those that nobody here wrote."""

import asyncio
import logging
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from sievelib.managesieve import Client as SievelibClient

from support.dialogue import trusting
from support.process import PASSWORD, Server, running, start
from verbena.client.connect import Endpoint
from verbena.client.errors import ServerRefused
from verbena.client.managesieve import ManageSieveClient, open_managesieve
from verbena.model.errors import Refused
from verbena.model.reason import Reason
from verbena.model.secret import Secret

managesieve = import_module("managesieve")  # a folder of tests has the same name

ALICE = "alice@example.org"
BOB = "bob@example.org"
SCRIPT = 'require ["fileinto"];\r\nif header :contains "subject" "Grüße" {\r\n  fileinto "Archive";\r\n}\r\n'


def endpoint(server: Server) -> Endpoint:
    return Endpoint("127.0.0.1", server.ports["managesieve"], trusting(), timeout_s=20)


async def clear(client: ManageSieveClient) -> None:
    await client.activate(None)
    for listed in await client.scripts():
        await client.delete(listed.name)


@pytest.mark.rfc("5804 §2")
async def test_our_client(server: Server) -> None:
    said: list[bytes] = []
    async with open_managesieve(
        endpoint(server), ALICE, Secret(PASSWORD.encode()), lambda who, line: said.append(who.encode() + line)
    ) as client:
        await clear(client)
        assert "STARTTLS" not in client.capabilities
        assert "fileinto" in (await client.capability())["SIEVE"].split()
        assert client.capabilities["OWNER"] == ALICE
        assert await client.put('clever"script', SCRIPT.encode()) == ""
        await client.have_space("more", 100)
        await client.activate('clever"script')
        await client.rename('clever"script', "Ferien im März")
        assert [(each.name, each.active) for each in await client.scripts()] == [("Ferien im März", True)]
        assert await client.get("Ferien im März") == SCRIPT.encode()
        with pytest.raises(ServerRefused) as active:
            await client.delete("Ferien im März")
        assert (active.value.reason, active.value.code) == (Reason.IN_USE, "ACTIVE")
        with pytest.raises(ServerRefused, match="line 2, column 1") as wrong:
            await client.check(b"# fine\r\nnonsense;\r\n")
        assert wrong.value.reason is Reason.CANNOT
        await client.noop("STARTTLS-SYNC-42")
        await client.unauthenticate()
        await client.login(BOB, Secret(PASSWORD.encode()))
        assert await client.scripts() == []
    assert b"SCRAM-SHA-256" in b"".join(said)
    assert PASSWORD.encode() not in b"".join(said)


@pytest.mark.rfc("5804 §2.1")
async def test_a_wrong_password(server: Server) -> None:
    with pytest.raises(Refused) as error:
        async with open_managesieve(endpoint(server), ALICE, Secret(b"wrong")):
            pass
    assert error.value.reason is Reason.AUTHENTICATION_FAILED


async def test_workers_agree(server: Server) -> None:
    password = Secret(PASSWORD.encode())
    async with open_managesieve(endpoint(server), ALICE, password) as first:
        await clear(first)
        for number in range(8):
            async with open_managesieve(endpoint(server), ALICE, password) as other:
                await other.put("shared", b"# %d\r\nkeep;\r\n" % number)
                await other.activate("shared" if number % 2 else None)
            assert await first.get("shared") == b"# %d\r\nkeep;\r\n" % number
            assert [each.active for each in await first.scripts()] == [bool(number % 2)]


def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    async def put(server: Server) -> None:
        async with open_managesieve(endpoint(server), ALICE, Secret(PASSWORD.encode())) as client:
            for number in range(10):
                await client.put(f"s{number}", SCRIPT.encode())
            await client.activate("s7")
            server.kill()

    async def look(server: Server) -> list[tuple[str, bool]]:
        async with open_managesieve(endpoint(server), ALICE, Secret(PASSWORD.encode())) as client:
            return [(each.name, each.active) for each in await client.scripts()]

    with running(tmp_path) as server:
        asyncio.run(put(server))
        again = start(tmp_path, server.ports)
        try:
            assert asyncio.run(look(again)) == [(f"s{number}", number == 7) for number in range(10)]
        finally:
            again.stop()


def test_managesieve(server: Server) -> None:
    logging.disable(logging.CRITICAL)
    client = managesieve.MANAGESIEVE(
        "127.0.0.1", server.ports["managesieve"], use_tls=True, tls_verify=False, timeout=20
    )
    try:
        assert client.implementation.startswith("Verbena ")
        assert "vacation" in client.capabilities
        assert client.login("", BOB, PASSWORD) == "OK"
        assert client.havespace("large", 999_999_999) == "NO"
        assert client.response_code == "QUOTA/MAXSIZE"
        assert client.putscript("main", SCRIPT) == "OK"
        assert client.putscript("bad", "nonsense;") == "NO"
        assert "line 1" in client.response_text
        assert client.setactive("main") == "OK"
        assert client.listscripts() == ("OK", [("main", True)])
        assert client.getscript("main") == ("OK", SCRIPT)
        assert client.deletescript("main") == "NO"
        assert client.response_code == "ACTIVE"
        assert client.setactive("") == "OK"
        assert client.deletescript("main") == "OK"
        assert client.logout() == "OK"
    finally:
        client.sock.sslobj.close()  # it leaves it open
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_sievelib(server: Server, mechanism: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = SievelibClient("127.0.0.1", server.ports["managesieve"])
    context = trusting()
    monkeypatch.setattr("ssl.create_default_context", lambda *_, **__: context)
    assert client.connect(BOB, PASSWORD, starttls=True, authmech=mechanism)
    assert "fileinto" in client.get_sieve_capabilities()
    assert client.havespace("main", 1000)
    assert client.putscript("main", SCRIPT)
    assert client.putscript("other", "keep;")
    assert client.checkscript(SCRIPT)
    assert not client.checkscript("nonsense;\r\nmore;")
    assert b"line 1" in client.errmsg
    assert client.setactive("main")
    assert client.listscripts() == ("main", ["other"])
    assert client.getscript("main") == SCRIPT.replace("\r\n", "\n").rstrip("\n")
    assert client.renamescript("other", 'with "quotes"')
    assert client.deletescript('with "quotes"')
    assert not client.deletescript("main")
    assert client.setactive("")
    assert client.deletescript("main")
    assert client.listscripts() == (None, [])
    client.logout()


@pytest.mark.skipif(shutil.which("sieve-connect") is None, reason="sieve-connect is not installed")
def test_sieve_connect(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "main.sieve"
    script.write_text(SCRIPT, encoding="utf-8", newline="")
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n", encoding="utf-8")

    where = ("--server", "127.0.0.1", "--port", str(server.ports["managesieve"]), "--notlsverify")

    def run(*arguments: str) -> str:
        command = ["sieve-connect", *where, "--user", BOB, "--passwordfd", "0", *arguments]
        with password.open("rb") as secret:
            done = subprocess.run(command, stdin=secret, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    run("--upload", "--localsieve", str(script), "--remotesieve", "main")
    run("--activate", "--remotesieve", "main")
    assert "main" in run("--list")
    run("--deactivate")
    run("--delete", "--remotesieve", "main")
