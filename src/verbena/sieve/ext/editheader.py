"""The actions addheader and deleteheader (RFC 5293).

*full*. Later tests and actions see the edited header, an action taken before keeps what it saw, and a script that fails
leaves the message as it came (§7). Changes to protected fields are ignored in silence (§6): Received, Auto-Submitted,
and the Original- fields that ``replace`` makes (RFC 5703 §5) stay; Received and these can not be added.
Limits: ``MAX_VALUE_OCTETS`` of a value, ``MAX_FIELDS`` in a header that is added to.
"""

from typing import Final

from verbena.sieve.action import Traced
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.choice import field_index
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.fieldtext import format_text_field, is_field_name
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.message import Field
from verbena.sieve.program import Block, Step, Text
from verbena.sieve.registry import CommandRow, Extension, Shape, Tag, Takes
from verbena.sieve.run import Machine

MAX_VALUE_OCTETS: Final = 8192
MAX_FIELDS: Final = 2000
_NOT_ADDED: Final = frozenset((b"received", b"original-subject", b"original-from"))
_NOT_DELETED: Final = _NOT_ADDED | {b"auto-submitted"}


def field_name(text: bytes, place: Place) -> bytes:
    """Raises ``RunError`` for what is no field name (§4)."""
    if not is_field_name(text):
        raise RunError(place, f"“{text.decode('utf-8', 'replace')}” can not be the name of a header field")
    return text


def checked_name(text: Text, place: Place) -> Text:
    """Raises ``ScriptError`` where a constant is no field name."""
    if text.is_constant and not is_field_name(text.octets):
        raise refuse(place, f"“{text.octets.decode('utf-8', 'replace')}” can not be the name of a header field")
    return text


class AddHeader(Step):
    """``addheader`` (§4)."""

    def __init__(self, place: Place, name: Text, value: Text, last: bool) -> None:
        super().__init__(place)
        self.name = name
        self.value = value
        self.last = last

    def run(self, machine: Machine) -> None:
        name = field_name(self.name.value(machine), self.place)
        value = self.value.value(machine)
        if len(value) > MAX_VALUE_OCTETS:
            raise RunError(self.place, f"a header field can not be longer than {MAX_VALUE_OCTETS} octets")
        fields = machine.message.fields
        if len(fields) >= MAX_FIELDS:
            raise RunError(self.place, f"the header has {MAX_FIELDS} fields already")
        if name.lower() in _NOT_ADDED:
            machine.tell(self.place, f"“{name.decode()}” is protected and not added")
            return
        machine.tick(self.place, 1 + len(fields) // 16 + len(value) // 64)
        added = Field(name, format_text_field(name, value))
        machine.message.change_fields([*fields, added] if self.last else [added, *fields])
        if machine.tracing:
            told = f"the header has “{name.decode()}: {value[:200].decode('utf-8', 'replace')}” now"
            machine.tell(self.place, told, Traced.ACTION)


class DeleteHeader(Step):
    """``deleteheader`` (§5). ``match`` None: whatever the value is."""

    def __init__(
        self, place: Place, name: Text, match: Matcher | None, keys: tuple[Text, ...], index: int | None, last: bool
    ) -> None:
        super().__init__(place)
        self.name = name
        self.match = match
        self.keys = keys
        self.index = index
        self.last = last

    def run(self, machine: Machine) -> None:
        name = field_name(self.name.value(machine), self.place)
        if name.lower() in _NOT_DELETED:
            machine.tell(self.place, f"“{name.decode()}” is protected and stays")
            return
        message = machine.message
        machine.tick(self.place, 1 + len(message.fields) // 16)
        found = list(message.named(name))
        if self.index is not None:
            if self.index > len(found):
                return
            found = [found[-self.index if self.last else self.index - 1]]
        gone = {id(field) for field in found if self._matches(machine, field)}
        if gone:
            message.change_fields([field for field in message.fields if id(field) not in gone])
        if machine.tracing:
            machine.tell(self.place, f"{len(gone)} of the fields “{name.decode()}” deleted", Traced.ACTION)

    def _matches(self, machine: Machine, field: Field) -> bool:
        return self.match is None or self.match.any(machine, [field.text()], self.keys)


def build_addheader(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    name = checked_name(arguments.text(checker, 0), arguments.place_of(0))
    return AddHeader(arguments.place, name, arguments.text(checker, 1), arguments.has(b"last"))


def build_deleteheader(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    index, last = field_index(arguments), arguments.has(b"last")
    if arguments.given(0):
        name = checked_name(arguments.text(checker, 0), arguments.place_of(0))
        match = matcher(checker, arguments)
        return DeleteHeader(arguments.place, name, match, arguments.texts(checker, 1), index, last)
    if len(arguments.strings(1)) != 1:
        raise refuse(arguments.place_of(1), "“deleteheader” takes one field name")
    name = checked_name(arguments.text(checker, 1), arguments.place_of(1))
    return DeleteHeader(arguments.place, name, None, (), index, last)


_INDEX_TAGS: Final = (Tag(b"index", Takes.NUMBER), Tag(b"last"))

EXTENSION: Final[Extension] = Extension(
    rfc=5293,
    capabilities=(b"editheader",),
    commands=(
        CommandRow(b"addheader", Shape((Takes.STRING, Takes.STRING), tags=(Tag(b"last"),)), build_addheader),
        CommandRow(
            b"deleteheader",
            # The field name comes first; alone it is bound to the last place, which is that of the patterns.
            Shape((Takes.STRINGS,), (Takes.STRING,), tags=(*MATCH_TAGS, *_INDEX_TAGS), tag_groups=(GROUP,)),
            build_deleteheader,
        ),
    ),
)
