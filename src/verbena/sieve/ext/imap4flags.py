"""IMAP flags: ``setflag``, ``addflag``, ``removeflag``, ``hasflag``, ``:flags`` (RFC 5232).

*full*. Flags that no client may set, and what is no flag, are left out in silence, as §2 asks.
Limits: ``MAX_FLAGS`` in one set, ``MAX_FLAG_OCTETS`` a flag.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from verbena.sieve.action import Action, FileInto, Keep, Traced
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place, refuse
from verbena.sieve.ext.variables import EXTENSION as VARIABLES
from verbena.sieve.ext.variables import Variable, variable
from verbena.sieve.filing import FCC, FilingModifier, demand_fcc
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.program import Block, Modifier, Step, Test, Text
from verbena.sieve.registry import AddedTags, CommandRow, Extension, Shape, Tag, Takes, TestRow
from verbena.sieve.run import Machine

MAX_FLAGS: Final = 100
MAX_FLAG_OCTETS: Final = 100
_SYSTEM: Final = frozenset((b"\\answered", b"\\flagged", b"\\deleted", b"\\seen", b"\\draft"))
_NOT_ATOM: Final = b'(){%*"\\]'


def is_flag(flag: bytes) -> bool:
    """Whether a client could set it (RFC 3501 §9: flag)."""
    if flag[:1] == b"\\":
        return flag.lower() in _SYSTEM
    if not flag or len(flag) > MAX_FLAG_OCTETS:
        return False
    return not any(octet <= 32 or octet >= 127 or octet in _NOT_ATOM for octet in flag)


def flags_of(lists: Sequence[bytes]) -> tuple[bytes, ...]:
    """The flags in lists of words, each once, in order."""
    found: dict[bytes, bytes] = {}
    for words in lists:
        for word in words.split():
            if is_flag(word) and len(found) < MAX_FLAGS:
                found.setdefault(word.lower(), word)
    return tuple(found.values())


class Change(Step):
    """``setflag``, ``addflag`` and ``removeflag`` (§3); ``target`` None is the internal variable."""

    def __init__(self, place: Place, verb: bytes, target: Variable | None, flags: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.verb = verb
        self.target = target
        self.flags = flags

    def run(self, machine: Machine) -> None:
        given = flags_of(machine.texts(self.flags))
        old: tuple[bytes, ...] = ()
        if self.verb != b"setflag":
            old = machine.flags or () if self.target is None else flags_of([self.target.get(machine)])
        if self.verb == b"removeflag":
            gone = {flag.lower() for flag in given}
            new = tuple(flag for flag in old if flag.lower() not in gone)
        else:
            new = flags_of(old + given)
        if self.target is not None:
            self.target.put(machine, self.place, b" ".join(new))
            return
        machine.flags = new
        if machine.tracing:
            machine.tell(self.place, f"flags = {b' '.join(new).decode()}", Traced.VARIABLE)


def _demand_variables(checker: Checker, place: Place) -> None:
    if not checker.has(VARIABLES):
        raise refuse(place, "flags in a variable need: require “variables”;")


def build_change(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    target: Variable | None = None
    if arguments.given(0):
        _demand_variables(checker, arguments.place_of(0))
        target = variable(checker, arguments.constant(checker, 0), arguments.place_of(0), True)
    return Change(arguments.place, arguments.name, target, arguments.texts(checker, 1))


class HasFlag(Test):
    """``hasflag`` (§4)."""

    def __init__(
        self, place: Place, match: Matcher, variables: tuple[Variable, ...] | None, flags: tuple[Text, ...]
    ) -> None:
        super().__init__(place)
        self.match = match
        self.variables = variables
        self.flags = flags

    def holds(self, machine: Machine) -> bool:
        values: list[bytes] = []
        if self.variables is None:
            values.extend(machine.flags or ())
        else:
            for each in self.variables:
                values.extend(flags_of([each.get(machine)]))
        if self.match.counts:
            return self.match.any(machine, values, self.flags)
        keys: list[bytes] = []
        for text in self.flags:
            keys.extend(text.value(machine).split())
        if machine.tracing:
            machine.saw(self.place, self.match.told, values, keys)
        return self.match.any_of(machine, values, keys)


def build_hasflag(checker: Checker, arguments: Arguments) -> Test:
    variables: tuple[Variable, ...] | None = None
    if arguments.given(0):
        place = arguments.place_of(0)
        _demand_variables(checker, place)
        names = [checker.constant(each, place, "hasflag") for each in arguments.strings(0)]
        variables = tuple(variable(checker, name, place, False) for name in names)
    return HasFlag(arguments.place, matcher(checker, arguments), variables, arguments.texts(checker, 1))


class Flagged(FilingModifier):
    """``:flags`` (§5)."""

    def __init__(self, place: Place, flags: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.flags = flags

    def apply(self, machine: Machine, action: Action) -> Action:
        if isinstance(action, Keep):
            return replace(action, flags=flags_of(machine.texts(self.flags)))
        return super().apply(machine, action)

    def filed(self, machine: Machine, filing: FileInto) -> FileInto:
        return replace(filing, flags=flags_of(machine.texts(self.flags)))


def modify(checker: Checker, arguments: Arguments) -> Modifier:
    if arguments.name != b"keep":
        demand_fcc(arguments, b"flags")
    return Flagged(arguments.place, arguments.tag_texts(checker, b"flags"))


_CHANGE: Final = Shape((Takes.STRINGS,), optional=(Takes.STRING,))

EXTENSION: Final[Extension] = Extension(
    rfc=5232,
    capabilities=(b"imap4flags",),
    commands=(
        CommandRow(b"setflag", _CHANGE, build_change),
        CommandRow(b"addflag", _CHANGE, build_change),
        CommandRow(b"removeflag", _CHANGE, build_change),
    ),
    tests=(
        TestRow(
            b"hasflag",
            Shape((Takes.STRINGS,), optional=(Takes.STRINGS,), tags=MATCH_TAGS, tag_groups=(GROUP,)),
            build_hasflag,
        ),
    ),
    added=(AddedTags((b"keep", b"fileinto", FCC), (Tag(b"flags", Takes.STRINGS),), modify),),
)
