"""One mail transaction with the next hop (RFC 5321 §3.3, as a client), in whatever form the hop can take the message.

STARTTLS (RFC 3207), AUTH (RFC 4954), PIPELINING (RFC 2920), SIZE (RFC 1870), DSN (RFC 3461 §5.2.1), SMTPUTF8 (RFC
6531), 8BITMIME (RFC 6152) and BINARYMIME with BDAT (RFC 3030) are used where the hop offers them; a message that it
could not take as it is is converted (``mime.downgrade``). Content streams. What goes by DATA has CRLF line ends only,
so that no bare CR or LF of ours can smuggle anything into the hop.
"""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from verbena.model.errors import LinkClosed, PeerError, Refused, VerbenaError
from verbena.model.link import TlsState
from verbena.model.secret import Secret
from verbena.store.api import OutEnvelope, OutRecipient
from verbena.wire.sasl.coding import decode_base64, encode_base64, encode_initial
from verbena.wire.sasl.mechanism import choose_client
from verbena.wire.smtp.chunking import format_bdat
from verbena.wire.smtp.command import format_verb
from verbena.wire.smtp.dsn import ascii_orcpt, format_notify, format_xtext
from verbena.wire.smtp.frame import SmtpFrame, stuff_dots
from verbena.wire.smtp.parameter import Parameter, format_parameters
from verbena.wire.smtp.reply import MAX_REPLY_LINES, Reply, is_last_reply_line, parse_reply, reply

GREETING_TIMEOUT_S: Final = 300.0
COMMAND_TIMEOUT_S: Final = 300.0
DATA_TIMEOUT_S: Final = 600.0
"""RFC 5321 §4.5.3.2"""
UNEXPECTED: Final = reply(451, "4.5.0", "Next hop gave an unexpected reply")


class HopLink(Protocol):
    """A connection to the next hop; ``client.connect.Connection`` is one."""

    @property
    def tls(self) -> TlsState | None: ...

    def write(self, octets: bytes) -> None: ...

    async def drain(self) -> None: ...

    async def receive(self, timeout_s: float | None = None) -> bytes: ...

    async def start_tls(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are at a smarthost."""

    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Mail:
    """A message to send. ``content`` gives its octets, ``converted(eight_bit)`` those for a hop without BINARYMIME, or
    also without 8BITMIME (raises ``Refused(CONVERSION_REQUIRED)``)."""

    envelope: OutEnvelope
    size_octets: int
    ascii_header: bool
    content: Callable[[], AsyncIterator[bytes]]
    converted: Callable[[bool], Awaitable[AsyncIterator[bytes]]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the hop said of one recipient. ``notifies``: it has DSN, so that reports on are its business."""

    reply: Reply
    notifies: bool

    @property
    def accepted(self) -> bool:
        return self.reply.code < 400

    @property
    def permanent(self) -> bool:
        return self.reply.code >= 500

    @property
    def status(self) -> str:
        code = str(self.reply.code)[0]
        return self.reply.enhanced if self.reply.enhanced[:1] == code else f"{code}.0.0"

    @property
    def told(self) -> str:
        return f"{self.reply.code} {self.reply.enhanced} {self.reply.text}".replace("  ", " ")


class HopFailed(VerbenaError):
    """The hop can not be used now. ``plain_may_work``: only TLS failed; ``sent``: it may have taken the message all the
    same, and no other hop should get it in this attempt."""

    def __init__(self, told: str, *, plain_may_work: bool = False, sent: bool = False) -> None:
        super().__init__(told)
        self.told = told
        self.plain_may_work = plain_may_work
        self.sent = sent


class Hop:
    """A conversation over ``link``; whoever made the link closes it."""

    def __init__(self, link: HopLink, hostname: str) -> None:
        self._link = link
        self._hostname = hostname
        self._frame = SmtpFrame()
        self._extensions: dict[str, bytes] = {}
        self._sent = False

    async def send(self, mail: Mail, *, use_tls: bool, require_tls: bool, login: Login | None) -> list[Verdict]:
        """The verdicts in the order of the recipients. Raises ``HopFailed``."""
        try:
            await self._open(use_tls, require_tls, login)
            verdicts = await self._transaction(mail)
            # Not awaited: a hop that hangs up first has taken the message all the same.
            self._link.write(b"QUIT\r\n")
            return verdicts
        except HopFailed:
            raise
        except (LinkClosed, PeerError) as error:
            if self._sent and isinstance(error, LinkClosed):
                raise HopFailed("Connection lost after the message was sent", sent=True) from error
            raise HopFailed(str(error) or "Connection lost") from error

    # opening

    async def _open(self, use_tls: bool, require_tls: bool, login: Login | None) -> None:
        greeting = await self._reply(GREETING_TIMEOUT_S)
        if greeting.code != 220:
            raise HopFailed(f"Greeted with {greeting.code} {greeting.text}")
        await self._hello()
        if use_tls and self._link.tls is None and "STARTTLS" in self._extensions:
            await self._start_tls()
        if require_tls and self._link.tls is None:
            raise HopFailed("TLS is required and not offered")
        if login is not None:
            await self._authenticate(login)

    async def _hello(self) -> None:
        answer = await self._command("EHLO", self._hostname.encode())
        self._extensions = {}
        if answer.code >= 500:
            answer = await self._command("HELO", self._hostname.encode())
        if answer.code != 250:
            raise HopFailed(f"EHLO was answered {answer.code} {answer.text}")
        for line in answer.lines[1:]:
            keyword, _, rest = line.partition(b" ")
            self._extensions[keyword.decode("ascii", "replace").upper()] = rest

    async def _start_tls(self) -> None:
        answer = await self._command("STARTTLS", b"")
        if answer.code != 220:
            raise HopFailed(f"STARTTLS was answered {answer.code} {answer.text}", plain_may_work=True)
        if self._frame.waiting_octets:
            raise HopFailed("Plain text after STARTTLS")
        try:
            await self._link.start_tls()
        except LinkClosed as error:
            raise HopFailed("TLS handshake failed", plain_may_work=True) from error
        await self._hello()

    async def _authenticate(self, login: Login) -> None:
        offered = tuple(self._extensions.get("AUTH", b"").decode("ascii", "replace").split())
        tls = self._link.tls
        bindings = tls.channel_bindings if tls is not None else ()
        nonce = encode_base64(secrets.token_bytes(18))
        chosen = choose_client(offered, login.user, login.password, bindings, nonce, tls is not None)
        if chosen is None:
            raise HopFailed("The smarthost offers no login that is safe here")
        mechanism, machine = chosen
        initial = machine.initial()
        argument = mechanism.encode("ascii")
        answer = await self._command("AUTH", argument if initial is None else argument + b" " + encode_initial(initial))
        while answer.code == 334:
            self._link.write(encode_base64(machine.answer(decode_base64(answer.lines[0]))) + b"\r\n")
            answer = await self._reply(COMMAND_TIMEOUT_S)
        if answer.code != 235:
            raise HopFailed(f"The smarthost refused the login: {answer.code} {answer.text}")
        machine.complete()

    # the transaction

    async def _transaction(self, mail: Mail) -> list[Verdict]:
        recipients = mail.envelope.recipients
        needs_utf8 = not mail.ascii_header or not mail.envelope.sender.isascii()
        needs_utf8 = needs_utf8 or any(not recipient.address.isascii() for recipient in recipients)
        if needs_utf8 and mail.envelope.smtputf8 and "SMTPUTF8" not in self._extensions:
            return self._all(recipients, reply(550, "5.6.7", "Next hop has no SMTPUTF8"))
        if not all(_is_clean(address) for address in (mail.envelope.sender, *(one.address for one in recipients))):
            return self._all(recipients, reply(553, "5.1.3", "Not a mail address"))
        form = self._form(mail.envelope.body)
        try:
            source = mail.content() if form == mail.envelope.body else await mail.converted(form == "8BITMIME")
        except Refused as error:
            return self._all(recipients, reply(554, "5.6.3", error.told))
        lines = [format_verb("MAIL", b"FROM:" + _path(mail.envelope.sender) + self._mail_parameters(mail, form))]
        lines += [format_verb("RCPT", b"TO:" + _path(one.address) + self._rcpt_parameters(one)) for one in recipients]
        answers = await self._group(lines)
        if answers[0].code != 250:
            return self._all(recipients, _sane(answers[0]))
        verdicts = [_sane(answer) for answer in answers[1:]]
        if not any(answer.code < 400 for answer in verdicts):
            return [Verdict(answer, self._notifies) for answer in verdicts]
        final = await (self._by_bdat(source, mail.size_octets) if form == "BINARYMIME" else self._by_data(source))
        return [Verdict(answer if answer.code >= 400 else final, self._notifies) for answer in verdicts]

    @property
    def _notifies(self) -> bool:
        return "DSN" in self._extensions

    def _all(self, recipients: Sequence[OutRecipient], answer: Reply) -> list[Verdict]:
        return [Verdict(answer, self._notifies) for _ in recipients]

    def _form(self, body: str) -> str:
        """The form in which a message that needs ``body`` goes out."""
        if body == "BINARYMIME" and not {"BINARYMIME", "CHUNKING"} <= self._extensions.keys():
            return "8BITMIME" if "8BITMIME" in self._extensions else "7BIT"
        if body == "8BITMIME" and "8BITMIME" not in self._extensions:
            return "7BIT"
        return body

    def _mail_parameters(self, mail: Mail, form: str) -> bytes:
        envelope = mail.envelope
        parameters: list[Parameter] = []
        if "SIZE" in self._extensions and form == envelope.body:
            parameters.append(("SIZE", b"%d" % mail.size_octets))
        if form != "7BIT":
            parameters.append(("BODY", form.encode()))
        if envelope.smtputf8 and "SMTPUTF8" in self._extensions:
            parameters.append(("SMTPUTF8", None))
        if self._notifies and envelope.ret is not None:
            parameters.append(("RET", envelope.ret.encode()))
        if self._notifies and envelope.envid is not None:
            parameters.append(("ENVID", format_xtext(envelope.envid)))
        return format_parameters(parameters)

    def _rcpt_parameters(self, recipient: OutRecipient) -> bytes:
        parameters: list[Parameter] = []
        if self._notifies and recipient.notify:
            parameters.append(("NOTIFY", format_notify(recipient.notify)))
        if self._notifies and recipient.orcpt is not None:
            utf8 = "SMTPUTF8" in self._extensions
            parameters.append(("ORCPT", recipient.orcpt if utf8 else ascii_orcpt(recipient.orcpt)))
        return format_parameters(parameters)

    async def _group(self, lines: Sequence[bytes]) -> list[Reply]:
        """MAIL and RCPTs, at once where the hop has PIPELINING."""
        if "PIPELINING" in self._extensions:
            for line in lines:
                self._link.write(line)
            return [await self._reply(COMMAND_TIMEOUT_S) for _ in lines]
        answers: list[Reply] = []
        for line in lines:
            self._link.write(line)
            answers.append(await self._reply(COMMAND_TIMEOUT_S))
            if answers[0].code >= 400:
                break
        return answers

    async def _by_data(self, source: AsyncIterator[bytes]) -> Reply:
        answer = await self._command("DATA", b"")
        if answer.code != 354:
            # Success here would be no success of the message: nothing of it was sent.
            return UNEXPECTED if answer.code < 400 else answer
        at_line_start = True
        async for piece in canonical_lines(source):
            self._link.write(stuff_dots(piece, at_line_start))
            at_line_start = piece.endswith(b"\n")
            await self._link.drain()
        self._link.write(b".\r\n" if at_line_start else b"\r\n.\r\n")
        self._sent = True
        return _sane(await self._reply(DATA_TIMEOUT_S))

    async def _by_bdat(self, source: AsyncIterator[bytes], size_octets: int) -> Reply:
        self._link.write(format_verb("BDAT", format_bdat(size_octets, True)))
        async for piece in source:
            self._link.write(piece)
            await self._link.drain()
        self._sent = True
        return _sane(await self._reply(DATA_TIMEOUT_S))

    # lines

    async def _command(self, verb: str, argument: bytes) -> Reply:
        self._link.write(format_verb(verb, argument))
        return await self._reply(COMMAND_TIMEOUT_S)

    async def _reply(self, timeout_s: float) -> Reply:
        await self._link.drain()
        lines: list[bytes] = []
        while len(lines) <= MAX_REPLY_LINES:
            line = self._frame.line()
            if line is None:
                data = await self._link.receive(timeout_s)
                if not data:
                    raise LinkClosed("Closed by the next hop")
                self._frame.feed(data)
                continue
            lines.append(line)
            if is_last_reply_line(line):
                break
        answer = parse_reply(lines)
        if answer.code == 421:
            raise HopFailed(f"421 {answer.text}", sent=self._sent)
        return answer


async def canonical_lines(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """``source`` with CRLF for every line end: bare CR and bare LF too. No piece ends between CR and LF."""
    held = b""
    async for piece in source:
        text = held + piece
        held = b"\r" if text.endswith(b"\r") else b""
        text = text.removesuffix(b"\r")
        if text:
            yield text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    if held:
        yield b"\r\n"


def _path(address: str) -> bytes:
    return b"<" + address.encode() + b">"


def _is_clean(address: str) -> bool:
    """Whether ``address`` stays within its brackets and its line, wherever it came from."""
    quoted = address.startswith('"')
    return not any(
        character < " " or character == "\x7f" or (character in "<> " and not quoted) for character in address
    )


def _sane(answer: Reply) -> Reply:
    """A reply that is neither success nor failure is a failure for now."""
    return UNEXPECTED if 300 <= answer.code < 400 else answer
