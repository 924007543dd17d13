"""Sets of message numbers, as ascending disjoint ranges, and their algebra.

``NumberSet`` holds UIDs or sequence numbers that are known; ``SequenceSet`` is what a peer wrote,
where ``*`` still stands for the largest number in use (RFC 3501 §9, ``sequence-set``).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

STAR: Final = 0
"""Stands for ``*`` in a ``SequenceSet``; 0 is no message number."""


@dataclass(frozen=True, slots=True)
class NumberSet:
    """Numbers as ranges ``(low, high)``, both ends included, ascending, disjoint, not adjacent."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        total = 0
        for low, high in self.ranges:
            total += high - low + 1
        return total

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __iter__(self) -> Iterator[int]:
        for low, high in self.ranges:
            yield from range(low, high + 1)

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        place = bisect_right(self.ranges, (number, 1 << 64)) - 1
        return place >= 0 and number <= self.ranges[place][1]

    def union(self, other: "NumberSet") -> "NumberSet":
        return NumberSet(_merge(sorted(self.ranges + other.ranges)))

    def intersection(self, other: "NumberSet") -> "NumberSet":
        result: list[tuple[int, int]] = []
        left, right = 0, 0
        while left < len(self.ranges) and right < len(other.ranges):
            low = max(self.ranges[left][0], other.ranges[right][0])
            high = min(self.ranges[left][1], other.ranges[right][1])
            if low <= high:
                result.append((low, high))
            if self.ranges[left][1] < other.ranges[right][1]:
                left += 1
            else:
                right += 1
        return NumberSet(tuple(result))

    def difference(self, other: "NumberSet") -> "NumberSet":
        result: list[tuple[int, int]] = []
        right = 0
        for low, high in self.ranges:
            start = low
            while right < len(other.ranges) and other.ranges[right][1] < start:
                right += 1
            at = right
            while at < len(other.ranges) and other.ranges[at][0] <= high:
                if other.ranges[at][0] > start:
                    result.append((start, other.ranges[at][0] - 1))
                start = other.ranges[at][1] + 1
                at += 1
            if start <= high:
                result.append((start, high))
        return NumberSet(tuple(result))


EMPTY: Final = NumberSet()


def _merge(ranges: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Join overlapping and adjacent ranges of an ascending sequence."""
    result: list[tuple[int, int]] = []
    for low, high in ranges:
        if result and low <= result[-1][1] + 1:
            if high > result[-1][1]:
                result[-1] = (result[-1][0], high)
        else:
            result.append((low, high))
    return tuple(result)


def number_set(numbers: Iterable[int]) -> NumberSet:
    """The set of ``numbers``, which may come in any order and more than once."""
    ordered = sorted(numbers)
    if not ordered:
        return EMPTY
    result: list[tuple[int, int]] = []
    low = high = ordered[0]
    for number in ordered:
        if number <= high + 1:
            high = number
        else:
            result.append((low, high))
            low = high = number
    result.append((low, high))
    return NumberSet(tuple(result))


def range_set(ranges: Iterable[tuple[int, int]]) -> NumberSet:
    """The set made of ``ranges``, in any order, overlapping or not; each low end is not above its high end."""
    return NumberSet(_merge(sorted(ranges)))


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """A set as it was written: pairs in the order given, ``STAR`` for ``*``, ends in any order."""

    pairs: tuple[tuple[int, int], ...]

    def resolve(self, largest: int) -> NumberSet:
        """The numbers meant when ``largest`` is the largest in use; 0 when there is none.

        ``*`` is ``largest``, and ``n:*`` with n above it still names ``largest`` (RFC 3501 §6.4.8).
        In an empty mailbox ``*`` names nothing.
        """
        result: list[tuple[int, int]] = []
        for first, last in self.pairs:
            low = first if first != STAR else largest
            high = last if last != STAR else largest
            if low == 0 or high == 0:
                continue
            result.append((low, high) if low <= high else (high, low))
        return range_set(result)

    @property
    def has_star(self) -> bool:
        return any(STAR in pair for pair in self.pairs)


def select(sorted_numbers: Sequence[int], wanted: NumberSet) -> list[int]:
    """The members of ``wanted`` that occur in ``sorted_numbers``, by bisection per range."""
    result: list[int] = []
    for low, high in wanted.ranges:
        result.extend(sorted_numbers[bisect_left(sorted_numbers, low) : bisect_right(sorted_numbers, high)])
    return result
