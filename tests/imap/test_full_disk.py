"""A session on a disk that is full: what is there can be read, what can not be written is refused and comes later."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.house import houses
from support.transcript import Connection


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


async def ask(connection: Connection, line: bytes) -> list[bytes]:
    await connection.send(b"q " + line + b"\r\n")
    replies: list[bytes] = []
    while not replies or not replies[-1].startswith(b"q "):
        replies.append(await connection.reply())
        assert replies[-1], line
    return replies


@pytest.mark.rfc("3501 §6.4.5")
async def test_mail_can_be_read_while_the_disk_is_full(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: x\r\n\r\nbody\r\n")
        connection = await house.login()
        await ask(connection, b"SELECT INBOX")
        with full_disk():
            read = await ask(connection, b"FETCH 1 (BODY[TEXT])")
            stored = await ask(connection, b"STORE 1 +FLAGS (\\Flagged)")
        assert read == [b"* 1 FETCH (BODY[TEXT] {6}\r\nbody\r\n)", b"q OK FETCH completed"]
        assert stored[-1].startswith(b"q NO [UNAVAILABLE]")
        again = await ask(connection, b"FETCH 1 (BODY[TEXT])")
        assert again[0].endswith(b"FLAGS (\\Seen \\Recent))")
