"""ManageSieve sessions over links in memory, and transcripts of them."""

import base64

from support.house import PASSWORD, House
from support.transcript import Connection, Expectation, Runner, Script
from verbena.managesieve.server import ManageSieveService
from verbena.managesieve.session import Language, Limits
from verbena.sieve.extensions import REGISTRY

ENDS = (b"OK", b"NO", b"BYE")


def service_of(house: House, limits: Limits | None = None) -> ManageSieveService:
    return ManageSieveService(house.store, house.authenticator, house.meter, Language(REGISTRY), limits)


async def greeted(connection: Connection) -> list[bytes]:
    """The lines up to the next OK, NO or BYE, with it."""
    lines: list[bytes] = []
    while not lines or (lines[-1] and not lines[-1].startswith(ENDS)):
        lines.append(await connection.reply())
    return lines


async def ask(connection: Connection, line: bytes) -> list[bytes]:
    """Send a command; its whole answer."""
    await connection.send(line + b"\r\n")
    return await greeted(connection)


def plain(name: str, password: bytes = PASSWORD) -> bytes:
    return b'AUTHENTICATE "PLAIN" "%b"' % base64.b64encode(b"\0" + name.encode() + b"\0" + password)


async def logged_in(
    house: House, service: ManageSieveService, name: str = "alice", chunk_octets: int = 65536
) -> Connection:
    connection = house.connect(service, chunk_octets=chunk_octets)
    await greeted(connection)
    assert (await ask(connection, plain(name)))[-1].startswith(b"OK")
    return connection


class _Expectation(Expectation):
    """A final reply may be longer than its pattern."""

    def matches(self, pattern: bytes, reply: bytes) -> bool:
        return super().matches(pattern + b"$" if pattern.upper().startswith(ENDS) else pattern, reply)


class SieveRunner(Runner):
    """Lines of data begin with a string; everything else ends an answer."""

    def __init__(self, script: Script, connections: dict[int, Connection]) -> None:
        super().__init__(script, connections)
        self._expect = _Expectation()

    @staticmethod
    def _ends_command(reply: bytes) -> bool:
        return not reply.startswith((b'"', b"{"))
