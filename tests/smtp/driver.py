"""A small service over the SMTP machine, and a way to play a whole pipelined dialogue with it in memory."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from support.link import MemoryLink
from verbena.auth.api import Challenge, Identity, Success
from verbena.model.errors import PeerError, Refused, Unavailable
from verbena.model.ids import AccountId
from verbena.model.link import Peer, TlsState
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.smtp.codes import Answer
from verbena.smtp.content import DATA
from verbena.smtp.dispatch import converse
from verbena.smtp.ext import (
    auth,
    burl,
    chunking,
    dsn,
    eightbitmime,
    enhancedcodes,
    pipelining,
    size,
    smtputf8,
    starttls,
)
from verbena.smtp.receiver import Envelope, Recipient
from verbena.smtp.registry import Extension, Registry
from verbena.smtp.session import Session, Settings
from verbena.smtp.verb import LMTP, SMTP
from verbena.store.api import AccountRef
from verbena.wire.smtp.reply import Reply, reply

HARRY = AccountRef(AccountId(1), "harry@gryffindor.example.com", 0)
PLAIN_HARRY = b"AUTH PLAIN aGFycnkAaGFycnkAYWNjaW8=\r\n"


class CountingMeter:
    def __init__(self) -> None:
        self.commands: list[tuple[str, str, str]] = []

    def command(self, protocol: str, name: str, result: str, duration_s: float) -> None:
        self.commands.append((protocol, name, result))

    def delivery(self, protocol: str, result: str) -> None: ...

    def login(self, protocol: str, mechanism: str, result: str) -> None: ...


class PlainExchange:
    async def step(self, response: bytes | None) -> Challenge | Success:
        if response is None:
            return Challenge(b"")
        if response.count(b"\0") != 2:
            raise PeerError("Not PLAIN")
        if not response.endswith(b"\0accio"):
            raise Refused(Reason.AUTHENTICATION_FAILED, "Authentication failed")
        return Success(Identity(HARRY, "harry", "PLAIN"), None)


class FinalExchange:
    """A mechanism that has data to give with success."""

    async def step(self, response: bytes | None) -> Challenge | Success:
        if response is None:
            return Challenge(b"who?")
        return Success(Identity(HARRY, "harry", "FINAL"), b"v=done")


class TestAuthenticator:
    __test__ = False

    def mechanisms(self, tls: TlsState | None, peer: Peer) -> tuple[str, ...]:
        return ("FINAL", "PLAIN") if tls is not None else ()

    def start(self, mechanism: str, tls: TlsState | None, peer: Peer, protocol: str) -> PlainExchange | FinalExchange:
        if tls is None:
            raise Refused(Reason.PRIVACY_REQUIRED, "Start TLS first")
        if mechanism not in ("PLAIN", "FINAL"):
            raise Refused(Reason.AUTHENTICATION_FAILED, "Unsupported")
        return PlainExchange() if mechanism == "PLAIN" else FinalExchange()

    async def login(self, user: str, password: Secret, tls: TlsState | None, peer: Peer, protocol: str) -> Identity:
        raise Refused(Reason.AUTHENTICATION_FAILED, "Not here")

    def login_allowed(self, tls: TlsState | None, peer: Peer) -> bool:
        return False


@dataclass
class Urls:
    """URLs of one test: name to octets, or to the error of opening it."""

    known: dict[bytes, bytes | Exception]

    async def open(self, url: bytes, identity: Identity) -> AsyncIterator[bytes]:
        found = self.known.get(url, Refused(Reason.URL_FETCH_FAILED, "not there"))
        if isinstance(found, Exception):
            raise found
        for at in range(0, len(found), 7):
            yield found[at : at + 7]


@dataclass
class Inbox:
    """Takes any message; ``refuse`` names local parts with their troubles."""

    per_recipient: bool = False
    taken: list[tuple[Envelope, bytes]] = field(default_factory=list)
    gave_up: int = 0
    limit: int = 1 << 30

    async def check_sender(self, envelope: Envelope) -> None:
        if envelope.sender is not None and envelope.sender.local_part == "forged":
            raise Refused(Reason.NO_PERMISSION, "Not your address")

    async def check_recipient(self, envelope: Envelope, recipient: Recipient) -> None:
        if recipient.mailbox.local_part == "malfoy":
            raise Refused(Reason.RELAY_DENIED, "Relaying not allowed")
        if recipient.mailbox.local_part == "later":
            raise Unavailable("Try again")
        if recipient.mailbox.local_part == "bug":
            raise RuntimeError("a bug")

    async def accept(self, envelope: Envelope, source: AsyncIterator[bytes]) -> tuple[Reply, ...]:
        content = bytearray()
        try:
            async for piece in source:
                content += piece
                if len(content) > self.limit:
                    raise Refused(Reason.TOO_BIG, "Too big for the store")
        except BaseException:
            self.gave_up += 1
            raise
        if b"poison" in content:
            raise Answer(554, "5.7.1", "Poison")
        self.taken.append((envelope, bytes(content)))
        if self.per_recipient:
            return tuple(_told(recipient) for recipient in envelope.recipients)
        return (reply(250, "2.6.0", "Accepted"),)


def _told(recipient: Recipient) -> Reply:
    if recipient.mailbox.local_part == "full":
        return reply(452, "4.2.2", "Over quota")
    return reply(250, "2.1.5", f"{recipient.mailbox} ok")


COMMON: tuple[Extension, ...] = (
    eightbitmime.EXTENSION,
    chunking.BINARYMIME,
    pipelining.EXTENSION,
    chunking.CHUNKING,
    dsn.EXTENSION,
    size.EXTENSION,
    enhancedcodes.EXTENSION,
    smtputf8.EXTENSION,
    starttls.EXTENSION,
)


@dataclass
class Played:
    replies: list[bytes]
    inbox: Inbox
    link: MemoryLink
    meter: CountingMeter
    session: Session

    def codes(self) -> list[str]:
        """``250 2.1.0`` of each reply, the greeting and EHLO's without an enhanced code."""
        result = []
        for line in self.replies:
            if line[3:4] == b" ":
                words = line.decode().split(" ")
                enhanced = words[1] if len(words) > 1 and words[1].replace(".", "").isdigit() else ""
                result.append((words[0] + " " + enhanced).strip())
        return result


async def play(
    octets: bytes | list[bytes],
    *,
    lmtp: bool = False,
    tls: bool = False,
    urls: dict[bytes, bytes | Exception] | None = None,
    inbox: Inbox | None = None,
    chunk_octets: int = 65_536,
    settings: Callable[[Settings], Settings] = lambda value: value,
    close: bool = True,
) -> Played:
    """Send everything at once, close (or be silent), and gather the replies."""
    link = MemoryLink(tls=tls, chunk_octets=chunk_octets)
    inbox = inbox or Inbox(per_recipient=lmtp)
    meter = CountingMeter()
    made = settings(Settings("lmtp" if lmtp else "submission", "owlry.example.com", per_recipient=lmtp))
    session = Session(link, made, inbox, meter)
    extensions = COMMON
    if not lmtp:
        extensions += (auth.extension(TestAuthenticator()), burl.extension(Urls(urls or {}), ["imap.example.com"]))
    registry = Registry((*(LMTP if lmtp else SMTP), DATA), extensions)
    for part in octets if isinstance(octets, list) else [octets]:
        await link.far.send(part)
    if close:
        await link.far.close()
    await converse(session, registry, "owlry.example.com ready")
    replies = b""
    while not link.far.from_server.empty():
        replies += await link.far.receive()
    return Played(replies.split(b"\r\n")[:-1], inbox, link, meter, session)
