"""``:value`` and ``:count``: comparing with an order (RFC 5231).

*full*.
"""

from collections.abc import Sequence
from typing import Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.compare import Comparator
from verbena.sieve.errors import Place, refuse
from verbena.sieve.match import GROUP, Matcher
from verbena.sieve.program import Text
from verbena.sieve.registry import Extension, MatchRow, Tag, Takes
from verbena.sieve.run import Machine

_RELATIONS: Final = (b"gt", b"ge", b"lt", b"le", b"eq", b"ne")


def holds(relation: bytes, order: int) -> bool:
    """Whether an order (negative, 0, positive) is in a relation."""
    if relation == b"gt":
        return order > 0
    if relation == b"ge":
        return order >= 0
    if relation == b"lt":
        return order < 0
    if relation == b"le":
        return order <= 0
    return order == 0 if relation == b"eq" else order != 0


class Value(Matcher):
    """``:value`` (§4.1): true when any pair is."""

    def __init__(self, place: Place, comparator: Comparator, relation: bytes) -> None:
        super().__init__(place, comparator, f":value {relation.decode()}")
        self.relation = relation

    def one(self, machine: Machine, value: bytes, key: bytes) -> bool:
        return holds(self.relation, self.comparator.order(value, key))


class Count(Value):
    """``:count`` (§4.2): the number of values stands for them all."""

    def __init__(self, place: Place, comparator: Comparator, relation: bytes) -> None:
        super().__init__(place, comparator, relation)
        self.told = f":count {relation.decode()}"
        self.counts = True

    def any(self, machine: Machine, values: Sequence[bytes], keys: Sequence[Text]) -> bool:
        count = [b"%d" % len(values)]
        wanted = [key.value(machine) for key in keys]
        machine.saw(self.place, self.told, count, wanted)
        return self.any_of(machine, count, wanted)


def _relation(checker: Checker, arguments: Arguments, tag: bytes) -> bytes:
    relation = (arguments.tag_string(checker, tag) or b"").lower()
    if relation not in _RELATIONS:
        raise refuse(arguments.tag_place(tag), f"“:{tag.decode()}” takes “gt”, “ge”, “lt”, “le”, “eq” or “ne”")
    return relation


def make_value(checker: Checker, arguments: Arguments, comparator: Comparator) -> Matcher:
    return Value(arguments.place, comparator, _relation(checker, arguments, b"value"))


def make_count(checker: Checker, arguments: Arguments, comparator: Comparator) -> Matcher:
    return Count(arguments.place, comparator, _relation(checker, arguments, b"count"))


EXTENSION: Final[Extension] = Extension(
    rfc=5231,
    capabilities=(b"relational",),
    matches=(
        MatchRow(Tag(b"value", Takes.STRING, GROUP), make_value),
        MatchRow(Tag(b"count", Takes.STRING, GROUP), make_count),
    ),
)
