"""The commands for authors of Sieve scripts: ``verbena sieve check | test | extensions``.

They need no server, no account and no configuration: a script and a message in files are enough. Where there is a
configuration, ``test`` tells scripts its host name.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from verbena.app import sieve_trace
from verbena.app.cli_option import CONFIG_OPTION, loaded
from verbena.app.cli_script import sieve
from verbena.mime.scan import Scanned, Scanner
from verbena.sieve.check import compile_script
from verbena.sieve.errors import ScriptError
from verbena.sieve.extensions import EXTENSIONS, REGISTRY
from verbena.sieve.listname import list_name
from verbena.sieve.message import Message, addresses_of
from verbena.sieve.program import Program
from verbena.sieve.run import Envelope, run

__all__ = ["sieve"]

_FILE = click.Path(path_type=Path, allow_dash=True)
_NO_RFC = "a draft"


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{file} can not be read: {error.strerror}") from error


def _console() -> Console:
    """One that cuts no line: what is told must be found by eye and by grep."""
    return Console(soft_wrap=True, highlight=False, emoji=False, markup=False)


def _lines(octets: bytes) -> list[str]:
    return octets.decode("utf-8", "replace").splitlines()


def _checked(console: Console, name: str, octets: bytes) -> Program | None:
    """The program, None for a script with errors; tells errors and warnings."""
    lines = _lines(octets)
    try:
        program, warnings = compile_script(octets, REGISTRY)
    except ScriptError as error:
        for each in error.complaints:
            _tell(console, sieve_trace.complaint(name, lines, each, "red"))
        return None
    for each in warnings:
        _tell(console, sieve_trace.complaint(name, lines, each, "yellow"))
    return program


def _tell(console: Console, texts: Iterable[Text]) -> None:
    for text in texts:
        console.print(text)


@sieve.command("check")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=_FILE)
@CONFIG_OPTION
def sieve_check(files: tuple[Path, ...], config_path: Path) -> None:
    """Say what is wrong with scripts, each with its place; status 1 when anything is.

    "-" is standard input. Warnings are told too, and are no errors.
    """
    console = _console()
    wrong = 0
    for file in files:
        if _checked(console, str(file), _read(file)) is None:
            wrong += 1
        else:
            console.print(Text(f"{file}: a valid Sieve script", "green"))
    if wrong:
        sys.exit(1)


@sieve.command("extensions")
def sieve_extensions() -> None:
    """List what a script may “require”, and where it is described."""
    for extension in EXTENSIONS:
        where = f"RFC {extension.rfc}" if extension.rfc else _NO_RFC
        for capability in extension.capabilities:
            click.echo(f"{capability.decode():28} {where}")


@dataclass
class _World:
    """What scripts ask, answered from the command's options. Nothing is noted, nothing is sent."""

    now: datetime
    folder: Path
    console: Console
    items: dict[bytes, bytes] = field(default_factory=dict)
    mailboxes: frozenset[bytes] = frozenset((b"INBOX",))
    lists: dict[bytes, frozenset[bytes]] = field(default_factory=dict)

    def environment(self, name: bytes) -> bytes | None:
        return self.items.get(name)

    def mailbox_exists(self, name: bytes) -> bool:
        return name in self.mailboxes or name.upper() == b"INBOX"

    def special_use_exists(self, mailbox: bytes | None, attribute: bytes) -> bool:
        return False

    def mailbox_id_exists(self, mailbox_id: bytes) -> bool:
        return False

    def metadata(self, mailbox: bytes | None, entry: bytes) -> bytes | None:
        return None

    def seen(self, unique: bytes, seconds: int, last: bool) -> bool:
        return False

    def script_octets(self, name: str) -> bytes | None:
        """The script NAME, or NAME.sieve, beside the one that is tested; personal and global ones alike."""
        if "/" in name or name.startswith("."):
            return None
        for file in (self.folder / name, self.folder / f"{name}.sieve"):
            if file.is_file():
                return _read(file)
        return None

    def script(self, name: bytes, is_global: bool) -> Program | None:
        told = name.decode("utf-8", "replace")
        octets = self.script_octets(told)
        return _checked(self.console, told, octets) if octets is not None else None

    def notify_capability(self, method: bytes, capability: bytes) -> bytes | None:
        return b"maybe"

    def has_list(self, name: bytes) -> bool:
        return name in self.lists

    def in_list(self, name: bytes, value: bytes) -> bool:
        return value.lower() in self.lists[name]


def _pairs(values: tuple[str, ...], option: str) -> list[tuple[str, str]]:
    """NAME=VALUE each; the last sign of equality parts, since names of lists may have one."""
    result: list[tuple[str, str]] = []
    for value in values:
        name, equals, rest = value.partition("=") if option == "--item" else value.rpartition("=")
        if not equals:
            raise click.UsageError(f"{option} takes NAME=VALUE, not {value}")
        result.append((name, rest))
    return result


def _lists(values: tuple[str, ...]) -> dict[bytes, frozenset[bytes]]:
    result: dict[bytes, frozenset[bytes]] = {}
    for name, file in _pairs(values, "--list"):
        known = list_name(name.encode())
        if known is None:
            raise click.UsageError(f"{name} can not name a list: it is an absolute URI, or “:name”")
        result[known] = frozenset(line.strip().lower() for line in _read(Path(file)).splitlines() if line.strip())
    return result


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now().astimezone()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.UsageError(f"--now takes an ISO 8601 time such as 2026-03-01T12:30:00+01:00, not {text}") from error
    return moment if moment.tzinfo is not None else moment.astimezone()


def _with_crlf(octets: bytes) -> bytes:
    return octets if b"\r\n" in octets else octets.replace(b"\n", b"\r\n")


def _scanned(octets: bytes) -> Scanned:
    scanner = Scanner()
    scanner.feed(octets)
    return scanner.finish()


def _envelope(message: Message, sender: str | None, recipient: str | None) -> Envelope:
    """The addresses given, else what the header suggests."""
    if sender is None:
        path = message.named(b"return-path")
        found = addresses_of(path[0].text()) if path else message.addresses(b"from")
        from_address = found[0] if found else b""
    else:
        from_address = sender.strip("<>").encode()
    if recipient is None:
        found = message.addresses(b"delivered-to") or message.addresses(b"to")
        return Envelope(from_address, found[0] if found else b"you@example.org")
    return Envelope(from_address, recipient.strip("<>").encode())


@sieve.command("test")
@click.argument("script", type=_FILE)
@click.argument("message", type=_FILE)
@click.option(
    "--envelope-from", metavar="ADDRESS", help="Who sent it. Default: Return-Path, else From. Empty: a bounce."
)
@click.option("--envelope-to", metavar="ADDRESS", help="Who gets it. Default: Delivered-To, else To.")
@click.option("--trace", is_flag=True, help="Tell every test, value and variable.")
@click.option("--now", metavar="TIME", help="Run it as if at this time (ISO 8601).")
@click.option("--mailbox", "mailboxes", metavar="NAME", multiple=True, help="A mailbox there is; may be given again.")
@click.option("--item", "items", metavar="NAME=VALUE", multiple=True, help="An environment item; may be given again.")
@click.option("--list", "lists", metavar="URI=FILE", multiple=True, help="An external list, a member on each line.")
@CONFIG_OPTION
def sieve_test(
    script: Path,
    message: Path,
    envelope_from: str | None,
    envelope_to: str | None,
    trace: bool,
    now: str | None,
    mailboxes: tuple[str, ...],
    items: tuple[str, ...],
    lists: tuple[str, ...],
    config_path: Path,
) -> None:
    """Say what SCRIPT would do with MESSAGE, and why. Nothing is delivered or sent.

    Scripts it includes are looked for beside it. Status 1 when the script is wrong or fails.
    """
    console = _console()
    octets = _read(script)
    program = _checked(console, str(script), octets)
    if program is None:
        sys.exit(1)
    came = _with_crlf(_read(message))
    scanned = _scanned(came)
    parsed = Message(scanned.header, scanned.size_octets, scanned.root, lambda at, length: came[at : at + length])
    world = _World(_moment(now), script.parent, console, _items(items, config_path))
    world.mailboxes = frozenset(name.encode() for name in mailboxes)
    world.lists = _lists(lists)
    outcome = run(program, parsed, _envelope(parsed, envelope_from, envelope_to), world, tracing=True)

    def source(name: str) -> list[str]:
        return _lines(world.script_octets(name) or b"")

    _tell(console, sieve_trace.Teller(str(script), _lines(octets), source, trace).trace(outcome.trace))
    console.print()
    _tell(console, sieve_trace.result(outcome))
    edited = [each for each in outcome.editions if each is not None]
    if edited:
        console.print(Text("The message was edited:", "bold"))
        _tell(console, sieve_trace.edits(scanned.header, edited[-1]))
    if outcome.failed is not None:
        sys.exit(1)


def _items(values: tuple[str, ...], config_path: Path) -> dict[bytes, bytes]:
    """Of RFC 5183 §4.1; the host's name only where a configuration says it."""
    result = {b"name": b"verbena", b"location": b"MDA", b"phase": b"during"}
    if config_path.exists():
        result[b"host"] = loaded(config_path).hostname.encode()
    result.update((name.lower().encode(), value.encode()) for name, value in _pairs(values, "--item"))
    return result
