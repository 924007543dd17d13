"""From a script's tree to a checked program: every name known and required, every argument fits (RFC 5228 §2.10.4).

One wrong command does not hide the next: up to ``MAX_COMPLAINTS`` are collected, in the order of the script.
"""

from typing import TYPE_CHECKING, Final

from verbena.model.errors import VerbenaError
from verbena.sieve.arguments import Arguments, bind
from verbena.sieve.compare import Comparator
from verbena.sieve.errors import Complaint, Place, RunError, ScriptError, UnknownThing, refuse, unknown
from verbena.sieve.near import near
from verbena.sieve.parser import DEFAULT_LIMITS, CommandNode, Limits, TestNode, parse
from verbena.sieve.program import Block, Modifier, Program, Step, Test, Text
from verbena.sieve.registry import CommandRow, Extension, Registry, Shape, Tag, Tests

if TYPE_CHECKING:
    from verbena.sieve.run import Machine

MAX_COMPLAINTS: Final = 50
_COUNTS: Final = {Tests.NONE: "no test", Tests.ONE: "one test", Tests.LIST: "a list of tests in parentheses"}


class _TooMuch(VerbenaError):
    """So many complaints that no more are looked for."""

    def __init__(self, complaints: tuple[Complaint, ...]) -> None:
        super().__init__("too many complaints")
        self.complaints = complaints


class FailingStep(Step):
    """A command whose extension is not here, in a script that asks with ihave: an error only if control gets there."""

    def __init__(self, place: Place, complaint: Complaint) -> None:
        super().__init__(place)
        self.complaint = complaint

    def run(self, machine: "Machine") -> None:
        raise RunError(self.complaint.place, self.complaint.told)


class FailingTest(Test):
    """As ``FailingStep``."""

    def __init__(self, place: Place, complaint: Complaint) -> None:
        super().__init__(place)
        self.complaint = complaint

    def holds(self, machine: "Machine") -> bool:
        raise RunError(self.complaint.place, self.complaint.told)


class Checker:
    """One check of one script. Rows' ``build`` functions call back for texts, tags and what came before."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.required: set[bytes] = set()
        self.warnings: list[Complaint] = []
        self.previous: bytes = b""
        """name of the command before, in this block"""
        self.depth = 0
        self.lenient = False
        """the script asks with ihave: names that nothing owns fail when they are run (RFC 5463 §4), with a warning"""
        self.enclosing: list[CommandNode] = []
        """the commands in whose blocks we are, outermost first"""
        self.shared: set[bytes] = set()
        """variables that this script has declared to be global (RFC 6609 §3.4.1)"""
        self.assigned: set[bytes] = set()
        """variables that commands so far set"""
        self._complaints: list[Complaint] = []

    def check(self, nodes: tuple[CommandNode, ...]) -> Program:
        """Raises ``ScriptError`` with all complaints."""
        try:
            block = self.block(nodes)
        except _TooMuch as error:
            raise ScriptError(error.complaints) from None
        if self._complaints:
            raise ScriptError(tuple(self._complaints))
        return Program(block, frozenset(self.required))

    def block(self, nodes: tuple[CommandNode, ...]) -> Block:
        steps: list[Step] = []
        outer, self.previous = self.previous, b""
        self.depth += 1
        for node in nodes:
            self._warn_unreachable(node)
            try:
                steps.append(self._command(node))
            except UnknownThing as missing:
                if self.lenient:
                    self.warnings.append(missing.complaints[0])
                    steps.append(FailingStep(node.place, missing.complaints[0]))
                else:
                    self._complain(missing)
            except ScriptError as error:
                self._complain(error)
            self.previous = node.name
        self.depth -= 1
        self.previous = outer
        return Block(tuple(steps))

    def _warn_unreachable(self, node: CommandNode) -> None:
        before = self.registry.commands.get(self.previous)
        if before is not None and before[0].leaves:
            self.warn(node.place, f"this is never reached, after “{self.previous.decode()}”")

    def _complain(self, error: ScriptError) -> None:
        self._complaints.extend(error.complaints)
        if len(self._complaints) >= MAX_COMPLAINTS:
            raise _TooMuch(tuple(self._complaints))

    def _command(self, node: CommandNode) -> Step:
        found = self.registry.commands.get(node.name)
        name = node.name.decode()
        if found is None:
            hint = ", it is a test" if node.name in self.registry.tests else near(node.name, self.registry.commands)
            raise unknown(node.place, f"there is no command “{name}”{hint}")
        row, extension = found
        self._demand(extension, name, node.place)
        arguments = bind(self, node, row.shape)
        arguments.tests = self._tests(node, row.shape)
        arguments.modifiers = self._modifiers(arguments, row.shape)
        return row.build(self, arguments, self._own_block(node, row))

    def _modifiers(self, arguments: Arguments, shape: Shape) -> tuple[Modifier, ...]:
        result: list[Modifier] = []
        if arguments.tags:
            for owner in (arguments.name, *shape.tag_groups):
                for added, extension in self.registry.modifiers.get(owner, ()):
                    if added.modify is None or not self.has(extension):
                        continue
                    if not any(arguments.has(tag.name) for tag in added.tags):
                        continue
                    modifier = added.modify(self, arguments)
                    if modifier is not None:
                        result.append(modifier)
        return tuple(result)

    def _own_block(self, node: CommandNode, row: CommandRow) -> Block | None:
        name = node.name.decode()
        if node.block is None:
            if row.shape.block:
                raise refuse(node.place, f"“{name}” needs a block in braces")
            return None
        if not row.shape.block:
            raise refuse(node.place, f"“{name}” takes no block; end it with “;”")
        self.enclosing.append(node)
        try:
            return self.block(node.block)
        finally:
            self.enclosing.pop()

    def test(self, node: TestNode) -> Test:
        try:
            result = self._test(node)
        except UnknownThing as error:
            if not self.lenient:
                raise
            self.warnings.append(error.complaints[0])
            result = FailingTest(node.place, error.complaints[0])
        result.name = node.name
        return result

    def _test(self, node: TestNode) -> Test:
        found = self.registry.tests.get(node.name)
        name = node.name.decode()
        if found is None:
            hint = ", it is a command" if node.name in self.registry.commands else near(node.name, self.registry.tests)
            raise unknown(node.place, f"there is no test “{name}”{hint}")
        row, extension = found
        self._demand(extension, name, node.place)
        arguments = bind(self, node, row.shape)
        arguments.tests = self._tests(node, row.shape)
        return row.build(self, arguments)

    def _tests(self, node: CommandNode | TestNode, shape: Shape) -> tuple[Test, ...]:
        fits = {
            Tests.NONE: not node.tests,
            Tests.ONE: len(node.tests) == 1 and not node.listed,
            Tests.LIST: node.listed,
        }
        if not fits[shape.tests]:
            raise refuse(node.place, f"“{node.name.decode()}” takes {_COUNTS[shape.tests]}")
        return tuple(self.test(each) for each in node.tests)

    def _demand(self, extension: Extension, name: str, place: Place) -> None:
        if not self.has(extension):
            raise unknown(place, f"“{name}” needs: require “{extension.capabilities[0].decode()}”;")

    def has(self, extension: Extension) -> bool:
        """Whether the script may use what an extension brings."""
        if not extension.capabilities or not self.required.isdisjoint(extension.capabilities):
            return True
        return not self.required.isdisjoint(extension.implied_by)

    def require(self, capability: bytes, place: Place) -> None:
        """Bring an extension into the script. Raises ``ScriptError`` for an unknown one."""
        extension = self.registry.capabilities.get(capability)
        if extension is None:
            told = capability.decode("utf-8", "replace")
            raise refuse(place, f"this server does not know “{told}”{near(capability, self.registry.capabilities)}")
        self.required.add(capability)
        if extension.defers:
            self.lenient = True

    def tags_of(self, name: bytes, shape: Shape) -> dict[bytes, Tag]:
        """The tags that a command or test takes in this script."""
        allowed = {tag.name: tag for tag in shape.tags}
        for owner in (name, *shape.tag_groups):
            for tag, extension in self.registry.added.get(owner, ()):
                if self.has(extension):
                    allowed[tag.name] = tag
        return allowed

    def capability_of_tag(self, name: bytes, tag_name: bytes) -> bytes | None:
        """What must be required for a tag that is not allowed as it is."""
        found = self.registry.tests.get(name) or self.registry.commands.get(name)
        groups = found[0].shape.tag_groups if found is not None else ()
        for owner in (name, *groups):
            for tag, extension in self.registry.added.get(owner, ()):
                if tag.name == tag_name and extension.capabilities:
                    return extension.capabilities[0]
        return None

    def text(self, octets: bytes, place: Place) -> Text:
        """A string of the script with the meaning that required extensions give it."""
        result = Text(octets)
        for extension in self.registry.substitutes:
            if extension.substitute is not None and result.is_constant and self.has(extension):
                result = extension.substitute(self, result.octets, place)
        return result

    def constant(self, octets: bytes, place: Place, what: str) -> bytes:
        """A string that may hold no variables. Raises ``ScriptError``; ``what`` names who asks."""
        text = self.text(octets, place)
        if not text.is_constant:
            raise refuse(place, f"“{what}” takes a string without variables here")
        return text.octets

    def comparator(self, arguments: Arguments, default: bytes = b"i;ascii-casemap") -> Comparator:
        """The one that ``:comparator`` names. Raises ``ScriptError`` when it is unknown or not required."""
        name = arguments.tag_string(self, b"comparator") or default
        found = self.registry.comparators.get(name)
        place = arguments.tag_place(b"comparator")
        if found is None:
            raise unknown(place, f"there is no comparator “{name.decode('utf-8', 'replace')}”")
        if not self.has(found[1]):
            raise unknown(place, f"this comparator needs: require “{found[1].capabilities[0].decode()}”;")
        return found[0]

    def warn(self, place: Place, told: str) -> None:
        self.warnings.append(Complaint(place, told))


def compile_script(
    script: bytes, registry: Registry, limits: Limits = DEFAULT_LIMITS
) -> tuple[Program, tuple[Complaint, ...]]:
    """Parse and check: the program and what its author should be warned of. Raises ``ScriptError``."""
    checker = Checker(registry)
    program = checker.check(parse(script, limits))
    return program, tuple(checker.warnings)
