"""``:fcc``: a copy of a generated message, filed (RFC 8580).

*full*. Commands that make messages take the shared group ``fcc``; reject does not (§7). Making the copy is the delivery
agent's. Must stand before the extensions that change filings in the registry, since they change what it makes.
"""

from dataclasses import replace
from typing import Final

from verbena.sieve.action import Action, FileInto, Notify, Vacation
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.core import checked_mailbox, mailbox_name
from verbena.sieve.errors import Place
from verbena.sieve.filing import FCC
from verbena.sieve.program import Modifier, Text
from verbena.sieve.registry import AddedTags, Extension, Tag, Takes
from verbena.sieve.run import Machine


class Copied(Modifier):
    def __init__(self, place: Place, mailbox: Text) -> None:
        super().__init__(place)
        self.mailbox = mailbox

    def apply(self, machine: Machine, action: Action) -> Action:
        if isinstance(action, Vacation | Notify):
            mailbox = mailbox_name(self.mailbox.value(machine), self.place)
            return replace(action, fcc=FileInto(self.place, mailbox))
        return action


def modify(checker: Checker, arguments: Arguments) -> Modifier | None:
    mailbox = arguments.tag_text(checker, b"fcc")
    if mailbox is None:
        return None
    return Copied(arguments.place, checked_mailbox(mailbox, arguments.tag_place(b"fcc")))


EXTENSION: Final[Extension] = Extension(
    rfc=8580, capabilities=(b"fcc",), added=(AddedTags((FCC,), (Tag(b"fcc", Takes.STRING),), modify),)
)
