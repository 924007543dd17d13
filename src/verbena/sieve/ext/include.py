"""Scripts in scripts: ``include``, ``return``, ``global`` and the variables ``global.…`` (RFC 6609).

*full*. What is wrong with an included script shows when it is run, since the order of uploads is free (§3.1).
Limits: ``RunLimits.include_depth`` scripts in each other, ``RunLimits.includes`` in one run.
"""

from typing import Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.ext.variables import EXTENSION as VARIABLES
from verbena.sieve.ext.variables import is_identifier, put
from verbena.sieve.program import GOING_ON, RETURNING, Block, Namespace, Program, Step
from verbena.sieve.registry import CommandRow, Extension, Shape, Tag, Takes
from verbena.sieve.run import Machine

MAX_NAME_CHARACTERS: Final = 512


def is_script_name(name: bytes) -> bool:
    """Whether a script may be called so (RFC 5804 §1.6): characters without controls and line or paragraph separators;
    and, for the safety of what stores them (§4), no slash."""
    try:
        characters = name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if not characters or len(characters) > MAX_NAME_CHARACTERS or "/" in characters:
        return False
    return not any(each < " " or "\x7f" <= each <= "\x9f" or each in "\u2028\u2029" for each in characters)


class Include(Step):
    def __init__(self, place: Place, script: tuple[bool, bytes], once: bool, optional: bool) -> None:
        super().__init__(place)
        self.script = script
        self.once = once
        self.optional = optional

    def run(self, machine: Machine) -> None:
        is_global, name = self.script
        told = name.decode("utf-8", "replace")
        if self.once and self.script in machine.included:
            machine.tell(self.place, f"include “{told}”: was included before")
            return
        if self.script in machine.running:
            raise RunError(self.place, f"the script “{told}” includes itself")
        if len(machine.running) > machine.limits.include_depth:
            raise RunError(self.place, f"scripts include each other more than {machine.limits.include_depth} deep")
        machine.includes += 1
        if machine.includes > machine.limits.includes:
            raise RunError(self.place, f"more than {machine.limits.includes} scripts are included")
        program = machine.surroundings.script(name, is_global)
        if program is None:
            if not self.optional:
                raise RunError(self.place, f"there is no script “{told}” that could be included")
            machine.tell(self.place, f"include “{told}”: there is none")
            return
        machine.tell(self.place, f"include “{told}”")
        self._run_program(machine, program)

    def _run_program(self, machine: Machine, program: Program) -> None:
        """Run it with variables of its own."""
        variables, matched = machine.variables, machine.matched
        machine.variables, machine.matched = {}, []
        machine.included.add(self.script)
        machine.running.append(self.script)
        machine.depth += 1
        try:
            program.block.run(machine)
        except RunError as error:
            name = self.script[1].decode("utf-8", "replace")
            told = error.told if error.told.startswith("in “") else f"in “{name}”, {error}"
            raise RunError(self.place, told) from error
        machine.depth -= 1
        machine.running.pop()
        machine.variables, machine.matched = variables, matched
        if machine.leaving == RETURNING:
            machine.leaving = GOING_ON


def build_include(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    name = arguments.constant(checker, 0)
    if not is_script_name(name):
        raise refuse(arguments.place_of(0), "this can not be the name of a script")
    is_global = arguments.chosen(b"location", b"personal") == b"global"
    return Include(arguments.place, (is_global, name), arguments.has(b"once"), arguments.has(b"optional"))


class Return(Step):
    """Leave this script; in the user's own, all (§3.3)."""

    def run(self, machine: Machine) -> None:
        machine.tell(self.place, "return")
        machine.leaving = RETURNING


class Declared(Step):
    """``global``, once it is checked."""

    def run(self, machine: Machine) -> None:
        return


def build_global(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    if not checker.has(VARIABLES):
        raise refuse(arguments.place, "“global” needs: require “variables”;")
    place = arguments.place_of(0)
    for written in arguments.strings(0):
        name = checker.constant(written, place, "global").lower()
        if not is_identifier(name):
            raise refuse(place, f"“{name.decode('utf-8', 'replace')}” can not be the name of a global variable")
        if name in checker.assigned and name not in checker.shared:
            raise refuse(place, f"“{name.decode()}” was set before it was declared global")
        checker.shared.add(name)
    return Declared(arguments.place)


class Globals(Namespace):
    """``global.NAME`` (§3.4.2)."""

    def get(self, machine: Machine, name: bytes) -> bytes:
        return machine.globals.get(name, b"")

    @property
    def is_settable(self) -> bool:
        return True

    def takes(self, name: bytes) -> bool:
        return is_identifier(name)

    def put(self, machine: Machine, place: Place, name: bytes, value: bytes) -> None:
        put(machine, machine.globals, place, name, value)


_TAGS: Final = (
    Tag(b"personal", group=b"location"),
    Tag(b"global", group=b"location"),
    Tag(b"once"),
    Tag(b"optional"),
)

EXTENSION: Final[Extension] = Extension(
    rfc=6609,
    capabilities=(b"include",),
    commands=(
        CommandRow(b"include", Shape((Takes.STRING,), tags=_TAGS), build_include),
        CommandRow(b"return", Shape(), lambda checker, arguments, block: Return(arguments.place), leaves=True),
        CommandRow(b"global", Shape((Takes.STRINGS,)), build_global),
    ),
    namespaces=((b"global", Globals()),),
)
