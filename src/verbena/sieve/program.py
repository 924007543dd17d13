"""A checked script: steps that do, tests that answer, texts that may hold variables.

``check`` builds these, ``run`` drives them. Every extension derives its own from ``Step`` and ``Test``.
"""

from typing import TYPE_CHECKING, Final

from verbena.sieve.errors import Place

if TYPE_CHECKING:
    from verbena.sieve.action import Action
    from verbena.sieve.run import Machine

GOING_ON: Final = 0
BREAKING: Final = 1
RETURNING: Final = 2
STOPPING: Final = 3
"""``Machine.leaving``: how far the run is on its way out: of a loop, of an included script, of everything."""


class Step:
    """A command of a checked script."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def run(self, machine: "Machine") -> None:
        """Do it. Raises ``RunError``."""
        raise NotImplementedError


class Test:
    """A test of a checked script; ``name`` is the word it was written with. Others ask it through ``ask``."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.name = b""

    def ask(self, machine: "Machine") -> bool:
        """The answer, counted as a step and told to the trace. Raises ``RunError``."""
        machine.tick(self.place)
        if not machine.tracing:
            return self.holds(machine)
        machine.depth += 1
        answer = self.holds(machine)
        machine.depth -= 1
        machine.answered(self.place, self.name, answer)
        return answer

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


class Modifier:
    """What a tag of another extension does to a command's action, before it is taken (``:copy``, ``:flags``)."""

    def __init__(self, place: Place, leaves_keep: bool = False) -> None:
        self.place = place
        self.leaves_keep = leaves_keep
        """the action does not cancel the implicit keep"""

    def apply(self, machine: "Machine", action: "Action") -> "Action":
        """The changed action. Raises ``RunError``."""
        return action


class TextModifier(Modifier):
    """What a tag on ``set`` does to the value (RFC 5229 §4.1); the highest ``precedence`` is applied first."""

    def __init__(self, place: Place, precedence: int) -> None:
        super().__init__(place)
        self.precedence = precedence

    def change(self, value: bytes) -> bytes:
        return value


class Namespace:
    """Variables under a prefix that an extension owns, such as ``global.`` (RFC 5229 §3)."""

    def get(self, machine: "Machine", name: bytes) -> bytes:
        raise NotImplementedError

    def takes(self, name: bytes) -> bool:
        """Whether a script may speak of it; ``name`` is what follows the prefix, in lower case."""
        return True

    @property
    def is_settable(self) -> bool:
        return False

    def put(self, machine: "Machine", place: Place, name: bytes, value: bytes) -> None:
        """Only where ``is_settable``. Raises ``RunError``."""
        raise NotImplementedError


class Block:
    """Commands in a row."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps = steps

    def run(self, machine: "Machine") -> None:
        for step in self.steps:
            machine.tick(step.place)
            step.run(machine)
            if machine.leaving:
                return


class Program:
    """A whole checked script. ``required`` are the capabilities it asked for; it may be run any number of times."""

    def __init__(self, block: Block, required: frozenset[bytes]) -> None:
        self.block = block
        self.required = required
