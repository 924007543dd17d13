"""``mailboxidexists`` and ``:mailboxid``: mailboxes by their object id (RFC 9042).

*full*. ``:specialuse`` and ``:mailboxid`` exclude each other (§4.2): both are of the group ``other-target``.
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


class MailboxIdExists(Test):
    def __init__(self, place: Place, mailbox_ids: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.mailbox_ids = mailbox_ids

    def holds(self, machine: Machine) -> bool:
        for mailbox_id in self.mailbox_ids:
            machine.tick(self.place)
            if not machine.surroundings.mailbox_id_exists(mailbox_id.value(machine)):
                return False
        return True


class WithId(FilingModifier):
    """``:mailboxid``."""

    def __init__(self, place: Place, mailbox_id: Text) -> None:
        super().__init__(place)
        self.mailbox_id = mailbox_id

    def filed(self, machine: Machine, filing: FileInto) -> FileInto:
        return replace(filing, mailbox_id=self.mailbox_id.value(machine))


def modify(checker: Checker, arguments: Arguments) -> Modifier | None:
    demand_fcc(arguments, b"mailboxid")
    mailbox_id = arguments.tag_text(checker, b"mailboxid")
    return None if mailbox_id is None else WithId(arguments.place, mailbox_id)


EXTENSION: Final[Extension] = Extension(
    rfc=9042,
    capabilities=(b"mailboxid",),
    tests=(
        TestRow(
            b"mailboxidexists",
            Shape((Takes.STRINGS,)),
            lambda checker, arguments: MailboxIdExists(arguments.place, arguments.texts(checker, 0)),
        ),
    ),
    added=(AddedTags(FILING_OWNERS, (Tag(b"mailboxid", Takes.STRING, b"other-target"),), modify),),
)
