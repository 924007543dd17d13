"""Octets that have arrived and are not read yet, cut into lines or taken by count.

No octet is looked at twice: an unfinished line is kept in pieces already known to hold no line end,
and a piece that is taken whole is handed on without a copy. The unread octets are bounded by
``limit_octets``; a line by the limit that its reader gives.
"""

from typing import Final

from verbena.model.errors import PeerError

DEFAULT_LIMIT_OCTETS: Final = 1 << 20
_CR: Final = 13
_JOIN_PIECES: Final = 64


class ReceiveBuffer:
    """Feed it what arrives; take lines or counted octets from it, in any order.

    ``ended_by_crlf`` says how the line that ``line`` gave last was ended: CRLF, or a bare LF.
    """

    def __init__(self, limit_octets: int = DEFAULT_LIMIT_OCTETS) -> None:
        self._limit_octets = limit_octets
        self._chunk = b""
        self._pos = 0
        self._pieces: list[bytes] = []
        self._pieces_octets = 0
        self.ended_by_crlf = True

    def __len__(self) -> int:
        return self._pieces_octets + len(self._chunk) - self._pos

    def feed(self, data: bytes) -> None:
        """Add what arrived. Raises a fatal ``PeerError`` when more than the limit would lie unread."""
        if self._pos < len(self._chunk):
            if len(self) + len(data) > self._limit_octets:
                raise PeerError("Too much was sent ahead", True)
            data = self._chunk[self._pos :] + data
        self._chunk = data
        self._pos = 0

    def line(self, limit_octets: int) -> bytes | None:
        """The next line without its end; None when it is not all there yet.

        Raises a fatal ``PeerError`` as soon as the line is longer than ``limit_octets``, ended or not.
        """
        chunk = self._chunk
        pos = self._pos
        at = chunk.find(b"\n", pos)
        if at < 0:
            self._keep(limit_octets)
            return None
        self._pos = at + 1
        if self._pieces:
            self._pieces.append(chunk[pos : at + 1])
            chunk = b"".join(self._pieces)
            self._pieces.clear()
            self._pieces_octets = 0
            pos = 0
            at = len(chunk) - 1
        self.ended_by_crlf = at > pos and chunk[at - 1] == _CR
        end = at - 1 if self.ended_by_crlf else at
        if end - pos > limit_octets:
            raise PeerError("The line is too long", True)
        return chunk[pos:end]

    def _keep(self, limit_octets: int) -> None:
        """Put the rest of the chunk, which has no line end, with the pieces of an unfinished line."""
        rest = self._chunk[self._pos :] if self._pos else self._chunk
        self._chunk = b""
        self._pos = 0
        if not rest:
            return
        self._pieces.append(rest)
        self._pieces_octets += len(rest)
        # One more than the limit may be the CR of a line that just fits.
        if self._pieces_octets > limit_octets + 1:
            raise PeerError("The line is too long", True)
        if len(self._pieces) >= _JOIN_PIECES:
            self._pieces = [b"".join(self._pieces)]

    def take(self, most_octets: int) -> bytes:
        """Up to ``most_octets`` of what is there; empty when nothing is."""
        if self._pieces:
            self._rejoin()
        chunk = self._chunk
        pos = self._pos
        have = len(chunk) - pos
        if have <= most_octets:
            self._chunk = b""
            self._pos = 0
            return chunk[pos:] if pos else chunk
        self._pos = pos + most_octets
        return chunk[pos : pos + most_octets]

    def take_all(self) -> bytes:
        """Everything unread; the buffer is empty then, as STARTTLS and COMPRESS need it."""
        return self.take(len(self))

    def _rejoin(self) -> None:
        """Undo the keeping of an unfinished line, whose octets are now taken by count."""
        self._pieces.append(self._chunk[self._pos :])
        self._chunk = b"".join(self._pieces)
        self._pos = 0
        self._pieces.clear()
        self._pieces_octets = 0
