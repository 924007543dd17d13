"""Submission, LMTP and relay over a real store in one process, and what tests ask of mailboxes."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from support.house import NOW, House, houses
from support.link import MemoryLink
from verbena.lmtp.deliver import NO_NOTIFIER, Deliverer
from verbena.lmtp.notification import Notifier
from verbena.lmtp.server import lmtp_service
from verbena.lmtp.settings import FilterSettings
from verbena.model.link import Service
from verbena.model.mailbox import INBOX
from verbena.smtp.service import SmtpService
from verbena.store.api import AccountRef
from verbena.submission.burl import BurlUrls, RemoteFetch
from verbena.submission.server import submission_service

HOST = "mail.example.org"
FILTERS = FilterSettings(hostname=HOST, zone=UTC)


@dataclass
class Setting:
    house: House
    deliverer: Deliverer
    submission: SmtpService
    lmtp: SmtpService
    now: list[datetime]
    woken: list[int] = field(default_factory=list)

    async def talk(self, service: Service, octets: bytes, *, tls: bool = True, chunk_octets: int = 65_536) -> list[str]:
        """Send everything at once; the lines that come back, the greeting left out."""
        link = MemoryLink(tls=tls, chunk_octets=chunk_octets)
        await link.far.send(octets)
        await link.far.close()
        await service.serve(link)
        got = b""
        while not link.far.from_server.empty():
            got += await link.far.receive()
        return got.decode().split("\r\n")[1:-1]

    async def submit(self, octets: bytes, user: str = "alice", *, chunk_octets: int = 65_536) -> list[str]:
        """After EHLO and AUTH: the final lines of the replies, EHLO's and AUTH's left out."""
        login = base64.b64encode(b"\0" + user.encode() + b"\0secret")
        lines = await self.talk(
            self.submission, b"EHLO c.example.org\r\nAUTH PLAIN " + login + b"\r\n" + octets, chunk_octets=chunk_octets
        )
        start = next(at for at, line in enumerate(lines) if line.startswith("235"))
        return lines[start + 1 :]

    async def inbox(self, name: str) -> list[bytes]:
        """What is in INBOX, oldest first."""
        account = self.house.account(name)
        inbox = account.find(INBOX)
        assert inbox is not None
        columns = await account.open(inbox.mailbox_id)
        found = []
        for content in account.contents(list(columns.contents)):
            assert content is not None
            octets = b"".join([piece async for piece in account.stream(content.content_id, 0, content.size_octets)])
            found.append(octets)
        return found

    def ref(self, name: str) -> AccountRef:
        return self.house.account(name).ref


@asynccontextmanager
async def setting(
    folder: Path,
    *,
    remotes: dict[str, RemoteFetch] | None = None,
    max_message_octets: int = 1 << 20,
    filters: FilterSettings = FILTERS,
    notifier: Notifier = NO_NOTIFIER,
) -> AsyncIterator[Setting]:
    async with houses(folder) as (house,):
        now = [datetime.fromtimestamp(NOW, UTC)]
        woken: list[int] = []

        def clock() -> datetime:
            return now[0]

        deliverer = Deliverer(
            house.store, house.meter, clock, settings=filters, notifier=notifier, woken=lambda: woken.append(1)
        )
        urls = BurlUrls(house.store, frozenset({HOST}), remotes or {}, clock)
        submission = submission_service(
            house.store,
            house.authenticator,
            deliverer,
            urls,
            house.meter,
            hostname=HOST,
            clock=clock,
            wake=lambda: woken.append(1),
            burl_hosts=[HOST],
            max_message_octets=max_message_octets,
        )
        lmtp = lmtp_service(
            house.store, deliverer, house.meter, hostname=HOST, clock=clock, max_message_octets=max_message_octets
        )
        yield Setting(house, deliverer, submission, lmtp, now, woken)
