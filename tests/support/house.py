"""A whole house in one process: store, accounts, bus and services, for sessions over links in memory.

Accounts are alice, bob and submitserver @example.org, password ``secret``; submitserver is
the administrator too. The wall clock stands still at ``NOW``.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from support.link import MemoryLink
from support.transcript import Connection
from verbena.auth.password import make_credentials
from verbena.auth.service import AuthService
from verbena.imap.extensions import REGISTRY
from verbena.imap.server import ImapService
from verbena.imap.session import Limits
from verbena.lmtp.deliver import Deliverer
from verbena.lmtp.server import lmtp_service
from verbena.lmtp.settings import FilterSettings
from verbena.model.date import InternalDate
from verbena.model.flags import Flag
from verbena.model.link import Service
from verbena.model.mailbox import INBOX
from verbena.model.metadata import ADMIN_ENTRY
from verbena.model.secret import Secret
from verbena.notify.bus import Bus
from verbena.smtp.service import SmtpService
from verbena.store.api import Account, AccountRef, NewMessage
from verbena.store.sqlite.store import SqliteStore, init_store, open_store
from verbena.submission.burl import BurlUrls
from verbena.submission.server import submission_service

NOW = 1_800_000_000
PASSWORD = b"secret"
HOSTNAME = "mail.example.org"
_CREDENTIALS = make_credentials(Secret(PASSWORD), lambda count: b"\x05" * count)


class Silence:
    """A ``Meter`` that remembers what it was told."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, str, str]] = []

    def command(self, protocol: str, name: str, result: str, duration_s: float) -> None:
        self.commands.append((protocol, name, result))

    def delivery(self, protocol: str, result: str) -> None:
        self.commands.append((protocol, "delivery", result))

    def login(self, protocol: str, mechanism: str, result: str) -> None:
        self.commands.append((protocol, mechanism, result))


async def pieces(octets: bytes, size: int = 65536) -> AsyncIterator[bytes]:
    for at in range(0, len(octets), size):
        yield octets[at : at + size]


async def no_wait(seconds: float) -> None:
    """In place of ``asyncio.sleep`` where failures are slowed down."""


@dataclass(slots=True)
class House:
    """One process of the server on a data folder."""

    store: SqliteStore
    bus: Bus
    authenticator: AuthService
    meter: Silence
    imap: ImapService
    submission: SmtpService
    lmtp: SmtpService
    tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    def account(self, name: str = "alice") -> Account:
        ref = self.store.directory.find_login(name)
        assert ref is not None
        return self.store.account(ref)

    def connect(self, service: Service, *, tls: bool = True, chunk_octets: int = 65536) -> Connection:
        """A new session of ``service``; the connection is the client's end, not yet greeted."""
        link = MemoryLink(tls=tls, chunk_octets=chunk_octets)

        async def serve() -> None:
            try:
                await service.serve(link)
            finally:
                link.end()

        task = asyncio.create_task(serve())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return Connection(link.far)

    async def login(self, name: str = "alice", *, chunk_octets: int = 65536) -> Connection:
        """An IMAP connection, greeted and logged in over what passes for TLS."""
        connection = self.connect(self.imap, chunk_octets=chunk_octets)
        await connection.reply()
        await connection.send(b"zz LOGIN %s %s\r\n" % (name.encode(), PASSWORD))
        while not (reply := await connection.reply()).startswith(b"zz "):
            pass
        assert reply.startswith(b"zz OK"), reply
        return connection

    async def put(self, octets: bytes, flags: Iterable[str] = (), name: str = "alice", mailbox: str = INBOX) -> int:
        """Append a message; its UID."""
        account = self.account(name)
        found = account.find(mailbox)
        assert found is not None
        async with await self.store.stage(pieces(octets), 1 << 30) as staged:
            message = NewMessage(staged, tuple(Flag(each) for each in flags), InternalDate(NOW - 86400, 0))
            return int((await account.append(found.mailbox_id, [message])).uids[0])


async def _open(data: Path, worker: str) -> House:
    contact = {ADMIN_ENTRY: b"mailto:postmaster@example.org"}
    store = open_store(data, clock=lambda: NOW, fixed_annotations=contact)
    bus = Bus(store.heard)
    store.listen(bus.told)
    bus.connect(data / "run", worker)
    meter = Silence()
    authenticator = AuthService(
        store.directory,
        store.directory.secret("scram-fake-salt"),
        submit_users=("submitserver",),
        administrators=("submitserver",),
        meter=meter,
        sleep=no_wait,
    )
    limits = Limits()
    imap = ImapService(store, authenticator, bus, meter, HOSTNAME, REGISTRY, lambda: NOW, limits)
    submission, lmtp = _mail_services(store, authenticator, meter)
    return House(store, bus, authenticator, meter, imap, submission, lmtp)


def _clock() -> datetime:
    return datetime.fromtimestamp(NOW, UTC)


def _mail_services(store: SqliteStore, authenticator: AuthService, meter: Silence) -> tuple[SmtpService, SmtpService]:
    deliverer = Deliverer(store, meter, _clock, settings=FilterSettings(hostname=HOSTNAME, zone=UTC))
    urls = BurlUrls(store, frozenset({HOSTNAME}), {}, _clock)
    submission = submission_service(
        store, authenticator, deliverer, urls, meter, hostname=HOSTNAME, clock=_clock, burl_hosts=[HOSTNAME]
    )
    return submission, lmtp_service(store, deliverer, meter, hostname=HOSTNAME, clock=_clock)


async def _accounts(store: SqliteStore) -> None:
    await store.directory.add_domain("example.org")
    for name in ("alice", "bob", "submitserver"):
        await store.directory.add_account(f"{name}@example.org", _CREDENTIALS)


async def _shut(house: House) -> None:
    for service in (house.imap, house.submission, house.lmtp):
        service.shut_down()
    for task in list(house.tasks):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    house.bus.close()
    await house.store.close()


@asynccontextmanager
async def houses(folder: Path, workers: int = 1) -> AsyncIterator[list[House]]:
    """As many processes' worth of server on one data folder, in one loop; the data is checked at the end."""
    data = folder / "data"
    init_store(data)
    opened = [await _open(data, f"worker-{number}") for number in range(workers)]
    await _accounts(opened[0].store)
    try:
        yield opened
        assert await opened[0].store.check() == []
    finally:
        for house in opened:
            await _shut(house)


def ref_of(house: House, name: str) -> AccountRef:
    return house.account(name).ref
