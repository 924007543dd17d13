"""The commands about accounts' Sieve scripts: ``verbena sieve put | list | get | activate | rename | delete``.

They work on the store itself, beside a running server or not; ManageSieve is for users, who do the same over the net.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from verbena.app.admin import opened_store
from verbena.app.cli_option import CONFIG_OPTION, loaded, settled
from verbena.app.config import Config
from verbena.app.wiring_delivery import script_registry
from verbena.model.errors import Refused
from verbena.model.reason import Reason
from verbena.sieve.check import compile_script
from verbena.sieve.errors import Complaint, ScriptError
from verbena.store.script_api import Script, ScriptEntry, Scripts

_LOGIN = click.argument("login", metavar="NAME@DOMAIN")
_NAME = click.argument("name", metavar="SCRIPT")


@asynccontextmanager
async def _scripts(config: Config, login: str) -> AsyncIterator[Scripts]:
    """Raises ``Refused(NONEXISTENT)`` when there is no such account."""
    async with opened_store(config) as store:
        ref = store.directory.find_login(login)
        if ref is None:
            raise Refused(Reason.NONEXISTENT, f"There is no account {login}: see `verbena user list`")
        yield store.account(ref).scripts


@click.group()
def sieve() -> None:
    """Sieve scripts: filters of incoming mail."""


@sieve.command("put")
@_LOGIN
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--name", metavar="SCRIPT", help="Its name in the account. Default: the file's, without its ending.")
@click.option("--activate", is_flag=True, help="Filter the account's mail with it from now on.")
@CONFIG_OPTION
def sieve_put(login: str, file: Path, name: str | None, activate: bool, config_path: Path) -> None:
    """Check the script in FILE, or on standard input for "-", and keep it in the account.

    One of the same name is replaced. A script with errors is not kept.
    """
    config = loaded(config_path)
    if name is None and str(file) == "-":
        raise click.UsageError("give a --name to what comes on standard input")
    octets = _read(file)
    name = file.stem if name is None else name
    for complaint in _warnings(config, file, octets):
        click.echo(f"{file}: {complaint}", err=True)
    settled(_put(config, login, name, octets, activate))
    click.echo(f"{login}: {name} is kept" + (" and active" if activate else ""))


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} can not be read: {error.strerror}") from error


def _warnings(config: Config, file: Path, octets: bytes) -> tuple[Complaint, ...]:
    """Ends the command when the script has errors, with all of them."""
    try:
        return compile_script(octets, script_registry(config))[1]
    except ScriptError as error:
        raise click.ClickException("\n".join(f"{file}: {complaint}" for complaint in error.complaints)) from error


async def _put(config: Config, login: str, name: str, octets: bytes, activate: bool) -> None:
    async with _scripts(config, login) as scripts:
        await scripts.put(name, octets)
        if activate:
            await scripts.activate(name)


@sieve.command("list")
@_LOGIN
@CONFIG_OPTION
def sieve_list(login: str, config_path: Path) -> None:
    """Show an account's scripts, and which one filters its mail."""
    entries = settled(_list(loaded(config_path), login))
    if not entries:
        click.echo("there are no scripts")
        return
    table = Table("script", "octets", "changed", "state")
    for entry in entries:
        changed = datetime.fromtimestamp(entry.changed_at_epoch_s, UTC).isoformat(" ", "seconds")
        table.add_row(entry.name, str(entry.size_octets), changed, "active" if entry.active else "")
    Console().print(table)


async def _list(config: Config, login: str) -> list[ScriptEntry]:
    async with _scripts(config, login) as scripts:
        return list(scripts.all())


@sieve.command("get")
@_LOGIN
@_NAME
@CONFIG_OPTION
def sieve_get(login: str, name: str, config_path: Path) -> None:
    """Print a script as it was put."""
    script = settled(_get(loaded(config_path), login, name))
    if script is None:
        raise click.ClickException(f"{login} has no script {name}")
    click.echo(script.octets, nl=False)


async def _get(config: Config, login: str, name: str) -> Script | None:
    async with _scripts(config, login) as scripts:
        return scripts.get(name)


@sieve.command("activate")
@_LOGIN
@click.argument("name", metavar="SCRIPT", required=False)
@click.option("--none", "nothing", is_flag=True, help="Filter the account's mail no more.")
@CONFIG_OPTION
def sieve_activate(login: str, name: str | None, nothing: bool, config_path: Path) -> None:
    """Filter an account's mail with SCRIPT, and with no other."""
    if (name is None) != nothing:
        raise click.UsageError("name a SCRIPT, or give --none")
    settled(_activate(loaded(config_path), login, name))
    click.echo(f"{login}: " + ("no script is active" if name is None else f"{name} is active"))


async def _activate(config: Config, login: str, name: str | None) -> None:
    async with _scripts(config, login) as scripts:
        await scripts.activate(name)


@sieve.command("rename")
@_LOGIN
@_NAME
@click.argument("new_name", metavar="NEW")
@CONFIG_OPTION
def sieve_rename(login: str, name: str, new_name: str, config_path: Path) -> None:
    """Give a script another name; the active one stays active."""
    settled(_rename(loaded(config_path), login, name, new_name))
    click.echo(f"{login}: {name} is now {new_name}")


async def _rename(config: Config, login: str, name: str, new_name: str) -> None:
    async with _scripts(config, login) as scripts:
        await scripts.rename(name, new_name)


@sieve.command("delete")
@_LOGIN
@_NAME
@CONFIG_OPTION
def sieve_delete(login: str, name: str, config_path: Path) -> None:
    """Remove a script; not the active one."""
    settled(_delete(loaded(config_path), login, name))
    click.echo(f"{login}: {name} is removed")


async def _delete(config: Config, login: str, name: str) -> None:
    async with _scripts(config, login) as scripts:
        await scripts.delete(name)
