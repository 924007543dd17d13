"""A command's or test's arguments, bound to its shape (RFC 5228 §2.6).

``bind`` refuses what the shape does not allow: unknown tags, tags given twice or of one group, missing and surplus
positional arguments, arguments of the wrong type, tags of an extension that is not required.
"""

from typing import TYPE_CHECKING, Final

from verbena.sieve.errors import Place, ScriptError, refuse, unknown
from verbena.sieve.near import near
from verbena.sieve.parser import Argument, CommandNode, NumberArgument, StringArgument, TagArgument, TestNode
from verbena.sieve.program import Modifier, Test, Text
from verbena.sieve.registry import Shape, Tag, Takes

if TYPE_CHECKING:
    from verbena.sieve.check import Checker

_WANTED: Final = {
    Takes.NOTHING: "nothing",
    Takes.STRING: "a string",
    Takes.STRINGS: "a string or a list of strings",
    Takes.NUMBER: "a number",
}


class Arguments:
    """Bound arguments. Tags are asked for by name, positional arguments by place in the shape."""

    def __init__(self, name: bytes, place: Place) -> None:
        self.name = name
        self.place = place
        self.tags: dict[bytes, Argument | None] = {}
        self.groups: dict[bytes, bytes] = {}
        self.tag_places: dict[bytes, Place] = {}
        self.positional: list[Argument | None] = []
        self.tests: tuple[Test, ...] = ()
        self.modifiers: tuple[Modifier, ...] = ()
        """what the tags of other extensions do to the command's action"""

    def has(self, tag: bytes) -> bool:
        return tag in self.tags

    def chosen(self, group: bytes, default: bytes) -> bytes:
        """The tag of ``group`` that was given."""
        return self.groups.get(group, default)

    def tag_place(self, tag: bytes) -> Place:
        """Where the tag's value stands, or the tag where it has none."""
        value = self.tags.get(tag)
        return value.place if value is not None else self.tag_places.get(tag, self.place)

    def tag_text(self, checker: "Checker", tag: bytes) -> Text | None:
        value = self.tags.get(tag)
        return checker.text(value.strings[0], value.place) if isinstance(value, StringArgument) else None

    def tag_texts(self, checker: "Checker", tag: bytes) -> tuple[Text, ...]:
        value = self.tags.get(tag)
        if not isinstance(value, StringArgument):
            return ()
        return tuple(checker.text(each, value.place) for each in value.strings)

    def tag_string(self, checker: "Checker", tag: bytes) -> bytes | None:
        """The string of a tag whose value must be constant. Raises ``ScriptError`` where it has variables."""
        value = self.tags.get(tag)
        if not isinstance(value, StringArgument):
            return None
        return checker.constant(value.strings[0], value.place, f":{tag.decode()}")

    def tag_number(self, tag: bytes) -> int | None:
        value = self.tags.get(tag)
        return value.number if isinstance(value, NumberArgument) else None

    def text(self, checker: "Checker", at: int) -> Text:
        value = self.positional[at]
        if not isinstance(value, StringArgument):
            raise refuse(self.place, f"“{self.name.decode()}” needs a string")
        return checker.text(value.strings[0], value.place)

    def texts(self, checker: "Checker", at: int) -> tuple[Text, ...]:
        value = self.positional[at]
        if not isinstance(value, StringArgument):
            return ()
        return tuple(checker.text(each, value.place) for each in value.strings)

    def constant(self, checker: "Checker", at: int) -> bytes:
        """A positional string that must be constant. Raises ``ScriptError`` where it has variables."""
        value = self.positional[at]
        if not isinstance(value, StringArgument):
            raise refuse(self.place, f"“{self.name.decode()}” needs a string")
        return checker.constant(value.strings[0], value.place, self.name.decode())

    def strings(self, at: int) -> tuple[bytes, ...]:
        """A positional string list as written, for what must be constant (require)."""
        value = self.positional[at]
        return value.strings if isinstance(value, StringArgument) else ()

    def given(self, at: int) -> bool:
        """Whether an optional positional argument was given."""
        return self.positional[at] is not None

    def number(self, at: int) -> int:
        value = self.positional[at]
        return value.number if isinstance(value, NumberArgument) else 0

    def place_of(self, at: int) -> Place:
        value = self.positional[at]
        return value.place if value is not None else self.place


def bind(checker: "Checker", node: CommandNode | TestNode, shape: Shape) -> Arguments:
    """Raises ``ScriptError`` at the argument that does not fit."""
    bound = Arguments(node.name, node.place)
    allowed = checker.tags_of(node.name, shape)
    at = 0
    arguments = node.arguments
    while at < len(arguments):
        argument = arguments[at]
        if not isinstance(argument, TagArgument):
            break
        tag = _allowed_tag(argument, allowed, node, checker)
        at = _bind_tag(bound, tag, arguments, at)
    rest = arguments[at:]
    for argument in rest:
        if isinstance(argument, TagArgument):
            raise refuse(argument.place, f"“:{argument.name.decode()}” must stand before the other arguments")
    _bind_positional(bound, rest, shape)
    return bound


def _allowed_tag(
    argument: TagArgument, allowed: dict[bytes, Tag], node: CommandNode | TestNode, checker: "Checker"
) -> Tag:
    tag = allowed.get(argument.name)
    if tag is not None:
        return tag
    name = argument.name.decode()
    needed = checker.capability_of_tag(node.name, argument.name)
    if needed is not None:
        raise unknown(argument.place, f"“:{name}” needs: require “{needed.decode()}”;")
    raise unknown(argument.place, f"“{node.name.decode()}” takes no “:{name}”{near(argument.name, allowed, ':')}")


def _bind_tag(bound: Arguments, tag: Tag, arguments: tuple[Argument, ...], at: int) -> int:
    """Bind one tag with its value; the place behind it."""
    name = tag.name.decode()
    place = arguments[at].place
    if tag.name in bound.tags:
        raise refuse(place, f"“:{name}” stands twice")
    group = tag.group or tag.name
    if group in bound.groups:
        raise refuse(place, f"“:{name}” and “:{bound.groups[group].decode()}” exclude each other")
    bound.groups[group] = tag.name
    bound.tag_places[tag.name] = place
    if tag.takes == Takes.NOTHING:
        bound.tags[tag.name] = None
        return at + 1
    if at + 1 >= len(arguments):
        raise refuse(place, f"“:{name}” needs {_WANTED[tag.takes]}")
    value = arguments[at + 1]
    if not _fits(value, tag.takes):
        raise refuse(value.place, f"“:{name}” needs {_WANTED[tag.takes]}")
    bound.tags[tag.name] = value
    return at + 2


def _fits(value: Argument, takes: Takes) -> bool:
    if takes == Takes.NUMBER:
        return isinstance(value, NumberArgument)
    if not isinstance(value, StringArgument):
        return False
    return takes == Takes.STRINGS or not value.bracketed


def _bind_positional(bound: Arguments, rest: tuple[Argument, ...], shape: Shape) -> None:
    wanted = shape.optional + shape.positional
    if len(rest) == len(shape.positional) and shape.optional:
        bound.positional = [None] * len(shape.optional)
        wanted = shape.positional
    elif len(rest) != len(wanted):
        raise _wrong_count(bound, len(rest), shape)
    for value, takes in zip(rest, wanted, strict=True):
        if not _fits(value, takes):
            raise refuse(value.place, f"“{bound.name.decode()}” needs {_WANTED[takes]} here")
        bound.positional.append(value)


def _wrong_count(bound: Arguments, found: int, shape: Shape) -> ScriptError:
    least, most = len(shape.positional), len(shape.positional) + len(shape.optional)
    wanted = str(least) if least == most else f"{least} or {most}"
    return refuse(bound.place, f"“{bound.name.decode()}” takes {wanted} arguments besides its tags, not {found}")
