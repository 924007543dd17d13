"""What ``make run`` starts: a server on loopback with demo accounts and real mail, kept in the folder named."""

import asyncio
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from verbena.app.admin import opened_store
from verbena.app.config import Config, load_config
from verbena.app.demo_data import demo_passwords, install
from verbena.model.secret import Secret

CONFIG = Path("verbena.toml")
DOMAIN = "example.org"
WHAT = {
    "imap": "IMAP, STARTTLS",
    "imaps": "IMAP, TLS",
    "submission": "submission, STARTTLS",
    "submissions": "submission, TLS",
    "lmtp": "LMTP",
    "managesieve": "ManageSieve, STARTTLS",
    "http": "metrics and health, http://",
}


def main() -> None:
    folder = sys.argv[1]
    verbena = str(Path(sys.executable).with_name("verbena"))
    arguments = [verbena, "init", folder, "--hostname", "localhost", "--domain", DOMAIN, "--config", str(CONFIG)]
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    config = load_config(CONFIG)
    passwords = demo_passwords(config.data_path)
    console = Console()
    count = asyncio.run(_install(config, passwords))
    if count:
        console.print(f"{count} messages put into the demo accounts")
    _show(console, config, passwords)
    sys.stdout.flush()
    os.execv(verbena, [verbena, "serve", "--config", str(CONFIG)])


async def _install(config: Config, passwords: dict[str, Secret]) -> int:
    async with opened_store(config) as store:
        return await install(store, DOMAIN, passwords, datetime.now(UTC))


def _show(console: Console, config: Config, passwords: dict[str, Secret]) -> None:
    endpoints = Table("service", "address", title="Endpoints (the certificate is self-signed)")
    for name, what in WHAT.items():
        for address in getattr(config.listen, name):
            endpoints.add_row(what, address)
    logins = Table("login", "password", title="Logins")
    for name, password in passwords.items():
        logins.add_row(f"{name}@{DOMAIN}", password.reveal().decode())
    console.print(endpoints)
    console.print(logins)
    console.print(
        "[bold]Try[/bold], in another terminal:\n"
        "  .venv/bin/verbena demo         both ways to forward 15 MB by sending a few hundred octets\n"
        "  openssl s_client -quiet -crlf -connect 127.0.0.1:1993\n"
        "  curl -s http://127.0.0.1:1080/metrics\n"
        "or set up a mail program with the addresses above. Ctrl-C stops the server; the mail stays.\n",
        highlight=False,
    )


if __name__ == "__main__":
    main()
