"""External lists: the match type :list, redirect :list, and valid_ext_list (RFC 6134).

*full*. What lists there are and what is in them is for ``Surroundings`` to say; ``redirect :list`` names the list in
its action, and the delivery agent opens it.
"""

from collections.abc import Sequence
from typing import Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.compare import Comparator
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.listname import list_name
from verbena.sieve.match import GROUP, Matcher
from verbena.sieve.program import Test, Text
from verbena.sieve.registry import AddedTags, Extension, MatchRow, Shape, Tag, Takes, TestRow
from verbena.sieve.run import Machine

_TESTS: Final = frozenset((b"address", b"envelope", b"header", b"string", b"date", b"currentdate", b"environment"))


class InList(Matcher):
    """``:list``; the keys name lists (§2.2)."""

    def __init__(self, place: Place, comparator: Comparator) -> None:
        super().__init__(place, comparator, "is in the list")

    def any_of(self, machine: Machine, values: Sequence[bytes], keys: Sequence[bytes]) -> bool:
        for key in keys:
            name = list_name(key)
            if name is None or not machine.surroundings.has_list(name):
                raise RunError(self.place, f"there is no list “{key.decode('utf-8', 'replace')}”")
            for value in values:
                machine.tick(self.place)
                value = value.strip(b" \t\r\n")
                if machine.surroundings.in_list(name, value):
                    machine.matched = [value]
                    return True
        return False


def make(checker: Checker, arguments: Arguments, comparator: Comparator) -> Matcher:
    """Refuses a comparator, and tests that have no lists (§2.2)."""
    if arguments.has(b"comparator"):
        raise refuse(arguments.tag_place(b"comparator"), "“:list” takes no comparator")
    if arguments.name not in _TESTS:
        raise refuse(arguments.place, f"“{arguments.name.decode()}” can not be used with “:list”")
    names = len(arguments.positional) - 1
    for key in arguments.texts(checker, names):
        if key.is_constant and list_name(key.octets) is None:
            told = f"“{key.octets.decode('utf-8', 'replace')}” can not name a list: it is an absolute URI, or “:name”"
            raise refuse(arguments.place_of(names), told)
    return InList(arguments.place, comparator)


class ValidList(Test):
    """``valid_ext_list`` (§2.7)."""

    def __init__(self, place: Place, names: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.names = names

    def holds(self, machine: Machine) -> bool:
        for text in self.names:
            name = list_name(text.value(machine))
            if name is None or not machine.surroundings.has_list(name):
                return False
        return True


EXTENSION: Final[Extension] = Extension(
    rfc=6134,
    capabilities=(b"extlists",),
    matches=(MatchRow(Tag(b"list", group=GROUP), make),),
    added=(AddedTags((b"redirect",), (Tag(b"list"),)),),
    tests=(
        TestRow(
            b"valid_ext_list",
            Shape((Takes.STRINGS,)),
            lambda checker, arguments: ValidList(arguments.place, arguments.texts(checker, 0)),
        ),
    ),
)
