"""A ``model.link.Link`` in memory, and the client's end of it.

``MemoryLink`` is what a service under test gets; the test holds its ``far`` end. ``chunk_octets`` cuts what the
client sends into pieces, 1 for byte by byte, so that chunking is shown not to matter.
"""

import asyncio
import zlib

from verbena.model.errors import LinkClosed, LinkTimeout
from verbena.model.link import Peer, TlsState


class FarEnd:
    """The client's end: bytes in, bytes out, both as the network would carry them."""

    def __init__(self) -> None:
        self.to_server: asyncio.Queue[bytes] = asyncio.Queue()
        self.from_server: asyncio.Queue[bytes] = asyncio.Queue()

    async def send(self, data: bytes) -> None:
        await self.to_server.put(data)

    async def receive(self, timeout_s: float = 10.0) -> bytes:
        """The next octets from the server; empty once it has closed. Raises ``TimeoutError``."""
        return await asyncio.wait_for(self.from_server.get(), timeout_s)

    async def close(self) -> None:
        await self.to_server.put(b"")


class MemoryLink:
    """The server's end. TLS is only said, not done; deflate is real."""

    def __init__(self, *, tls: bool = False, chunk_octets: int = 65536, address: str = "192.0.2.1") -> None:
        self.far = FarEnd()
        self.account: str | None = None
        self.closed = False
        self.most_undrained = 0
        self._undrained = 0
        self._chunk_octets = chunk_octets
        self._pending = b""
        self._peer = Peer(address, 50000, "192.0.2.2", 143)
        self._tls = TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384", None, ()) if tls else None
        self._inflate: zlib._Decompress | None = None
        self._deflate: zlib._Compress | None = None
        self._ended = False

    @property
    def peer(self) -> Peer:
        return self._peer

    @property
    def tls(self) -> TlsState | None:
        return self._tls

    @property
    def compressed(self) -> bool:
        return self._inflate is not None

    @property
    def can_start_tls(self) -> bool:
        return self._tls is None

    async def receive(self, timeout_s: float) -> bytes:
        if not self._pending and not self._ended:
            try:
                self._arrived(await asyncio.wait_for(self.far.to_server.get(), timeout_s))
            except TimeoutError:
                raise LinkTimeout("nothing came") from None
        return self._take()

    def received(self) -> bytes:
        while not self.far.to_server.empty():
            self._arrived(self.far.to_server.get_nowait())
        return self._take()

    def _arrived(self, data: bytes) -> None:
        if not data:
            self._ended = True
        self._pending += self._inflate.decompress(data) if self._inflate is not None else data

    def _take(self) -> bytes:
        piece, self._pending = self._pending[: self._chunk_octets], self._pending[self._chunk_octets :]
        return piece

    def write(self, data: bytes) -> None:
        if self.closed:
            raise LinkClosed("closed")
        if self._deflate is not None:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        if data:
            self._undrained += len(data)
            self.most_undrained = max(self.most_undrained, self._undrained)
            self.far.from_server.put_nowait(data)

    async def drain(self) -> None:
        self._undrained = 0
        await asyncio.sleep(0)

    async def start_tls(self) -> None:
        self._pending = b""
        while not self.far.to_server.empty():
            self.far.to_server.get_nowait()
        self._tls = TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384", None, ())

    def start_deflate(self) -> None:
        self._inflate = zlib.decompressobj(-15)
        self._deflate = zlib.compressobj(wbits=-15)

    def set_account(self, login: str) -> None:
        self.account = login

    def end(self) -> None:
        """The service returned: the client reads the end of the stream."""
        if not self.closed:
            self.closed = True
            self.far.from_server.put_nowait(b"")
