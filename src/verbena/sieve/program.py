"""A checked script: steps that do, tests that answer, texts that may hold variables.

``check`` builds these, ``run`` drives them. Every extension derives its own from ``Step`` and ``Test``.
"""

from typing import TYPE_CHECKING

from verbena.sieve.errors import Place

if TYPE_CHECKING:
    from verbena.sieve.run import Machine


class Step:
    """A command of a checked script."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def run(self, machine: "Machine") -> None:
        """Do it. Raises ``RunError``."""
        raise NotImplementedError


class Test:
    """A test of a checked script."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def holds(self, machine: "Machine") -> bool:
        """Raises ``RunError``."""
        raise NotImplementedError


class Text:
    """A string of a script, constant unless a subclass says otherwise."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    @property
    def is_constant(self) -> bool:
        return True

    def value(self, machine: "Machine") -> bytes:
        return self.octets


class Block:
    """Commands in a row."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps = steps

    def run(self, machine: "Machine") -> None:
        for step in self.steps:
            machine.tick(step.place)
            step.run(machine)
            if machine.stopped:
                return


class Program:
    """A whole checked script. ``required`` are the capabilities it asked for; it may be run any number of times."""

    def __init__(self, block: Block, required: frozenset[bytes]) -> None:
        self.block = block
        self.required = required
