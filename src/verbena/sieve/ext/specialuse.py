"""``specialuse_exists`` and ``:specialuse``: mailboxes by what they are for (RFC 8579).

*full*. An attribute that is none is taken for one that no mailbox has (§4).
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


class SpecialUseExists(Test):
    """``mailbox`` None: any mailbox."""

    def __init__(self, place: Place, mailbox: Text | None, attributes: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.mailbox = mailbox
        self.attributes = attributes

    def holds(self, machine: Machine) -> bool:
        mailbox = None if self.mailbox is None else self.mailbox.value(machine)
        for attribute in self.attributes:
            machine.tick(self.place)
            if not machine.surroundings.special_use_exists(mailbox, attribute.value(machine)):
                return False
        return True


def build_exists(checker: Checker, arguments: Arguments) -> Test:
    mailbox = arguments.text(checker, 0) if arguments.given(0) else None
    return SpecialUseExists(arguments.place, mailbox, arguments.texts(checker, 1))


class ForUse(FilingModifier):
    """``:specialuse``."""

    def __init__(self, place: Place, attribute: Text) -> None:
        super().__init__(place)
        self.attribute = attribute

    def filed(self, machine: Machine, filing: FileInto) -> FileInto:
        return replace(filing, special_use=self.attribute.value(machine))


def modify(checker: Checker, arguments: Arguments) -> Modifier | None:
    demand_fcc(arguments, b"specialuse")
    attribute = arguments.tag_text(checker, b"specialuse")
    return None if attribute is None else ForUse(arguments.place, attribute)


EXTENSION: Final[Extension] = Extension(
    rfc=8579,
    capabilities=(b"special-use",),
    tests=(TestRow(b"specialuse_exists", Shape((Takes.STRINGS,), optional=(Takes.STRING,)), build_exists),),
    added=(AddedTags(FILING_OWNERS, (Tag(b"specialuse", Takes.STRING, b"other-target"),), modify),),
)
