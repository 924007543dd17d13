"""Which fields the tests header, address and exists look at: all of a name, or what :index (RFC 5260 §6) and :mime
(RFC 5703 §4) choose. The tags belong to these extensions; this is what they mean.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from verbena.mime.header import param, parse_content_type, parse_disposition, parse_params, unfold
from verbena.model.part import Part
from verbena.sieve.arguments import Arguments
from verbena.sieve.errors import Place, refuse
from verbena.sieve.message import MAX_FIELD_OCTETS, Field
from verbena.sieve.program import Text

if TYPE_CHECKING:
    from verbena.sieve.check import Checker
    from verbena.sieve.run import Machine

MIME_OPTION: Final = b"mime-option"
"""The group of :type, :subtype, :contenttype and :param."""


class FieldChoice:
    """All fields of the message with the names asked for, in the order of the names."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def fields(self, machine: "Machine", names: Sequence[bytes]) -> list[Field]:
        message = machine.message
        if len(names) == 1:
            return message.named(names[0])
        result: list[Field] = []
        for name in names:
            result.extend(message.named(name))
        return result

    def value(self, machine: "Machine", field: Field) -> list[bytes]:
        """What of a field is compared."""
        return [field.text()]


class Indexed(FieldChoice):
    """One of them: the ``index``th from 1, counted from the end with ``last``."""

    def __init__(self, place: Place, inner: FieldChoice, index: int, last: bool) -> None:
        super().__init__(place)
        self.inner = inner
        self.index = index
        self.last = last

    def fields(self, machine: "Machine", names: Sequence[bytes]) -> list[Field]:
        found = self.inner.fields(machine, names)
        if self.index > len(found):
            return []
        return [found[-self.index if self.last else self.index - 1]]

    def value(self, machine: "Machine", field: Field) -> list[bytes]:
        return self.inner.value(machine, field)


class OfParts(FieldChoice):
    """Fields of the part a loop is at, with ``any_child`` also of the parts in it; of each value what ``option``
    names."""

    def __init__(self, place: Place, any_child: bool, option: bytes, params: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.any_child = any_child
        self.option = option
        self.params = params

    def fields(self, machine: "Machine", names: Sequence[bytes]) -> list[Field]:
        result: list[Field] = []
        wanted = [name.lower() for name in names]
        for part in self._parts(machine):
            fields = machine.message.fields_of_part(part)
            for name in wanted:
                result.extend(field for field in fields if field.name.lower() == name)
        return result

    def _parts(self, machine: "Machine") -> list[Part]:
        part = machine.message.part()
        if not self.any_child:
            return [part]
        found = [part]
        at = 0
        while at < len(found):
            found.extend(found[at].children)
            at += 1
        machine.tick(self.place, len(found))
        return found

    def value(self, machine: "Machine", field: Field) -> list[bytes]:
        if not self.option:
            return [field.text()]
        value = unfold(field.raw[:MAX_FIELD_OCTETS])
        name = field.name.lower()
        if self.option == b"param":
            return self._param(machine, name, value)
        return mime_word(name, value, self.option)

    def _param(self, machine: "Machine", name: bytes, value: bytes) -> list[bytes]:
        if name == b"content-type":
            content = parse_content_type(value)
            params = content[2] if content is not None else ()
        elif name == b"content-disposition":
            disposition = parse_disposition(value)
            params = disposition[1] if disposition is not None else ()
        else:
            _, semicolon, rest = value.partition(b";")
            params = parse_params(rest, 0) if semicolon else ()
        found = [param(params, each.value(machine).lower()) for each in self.params]
        return [text.encode("utf-8", "replace") for text in found if text is not None]


def mime_word(name: bytes, value: bytes, option: bytes) -> list[bytes]:
    """:type, :subtype or :contenttype of a field; nothing for a value that can not be parsed (RFC 5703 §4.1)."""
    if name == b"content-type":
        content = parse_content_type(value)
        if content is None:
            return []
        if option == b"contenttype":
            return [content[0] + b"/" + content[1]]
        return [content[0] if option == b"type" else content[1]]
    if name == b"content-disposition" and option != b"subtype":
        disposition = parse_disposition(value)
        return [disposition[0]] if disposition is not None else []
    return [b""]


def field_choice(checker: "Checker", arguments: Arguments) -> FieldChoice:
    """Raises ``ScriptError`` where the tags do not go together."""
    choice: FieldChoice
    option = arguments.chosen(MIME_OPTION, b"")
    if arguments.has(b"mime"):
        choice = OfParts(arguments.place, arguments.has(b"anychild"), option, arguments.tag_texts(checker, b"param"))
    elif arguments.has(b"anychild") or option:
        tag = option.decode() or "anychild"
        raise refuse(arguments.place, f"“:{tag}” goes with “:mime” only")
    else:
        choice = FieldChoice(arguments.place)
    index = field_index(arguments)
    return choice if index is None else Indexed(arguments.place, choice, index, arguments.has(b"last"))


def field_index(arguments: Arguments) -> int | None:
    """The number that goes with :index. Raises ``ScriptError`` for 0, and for :last alone (RFC 5260 §6)."""
    index = arguments.tag_number(b"index")
    if index == 0:
        raise refuse(arguments.tag_place(b"index"), "“:index” counts from 1")
    if index is None and arguments.has(b"last"):
        raise refuse(arguments.place, "“:last” goes with “:index” only")
    return index
