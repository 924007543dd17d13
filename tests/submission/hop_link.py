"""A next hop in memory: an SMTP session of ours with the extensions of a test's choice, and the link to it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from smtp.driver import CountingMeter, Inbox
from support.link import MemoryLink
from verbena.model.errors import LinkClosed, Unavailable
from verbena.model.link import TlsState
from verbena.smtp.content import DATA
from verbena.smtp.dispatch import converse
from verbena.smtp.ext import chunking, dsn, eightbitmime, enhancedcodes, pipelining, size, smtputf8, starttls
from verbena.smtp.registry import Extension, Registry
from verbena.smtp.session import Session, Settings
from verbena.smtp.verb import SMTP
from verbena.submission.mx import Host

BARE = (enhancedcodes.EXTENSION,)
EIGHT_BIT = (*BARE, eightbitmime.EXTENSION, pipelining.EXTENSION)
ALL: tuple[Extension, ...] = (
    *EIGHT_BIT,
    chunking.CHUNKING,
    chunking.BINARYMIME,
    dsn.EXTENSION,
    size.EXTENSION,
    smtputf8.EXTENSION,
    starttls.EXTENSION,
)


class HopLinkInMemory:
    """``submission.hop.HopLink``. ``cut_after`` octets sent the connection breaks; ``tls_breaks``: so does the
    handshake."""

    def __init__(self, link: MemoryLink, cut_after: int | None = None, tls_breaks: bool = False) -> None:
        self.link = link
        self.sent = bytearray()
        self._cut_after = cut_after
        self._tls_breaks = tls_breaks
        self._tls = False

    @property
    def tls(self) -> TlsState | None:
        return TlsState("TLSv1.3", "x", None, ()) if self._tls else None

    def write(self, octets: bytes) -> None:
        self.sent += octets
        self.link.far.to_server.put_nowait(octets)

    async def drain(self) -> None:
        await asyncio.sleep(0)
        if self._cut_after is not None and len(self.sent) > self._cut_after:
            raise LinkClosed("cut")

    async def receive(self, timeout_s: float | None = None) -> bytes:
        data = await self.link.far.receive()
        if not data:
            raise LinkClosed("closed")
        return data

    async def start_tls(self) -> None:
        if self._tls_breaks:
            raise LinkClosed("no handshake")
        self._tls = True

    def close(self) -> None:
        self.link.far.to_server.put_nowait(b"")


@dataclass
class NextHop:
    """The hosts of a test: what they take is in ``inbox``; ``links`` are the connections made, in order."""

    inbox: Inbox = field(default_factory=Inbox)
    extensions: Sequence[Extension] = ALL
    unreachable: tuple[str, ...] = ()
    cut_after: int | None = None
    tls_breaks: bool = False
    links: list[HopLinkInMemory] = field(default_factory=list)
    dialed: list[str] = field(default_factory=list)
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def dial(self, host: Host) -> HopLinkInMemory:
        self.dialed.append(host.name)
        if host.name in self.unreachable:
            raise Unavailable("No connection")
        link = MemoryLink()
        session = Session(link, Settings("smtp", host.name), self.inbox, CountingMeter())
        verbs = [verb for verb in SMTP if verb.name != "EHLO"] if not self.extensions else SMTP
        registry = Registry((*verbs, DATA), self.extensions)
        hop = HopLinkInMemory(link, self.cut_after, self.tls_breaks)

        async def serve() -> None:
            await converse(session, registry, f"{host.name} ready")
            link.end()

        self._tasks.append(asyncio.create_task(serve()))
        self.links.append(hop)
        return hop

    async def find(self, domain: str) -> list[Host]:
        """As ``submission.mx.Hosts``."""
        return [Host(f"mx1.{domain}"), Host(f"mx2.{domain}")]

    async def close(self) -> None:
        await asyncio.gather(*self._tasks)
