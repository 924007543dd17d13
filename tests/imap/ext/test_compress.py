"""COMPRESS: everything behind the tagged OK is deflated, both ways (RFC 4978 §3)."""

import zlib
from pathlib import Path

import pytest

from support.house import houses
from support.transcript import Connection


class Deflated:
    """A client's wire once compression is on."""

    def __init__(self, plain: Connection) -> None:
        self._wire = plain._wire
        self._out = zlib.compressobj(wbits=-15)
        self._in = zlib.decompressobj(-15)

    async def send(self, data: bytes) -> None:
        await self._wire.send(self._out.compress(data) + self._out.flush(zlib.Z_SYNC_FLUSH))

    async def receive(self, timeout_s: float = 10.0) -> bytes:
        data = b""
        while not data:
            compressed = await self._wire.receive(timeout_s)
            if not compressed:
                return b""
            data = self._in.decompress(compressed)
        return data

    async def close(self) -> None:
        await self._wire.close()


@pytest.mark.rfc("4978 §3")
async def test_the_session_goes_on_compressed_and_refuses_to_compress_twice(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        plain = await house.login()
        await plain.send(b"a CAPABILITY\r\n")
        assert b" COMPRESS=DEFLATE" in await plain.reply()
        await plain.reply()
        await plain.send(b"b COMPRESS DEFLATE\r\n")
        assert await plain.reply() == b"b OK DEFLATE active"
        deflated = Connection(Deflated(plain))
        await deflated.send(b"c COMPRESS DEFLATE\r\n")
        assert (await deflated.reply()).startswith(b"c NO [COMPRESSIONACTIVE]")
        await deflated.send(b"d CAPABILITY\r\n")
        assert b"COMPRESS=DEFLATE" not in await deflated.reply()
        assert (await deflated.reply()).startswith(b"d OK")
        await deflated.send(b"e SELECT INBOX\r\nf IDLE\r\n")
        while (reply := await deflated.reply()) != b"+ idling":
            assert not reply.startswith((b"e NO", b"e BAD", b"f"))
        await house.put(b"Subject: x\r\n\r\nx\r\n")
        assert await deflated.reply() == b"* 1 EXISTS"
        assert await deflated.reply() == b"* 1 RECENT"
        await deflated.send(b"DONE\r\n")
        assert (await deflated.reply()).startswith(b"f OK")
