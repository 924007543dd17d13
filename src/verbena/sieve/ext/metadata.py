"""Tests of annotations: ``metadata``, ``metadataexists``, ``servermetadata``, ``servermetadataexists`` (RFC 5490
§3.3, §3.4, §4).

*full*. The annotations are those that the owner of the script may read (``Surroundings.metadata``).
"""

from typing import Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.program import Test, Text
from verbena.sieve.registry import Extension, Shape, Takes, TestRow
from verbena.sieve.run import Machine


class MetadataTest(Test):
    """``mailbox`` None: of the server."""

    def __init__(self, place: Place, match: Matcher, mailbox: Text | None, entry: Text, keys: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.match = match
        self.mailbox = mailbox
        self.entry = entry
        self.keys = keys

    def holds(self, machine: Machine) -> bool:
        mailbox = None if self.mailbox is None else self.mailbox.value(machine)
        value = machine.surroundings.metadata(mailbox, self.entry.value(machine))
        return self.match.any(machine, [] if value is None else [value], self.keys)


class MetadataExists(Test):
    """``mailbox`` None: of the server."""

    def __init__(self, place: Place, mailbox: Text | None, entries: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.mailbox = mailbox
        self.entries = entries

    def holds(self, machine: Machine) -> bool:
        mailbox = None if self.mailbox is None else self.mailbox.value(machine)
        for entry in self.entries:
            machine.tick(self.place)
            if machine.surroundings.metadata(mailbox, entry.value(machine)) is None:
                return False
        return True


def build_metadata(checker: Checker, arguments: Arguments) -> Test:
    match = matcher(checker, arguments)
    mailbox, entry = arguments.text(checker, 0), arguments.text(checker, 1)
    return MetadataTest(arguments.place, match, mailbox, entry, arguments.texts(checker, 2))


def build_server_metadata(checker: Checker, arguments: Arguments) -> Test:
    match = matcher(checker, arguments)
    return MetadataTest(arguments.place, match, None, arguments.text(checker, 0), arguments.texts(checker, 1))


def build_exists(checker: Checker, arguments: Arguments) -> Test:
    return MetadataExists(arguments.place, arguments.text(checker, 0), arguments.texts(checker, 1))


def build_server_exists(checker: Checker, arguments: Arguments) -> Test:
    return MetadataExists(arguments.place, None, arguments.texts(checker, 0))


_MAILBOX: Final = Shape((Takes.STRING, Takes.STRING, Takes.STRINGS), tags=MATCH_TAGS, tag_groups=(GROUP,))
_SERVER: Final = Shape((Takes.STRING, Takes.STRINGS), tags=MATCH_TAGS, tag_groups=(GROUP,))

MAILBOX: Final[Extension] = Extension(
    rfc=5490,
    capabilities=(b"mboxmetadata",),
    tests=(
        TestRow(b"metadata", _MAILBOX, build_metadata),
        TestRow(b"metadataexists", Shape((Takes.STRING, Takes.STRINGS)), build_exists),
    ),
)

SERVER: Final[Extension] = Extension(
    rfc=5490,
    capabilities=(b"servermetadata",),
    tests=(
        TestRow(b"servermetadata", _SERVER, build_server_metadata),
        TestRow(b"servermetadataexists", Shape((Takes.STRINGS,)), build_server_exists),
    ),
)
