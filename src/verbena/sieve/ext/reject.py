"""``reject`` and ``ereject``: refusing a message (RFC 5429).

*full*. How the sender is told is the delivery agent's: in its reply to the transfer, or with a report (§2.1, §2.2).
"""

from typing import Final

from verbena.sieve.action import Reject
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place
from verbena.sieve.program import Block, Step, Text
from verbena.sieve.registry import CommandRow, Extension, Shape, Takes
from verbena.sieve.run import Machine


class RejectStep(Step):
    def __init__(self, place: Place, reason: Text, at_protocol: bool) -> None:
        super().__init__(place)
        self.reason = reason
        self.at_protocol = at_protocol

    def run(self, machine: Machine) -> None:
        machine.act(self.place, Reject(self.place, self.reason.value(machine), self.at_protocol))


def build_reject(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    return RejectStep(arguments.place, arguments.text(checker, 0), arguments.name == b"ereject")


REJECT: Final[Extension] = Extension(
    rfc=5429,
    capabilities=(b"reject",),
    commands=(CommandRow(b"reject", Shape((Takes.STRING,)), build_reject),),
)

EREJECT: Final[Extension] = Extension(
    rfc=5429,
    capabilities=(b"ereject",),
    commands=(CommandRow(b"ereject", Shape((Takes.STRING,)), build_reject),),
)
