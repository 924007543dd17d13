"""``verbena demo``: both flows of RFC 5550 §8.4 against a running server, spoken aloud, and what they save.

Each way of forwarding gets connections of its own. Octets are counted at the client, both ways and on both
connections, from the greeting to the goodbye, before TLS adds its framing.
"""

import re
import secrets
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table

from verbena.app.config import Config, ConfigError, parse_address
from verbena.app.demo_data import demo_passwords, has_demo_accounts
from verbena.app.tls import self_signed_pair
from verbena.client.connect import Endpoint, Trace
from verbena.client.forward import (
    Letter,
    Source,
    find_source,
    forward_by_burl,
    forward_by_catenate,
    forward_by_download,
)
from verbena.client.imap import ImapClient, open_imap
from verbena.client.smtp import SmtpClient, open_smtp
from verbena.model.errors import Refused, Unavailable
from verbena.model.ids import Uid
from verbena.model.reason import Reason
from verbena.model.secret import Secret

CLIENT_NAME = "phone.example.net"
_WIDEST_LINE = 260


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays. ``host`` is the server's own name, as its URLs have it; ``user`` forwards to
    ``recipient``.
    """

    imap: Endpoint
    submission: Endpoint
    host: str
    user: str
    password: Secret
    recipient: str
    recipient_password: Secret


@dataclass(frozen=True, slots=True)
class Cost:
    """One way of forwarding, in octets."""

    title: str
    sent_octets: int
    received_octets: int


def stage_of(config: Config) -> Stage:
    """The server that ``config`` describes, with the accounts that ``demo_data`` made in it. Raises ``ConfigError``."""
    if not has_demo_accounts(config.data_path):
        raise ConfigError(f"{config.data_path} has no demo accounts: `make run` makes some, in a folder of its own")
    certificate = config.tls.certificate
    path = config.beside(certificate) if certificate else self_signed_pair(config.data_path, config.hostname)[0]
    context = ssl.create_default_context(cafile=str(path))
    # a certificate that signs itself has not all the fields that strict checking wants of an authority
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    domain = config.domains[0] if config.domains else config.hostname
    passwords = demo_passwords(config.data_path)
    return Stage(
        _endpoint(config.listen.imap, config.listen.imaps, "imap", config.hostname, context),
        _endpoint(config.listen.submission, config.listen.submissions, "submission", config.hostname, context),
        config.hostname,
        f"alice@{domain}",
        passwords["alice"],
        f"bob@{domain}",
        passwords["bob"],
    )


def _endpoint(
    plain: tuple[str, ...], implicit: tuple[str, ...], key: str, hostname: str, context: ssl.SSLContext
) -> Endpoint:
    for addresses, tls_first in ((plain, False), (implicit, True)):
        for address in addresses:
            if not address.startswith("unix:"):
                host, port = parse_address(address, f"listen.{key}")
                return Endpoint(_reachable(host), port, context, tls_first, hostname)
    raise ConfigError(f"the demo needs a listener: set {key} in [listen]")


def _reachable(host: str) -> str:
    """Where to connect to for a listener on ``host``, which may mean all addresses."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


Way = Callable[[ImapClient, SmtpClient, Source, Letter], Awaitable[None]]


async def play(stage: Stage, console: Console) -> None:
    """Raises ``Refused`` where the server will not, ``Unavailable`` when it is not there."""
    try:
        uid = await _find_film(stage)
    except Unavailable as error:
        raise Unavailable(
            f"{error.told}; does the server of this configuration run? start it with `make run`"
        ) from error
    costs: list[Cost] = []
    console.rule("[bold]RFC 5550 §8.4.1: assembled by the IMAP server, CATENATE and BURL")
    costs.append(await _forward(stage, uid, "CATENATE + BURL", forward_by_catenate, console))
    console.rule("[bold]RFC 5550 §8.4.2: assembled by the submission server, BDAT and BURL")
    costs.append(await _forward(stage, uid, "BDAT + BURL", forward_by_burl, console))
    console.rule("[bold]The same without Lemonade")
    console.print("download and upload, with and without a copy in Sent …", style="dim")
    costs.append(await _forward(stage, uid, "download, upload, copy", _with_copy, None))
    costs.append(await _forward(stage, uid, "download, upload", _without_copy, None))
    await _check_arrival(stage, len(costs), console)
    console.print(cost_table(costs))


async def _with_copy(imap: ImapClient, smtp: SmtpClient, source: Source, letter: Letter) -> None:
    await forward_by_download(imap, smtp, source, letter, keep_copy=True)


async def _without_copy(imap: ImapClient, smtp: SmtpClient, source: Source, letter: Letter) -> None:
    await forward_by_download(imap, smtp, source, letter, keep_copy=False)


async def _find_film(stage: Stage) -> Uid:
    """The largest message in the INBOX that has an attachment; a poor client would know it from its list."""
    async with open_imap(stage.imap, stage.user, stage.password) as imap:
        await imap.select("INBOX", read_only=True)
        messages = await imap.fetch(b"1:*", b"(UID RFC822.SIZE)")
        sizes = [(message.number(b"RFC822.SIZE") or 0, message.number(b"UID") or 0) for message in messages]
        if not sizes:
            raise Refused(Reason.NONEXISTENT, f"The INBOX of {stage.user} is empty: nothing to forward")
        return Uid(max(sizes)[1])


async def _forward(stage: Stage, uid: Uid, title: str, way: Way, console: Console | None) -> Cost:
    """Play one way, aloud where there is a console."""
    started = datetime.now(UTC)
    letter = Letter(
        stage.user,
        stage.recipient,
        f"About our holiday film ({title})",
        "Here is the film.\r\n\r\nCheers,\r\nAlice\r\n",
        started,
        started.replace(microsecond=0) + timedelta(hours=1),
        secrets.token_hex(8),
    )
    imap_trace = _tracer(console, "I")
    smtp_trace = _tracer(console, "S")
    async with open_imap(stage.imap, stage.user, stage.password, imap_trace) as imap:
        source = await find_source(imap, stage.host, stage.user, "INBOX", uid)
        async with open_smtp(stage.submission, stage.user, stage.password, CLIENT_NAME, smtp_trace) as smtp:
            await way(imap, smtp, source, letter)
    connections = (imap.connection, smtp.connection)
    sent = sum(connection.sent_octets for connection in connections)
    received = sum(connection.received_octets for connection in connections)
    return Cost(title, sent, received)


def _tracer(console: Console | None, server: str) -> Trace | None:
    """Prints a dialogue as the RFC does: ``M:`` for us, ``I:`` and ``S:`` for the servers."""
    if console is None:
        return None

    def trace(who: str, line: bytes) -> None:
        text = _masked(line.decode("utf-8", "replace"))
        if len(text) > _WIDEST_LINE:
            text = text[:_WIDEST_LINE] + " …"
        name, style = {"C": (f"M: ({server})", "cyan"), "S": (f"{server}:", "green")}.get(who, ("--", "dim"))
        console.print(f"{name:>9} {text}", style=style, markup=False, highlight=False, soft_wrap=True)

    return trace


def _masked(text: str) -> str:
    """Without the tokens of signed URLs, and without a login's challenges."""
    text = re.sub(r":internal:[0-9A-Za-z]+", ":internal:****", text)
    return re.sub(r"^(\+|334) [A-Za-z0-9+/]{16,}={0,2}$", r"\1 ****", text)


async def _check_arrival(stage: Stage, count: int, console: Console) -> None:
    """Look into the recipient's INBOX: the last ``count`` messages there are the forwarded ones, all of one size."""
    async with open_imap(stage.imap, stage.recipient, stage.recipient_password) as imap:
        selected = await imap.select("INBOX", read_only=True)
        messages = await imap.fetch(b"%d:*" % max(1, selected.uidnext - count), b"(UID RFC822.SIZE)")
        sizes = [message.number(b"RFC822.SIZE") or 0 for message in messages]
    named = ", ".join(f"{size:,}" for size in sizes[-count:])
    console.print(f"\n{stage.recipient} has them all; sizes in octets: {named}", style="bold")


def cost_table(costs: list[Cost]) -> Table:
    """Octets at the client. The first two ways are measured by the last two, which leave the same behind."""
    table = Table(title="Octets at the client, for one forwarded attachment", caption="share: of the same by download")
    table.add_column("way", no_wrap=True)
    for title in ("sent", "received", "in all", "share"):
        table.add_column(title, justify="right", no_wrap=True)
    for place, cost in enumerate(costs):
        total = cost.sent_octets + cost.received_octets
        measure = costs[place % 2 + 2]
        share = total / (measure.sent_octets + measure.received_octets)
        row = (cost.sent_octets, cost.received_octets, total)
        table.add_row(cost.title, *(f"{octets:,}" for octets in row), f"{share:.3%}")
    return table
