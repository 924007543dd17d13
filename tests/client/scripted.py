"""A server that follows a script, for client tests: what it expects to read, and what it says.

A script is a list of bytes: ``C: …`` must come next from the client (``$`` stands for anything), ``S: …`` is sent.
Lines are CRLF-ended; a ``C:`` entry may hold several lines. Anything unexpected is reported, and the connection closed.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from verbena.client.connect import Endpoint


class Script:
    """One connection's script; ``failure`` says what went wrong."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self._lines = lines
        self.failure = ""
        self.finished = asyncio.Event()

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for line in self._lines:
                if line.startswith(b"S: "):
                    writer.write(line[3:] + b"\r\n")
                    await writer.drain()
                    continue
                await self._expect(reader, line[3:])
                if self.failure:
                    break
        finally:
            self.finished.set()
            writer.close()

    async def _expect(self, reader: asyncio.StreamReader, expected: bytes) -> None:
        for wanted in expected.split(b"\r\n"):
            got = (await reader.readline()).removesuffix(b"\r\n")
            pattern = re.escape(wanted).replace(rb"\$", b".*")
            if re.fullmatch(pattern, got, re.DOTALL) is None:
                self.failure = f"expected {wanted!r}, got {got!r}"
                return


@asynccontextmanager
async def serving(lines: Sequence[bytes]) -> AsyncIterator[Endpoint]:
    """The endpoint of a server for one connection; fails the test when the script was not followed to its end."""
    script = Script(lines)
    server = await asyncio.start_server(script.play, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Endpoint("127.0.0.1", port, None, timeout_s=10)
        async with asyncio.timeout(10):
            await script.finished.wait()
    finally:
        server.close()
    assert script.failure == ""
