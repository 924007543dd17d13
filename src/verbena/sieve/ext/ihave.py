"""``ihave`` and ``error``: extensions where they are, an error where the script says so (RFC 5463).

*full*. What is here never changes while a script runs, so ihave is answered when the script is checked, and enables
extensions for all that stands behind it. What the script uses without having it fails when control gets there, and is
told as a warning before. Extensions that change how strings read can not be had so (§4).
"""

from typing import Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.core import Constant
from verbena.sieve.errors import Place, RunError
from verbena.sieve.program import Step, Test, Text
from verbena.sieve.registry import CommandRow, Extension, Shape, Takes, TestRow
from verbena.sieve.run import Machine


def build_ihave(checker: Checker, arguments: Arguments) -> Test:
    place = arguments.place_of(0)
    names = [checker.constant(each, place, "ihave") for each in arguments.strings(0)]
    for name in names:
        extension = checker.registry.capabilities.get(name)
        if extension is None or (extension.substitute is not None and name not in checker.required):
            return Constant(arguments.place, False)
    for name in names:
        checker.require(name, place)
    return Constant(arguments.place, True)


class Fail(Step):
    """``error`` (§5)."""

    def __init__(self, place: Place, told: Text) -> None:
        super().__init__(place)
        self.told = told

    def run(self, machine: Machine) -> None:
        raise RunError(self.place, self.told.value(machine).decode("utf-8", "replace"))


EXTENSION: Final[Extension] = Extension(
    rfc=5463,
    capabilities=(b"ihave",),
    commands=(
        CommandRow(
            b"error",
            Shape((Takes.STRING,)),
            lambda checker, arguments, block: Fail(arguments.place, arguments.text(checker, 0)),
            leaves=True,
        ),
    ),
    tests=(TestRow(b"ihave", Shape((Takes.STRINGS,)), build_ihave),),
    defers=True,
)
