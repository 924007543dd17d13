"""What tags of other extensions do to a filing: that of ``fileinto``, or of the copy of a generated message.

The tags of imap4flags, mailbox, special-use and mailboxid mean the same on ``fileinto`` as beside ``:fcc`` on an
action that makes a message (RFC 8580 §3.1); each of them derives its modifier from ``FilingModifier``.
"""

from dataclasses import replace
from typing import Final

from verbena.sieve.action import Action, FileInto, Notify, Vacation
from verbena.sieve.arguments import Arguments
from verbena.sieve.errors import refuse
from verbena.sieve.program import Modifier
from verbena.sieve.run import Machine

FCC: Final = b"fcc"
"""The group of tags that go with ``:fcc``, in the shape of every command that makes a message."""

FILING_OWNERS: Final = (b"fileinto", FCC)


class FilingModifier(Modifier):
    """Changes where and how a message is filed."""

    def apply(self, machine: Machine, action: Action) -> Action:
        if isinstance(action, FileInto):
            return self.filed(machine, action)
        if isinstance(action, Vacation | Notify) and action.fcc is not None:
            return replace(action, fcc=self.filed(machine, action.fcc))
        return action

    def filed(self, machine: Machine, filing: FileInto) -> FileInto:
        """The changed filing. Raises ``RunError``."""
        return filing


def demand_fcc(arguments: Arguments, tag: bytes, owner: bytes = b"fileinto") -> None:
    """A filing tag on a command that makes a message needs its ``:fcc``. Raises ``ScriptError``."""
    if arguments.name != owner and not arguments.has(FCC):
        raise refuse(arguments.tag_place(tag), f"“:{tag.decode()}” goes with “:fcc” here")
