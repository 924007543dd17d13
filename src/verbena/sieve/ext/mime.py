"""Looking at the parts of a message: :mime on tests, foreverypart and break, extracttext (RFC 5703 §3, §4, §7).

*full*. A walk goes through the whole message first, then its parts, depth first, the message in a message/rfc822 part
among them; one in it through the parts of the part at hand. Limits: ``MAX_NESTED`` walks in each other.
"""

from typing import Final

from verbena.mime.coding import find_codec
from verbena.mime.header import raw_param
from verbena.model.part import Encoding, Part
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.choice import MIME_OPTION
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.ext.variables import Variable, variable
from verbena.sieve.message import Loop, Message, part_at
from verbena.sieve.parser import CommandNode, StringArgument, TagArgument
from verbena.sieve.parttext import octets_of
from verbena.sieve.program import BREAKING, GOING_ON, Block, Step, TextModifier
from verbena.sieve.registry import AddedTags, CommandRow, Extension, Shape, Tag, Takes
from verbena.sieve.run import Machine

MAX_NESTED: Final = 8


class ForEveryPart(Step):
    """``foreverypart`` (§3)."""

    def __init__(self, place: Place, name: bytes | None, block: Block) -> None:
        super().__init__(place)
        self.name = name
        self.block = block

    def run(self, machine: Machine) -> None:
        message = machine.message
        inside = bool(message.loops)
        base = message.loops[-1].path if inside else ()
        loop = Loop(self.name, base, base)
        if inside and not _advance(message, loop):
            return
        message.loops.append(loop)
        try:
            self._walk(machine, loop)
        finally:
            message.loops.pop()

    def _walk(self, machine: Machine, loop: Loop) -> None:
        message = machine.message
        while True:
            machine.tick(self.place)
            if machine.tracing:
                machine.tell(self.place, f"at part {told(message.part(), loop.path)}")
            machine.depth += 1
            self.block.run(machine)
            machine.depth -= 1
            if machine.leaving:
                if machine.leaving == BREAKING and loop.broken:
                    machine.leaving = GOING_ON
                return
            if not _advance(message, loop):
                return


def told(part: Part, path: tuple[int, ...]) -> str:
    """A part, for a trace."""
    number = ".".join(str(place + 1) for place in path) or "(the whole message)"
    return f"{number} {part.media_type.decode('utf-8', 'replace')}/{part.subtype.decode('utf-8', 'replace')}"


def _advance(message: Message, loop: Loop) -> bool:
    """Go to the next part, depth first; False when there is none."""
    part = part_at(message.root, loop.path)
    if part is not None and part.children and not loop.skip:
        loop.path = (*loop.path, 0)
        return True
    loop.skip = False
    path = loop.path
    while len(path) > len(loop.base):
        parent = part_at(message.root, path[:-1])
        if parent is not None and path[-1] + 1 < len(parent.children):
            loop.path = (*path[:-1], path[-1] + 1)
            return True
        path = path[:-1]
    return False


class Break(Step):
    """``break`` (§3)."""

    def __init__(self, place: Place, name: bytes | None) -> None:
        super().__init__(place)
        self.name = name

    def run(self, machine: Machine) -> None:
        for loop in reversed(machine.message.loops):
            if self.name is None or loop.name == self.name:
                loop.broken = True
                machine.leaving = BREAKING
                return
        raise RunError(self.place, "there is no loop to leave")


def loop_name(node: CommandNode) -> bytes | None:
    """The name that a foreverypart in a script's tree has."""
    arguments = node.arguments
    if len(arguments) == 2 and isinstance(arguments[0], TagArgument) and isinstance(arguments[1], StringArgument):
        return arguments[1].strings[0]
    return None


def _loops(checker: Checker) -> list[CommandNode]:
    """The foreverypart commands around the one that is checked."""
    return [node for node in checker.enclosing if node.name == b"foreverypart"]


def build_foreverypart(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    if len(_loops(checker)) >= MAX_NESTED:
        raise refuse(arguments.place, f"“foreverypart” is nested more than {MAX_NESTED} deep")
    return ForEveryPart(arguments.place, arguments.tag_string(checker, b"name"), block or Block(()))


def build_break(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    name = arguments.tag_string(checker, b"name")
    loops = _loops(checker)
    if not loops:
        raise refuse(arguments.place, "“break” stands in no “foreverypart”")
    if name is not None and not any(loop_name(node) == name for node in loops):
        raise refuse(arguments.place, f"no “foreverypart” around here has the name “{name.decode('utf-8', 'replace')}”")
    return Break(arguments.place, name)


class ExtractText(Step):
    """``extracttext`` (§7)."""

    def __init__(self, place: Place, target: Variable, first: int | None, modifiers: tuple[TextModifier, ...]) -> None:
        super().__init__(place)
        self.target = target
        self.first = first
        self.modifiers = modifiers

    def run(self, machine: Machine) -> None:
        value = self._text(machine)
        for modifier in self.modifiers:
            value = modifier.change(value)
        self.target.put(machine, self.place, value)

    def _text(self, machine: Machine) -> bytes:
        message = machine.message
        if not message.loops:
            return b""
        part = message.part()
        charset = raw_param(part.params, b"charset")
        if part.media_type != b"text" or part.encoding == Encoding.UNKNOWN or (charset and not find_codec(charset)):
            return b""
        octets = octets_of(message, part)
        machine.tick(self.place, 1 + (len(octets) >> 12))
        if self.first is None:
            return octets
        return octets[: self.first * 4].decode("utf-8", "replace")[: self.first].encode("utf-8", "replace")


def build_extracttext(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    if b"variables" not in checker.required:
        raise refuse(arguments.place, "“extracttext” needs: require “variables”;")
    if not _loops(checker):
        checker.warn(arguments.place, "“extracttext” outside of “foreverypart” sets an empty string")
    target = variable(checker, arguments.constant(checker, 0), arguments.place_of(0), True)
    modifiers = [each for each in arguments.modifiers if isinstance(each, TextModifier)]
    modifiers.sort(key=_precedence, reverse=True)
    return ExtractText(arguments.place, target, arguments.tag_number(b"first"), tuple(modifiers))


def _precedence(modifier: TextModifier) -> int:
    return modifier.precedence


_NAME: Final = Tag(b"name", Takes.STRING)

FOREVERYPART: Final[Extension] = Extension(
    rfc=5703,
    capabilities=(b"foreverypart",),
    commands=(
        CommandRow(b"foreverypart", Shape(tags=(_NAME,), block=True), build_foreverypart),
        CommandRow(b"break", Shape(tags=(_NAME,)), build_break),
    ),
)

MIME: Final[Extension] = Extension(
    rfc=5703,
    capabilities=(b"mime",),
    added=(
        AddedTags((b"header", b"address", b"exists"), (Tag(b"mime"), Tag(b"anychild"))),
        AddedTags(
            (b"header",),
            (
                Tag(b"type", group=MIME_OPTION),
                Tag(b"subtype", group=MIME_OPTION),
                Tag(b"contenttype", group=MIME_OPTION),
                Tag(b"param", Takes.STRINGS, MIME_OPTION),
            ),
        ),
    ),
)

EXTRACTTEXT: Final[Extension] = Extension(
    rfc=5703,
    capabilities=(b"extracttext",),
    commands=(
        CommandRow(
            b"extracttext",
            # The modifiers of “set” are its own too, whoever adds them.
            Shape((Takes.STRING,), tags=(Tag(b"first", Takes.NUMBER),), tag_groups=(b"set",)),
            build_extracttext,
        ),
    ),
)
