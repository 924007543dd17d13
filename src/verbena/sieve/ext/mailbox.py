"""``mailboxexists`` and ``:create`` (RFC 5490 §3.1, §3.2).

*full*. Mailboxes are made by the delivery agent.
"""

from dataclasses import replace
from typing import Final

from verbena.sieve.action import FileInto
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place
from verbena.sieve.filing import FILING_OWNERS, FilingModifier, demand_fcc
from verbena.sieve.program import Modifier, Test, Text
from verbena.sieve.registry import AddedTags, Extension, Shape, Tag, Takes, TestRow
from verbena.sieve.run import Machine


class MailboxExists(Test):
    def __init__(self, place: Place, names: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.names = names

    def holds(self, machine: Machine) -> bool:
        for name in self.names:
            machine.tick(self.place)
            if not machine.surroundings.mailbox_exists(name.value(machine)):
                return False
        return True


class Created(FilingModifier):
    """``:create``."""

    def filed(self, machine: Machine, filing: FileInto) -> FileInto:
        return replace(filing, create=True)


def modify(checker: Checker, arguments: Arguments) -> Modifier:
    demand_fcc(arguments, b"create")
    return Created(arguments.place)


EXTENSION: Final[Extension] = Extension(
    rfc=5490,
    capabilities=(b"mailbox",),
    tests=(
        TestRow(
            b"mailboxexists",
            Shape((Takes.STRINGS,)),
            lambda checker, arguments: MailboxExists(arguments.place, arguments.texts(checker, 0)),
        ),
    ),
    added=(AddedTags(FILING_OWNERS, (Tag(b"create"),), modify),),
)
