"""The command line: ``verbena COMMAND``.

Errors of ours are one sentence that says what to do, on standard error, with status 1; bad usage has status 2.
Tables and colours by rich: plain text when the output is no terminal.
"""

import os
import socket
import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

import verbena
from verbena import compiled
from verbena.app import admin, configdoc
from verbena.app.cli_directory import alias, domain, user
from verbena.app.cli_filter import sieve_filter
from verbena.app.cli_option import CONFIG_OPTION, loaded, settled, show
from verbena.app.cli_sieve import sieve
from verbena.app.config import Config, parse_config
from verbena.app.tls import self_signed_pair
from verbena.store.open import init_store

PORTS: Final = {
    "imap": 1143,
    "imaps": 1993,
    "submission": 1587,
    "submissions": 1465,
    "lmtp": 1024,
    "managesieve": 4190,
    "http": 1080,
}
"""Where a new configuration listens, on loopback: above 1024, so that no privilege is needed."""


def _version() -> str:
    layers = ", ".join(compiled.layers()) or "none"
    return f"verbena {verbena.__version__} (Python {sys.version.split()[0]}; compiled layers: {layers})"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(message=_version())
def main() -> None:
    """A mail server for the whole Lemonade profile (RFC 5550).

    Start with `verbena init DIR`, `verbena user add NAME@DOMAIN`, `verbena serve`.
    """
    os.umask(0o077)  # mail, passwords and keys are nobody else's


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--hostname", metavar="NAME", help="This server's name. Default: the machine's.")
@click.option(
    "--domain", "domains", metavar="DOMAIN", multiple=True, help="Take mail for this domain; may be given again."
)
@click.option(
    "--shards", type=click.IntRange(1, 99), help="Database files to spread accounts over, for good. Default: 8."
)
@CONFIG_OPTION
def init(folder: Path, hostname: str | None, domains: tuple[str, ...], shards: int | None, config_path: Path) -> None:
    """Make the data folder DIR, and a configuration when there is none.

    What is there already is left alone.
    """
    if not settled(config_path.exists):
        settled(lambda: _write_config(config_path, folder, hostname or socket.getfqdn(), domains))
        click.echo(f"{config_path}: a configuration that listens on loopback; edit it to your needs")
    elif hostname is not None or domains:
        click.echo(
            f"{config_path} is there already and stays as it is: --hostname and --domain change nothing", err=True
        )
    config = loaded(config_path)
    if config.data_path.resolve() != folder.resolve():
        raise click.ClickException(f'{config_path} says data = "{config.data}", not {folder}: make them agree')
    settled(lambda: _make_data(config, shards or config.store.shards))
    settled(admin.add_configured_domains(config))
    click.echo(f"{folder}: ready for `verbena user add NAME@DOMAIN` and `verbena serve`")


def _make_data(config: Config, shards: int) -> None:
    init_store(config.data_path, shards)
    if config.tls.certificate is None:
        self_signed_pair(config.data_path, config.hostname)


def _write_config(path: Path, folder: Path, hostname: str, domains: tuple[str, ...]) -> None:
    """Raises ``ConfigError`` before anything is written, when the values can not be used."""
    parent = path.parent.resolve()
    data = (
        os.path.relpath(folder.resolve(), parent) if folder.resolve().is_relative_to(parent) else str(folder.resolve())
    )
    values: dict[str, object] = {"data": data, "hostname": hostname}
    if domains:
        values["domains"] = domains
    for name, port in PORTS.items():
        values[f"listen.{name}"] = f"127.0.0.1:{port}"
    text = configdoc.sample(values)
    parse_config(text, path)
    path.write_text(text, "utf-8")


@main.command()
@CONFIG_OPTION
def serve(config_path: Path) -> None:
    """Run the server in the foreground until SIGTERM or Ctrl-C.

    SIGHUP loads the certificates again.
    """
    from verbena.app.log import start_log  # with all that the server needs; other commands start faster without
    from verbena.app.supervisor import Supervisor

    config = loaded(config_path)
    sys.exit(settled(Supervisor(config, start_log(config.log)).run))


@main.command()
@CONFIG_OPTION
def demo(config_path: Path) -> None:
    """Play both flows of RFC 5550 §8.4 against the running server, and count what they save.

    The demo accounts must be there: `make run` makes them.
    """
    from verbena.app.demo import play, stage_of

    config = loaded(config_path)
    settled(play(settled(lambda: stage_of(config)), Console()))


@main.command()
@CONFIG_OPTION
def check(config_path: Path) -> None:
    """Check every invariant of the stored data; status 1 when one does not hold."""
    wrong = settled(admin.check(loaded(config_path)))
    for sentence in wrong:
        click.echo(sentence)
    if wrong:
        raise click.ClickException(f"{len(wrong)} things are wrong; keep a copy of the data folder before any repair")
    click.echo("all is well")


@main.group()
def config() -> None:
    """The configuration."""


@config.command("sample")
def config_sample() -> None:
    """Print a verbena.toml with every key, its meaning, default and bounds."""
    click.echo(configdoc.sample(), nl=False)


@config.command("manual")
def config_manual() -> None:
    """Print the manual's page of the configuration."""
    click.echo(configdoc.page(), nl=False)


@config.command("check")
@CONFIG_OPTION
def config_check(config_path: Path) -> None:
    """Say whether the configuration, and the files that it names, can be used."""
    from verbena.app.wiring import try_config  # with all that the server needs

    config = loaded(config_path)
    settled(lambda: try_config(config))
    click.echo(f"{config_path} is fine")


@main.group()
def queue() -> None:
    """Mail on its way out."""


@queue.command("list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Show at most this many.")
@CONFIG_OPTION
def queue_list(limit: int, config_path: Path) -> None:
    """Show what waits to be sent."""
    items = settled(admin.queue_items(loaded(config_path), limit))
    if not items:
        click.echo("nothing waits")
        return
    table = Table("id", "queued", "size", "sender", "recipients", "tries", "last error")
    for item in items:
        recipients = ", ".join(recipient.address for recipient in item.envelope.recipients)
        queued = item.queued_at.isoformat(" ", "seconds")
        sender = item.envelope.sender or "<>"
        row = (str(item.queue_id), queued, str(item.size_octets), sender, recipients, str(item.attempts))
        table.add_row(*row, item.last_error or "")
    show(table)


main.add_command(user)
main.add_command(alias)
main.add_command(domain)
main.add_command(sieve)
sieve.add_command(sieve_filter)

if __name__ == "__main__":
    main()
