"""What a mistyped word may have meant, for complaints."""

from collections.abc import Iterable
from typing import Final

MAX_WORD_OCTETS: Final = 40


def near(word: bytes, known: Iterable[bytes], mark: str = "") -> str:
    """“; did you mean …?” for the known word that is nearest, or nothing where none is near."""
    if len(word) < 3 or len(word) > MAX_WORD_OCTETS:
        return ""
    limit = 1 if len(word) < 6 else 2
    best, best_distance = b"", limit + 1
    for each in known:
        if abs(len(each) - len(word)) <= limit:
            distance = edits(word, each)
            if distance < best_distance:
                best, best_distance = each, distance
    return f"; did you mean “{mark}{best.decode()}”?" if best else ""


def edits(one: bytes, other: bytes) -> int:
    """Octets to insert, delete, change, or trade with their neighbour, to make ``other`` of ``one``."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at in range(len(one)):
        older, before, row = before, row, [at + 1]
        for to in range(len(other)):
            cost = 0 if one[at] == other[to] else 1
            least = min(before[to] + cost, before[to + 1] + 1, row[to] + 1)
            if older and to > 0 and one[at] == other[to - 1] and one[at - 1] == other[to]:
                least = min(least, older[to - 1] + 1)
            row.append(least)
    return row[-1]
