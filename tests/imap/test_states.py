"""Every command in every state: legal where its row says, BAD elsewhere; and any octets at all."""

import random
from pathlib import Path

import pytest

from support.house import houses
from support.transcript import Connection
from verbena.imap.extensions import REGISTRY
from verbena.wire.imap.states import State

ENDS_OR_TALKS = {"LOGOUT", "STARTTLS", "AUTHENTICATE", "LOGIN", "IDLE", "COMPRESS", "CLOSE", "UNSELECT"}
"""Commands that change the state or wait for more, so that the next one would meet another state."""


async def answer(connection: Connection, line: bytes) -> bytes:
    await connection.send(b"t " + line + b"\r\n")
    while not (reply := await connection.reply()).startswith(b"t "):
        assert reply, line
    return reply


@pytest.mark.rfc("3501 §3")
@pytest.mark.parametrize("state", [State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED])
async def test_states(state: State, tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        for name, row in REGISTRY.commands.items():
            if name in ENDS_OR_TALKS and state in row.states:
                continue
            connection = house.connect(house.imap) if state is State.NOT_AUTHENTICATED else await house.login()
            if state is State.SELECTED:
                assert (await answer(connection, b"SELECT INBOX")).startswith(b"t OK")
            reply = await answer(connection, name.encode())
            assert (b"not allowed in this state" in reply) == (state not in row.states), (name, reply)
            await connection.close()


WORDS = [
    b"FETCH", b"UID", b"STORE", b"SELECT", b"INBOX", b"APPEND", b"COPY", b"SEARCH", b"EXPUNGE", b"LIST", b"STATUS",
    b"NOOP", b"CREATE", b"1:*", b"1", b"*", b"4294967295", b"(", b")", b"FLAGS", b"+FLAGS", b"\\Seen", b"BODY[]",
    b"BODY[1.MIME]", b"<0.1>", b"ENVELOPE", b"(CHANGEDSINCE 1)", b"(QRESYNC (1 1 1:3))", b'"a"', b'""', b"{3+}\r\nabc",
    b"~{3+}\r\na\0b", b"{1}\r\n", b"CATENATE", b"URL", b"TEXT", b"ENABLE", b"QRESYNC", b"ID", b"NIL", b"\xff", b"\0",
]  # fmt: skip


def lines(source: random.Random) -> bytes:
    """A few lines of words that belong together more or less, some spoilt."""
    out = b""
    for number in range(source.randrange(1, 6)):
        words = [b"f%d" % number] + [source.choice(WORDS) for _ in range(source.randrange(1, 8))]
        line = b" ".join(words)
        if source.random() < 0.2:
            at = source.randrange(len(line))
            line = line[:at] + source.randbytes(1) + line[at + 1 :]
        out += line + b"\r\n"
    return out


async def test_any_octets_leave_the_server_well(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: x\r\n\r\nbody")
        for seed in range(250):
            source = random.Random(seed)
            connection = await house.login(chunk_octets=source.choice((1, 3, 65536)))
            await connection.send(b"s SELECT INBOX\r\n" + lines(source) + b"\r\nabc\r\nq LOGOUT\r\n")
            await connection.close()
            while reply := await connection.reply():
                assert b"SERVERBUG" not in reply, (seed, reply)
        assert (await answer(await house.login(), b"NOOP")).startswith(b"t OK")
