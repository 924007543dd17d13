"""DEFLATE both ways on a connection (RFC 4978, full).

Inflating is bounded three ways: a step gives at most ``STEP_OCTETS``, input waits until its output was
taken, and a peer whose octets grow by more than ``RATIO_MAX`` once ``FREE_OCTETS`` came out is cut off.
"""

import zlib
from typing import Final

from verbena.model.errors import LinkClosed

STEP_OCTETS: Final = 65_536
FREE_OCTETS: Final = 16 * 1024 * 1024
RATIO_MAX: Final = 200
_RAW: Final = -15


class Deflate:
    """One connection's pair of streams."""

    __slots__ = ("_deflate", "_in_octets", "_inflate", "_out_octets", "_waiting")

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(6, zlib.DEFLATED, _RAW, 8)
        self._inflate = zlib.decompressobj(_RAW)
        self._waiting = b""
        self._in_octets = 0
        self._out_octets = 0

    def compress(self, data: bytes) -> bytes:
        """``data`` with a sync flush after it, so that the peer can read all of it."""
        return self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)

    @property
    def waiting(self) -> bool:
        """Whether ``inflate(b"")`` has more to give or to refuse."""
        return bool(self._waiting) or self._inflate.eof

    def inflate(self, data: bytes) -> bytes:
        """The next octets, at most ``STEP_OCTETS``; what is left is kept for the next call.

        Empty when ``data`` has no whole block. Raises ``LinkClosed`` for damaged data, the end of the
        deflate stream and inflation bombs.
        """
        self._in_octets += len(data)
        if self._inflate.eof:
            raise LinkClosed("the peer ended its deflate stream")
        try:
            out = self._inflate.decompress(self._waiting + data if self._waiting else data, STEP_OCTETS)
        except zlib.error as error:
            raise LinkClosed("damaged deflate data") from error
        self._waiting = self._inflate.unconsumed_tail
        self._out_octets += len(out)
        if self._out_octets > FREE_OCTETS and self._out_octets > RATIO_MAX * self._in_octets:
            raise LinkClosed("deflate data that grow too much")
        return out
