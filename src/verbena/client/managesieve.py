"""A ManageSieve client (RFC 5804): STARTTLS, SASL, and every command, one at a time.

A command raises ``ServerRefused`` for NO, ``ServerUnavailable`` for NO (TRYLATER) and BYE, ``PeerError`` for octets
that are no ManageSieve, ``LinkClosed`` when the server is gone. After BYE and the last two the connection is of no more
use. Limits: literals of ``LIMITS_OF_RESPONSES``, ``MAX_LINES`` lines in an answer.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from types import MappingProxyType
from typing import Final

from verbena.client.connect import Connection, Endpoint, Trace, connect
from verbena.client.errors import ServerUnavailable, managesieve_error
from verbena.client.visit import visit
from verbena.model.errors import LinkClosed, PeerError, Refused
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.wire.managesieve.command import format_command, format_response
from verbena.wire.managesieve.frame import LIMITS_OF_RESPONSES, Frame, FrameReader, Rejected
from verbena.wire.managesieve.reply import (
    Listed,
    Reply,
    Status,
    is_reply,
    parse_capability,
    parse_challenge,
    parse_listed,
    parse_reply,
    parse_script_line,
)
from verbena.wire.sasl.coding import decode_base64, encode_base64
from verbena.wire.sasl.machine import ClientMachine
from verbena.wire.sasl.mechanism import choose_client

MAX_LINES: Final = 10_000
LINGER_S: Final = 5.0
"""For the server to close after LOGOUT."""
_SHOWN_OCTETS: Final = 1500


class ManageSieveClient:
    """One connection, logged in or not yet; ``open_managesieve`` makes it."""

    def __init__(self, connection: Connection) -> None:
        self.connection: Final = connection
        self._reader = FrameReader(LIMITS_OF_RESPONSES, responses=True)
        self._capabilities: Mapping[str, str] = MappingProxyType({})

    @property
    def capabilities(self) -> Mapping[str, str]:
        """As the server last told them: names in capitals, an empty value where there is none."""
        return self._capabilities

    async def greet(self) -> None:
        """Read the capabilities that the server begins with."""
        self._learn((await self._answer())[0])

    async def start_tls(self) -> None:
        """Raises ``Refused(ENCRYPTION_NEEDED)`` when the server has no STARTTLS."""
        if "STARTTLS" not in self._capabilities:
            raise Refused(Reason.ENCRYPTION_NEEDED, "The server offers no STARTTLS")
        await self._command(b"STARTTLS")
        if self._reader.take_unread():
            raise PeerError("the server sent something between STARTTLS and TLS", fatal=True)
        await self.connection.start_tls()
        await self.greet()

    async def login(self, user: str, password: Secret) -> None:
        """By the strongest mechanism that the server offers."""
        tls = self.connection.tls
        bindings = tls.channel_bindings if tls is not None else ()
        nonce = encode_base64(secrets.token_bytes(18))
        offered = tuple(self._capabilities.get("SASL", "").split())
        chosen = choose_client(offered, user, password, bindings, nonce, tls is not None)
        if chosen is None:
            raise Refused(Reason.PRIVACY_REQUIRED, "The server offers no way to log in that is safe here")
        await self.authenticate(*chosen)

    async def authenticate(self, mechanism: str, machine: ClientMachine) -> None:
        """Raises ``ServerRefused`` with AUTHENTICATION_FAILED, ``PeerError`` when the server does not prove itself."""
        initial = machine.initial()
        words = (mechanism,) if initial is None else (mechanism, encode_base64(initial))
        self._write(format_command(b"AUTHENTICATE", *words), b'AUTHENTICATE "%b" ****' % mechanism.encode("ascii"))
        await self.connection.drain()
        frame = await self._frame()
        while not is_reply(frame):
            self._write(format_response(machine.answer(parse_challenge(frame))), b"****")
            await self.connection.drain()
            frame = await self._frame()
        reply = _good(parse_reply(frame), Reason.AUTHENTICATION_FAILED)
        if reply.code is not None and reply.code.name == b"SASL" and reply.code.argument is not None:
            machine.answer(decode_base64(reply.code.argument))
        machine.complete()

    async def unauthenticate(self) -> None:
        await self._command(b"UNAUTHENTICATE")

    async def capability(self) -> Mapping[str, str]:
        """Ask for the capabilities."""
        self._learn((await self._command(b"CAPABILITY"))[0])
        return self._capabilities

    async def noop(self, tag: str) -> None:
        """Raises ``PeerError`` when another tag comes back."""
        _, reply = await self._command(b"NOOP", tag)
        if reply.code is not None and reply.code.name == b"TAG" and reply.code.argument != tag.encode("utf-8"):
            raise PeerError("the server answered another NOOP", fatal=True)

    async def scripts(self) -> list[Listed]:
        return [parse_listed(frame) for frame in (await self._command(b"LISTSCRIPTS"))[0]]

    async def get(self, name: str) -> bytes:
        frames, _ = await self._command(b"GETSCRIPT", name)
        if len(frames) != 1:
            raise PeerError("the server gave no script")
        return parse_script_line(frames[0])

    async def put(self, name: str, octets: bytes) -> str:
        """What the server warns of; empty when of nothing. Its errors are ``ServerRefused.told``, a line each."""
        return _warnings((await self._command(b"PUTSCRIPT", name, octets))[1])

    async def check(self, octets: bytes) -> str:
        """As ``put``, and nothing is stored."""
        return _warnings((await self._command(b"CHECKSCRIPT", octets))[1])

    async def have_space(self, name: str, size_octets: int) -> None:
        """Raises ``ServerRefused`` where there is none."""
        await self._command(b"HAVESPACE", name, size_octets)

    async def activate(self, name: str | None) -> None:
        """None: have no active script."""
        await self._command(b"SETACTIVE", "" if name is None else name)

    async def delete(self, name: str) -> None:
        await self._command(b"DELETESCRIPT", name)

    async def rename(self, old_name: str, name: str) -> None:
        await self._command(b"RENAMESCRIPT", old_name, name)

    async def logout(self) -> None:
        """Say goodbye, let the server close first, then close; nothing is raised when it is gone already."""
        with suppress(LinkClosed, ServerUnavailable):
            await self._command(b"LOGOUT")
            await self.connection.receive(LINGER_S)
        self.connection.close()

    async def _command(self, name: bytes, *arguments: bytes | str | int) -> tuple[list[Frame], Reply]:
        octets = format_command(name, *arguments)
        self._write(octets, None if len(octets) <= _SHOWN_OCTETS else octets[:64] + b" ... (%d octets)" % len(octets))
        await self.connection.drain()
        return await self._answer()

    def _write(self, octets: bytes, shown: bytes | None = None) -> None:
        self.connection.write(octets)
        for line in (octets if shown is None else shown).removesuffix(b"\r\n").split(b"\r\n"):
            self.connection.trace("C", line)

    async def _answer(self) -> tuple[list[Frame], Reply]:
        """The lines of data and the OK that ends them."""
        frames: list[Frame] = []
        while True:
            frame = await self._frame()
            if is_reply(frame):
                return frames, _good(parse_reply(frame))
            if len(frames) >= MAX_LINES:
                raise PeerError("the server sends too many lines", fatal=True)
            frames.append(frame)

    async def _frame(self) -> Frame:
        while True:
            frame = self._reader.next_frame()
            if isinstance(frame, Frame):
                for number, text in enumerate(frame.texts):
                    size = b"{%d}" % len(frame.literals[number]) if number < len(frame.literals) else b""
                    self.connection.trace("S", text + size)
                return frame
            if isinstance(frame, Rejected):
                raise frame.error
            self._reader.feed(await self.connection.receive())

    def _learn(self, frames: list[Frame]) -> None:
        capabilities = [parse_capability(frame) for frame in frames]
        self._capabilities = MappingProxyType({each.name: each.value or "" for each in capabilities})


def _good(reply: Reply, default: Reason = Reason.CANNOT) -> Reply:
    """``reply`` if it is OK. Raises what it says else."""
    if reply.status is not Status.OK:
        code = b"" if reply.code is None else reply.code.name
        raise managesieve_error(reply.status.value, code, reply.text, default)
    return reply


def _warnings(reply: Reply) -> str:
    return reply.text if reply.code is not None and reply.code.name == b"WARNINGS" else ""


@asynccontextmanager
async def open_managesieve(
    endpoint: Endpoint, user: str, password: Secret, trace: Trace | None = None
) -> AsyncIterator[ManageSieveClient]:
    """A logged-in client; TLS first where ``endpoint`` has a context. Says goodbye at the end, closes in any case."""
    client = ManageSieveClient(await connect(endpoint, trace))
    async with visit(client, endpoint, user, password, client.logout):
        yield client
