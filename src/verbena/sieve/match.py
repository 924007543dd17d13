"""Testing values against keys: the MATCH-TYPE and COMPARATOR arguments that many tests share (RFC 5228 §2.7).

An extension adds a match type with a ``MatchRow``; relational and regex do.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.compare import Comparator, Glob
from verbena.sieve.errors import Place, refuse
from verbena.sieve.program import Text
from verbena.sieve.registry import Tag, Takes

if TYPE_CHECKING:
    from verbena.sieve.check import Checker
    from verbena.sieve.run import Machine

MAX_GLOBS: Final = 64
GROUP: Final = b"match-type"
"""The shared group of the tags that choose a match type; a shape with it takes ``:comparator`` too."""

MATCH_TAGS: Final = (
    Tag(b"is", group=GROUP),
    Tag(b"contains", group=GROUP),
    Tag(b"matches", group=GROUP),
    Tag(b"comparator", Takes.STRING),
)


class Matcher:
    """``:is``; other match types derive from it and change ``one`` or ``any``."""

    def __init__(self, place: Place, comparator: Comparator, told: str = "is") -> None:
        self.place = place
        self.comparator = comparator
        self.told = told
        """how the match type reads between values and keys in a trace"""
        self.counts = False
        """it looks at the number of values only (RFC 5231 §4.2)"""

    def any(self, machine: "Machine", values: Sequence[bytes], keys: Sequence[Text]) -> bool:
        """Whether any value matches any key; sets the match variables where the type has them."""
        wanted = [key.value(machine) for key in keys]
        if machine.tracing:
            machine.saw(self.place, self.told, values, wanted)
        if not values:
            return False
        return self.any_of(machine, values, wanted)

    def any_of(self, machine: "Machine", values: Sequence[bytes], keys: Sequence[bytes]) -> bool:
        """As ``any``, of keys that have their value already."""
        for key in keys:
            for value in values:
                machine.tick(self.place, 1 + (len(value) >> 10))
                if self.one(machine, value, key):
                    return True
        return False

    def one(self, machine: "Machine", value: bytes, key: bytes) -> bool:
        return self.comparator.equal(value, key)


class Contains(Matcher):
    def one(self, machine: "Machine", value: bytes, key: bytes) -> bool:
        return self.comparator.fold(key) in self.comparator.fold(value)


class Matches(Matcher):
    """``:matches``; the patterns it met last are kept ready."""

    def __init__(self, place: Place, comparator: Comparator, told: str = "matches") -> None:
        super().__init__(place, comparator, told)
        self._globs: dict[bytes, Glob] = {}

    def one(self, machine: "Machine", value: bytes, key: bytes) -> bool:
        machine.tick(self.place, (len(value) * len(key)) >> 10)
        glob = self._globs.get(key)
        if glob is None:
            if len(self._globs) >= MAX_GLOBS:
                self._globs.clear()
            glob = self._globs[key] = Glob(key, self.comparator)
        found = glob.match(value)
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
    return (
        Contains(arguments.place, comparator, "contains")
        if kind == b"contains"
        else Matches(arguments.place, comparator)
    )
