"""An IMAP client: what a Lemonade client needs of RFC 3501 and its extensions, one command at a time.

STARTTLS and implicit TLS, SASL (RFC 4422) and LOGIN, LITERAL+ and LITERAL-, SELECT (CONDSTORE), FETCH, SEARCH,
STORE, APPEND with CATENATE (RFC 4469), GENURLAUTH and URLFETCH (RFC 4467), IDLE (RFC 2177), COMPRESS (RFC 4978).

A command raises ``ServerRefused`` for NO and BAD, ``ServerUnavailable`` for BYE, ``PeerError`` for octets that
are no IMAP, ``LinkClosed`` when the server is gone. After any of the last three the connection is of no more use.
Untagged responses that came along are in the ``Completed`` that a command gives. Limits: those of
``client.conversation``.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from verbena.client.connect import Endpoint, Trace, connect
from verbena.client.conversation import Conversation, Upload
from verbena.client.errors import ServerUnavailable
from verbena.client.response import Completed, Fetched, Untagged, parse_fetched, parse_untagged
from verbena.client.visit import visit
from verbena.model.errors import LinkClosed, PeerError, Refused
from verbena.model.flags import Flag, FlagOp
from verbena.model.ids import Uid, UidValidity
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.wire.imap.flag import format_flag_list
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import FrameWriter
from verbena.wire.imap.mailbox import write_mailbox
from verbena.wire.imap.urlauth import (
    UrlFetch,
    parse_genurlauth_data,
    parse_urlfetch_data,
    write_genurlauth,
    write_urlfetch,
)
from verbena.wire.sasl.coding import decode_base64, encode_base64, encode_initial
from verbena.wire.sasl.machine import ClientMachine
from verbena.wire.sasl.mechanism import choose_client


@dataclass(frozen=True, slots=True)
class Selected:
    messages: int
    uidvalidity: UidValidity
    uidnext: int
    highestmodseq: int


@dataclass(frozen=True, slots=True)
class AppendedAs:
    """APPENDUID (RFC 4315 §3)."""

    uidvalidity: UidValidity
    uid: Uid


Piece = bytes | Upload
"""A literal's content."""


class ImapClient(Conversation):
    """One connection, logged in or not yet; ``open_imap`` makes it."""

    async def greet(self) -> None:
        """Read the greeting, and ask for the capabilities when it has none."""
        frame = await self.frame()
        greeting = parse_untagged(frame)
        status = greeting.status()
        if status is None or status.status == b"BYE":
            raise ServerUnavailable("The server does not take connections now", "BYE")
        await self.learn((greeting,))

    async def start_tls(self) -> None:
        """Raises ``Refused(ENCRYPTION_NEEDED)`` when the server has no STARTTLS."""
        if "STARTTLS" not in self._capabilities:
            raise Refused(Reason.ENCRYPTION_NEEDED, "The server offers no STARTTLS")
        await self.command(Frame(b"STARTTLS"))
        if self._reader.take_unread():
            raise PeerError("the server sent something between STARTTLS and TLS", fatal=True)
        await self.connection.start_tls()
        self._capabilities = frozenset()
        await self.learn(())

    async def login(self, user: str, password: Secret) -> None:
        """By the strongest mechanism that the server offers, or LOGIN when it offers none that we know."""
        offered = tuple(name[5:] for name in self._capabilities if name.startswith("AUTH="))
        tls = self.connection.tls
        bindings = tls.channel_bindings if tls is not None else ()
        nonce = encode_base64(secrets.token_bytes(18))
        chosen = choose_client(offered, user, password, bindings, nonce, tls is not None)
        if chosen is not None:
            await self.authenticate(*chosen)
            return
        if "LOGINDISABLED" in self._capabilities:
            raise Refused(Reason.PRIVACY_REQUIRED, "The server allows no login here")
        out = FrameWriter(b"LOGIN ")
        out.astring(user.encode("utf-8"))
        out.text(b" ")
        out.astring(password.reveal())
        done = await self.command(out.frame(), shown=b"LOGIN %b ****" % user.encode("utf-8"))
        await self._learn_after_login(done)

    async def authenticate(self, mechanism: str, machine: ClientMachine) -> None:
        """Raises ``ServerRefused`` with AUTHENTICATION_FAILED, ``PeerError`` when the server does not prove itself."""
        initial = machine.initial()
        text = b"AUTHENTICATE " + mechanism.encode("ascii")
        at_once = initial is not None and "SASL-IR" in self._capabilities
        shown = text + b" ****" if at_once else text
        tag = self.say(text + (b" " + encode_initial(initial) if at_once and initial is not None else b""), shown)
        pending = None if at_once else initial
        untagged: list[Untagged] = []
        while True:
            frame = await self.frame()
            if frame.text.startswith(b"+"):
                challenge = decode_base64(frame.text[1:].strip())
                answer = pending if pending is not None else machine.answer(challenge)
                pending = None
                self.connection.say(encode_base64(answer), b"****")
            elif frame.text.startswith(b"* "):
                untagged.append(parse_untagged(frame))
            else:
                done = self.completed(tag, frame, untagged)
                machine.complete()
                await self._learn_after_login(done)
                return

    async def compress(self) -> bool:
        """Start DEFLATE; False when the server has it not."""
        if "COMPRESS=DEFLATE" not in self._capabilities:
            return False
        await self.command(Frame(b"COMPRESS DEFLATE"))
        self.connection.start_deflate()
        return True

    async def select(self, mailbox: str, read_only: bool = False) -> Selected:
        out = FrameWriter(b"EXAMINE " if read_only else b"SELECT ")
        write_mailbox(out, mailbox)
        if "CONDSTORE" in self._capabilities:
            out.text(b" (CONDSTORE)")
        done = await self.command(out.frame())
        figures = {b"UIDVALIDITY": 0, b"UIDNEXT": 0, b"HIGHESTMODSEQ": 0}
        messages = 0
        for response in done.untagged:
            status = response.status()
            if response.name == b"EXISTS" and response.number is not None:
                messages = response.number
            elif status is not None and status.code in figures and status.arguments.isdigit():
                figures[status.code] = int(status.arguments)
        validity = UidValidity(figures[b"UIDVALIDITY"])
        return Selected(messages, validity, figures[b"UIDNEXT"], figures[b"HIGHESTMODSEQ"])

    async def fetch(self, uids: bytes, items: bytes) -> list[Fetched]:
        """UID FETCH; ``items`` as the grammar has them, such as ``(UID ENVELOPE)``."""
        done = await self.command(Frame(b"UID FETCH %b %b" % (uids, items)))
        return [parse_fetched(response) for response in done.all(b"FETCH")]

    def download(self, uid: Uid, section: bytes) -> AsyncIterator[bytes]:
        """The octets of ``BODY.PEEK[section]``, streamed. Read it to its end before the next command."""
        return self._download(uid, section)

    async def _download(self, uid: Uid, section: bytes) -> AsyncIterator[bytes]:
        tag = self.say(b"UID FETCH %d (BODY.PEEK[%b])" % (uid, section))
        name = b"BODY[%b]" % section.upper()
        async for piece in self.streamed(tag, b"FETCH"):
            if isinstance(piece, bytes):
                yield piece
            else:
                fetched = parse_fetched(piece)
                if name in fetched.items and fetched.octets(name):
                    yield fetched.octets(name)

    async def search(self, criteria: bytes) -> list[Uid]:
        """UID SEARCH."""
        done = await self.command(Frame(b"UID SEARCH " + criteria))
        found: list[Uid] = []
        for response in done.all(b"SEARCH"):
            words = response.frame.text[response.start :].partition(b"(")[0].split()
            found += [Uid(int(word)) for word in words if word.isdigit()]
        return found

    async def store(self, uids: bytes, op: FlagOp, flags: Sequence[Flag], silent: bool = True) -> Completed:
        name = op.value.encode("ascii") + (b".SILENT" if silent else b"")
        return await self.command(Frame(b"UID STORE %b %b %b" % (uids, name, format_flag_list(flags))))

    async def append(self, mailbox: str, message: Piece, flags: Sequence[Flag] = ()) -> AppendedAs | None:
        """None when the server has no UIDPLUS."""
        out = self._append_head(mailbox, flags)
        uploads = [_put_piece(out, message)]
        return _appended(await self.command(out.frame(), uploads=uploads))

    async def catenate(self, mailbox: str, parts: Sequence[Piece | str], flags: Sequence[Flag]) -> AppendedAs | None:
        """APPEND CATENATE (RFC 4469): octets are TEXT, a ``str`` is a URL."""
        out = self._append_head(mailbox, flags)
        out.text(b"CATENATE (")
        uploads: list[Upload | None] = []
        for place, part in enumerate(parts):
            out.text(b" " if place else b"")
            if isinstance(part, str):
                out.text(b"URL ")
                out.astring(part.encode("ascii"))
            else:
                out.text(b"TEXT ")
                uploads.append(_put_piece(out, part))
        out.text(b")")
        return _appended(await self.command(out.frame(), uploads=uploads))

    async def generate_urlauth(self, rumps: Sequence[str]) -> list[str]:
        """GENURLAUTH with the INTERNAL mechanism: the signed URLs (RFC 4467 §7)."""
        out = FrameWriter()
        write_genurlauth(out, [(rump.encode("ascii"), "INTERNAL") for rump in rumps])
        done = await self.command(out.frame())
        urls: list[str] = []
        for response in done.all(b"GENURLAUTH"):
            urls += [url.decode("ascii") for url in parse_genurlauth_data(response.cursor())]
        if len(urls) != len(rumps):
            raise PeerError("the server did not sign every URL")
        return urls

    def fetch_url(self, url: str) -> AsyncIterator[bytes]:
        """The octets that ``url`` names, streamed. Raises ``Refused(URL_FETCH_FAILED)`` when the server says NIL.

        Read it to its end before the next command.
        """
        return self._fetch_url(url)

    async def _fetch_url(self, url: str) -> AsyncIterator[bytes]:
        out = FrameWriter()
        write_urlfetch(out, [UrlFetch(url.encode("ascii"))])
        frame = out.frame()
        if frame.literals:
            raise PeerError("the URL is too long")
        tag = self.say(frame.text)
        found = False
        async for piece in self.streamed(tag, b"URLFETCH"):
            if isinstance(piece, bytes):
                found = True
                yield piece
            elif not found:
                answers = parse_urlfetch_data(piece.cursor())
                octets = answers[0].octets
                found = octets is not None
                if octets:
                    yield octets
        if not found:
            raise Refused(Reason.URL_FETCH_FAILED, "The IMAP server does not give what the URL names")

    async def idle(self, timeout_s: float) -> AsyncIterator[Untagged]:
        """Untagged responses as they come (RFC 2177), until closed or nothing came for ``timeout_s``."""
        tag = self.say(b"IDLE")
        frame = await self.frame()
        untagged: list[Untagged] = []
        while frame.text.startswith(b"* "):
            untagged.append(parse_untagged(frame))
            frame = await self.frame()
        if not frame.text.startswith(b"+"):
            self.completed(tag, frame, untagged)
            raise PeerError("IDLE ended before it began")
        try:
            for response in untagged:
                yield response
            while True:
                try:
                    async with asyncio.timeout(timeout_s):
                        frame = await self.frame()
                except TimeoutError:
                    return
                yield parse_untagged(frame)
        finally:
            self.connection.say(b"DONE")
            await self.until(tag, untagged)

    async def logout(self) -> None:
        """Say goodbye and close; nothing is raised when the server is gone already."""
        try:
            await self.command(Frame(b"LOGOUT"))
        except (LinkClosed, ServerUnavailable):
            pass
        self.connection.close()

    def _append_head(self, mailbox: str, flags: Sequence[Flag]) -> FrameWriter:
        out = FrameWriter(b"APPEND ")
        write_mailbox(out, mailbox)
        out.text(b" " + format_flag_list(flags) + b" " if flags else b" ")
        return out

    async def _learn_after_login(self, done: Completed) -> None:
        if done.status.code != b"CAPABILITY":
            await self.learn(done.untagged)


def _put_piece(out: FrameWriter, piece: Piece) -> Upload | None:
    if isinstance(piece, Upload):
        out.literal(b"", piece.binary)
        return piece
    out.literal(piece, b"\0" in piece)
    return None


def _appended(done: Completed) -> AppendedAs | None:
    words = done.status.arguments.split()
    if done.status.code != b"APPENDUID" or len(words) != 2 or not (words[0] + words[1]).isdigit():
        return None
    return AppendedAs(UidValidity(int(words[0])), Uid(int(words[1])))


@asynccontextmanager
async def open_imap(
    endpoint: Endpoint, user: str, password: Secret, trace: Trace | None = None
) -> AsyncIterator[ImapClient]:
    """A logged-in client; TLS first where ``endpoint`` has a context. Says goodbye at the end, closes in any case."""
    client = ImapClient(await connect(endpoint, trace))
    async with visit(client, endpoint, user, password, client.logout):
        yield client
