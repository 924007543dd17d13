"""``verbena sieve filter``: a script run over the mail that an account has already."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.table import Table

from verbena.app.admin import opened_store
from verbena.app.cli_option import CONFIG_OPTION, loaded, settled, show
from verbena.app.config import Config
from verbena.app.wiring_delivery import filter_settings, script_registry
from verbena.lmtp.agent import MAIL_SCHEMES
from verbena.lmtp.filter import Filter, Stage
from verbena.lmtp.programs import Programs
from verbena.lmtp.refilter import Refilter, Verdict
from verbena.lmtp.surroundings import Methods
from verbena.model.errors import Refused
from verbena.model.reason import Reason
from verbena.store.api import Account
from verbena.store.script_api import Script


@click.command("filter")
@click.argument("login", metavar="NAME@DOMAIN")
@click.argument("mailbox", metavar="MAILBOX", default="INBOX")
@click.option("--script", metavar="SCRIPT", help="One of the account's. Default: the active one.")
@click.option("--apply", is_flag=True, help="Do it. Without this nothing is changed.")
@CONFIG_OPTION
def sieve_filter(login: str, mailbox: str, script: str | None, apply: bool, config_path: Path) -> None:
    """Run a script over the messages in MAILBOX and show what it does with each.

    Filing and flags are done with --apply; nothing is sent, answered or refused. What is discarded goes to the trash.
    """
    config = loaded(config_path)
    verdicts = settled(_filtered(config, login, mailbox, script, apply))
    table = Table("UID", "subject", "result")
    for verdict in verdicts:
        table.add_row(str(verdict.uid), verdict.subject, told(verdict))
    show(table)
    if not apply:
        click.echo("Nothing was changed. Add --apply to do it.")


def told(verdict: Verdict) -> str:
    """A verdict in words."""
    if verdict.failure is not None:
        return f"stays, the script failed: {verdict.failure.told}"
    words = [f"filed into {name}" for name in verdict.targets]
    if verdict.stays:
        words.append("stays")
    elif not verdict.targets:
        words.append("stays, as it can not be done here" if verdict.left_out else "goes to the trash")
    if verdict.flags:
        words.append("with " + " ".join(verdict.flags))
    if verdict.left_out:
        words.append("not done here: " + ", ".join(verdict.left_out))
    return "; ".join(words)


async def _filtered(config: Config, login: str, mailbox: str, script: str | None, apply: bool) -> list[Verdict]:
    async with opened_store(config) as store:
        ref = store.directory.find_login(login)
        if ref is None:
            raise Refused(Reason.NONEXISTENT, f"There is no account {login}")
        account = store.account(ref)
        found = account.find(mailbox)
        if found is None or not found.selectable:
            raise Refused(Reason.NONEXISTENT, f"{login} has no mailbox {mailbox}")
        refilter = Refilter(store, account, _filter(config), Stage(_script(account, script)))
        return [verdict async for verdict in refilter.verdicts(found.mailbox_id, apply)]


def _script(account: Account, name: str | None) -> Script:
    script = account.scripts.active() if name is None else account.scripts.get(name)
    if script is None:
        told_name = "no active script" if name is None else f"no script {name}"
        raise Refused(Reason.NONEXISTENT, f"{account.ref.login} has {told_name}")
    return script


def _filter(config: Config) -> Filter:
    settings = filter_settings(config)
    programs = Programs(script_registry(config), settings.folder)
    return Filter(programs, settings, Methods(MAIL_SCHEMES), lambda: datetime.now(UTC), remembers=False)
