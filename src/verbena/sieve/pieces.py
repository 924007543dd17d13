"""A message made of octets of its own and of those of another, without a copy of these (RFC 5703 §5, §6).

No limit of its own: a list has two pieces more for each edit, and edits are counted by their command.
"""

from collections.abc import Callable, Iterator
from typing import Final

from verbena.sieve.action import Edition, Span

CHUNK_OCTETS: Final = 64 * 1024


class Pieces:
    """Octets in a row. Immutable."""

    def __init__(self, pieces: tuple[bytes | Span, ...]) -> None:
        self.pieces = tuple(piece for piece in pieces if _length(piece))
        self.size_octets = sum(_length(piece) for piece in self.pieces)

    def cut(self, start: int, end: int) -> "Pieces":
        """The octets from ``start`` up to ``end``."""
        result: list[bytes | Span] = []
        at = 0
        for piece in self.pieces:
            length = _length(piece)
            first, last = max(start - at, 0), min(end - at, length)
            if first < last:
                if isinstance(piece, Span):
                    result.append(Span(piece.start_octets + first, last - first))
                else:
                    result.append(piece[first:last])
            at += length
        return Pieces(tuple(result))

    def octets(self, original: Callable[[int, int], bytes]) -> Iterator[bytes]:
        """All octets, in chunks of at most ``CHUNK_OCTETS``; ``original`` reads the message that spans are of."""
        for piece in self.pieces:
            if isinstance(piece, Span):
                end = piece.start_octets + piece.length_octets
                for start in range(piece.start_octets, end, CHUNK_OCTETS):
                    yield original(start, min(CHUNK_OCTETS, end - start))
            else:
                for start in range(0, len(piece), CHUNK_OCTETS):
                    yield piece[start : start + CHUNK_OCTETS]

    def reader(self, original: Callable[[int, int], bytes]) -> Callable[[int, int], bytes]:
        """A function as ``Message.read``, of this row."""
        return _Reader(self, original).read


class _Reader:
    def __init__(self, row: Pieces, original: Callable[[int, int], bytes]) -> None:
        self._row = row
        self._original = original

    def read(self, start: int, length: int) -> bytes:
        return b"".join(self._row.cut(start, start + length).octets(self._original))


def _length(piece: bytes | Span) -> int:
    return piece.length_octets if isinstance(piece, Span) else len(piece)


def edition_octets(
    edition: Edition, body_start: int, size_octets: int, original: Callable[[int, int], bytes]
) -> Iterator[bytes]:
    """The edited message, in chunks; ``body_start`` and ``size_octets`` are of the message as it came, which
    ``original`` reads."""
    yield edition.header
    body = edition.body if edition.body is not None else (Span(body_start, size_octets - body_start),)
    yield from Pieces(body).octets(original)
