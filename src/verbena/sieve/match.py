"""Testing values against keys: the MATCH-TYPE and COMPARATOR arguments that many tests share (RFC 5228 §2.7).

An extension adds a match type with a ``MatchRow``; relational and regex do.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.compare import Comparator, glob
from verbena.sieve.errors import Place, refuse
from verbena.sieve.program import Text
from verbena.sieve.registry import Tag, Takes

if TYPE_CHECKING:
    from verbena.sieve.check import Checker
    from verbena.sieve.run import Machine

GROUP: Final = b"match-type"
"""The shared group of the tags that choose a match type; a shape with it takes ``:comparator`` too."""

MATCH_TAGS: Final = (
    Tag(b"is", group=GROUP),
    Tag(b"contains", group=GROUP),
    Tag(b"matches", group=GROUP),
    Tag(b"comparator", Takes.STRING, constant=True),
)


class Matcher:
    """``:is``; other match types derive from it and change ``one`` or ``any``."""

    def __init__(self, place: Place, comparator: Comparator) -> None:
        self.place = place
        self.comparator = comparator

    def any(self, machine: "Machine", values: Sequence[bytes], keys: Sequence[Text]) -> bool:
        """Whether any value matches any key; sets the match variables where the type has them."""
        for key in keys:
            wanted = key.value(machine)
            for value in values:
                machine.tick(self.place, 1 + (len(value) >> 10))
                if self.one(machine, value, wanted):
                    return True
        return False

    def one(self, machine: "Machine", value: bytes, key: bytes) -> bool:
        return self.comparator.equal(value, key)


class Contains(Matcher):
    def one(self, machine: "Machine", value: bytes, key: bytes) -> bool:
        return self.comparator.fold(key) in self.comparator.fold(value)


class Matches(Matcher):
    def one(self, machine: "Machine", value: bytes, key: bytes) -> bool:
        machine.tick(self.place, (len(value) * (1 + key.count(b"*"))) >> 8)
        found = glob(key, value, self.comparator)
        if found is None:
            return False
        machine.matched = [value, *found]
        return True


def matcher(checker: "Checker", arguments: Arguments) -> Matcher:
    """The match type and comparator asked for. Raises ``ScriptError`` where they do not go together."""
    kind = arguments.chosen(GROUP, b"is")
    comparator = checker.comparator(arguments)
    if kind == b"is":
        return Matcher(arguments.place, comparator)
    maker = checker.registry.match_makers.get(kind)
    if maker is not None:
        return maker(checker, arguments, comparator)
    if not comparator.substring:
        name = comparator.name.decode()
        raise refuse(arguments.tag_place(b"comparator"), f"“{name}” can not be used with “:{kind.decode()}”")
    return Contains(arguments.place, comparator) if kind == b"contains" else Matches(arguments.place, comparator)
