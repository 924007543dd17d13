"""SMTP and LMTP in transcripts: chunks of BDAT, replies in order, and the accounts that an RFC's dialogue speaks of."""

import re
import secrets

from support.house import PASSWORD, House
from support.transcript import Connection, Expectation, Runner, Script, Step
from verbena.auth.password import make_credentials
from verbena.model.secret import Secret
from verbena.wire.sasl.coding import encode_base64

CHUNK = re.compile(rb"^BDAT \{(\d+)\}\r\n")
FINAL = re.compile(rb"^\d{3}( |$)")


class _Expectation(Expectation):
    """A code alone stands for whatever text."""

    def matches(self, pattern: bytes, reply: bytes) -> bool:
        return super().matches(pattern + b"$" if len(pattern) == 3 and pattern.isdigit() else pattern, reply)


class SmtpRunner(Runner):
    """``C: BDAT {{{`` … ``}}} LAST`` is a chunk: its octets are counted and follow the line. Final replies come in the
    order of the commands (RFC 2920 §3.2)."""

    def __init__(self, script: Script, connections: dict[int, Connection]) -> None:
        super().__init__(script, connections)
        self._expect = _Expectation()

    async def _send(self, step: Step) -> None:
        found = CHUNK.match(step.text)
        if found is None:
            await super()._send(step)
            return
        end = found.end() + int(found[1])
        octets = self._expect.fill(step.text[found.end() : end])
        await self._connections[step.connection].send(b"BDAT %d%b\r\n%b" % (len(octets), step.text[end:], octets))

    def _settle(self, wanted: list[Step], reply: bytes, seen: list[bytes]) -> None:
        finals = [step for step in wanted if FINAL.match(step.text)]
        if FINAL.match(reply) and finals:
            kept = [step for step in wanted if step not in finals]
            chosen = [finals[0]]
            super()._settle(chosen, reply, seen)
            wanted[:] = [*kept, *chosen, *finals[1:]]
            early = [step for step in kept if step.line_number < finals[0].line_number]
            if not chosen and early:
                super()._settle(early, reply, seen)
            return
        super()._settle(wanted, reply, seen)


async def open_accounts(house: House, names: str) -> None:
    """``name@domain`` or ``name@domain:password`` each; their domains are served here."""
    directory = house.store.directory
    for entry in names.split():
        login, _, password = entry.partition(":")
        domain = login.partition("@")[2]
        if not directory.is_local_domain(domain):
            await directory.add_domain(domain)
        made = make_credentials(Secret(password.encode() or PASSWORD), secrets.token_bytes)
        await directory.add_account(login, made)


async def submitter(house: House, name: str, chunk_octets: int) -> Connection:
    """A submission session, greeted and logged in over what passes for TLS."""
    connection = house.connect(house.submission, chunk_octets=chunk_octets)
    response = encode_base64(b"\0" + name.encode() + b"\0" + PASSWORD)
    for line in (b"EHLO client.example.org\r\n", b"AUTH PLAIN " + response + b"\r\n"):
        await read_reply(connection)
        await connection.send(line)
    reply = await read_reply(connection)
    assert reply.startswith(b"235"), reply
    return connection


async def read_reply(connection: Connection) -> bytes:
    """The last line of the next reply."""
    while not FINAL.match(line := await connection.reply()):
        assert line, "closed"
    return line
