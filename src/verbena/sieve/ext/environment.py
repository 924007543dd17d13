"""``environment``: where the script runs (RFC 5183).

*full*; which items there are is for ``Surroundings.environment`` to say.
"""

from typing import Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.program import Test, Text
from verbena.sieve.registry import Extension, Shape, Takes, TestRow
from verbena.sieve.run import Machine


class EnvironmentTest(Test):
    def __init__(self, place: Place, match: Matcher, item: Text, keys: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.match = match
        self.item = item
        self.keys = keys

    def holds(self, machine: Machine) -> bool:
        value = machine.surroundings.environment(self.item.value(machine).lower())
        if value is None:
            return False
        values = [] if self.match.counts and not value else [value]
        return self.match.any(machine, values, self.keys)


def build_environment(checker: Checker, arguments: Arguments) -> Test:
    match = matcher(checker, arguments)
    return EnvironmentTest(arguments.place, match, arguments.text(checker, 0), arguments.texts(checker, 1))


EXTENSION: Final[Extension] = Extension(
    rfc=5183,
    capabilities=(b"environment",),
    tests=(
        TestRow(
            b"environment",
            Shape((Takes.STRING, Takes.STRINGS), tags=MATCH_TAGS, tag_groups=(GROUP,)),
            build_environment,
        ),
    ),
)
