"""From a script's tree to a checked program: every name known and required, every argument fits (RFC 5228 §2.10.4).

One wrong command does not hide the next: up to ``MAX_COMPLAINTS`` are collected, in the order of the script.
"""

from typing import Final

from verbena.sieve.arguments import Arguments, bind
from verbena.sieve.compare import Comparator
from verbena.sieve.errors import Complaint, Place, ScriptError, refuse
from verbena.sieve.parser import DEFAULT_LIMITS, CommandNode, Limits, StringArgument, TestNode, parse
from verbena.sieve.program import Block, Program, Step, Test, Text
from verbena.sieve.registry import CommandRow, Extension, Registry, Shape, Tag, Tests

MAX_COMPLAINTS: Final = 50
_COUNTS: Final = {Tests.NONE: "no test", Tests.ONE: "one test", Tests.LIST: "a list of tests in parentheses"}


class Checker:
    """One check of one script. Rows' ``build`` functions call back for texts, tags and what came before."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.required: set[bytes] = set()
        self.warnings: list[Complaint] = []
        self.previous: bytes = b""
        """name of the command before, in this block"""
        self.depth = 0
        self._complaints: list[Complaint] = []
        self._substitutes: list[Extension] = []

    def check(self, nodes: tuple[CommandNode, ...]) -> Program:
        """Raises ``ScriptError`` with all complaints."""
        block = self.block(nodes)
        if self._complaints:
            raise ScriptError(tuple(self._complaints))
        return Program(block, frozenset(self.required))

    def block(self, nodes: tuple[CommandNode, ...]) -> Block:
        steps: list[Step] = []
        outer, self.previous = self.previous, b""
        self.depth += 1
        for node in nodes:
            try:
                steps.append(self._command(node))
            except ScriptError as error:
                self._complaints.extend(error.complaints)
                if len(self._complaints) >= MAX_COMPLAINTS:
                    raise ScriptError(tuple(self._complaints)) from None
            self.previous = node.name
        self.depth -= 1
        self.previous = outer
        return Block(tuple(steps))

    def _command(self, node: CommandNode) -> Step:
        found = self.registry.commands.get(node.name)
        name = node.name.decode()
        if found is None:
            hint = ", it is a test" if node.name in self.registry.tests else ""
            raise refuse(node.place, f"there is no command “{name}”{hint}")
        row, extension = found
        self._demand(extension, name, node.place)
        arguments = bind(self, node, row.shape)
        arguments.tests = self._tests(node, row.shape)
        return row.build(self, arguments, self._own_block(node, row))

    def _own_block(self, node: CommandNode, row: CommandRow) -> Block | None:
        name = node.name.decode()
        if node.block is None:
            if row.shape.block:
                raise refuse(node.place, f"“{name}” needs a block in braces")
            return None
        if not row.shape.block:
            raise refuse(node.place, f"“{name}” takes no block; end it with “;”")
        return self.block(node.block)

    def test(self, node: TestNode) -> Test:
        found = self.registry.tests.get(node.name)
        name = node.name.decode()
        if found is None:
            hint = ", it is a command" if node.name in self.registry.commands else ""
            raise refuse(node.place, f"there is no test “{name}”{hint}")
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
        if extension.capabilities and not self.required.intersection(extension.capabilities):
            raise refuse(place, f"“{name}” needs: require “{extension.capabilities[0].decode()}”;")

    def has(self, extension: Extension) -> bool:
        return not extension.capabilities or bool(self.required.intersection(extension.capabilities))

    def require(self, capability: bytes, place: Place) -> None:
        """Bring an extension into the script. Raises ``ScriptError`` for an unknown one."""
        extension = self.registry.capabilities.get(capability)
        if extension is None:
            raise refuse(place, f"this server does not know “{capability.decode('utf-8', 'replace')}”")
        if extension.substitute is not None and extension not in self._substitutes:
            self._substitutes.append(extension)
        self.required.add(capability)

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
        for extension in self._substitutes:
            if extension.substitute is not None and result.is_constant:
                result = extension.substitute(self, result.octets, place)
        return result

    def comparator(self, arguments: Arguments, default: bytes = b"i;ascii-casemap") -> Comparator:
        """The one that ``:comparator`` names. Raises ``ScriptError`` when it is unknown or not required."""
        name = arguments.tag_string(b"comparator") or default
        comparator = self.registry.comparators.get(name)
        place = arguments.tag_place(b"comparator")
        if comparator is None:
            raise refuse(place, f"there is no comparator “{name.decode('utf-8', 'replace')}”")
        if name not in (b"i;octet", b"i;ascii-casemap") and b"comparator-" + name not in self.required:
            raise refuse(place, f"this comparator needs: require “comparator-{name.decode()}”;")
        return comparator

    def warn(self, place: Place, told: str) -> None:
        self.warnings.append(Complaint(place, told))


def strings_of(node: CommandNode) -> tuple[bytes, ...]:
    """The strings of a command's first argument, for what is looked at before it is bound."""
    first = node.arguments[0] if node.arguments else None
    return first.strings if isinstance(first, StringArgument) else ()


def compile_script(
    script: bytes, registry: Registry, limits: Limits = DEFAULT_LIMITS
) -> tuple[Program, tuple[Complaint, ...]]:
    """Parse and check: the program and what its author should be warned of. Raises ``ScriptError``."""
    checker = Checker(registry)
    program = checker.check(parse(script, limits))
    return program, tuple(checker.warnings)
