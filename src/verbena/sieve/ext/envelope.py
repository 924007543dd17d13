"""``envelope``: the paths that a message came with (RFC 5228 §5.4).

*full*. Extensions add parts with ``EnvelopePart`` rows.
"""

from collections.abc import Callable
from typing import Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.choice import FieldChoice, field_choice
from verbena.sieve.core import ADDRESS_PART, PART_TAGS, AddressTest
from verbena.sieve.errors import Place, refuse, unknown
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.program import Test, Text
from verbena.sieve.registry import EnvelopePart, EnvelopeSource, Extension, Shape, Takes, TestRow
from verbena.sieve.run import Machine


class SenderSource(EnvelopeSource):
    """``from``; the null path is the empty string."""

    def values(self, machine: Machine) -> list[bytes]:
        return [machine.envelope.sender]


class RecipientSource(EnvelopeSource):
    """``to``."""

    def values(self, machine: Machine) -> list[bytes]:
        return [machine.envelope.recipient]


class AuthSource(EnvelopeSource):
    """``auth``: the mailbox of MAIL's AUTH, where the client gave one."""

    def values(self, machine: Machine) -> list[bytes]:
        auth = machine.envelope.auth
        return [] if auth is None else [auth]


class EnvelopeTest(AddressTest):
    """``envelope`` (RFC 5228 §5.4). ``sources`` are the parts there are in this script, ``plain`` those of them that
    are no addresses; a null path matches as the empty string and counts for nothing (RFC 5231 §4.2)."""

    def __init__(
        self,
        place: Place,
        match: Matcher,
        names: tuple[Text, ...],
        keys: tuple[Text, ...],
        choice: FieldChoice,
        part: bytes,
        taker: Callable[[Machine, bytes, bytes], bytes | None] | None,
    ) -> None:
        super().__init__(place, match, names, keys, choice, part, taker)
        self.sources: dict[bytes, EnvelopeSource] = {}
        self.plain: set[bytes] = set()

    def values(self, machine: Machine) -> list[bytes]:
        result: list[bytes] = []
        for text in self.names:
            name = text.value(machine).lower()
            source = self.sources.get(name)
            if source is None:
                continue
            for value in source.values(machine):
                if name in self.plain:
                    result.append(value)
                elif value:
                    part = self.part_of(machine, value)
                    if part is not None:
                        result.append(part)
                elif not self.match.counts:
                    result.append(value)
        return result


def build_envelope(checker: Checker, arguments: Arguments) -> Test:
    names = arguments.texts(checker, 0)
    part = arguments.chosen(ADDRESS_PART, b"")
    match, keys = matcher(checker, arguments), arguments.texts(checker, 1)
    taker = checker.registry.address_parts.get(part)
    choice = field_choice(checker, arguments)
    test = EnvelopeTest(arguments.place, match, names, keys, choice, part or b"all", taker)
    for row, extension in checker.registry.envelope_parts.values():
        if checker.has(extension):
            test.sources[row.name] = row.make(checker, arguments)
            if not row.is_address:
                test.plain.add(row.name)
    for name in names:
        if name.is_constant:
            told = name.octets.decode("utf-8", "replace")
            if name.octets.lower() not in test.sources:
                raise unknown(arguments.place_of(0), f"there is no envelope part “{told}” here")
            if part and name.octets.lower() in test.plain:
                raise refuse(arguments.place_of(0), f"“{told}” is no address, so it takes no “:{part.decode()}”")
    return test


_TWO_LISTS: Final = (Takes.STRINGS, Takes.STRINGS)

EXTENSION: Final[Extension] = Extension(
    rfc=5228,
    capabilities=(b"envelope",),
    envelope_parts=(
        EnvelopePart(b"from", True, lambda checker, arguments: SenderSource()),
        EnvelopePart(b"to", True, lambda checker, arguments: RecipientSource()),
        EnvelopePart(b"auth", True, lambda checker, arguments: AuthSource()),
    ),
    tests=(
        TestRow(
            b"envelope",
            Shape(_TWO_LISTS, tags=MATCH_TAGS + PART_TAGS, tag_groups=(GROUP, ADDRESS_PART)),
            build_envelope,
        ),
    ),
)
