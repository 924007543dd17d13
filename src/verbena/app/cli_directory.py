"""The commands about accounts, aliases and domains: ``verbena user | alias | domain``."""

import sys
from pathlib import Path

import click
from rich.table import Table

from verbena.app import admin
from verbena.app.cli_option import CONFIG_OPTION, loaded, settled, show
from verbena.app.config import Config
from verbena.model.secret import Secret

_PASSWORD_STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input's first line."
)


def _password(from_stdin: bool) -> Secret:
    if from_stdin:
        password = sys.stdin.buffer.readline().rstrip(b"\r\n")
    elif sys.stdin.isatty():
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True)).encode()
    else:
        raise click.UsageError("give the password on a terminal, or with --password-stdin")
    if not password:
        raise click.ClickException("the password is empty")
    return Secret(password)


def _warn_of_domain(config: Config, address: str) -> None:
    domain = settled(admin.unserved_domain(config, address))
    if domain is not None:
        click.echo(f"mail for {domain} does not come here until you say `verbena domain add {domain}`", err=True)


@click.group()
def user() -> None:
    """Accounts: who logs in and has mail here."""


@user.command("add")
@click.argument("login", metavar="NAME@DOMAIN")
@_PASSWORD_STDIN
@CONFIG_OPTION
def user_add(login: str, password_stdin: bool, config_path: Path) -> None:
    """Make an account."""
    config = loaded(config_path)
    ref = settled(admin.add_user(config, login, _password(password_stdin)))
    click.echo(f"{ref.login} added")
    _warn_of_domain(config, ref.login)


@user.command("list")
@CONFIG_OPTION
def user_list(config_path: Path) -> None:
    """Show all accounts."""
    accounts = settled(admin.users(loaded(config_path)))
    table = Table("login", "id", "shard", "state")
    for ref in accounts:
        table.add_row(ref.login, str(ref.account_id), f"{ref.shard:02}", "enabled" if ref.enabled else "disabled")
    show(table)


@user.command("remove")
@click.argument("login", metavar="NAME@DOMAIN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@CONFIG_OPTION
def user_remove(login: str, yes: bool, config_path: Path) -> None:
    """Remove an account and all its mail."""
    if not yes:
        click.confirm(f"Remove {login} and all its mail for good?", abort=True)
    settled(admin.remove_user(loaded(config_path), login))
    click.echo(f"{login} removed")


@user.command("password")
@click.argument("login", metavar="NAME@DOMAIN")
@_PASSWORD_STDIN
@CONFIG_OPTION
def user_password(login: str, password_stdin: bool, config_path: Path) -> None:
    """Give an account a new password."""
    config = loaded(config_path)
    settled(admin.set_password(config, login, _password(password_stdin)))
    click.echo(f"{login} has a new password")


def _switch(login: str, enabled: bool, config_path: Path) -> None:
    settled(admin.set_enabled(loaded(config_path), login, enabled))
    click.echo(f"{login} is {'enabled' if enabled else 'disabled'}")


@user.command("enable")
@click.argument("login", metavar="NAME@DOMAIN")
@CONFIG_OPTION
def user_enable(login: str, config_path: Path) -> None:
    """Let a disabled account log in again."""
    _switch(login, True, config_path)


@user.command("disable")
@click.argument("login", metavar="NAME@DOMAIN")
@CONFIG_OPTION
def user_disable(login: str, config_path: Path) -> None:
    """Let an account log in no more; its mail is kept."""
    _switch(login, False, config_path)


@click.group()
def alias() -> None:
    """Other addresses of an account."""


@alias.command("add")
@click.argument("address", metavar="ADDRESS")
@click.argument("login", metavar="NAME@DOMAIN")
@CONFIG_OPTION
def alias_add(address: str, login: str, config_path: Path) -> None:
    """Deliver mail for ADDRESS to the account; "@DOMAIN" takes what nobody else gets."""
    config = loaded(config_path)
    settled(admin.add_alias(config, address, login))
    click.echo(f"{address} goes to {login}")
    _warn_of_domain(config, address)


@alias.command("list")
@CONFIG_OPTION
def alias_list(config_path: Path) -> None:
    """Show all aliases."""
    table = Table("address", "account")
    for address, login in settled(admin.aliases(loaded(config_path))):
        table.add_row(address, login)
    show(table)


@alias.command("remove")
@click.argument("address", metavar="ADDRESS")
@CONFIG_OPTION
def alias_remove(address: str, config_path: Path) -> None:
    """Deliver mail for ADDRESS no more."""
    settled(admin.remove_alias(loaded(config_path), address))
    click.echo(f"{address} removed")


@click.group()
def domain() -> None:
    """The domains whose mail is delivered here."""


@domain.command("add")
@click.argument("name", metavar="DOMAIN")
@CONFIG_OPTION
def domain_add(name: str, config_path: Path) -> None:
    """Take mail for DOMAIN."""
    settled(admin.add_domain(loaded(config_path), name))
    click.echo(f"mail for {name} is delivered here")


@domain.command("list")
@CONFIG_OPTION
def domain_list(config_path: Path) -> None:
    """Show all domains."""
    for name in settled(admin.domains(loaded(config_path))):
        click.echo(name)
