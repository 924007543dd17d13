"""A submission client: EHLO, STARTTLS, AUTH, and messages made of octets and URLs (RFC 6409, RFC 3030, RFC 4468).

MAIL, RCPT and what follows are sent together where the server has PIPELINING (RFC 2920). A message is a sequence of
pieces: octets go by BDAT, URLs by BURL, in any order (RFC 5550 §8.4.2); a server without CHUNKING gets DATA.

A command raises ``ServerRefused`` for 5xx and ``ServerUnavailable`` for 4xx, ``PeerError`` for octets that are no SMTP,
``LinkClosed`` when the server is gone. Limits: replies as ``wire.smtp.reply``.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from verbena.client.connect import Connection, Endpoint, Trace, connect
from verbena.client.conversation import Upload
from verbena.client.errors import smtp_error
from verbena.client.visit import visit
from verbena.model.errors import LinkClosed, PeerError, Refused
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.wire.buffer import ReceiveBuffer
from verbena.wire.sasl.coding import decode_base64, encode_base64, encode_initial
from verbena.wire.sasl.machine import ClientMachine
from verbena.wire.sasl.mechanism import choose_client
from verbena.wire.smtp.burl import format_burl
from verbena.wire.smtp.chunking import format_bdat
from verbena.wire.smtp.frame import stuff_dots
from verbena.wire.smtp.reply import MAX_REPLY_LINE_OCTETS, MAX_REPLY_LINES, Reply, is_last_reply_line, parse_reply

_SHOWN_CHUNK_OCTETS: Final = 1500


@dataclass(frozen=True, slots=True)
class Url:
    """A piece of a message that the server fetches itself (RFC 4468)."""

    url: str


MessagePiece = bytes | Upload | Url


class SmtpClient:
    """One connection; ``open_smtp`` makes it. ``name`` is what EHLO says, the client's own name."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.connection: Final = connection
        self._name: Final = name
        self._buffer: Final = ReceiveBuffer()
        self._extensions: Mapping[str, bytes] = {}

    @property
    def extensions(self) -> Mapping[str, bytes]:
        """EHLO keywords in capitals, with what follows each."""
        return self._extensions

    async def greet(self) -> None:
        _expect(await self._reply(), 220)
        await self.hello()

    async def hello(self) -> None:
        """EHLO: after the greeting, STARTTLS and, where BURL names no scheme before a login, AUTH (RFC 4468 §4)."""
        self.connection.say(b"EHLO " + self._name.encode("ascii"))
        answer = _expect(await self._reply(), 250)
        found: dict[str, bytes] = {}
        for line in answer.lines[1:]:
            keyword, _, rest = line.partition(b" ")
            found[keyword.decode("ascii", "replace").upper()] = rest
        self._extensions = found

    async def start_tls(self) -> None:
        """Raises ``Refused(ENCRYPTION_NEEDED)`` when the server has no STARTTLS."""
        if "STARTTLS" not in self._extensions:
            raise Refused(Reason.ENCRYPTION_NEEDED, "The server offers no STARTTLS")
        self.connection.say(b"STARTTLS")
        _expect(await self._reply(), 220)
        if self._buffer.take_all():
            raise PeerError("the server sent something between STARTTLS and TLS", fatal=True)
        await self.connection.start_tls()
        await self.hello()

    async def login(self, user: str, password: Secret) -> None:
        """By the strongest mechanism that the server offers. Raises ``Refused(PRIVACY_REQUIRED)`` when there is
        none.
        """
        offered = tuple(self._extensions.get("AUTH", b"").decode("ascii", "replace").split())
        tls = self.connection.tls
        bindings = tls.channel_bindings if tls is not None else ()
        nonce = encode_base64(secrets.token_bytes(18))
        chosen = choose_client(offered, user, password, bindings, nonce, tls is not None)
        if chosen is None:
            raise Refused(Reason.PRIVACY_REQUIRED, "The server offers no login that is safe here")
        await self._authenticate(*chosen)
        if "BURL" in self._extensions and not self._extensions["BURL"]:
            await self.hello()

    async def _authenticate(self, mechanism: str, machine: ClientMachine) -> None:
        initial = machine.initial()
        line = b"AUTH " + mechanism.encode("ascii")
        if initial is not None:
            self.connection.say(line + b" " + encode_initial(initial), line + b" ****")
        else:
            self.connection.say(line)
        answer = await self._reply()
        while answer.code == 334:
            self.connection.say(encode_base64(machine.answer(decode_base64(answer.lines[0]))), b"****")
            answer = await self._reply()
        _expect(answer, 235)
        machine.complete()

    async def send(
        self, sender: str, recipients: Sequence[str], pieces: Sequence[MessagePiece], body: str = ""
    ) -> Reply:
        """Submit one message; the reply that took it. ``body`` is ``8BITMIME``, ``BINARYMIME`` or empty.

        Raises ``ValueError`` for what is no address, before anything is said.

        All recipients or none: when one is refused, the transaction is reset and its error raised. So the content waits
        for their replies, unless there is one only and the message is one URL, which goes along at once.
        """
        if not pieces:
            raise ValueError("a message has at least one piece")
        for address in (sender, *recipients):
            _check_address(address)
        lines = [_mail(sender, body), *(b"RCPT TO:<" + name.encode("utf-8") + b">" for name in recipients)]
        if "CHUNKING" not in self._extensions and not all(isinstance(piece, Url) for piece in pieces):
            return await self._send_data(lines, pieces)
        at_once = "PIPELINING" in self._extensions and len(pieces) == len(recipients) == 1
        if at_once and isinstance(pieces[0], Url):
            lines.append(b"BURL " + format_burl(pieces[0].url.encode("ascii"), True))
            pieces = ()
        answers = await self._say_all(lines)
        refusal = next((answer for answer in answers if answer.code >= 400), None)
        if refusal is not None:
            await self._reset()
            raise smtp_error(refusal.code, refusal.enhanced, refusal.text)
        answer = answers[-1]
        for place, piece in enumerate(pieces):
            answer = await self._send_piece(piece, place == len(pieces) - 1)
        return answer

    async def _send_piece(self, piece: MessagePiece, last: bool) -> Reply:
        if isinstance(piece, Url):
            self.connection.say(b"BURL " + format_burl(piece.url.encode("ascii"), last))
        elif isinstance(piece, Upload):
            self.connection.say(b"BDAT " + format_bdat(piece.size_octets, last))
            self.connection.trace("C", b"(%d octets)" % piece.size_octets)
            await self.connection.write_all(piece.source, piece.size_octets)
        else:
            self.connection.say(b"BDAT " + format_bdat(len(piece), last))
            self.connection.write(piece)
            self._trace_chunk(piece)
        await self.connection.drain()
        answer = await self._reply()
        if answer.code >= 400:
            await self._reset()
        return _expect(answer, 250)

    def _trace_chunk(self, octets: bytes) -> None:
        if len(octets) > _SHOWN_CHUNK_OCTETS:
            self.connection.trace("C", b"(%d octets)" % len(octets))
            return
        for line in octets.removesuffix(b"\r\n").split(b"\r\n"):
            self.connection.trace("C", line)

    async def _send_data(self, lines: Sequence[bytes], pieces: Sequence[MessagePiece]) -> Reply:
        """By DATA; the content must be CRLF-ended text (RFC 5321 §4.1.1.4)."""
        answers = await self._say_all(lines)
        for answer in answers:
            if answer.code >= 400:
                await self._reset()
                raise smtp_error(answer.code, answer.enhanced, answer.text)
        self.connection.say(b"DATA")
        _expect(await self._reply(), 354)
        tail = b"\r\n"
        async for piece in _pieces_of(pieces):
            self.connection.write(stuff_dots(piece, tail.endswith(b"\r\n")))
            tail = (tail + piece)[-2:]
            await self.connection.drain()
        self.connection.write(b".\r\n" if tail.endswith(b"\r\n") else b"\r\n.\r\n")
        return _expect(await self._reply(), 250)

    async def _say_all(self, lines: Sequence[bytes]) -> list[Reply]:
        """The replies to ``lines``, sent together or one by one."""
        answers: list[Reply] = []
        if "PIPELINING" in self._extensions:
            for line in lines:
                self.connection.say(line)
            return [await self._reply() for _ in lines]
        for line in lines:
            self.connection.say(line)
            answers.append(await self._reply())
            if answers[-1].code >= 400:
                break
        return answers

    async def _reset(self) -> None:
        """Clear the transaction; nothing to clear when the last command ended it."""
        self.connection.say(b"RSET")
        await self._reply()

    async def quit(self) -> None:
        """Say goodbye and close; nothing is raised when the server is gone already."""
        try:
            self.connection.say(b"QUIT")
            await self._reply()
        except LinkClosed:
            pass
        self.connection.close()

    async def _reply(self) -> Reply:
        lines: list[bytes] = []
        while True:
            line = self._buffer.line(MAX_REPLY_LINE_OCTETS)
            if line is None:
                self._buffer.feed(await self.connection.receive())
                continue
            self.connection.trace("S", line)
            lines.append(line)
            if is_last_reply_line(line) or len(lines) >= MAX_REPLY_LINES:
                return parse_reply(lines)


def _check_address(address: str) -> None:
    """Raises ``ValueError`` for an address that would not stay within its brackets."""
    quoted = address.startswith('"')
    for character in address:
        if character < " " or character == "\x7f" or (character in "<> " and not quoted):
            raise ValueError("this is no mail address")


def _mail(sender: str, body: str) -> bytes:
    line = b"MAIL FROM:<" + sender.encode("utf-8") + b">"
    return line + b" BODY=" + body.encode("ascii") if body else line


def _expect(answer: Reply, code: int) -> Reply:
    if answer.code >= 400:
        raise smtp_error(answer.code, answer.enhanced, answer.text)
    if answer.code != code:
        raise PeerError("the server gave an unexpected reply", fatal=True)
    return answer


async def _pieces_of(pieces: Sequence[MessagePiece]) -> AsyncIterator[bytes]:
    """The octets of pieces that are no URLs."""
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        elif isinstance(piece, Upload):
            async for octets in piece.source:
                yield octets
        else:
            raise Refused(Reason.CANNOT, "The server has no BURL beside DATA")


@asynccontextmanager
async def open_smtp(
    endpoint: Endpoint, user: str, password: Secret, name: str = "localhost", trace: Trace | None = None
) -> AsyncIterator[SmtpClient]:
    """A logged-in client; TLS first where ``endpoint`` has a context. Says goodbye at the end, closes in any case."""
    client = SmtpClient(await connect(endpoint, trace), name)
    async with visit(client, endpoint, user, password, client.quit):
        yield client
