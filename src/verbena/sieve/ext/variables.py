"""Variables: ``set``, the ``string`` test, ``${name}`` in strings, and what wildcards matched (RFC 5229).

*full*. Limits (§6): names of 64 octets, match variables up to ``${99}``, and ``RunLimits``: values that are too long
are cut between characters, more than ``variables`` names are an error.
"""

from typing import Final

from verbena.sieve.action import Traced
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place, RunError, refuse, unknown
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.program import Block, Modifier, Namespace, Step, Test, Text, TextModifier
from verbena.sieve.registry import AddedTags, CommandRow, Extension, Shape, Tag, Takes, TestRow
from verbena.sieve.run import Machine

MAX_NAME_OCTETS: Final = 64
MAX_MATCH_INDEX: Final = 99


class VariableText(Text):
    """``${name}``."""

    def __init__(self, name: bytes, shared: bool) -> None:
        super().__init__(b"${" + name + b"}")
        self.name = name
        self.shared = shared

    @property
    def is_constant(self) -> bool:
        return False

    def value(self, machine: Machine) -> bytes:
        return (machine.globals if self.shared else machine.variables).get(self.name, b"")


class MatchText(Text):
    """``${1}``."""

    def __init__(self, index: int) -> None:
        super().__init__(b"${%d}" % index)
        self.index = index

    @property
    def is_constant(self) -> bool:
        return False

    def value(self, machine: Machine) -> bytes:
        return machine.matched[self.index] if self.index < len(machine.matched) else b""


class NamespaceText(Text):
    """``${namespace.name}``."""

    def __init__(self, namespace: Namespace, name: bytes) -> None:
        super().__init__(b"${..." + name + b"}")
        self.namespace = namespace
        self.name = name

    @property
    def is_constant(self) -> bool:
        return False

    def value(self, machine: Machine) -> bytes:
        return self.namespace.get(machine, self.name)


class CompoundText(Text):
    """Plain pieces and variables in a row."""

    def __init__(self, octets: bytes, place: Place, pieces: tuple[Text, ...]) -> None:
        super().__init__(octets)
        self.place = place
        self.pieces = pieces

    @property
    def is_constant(self) -> bool:
        return False

    def value(self, machine: Machine) -> bytes:
        result = bytearray()
        for piece in self.pieces:
            result += piece.value(machine)
            if len(result) > machine.limits.string_octets:
                return cut(bytes(result), machine.limits.string_octets)
        machine.tick(self.place, len(result) >> 10)
        return bytes(result)


def cut(value: bytes, octets: int) -> bytes:
    """The beginning of ``value``, whole characters where it is UTF-8."""
    if len(value) <= octets:
        return value
    end = octets
    while end > 0 and end > octets - 4 and value[end] & 0xC0 == 0x80:
        end -= 1
    return value[:end]


# variable-ref = "${" [namespace] variable-name "}"
# namespace = identifier "." *(variable-name ".")          variable-name = 1*DIGIT / identifier
def substitute(checker: Checker, octets: bytes, place: Place) -> Text:
    """The text that a string stands for. Raises ``ScriptError`` for a namespace that is not there (§3)."""
    pieces: list[Text] = []
    plain = at = 0
    while True:
        at = octets.find(b"${", at)
        if at < 0:
            break
        end = reference_end(octets, at + 2)
        if end < 0:
            at += 2
            continue
        if at > plain:
            pieces.append(Text(octets[plain:at]))
        pieces.append(reference(checker, octets[at + 2 : end].lower(), place))
        plain = at = end + 1
    if not pieces:
        return Text(octets)
    if plain < len(octets):
        pieces.append(Text(octets[plain:]))
    return pieces[0] if len(pieces) == 1 else CompoundText(octets, place, tuple(pieces))


def reference_end(octets: bytes, start: int) -> int:
    """The place of the brace behind the name that begins at ``start``, or -1 where that is no name."""
    at = start
    first = True
    while True:
        begin = at
        while at < len(octets) and _is_name_octet(octets[at]):
            at += 1
        if at == begin or at >= len(octets):
            return -1
        word = octets[begin:at]
        if 48 <= word[0] <= 57 and not (word.isdigit() and (not first or octets[at] == 125)):
            return -1
        if octets[at] == 125:
            return at
        if octets[at] != 46:
            return -1
        at += 1
        first = False


def _is_name_octet(octet: int) -> bool:
    return 97 <= octet <= 122 or 65 <= octet <= 90 or 48 <= octet <= 57 or octet == 95


def reference(checker: Checker, name: bytes, place: Place) -> Text:
    """What ``${name}`` reads; ``name`` is lower case and well-formed."""
    if name.isdigit():
        if len(name.lstrip(b"0")) > 2 or int(name) > MAX_MATCH_INDEX:
            raise refuse(place, f"match variables go up to ${{{MAX_MATCH_INDEX}}}")
        return MatchText(int(name))
    if b"." in name:
        namespace, rest = find_namespace(checker, name, place)
        return NamespaceText(namespace, rest)
    return VariableText(name, name in checker.shared)


def find_namespace(checker: Checker, name: bytes, place: Place) -> tuple[Namespace, bytes]:
    """The owner of a dotted name, and the name within it."""
    prefix, _, rest = name.partition(b".")
    found = checker.registry.namespaces.get(prefix)
    if found is None:
        raise unknown(place, f"there are no variables “{prefix.decode()}.…”")
    if not checker.has(found[1]):
        needed = found[1].capabilities[0].decode()
        raise unknown(place, f"variables “{prefix.decode()}.…” need: require “{needed}”;")
    if not found[0].takes(rest):
        raise refuse(place, f"there is no variable “{name.decode()}”")
    return found[0], rest


class Variable:
    """A variable that a command may change: of the script, of all scripts, or of a namespace."""

    def __init__(self, name: bytes, shared: bool, namespace: Namespace | None) -> None:
        self.name = name
        self.shared = shared
        self.namespace = namespace

    def get(self, machine: Machine) -> bytes:
        """Its value, empty when it has none."""
        if self.namespace is not None:
            return self.namespace.get(machine, self.name)
        return (machine.globals if self.shared else machine.variables).get(self.name, b"")

    def put(self, machine: Machine, place: Place, value: bytes) -> None:
        """Raises ``RunError`` where there are too many variables; cuts what is too long."""
        value = cut(value, machine.limits.variable_octets)
        if machine.tracing:
            told = f"{self.name.decode()} = “{value[:200].decode('utf-8', 'replace')}”"
            machine.tell(place, told, Traced.VARIABLE)
        if self.namespace is not None:
            self.namespace.put(machine, place, self.name, value)
        else:
            put(machine, machine.globals if self.shared else machine.variables, place, self.name, value)


def variable(checker: Checker, written: bytes, place: Place, settable: bool) -> Variable:
    """The variable of a name in a script. Raises ``ScriptError`` for what can be none."""
    name = written.lower()
    if b"." in name and reference_end(name + b"}", 0) == len(name):
        namespace, rest = find_namespace(checker, name, place)
        if settable and not namespace.is_settable:
            raise refuse(place, f"“{name.decode()}” can not be set")
        return Variable(rest, False, namespace)
    if name.isdigit():
        raise refuse(place, "match variables can not be used here")
    if not is_identifier(name):
        raise refuse(place, f"“{name.decode('utf-8', 'replace')}” can not be the name of a variable")
    if settable:
        checker.assigned.add(name)
    return Variable(name, name in checker.shared, None)


class Set(Step):
    """``set`` (§4)."""

    def __init__(self, place: Place, target: Variable, value: Text, modifiers: tuple[TextModifier, ...]) -> None:
        super().__init__(place)
        self.target = target
        self.value = value
        self.modifiers = modifiers

    def run(self, machine: Machine) -> None:
        value = self.value.value(machine)
        for modifier in self.modifiers:
            value = modifier.change(value)
        self.target.put(machine, self.place, value)


def put(machine: Machine, variables: dict[bytes, bytes], place: Place, name: bytes, value: bytes) -> None:
    """Raises ``RunError`` where there are too many variables."""
    if name not in variables and len(variables) >= machine.limits.variables:
        raise RunError(place, f"the script sets more than {machine.limits.variables} variables")
    variables[name] = value


def is_identifier(name: bytes) -> bool:
    """Whether it can be the name of a variable that is set, without a namespace."""
    if not name or len(name) > MAX_NAME_OCTETS or 48 <= name[0] <= 57:
        return False
    return all(_is_name_octet(octet) for octet in name)


def build_set(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    target = variable(checker, arguments.constant(checker, 0), arguments.place_of(0), True)
    modifiers = [each for each in arguments.modifiers if isinstance(each, TextModifier)]
    modifiers.sort(key=precedence, reverse=True)
    return Set(arguments.place, target, arguments.text(checker, 1), tuple(modifiers))


def precedence(modifier: TextModifier) -> int:
    """For sorting the modifiers of one command."""
    return modifier.precedence


class Lower(TextModifier):
    def change(self, value: bytes) -> bytes:
        return value.lower()


class Upper(TextModifier):
    def change(self, value: bytes) -> bytes:
        return value.upper()


class LowerFirst(TextModifier):
    def change(self, value: bytes) -> bytes:
        return value[:1].lower() + value[1:]


class UpperFirst(TextModifier):
    def change(self, value: bytes) -> bytes:
        return value[:1].upper() + value[1:]


class QuoteWildcard(TextModifier):
    def change(self, value: bytes) -> bytes:
        return value.replace(b"\\", b"\\\\").replace(b"*", b"\\*").replace(b"?", b"\\?")


class Length(TextModifier):
    def change(self, value: bytes) -> bytes:
        return b"%d" % len(value.decode("utf-8", "replace"))


def modify_case(checker: Checker, arguments: Arguments) -> Modifier:
    return Lower(arguments.place, 40) if arguments.has(b"lower") else Upper(arguments.place, 40)


def modify_first(checker: Checker, arguments: Arguments) -> Modifier:
    return LowerFirst(arguments.place, 30) if arguments.has(b"lowerfirst") else UpperFirst(arguments.place, 30)


def modify_wildcards(checker: Checker, arguments: Arguments) -> Modifier:
    return QuoteWildcard(arguments.place, 20)


def modify_length(checker: Checker, arguments: Arguments) -> Modifier:
    return Length(arguments.place, 10)


class StringTest(Test):
    """``string`` (§5)."""

    def __init__(self, place: Place, match: Matcher, sources: tuple[Text, ...], keys: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.match = match
        self.sources = sources
        self.keys = keys

    def holds(self, machine: Machine) -> bool:
        values = machine.texts(self.sources)
        if self.match.counts:
            values = [value for value in values if value]
        return self.match.any(machine, values, self.keys)


def build_string(checker: Checker, arguments: Arguments) -> Test:
    sources, keys = arguments.texts(checker, 0), arguments.texts(checker, 1)
    return StringTest(arguments.place, matcher(checker, arguments), sources, keys)


_SET: Final = (b"set",)
_TWO_LISTS: Final = (Takes.STRINGS, Takes.STRINGS)

EXTENSION: Final[Extension] = Extension(
    rfc=5229,
    capabilities=(b"variables",),
    commands=(CommandRow(b"set", Shape((Takes.STRING, Takes.STRING)), build_set),),
    tests=(TestRow(b"string", Shape(_TWO_LISTS, tags=MATCH_TAGS, tag_groups=(GROUP,)), build_string),),
    added=(
        AddedTags(_SET, (Tag(b"lower", group=b"precedence-40"), Tag(b"upper", group=b"precedence-40")), modify_case),
        AddedTags(
            _SET,
            (Tag(b"lowerfirst", group=b"precedence-30"), Tag(b"upperfirst", group=b"precedence-30")),
            modify_first,
        ),
        AddedTags(_SET, (Tag(b"quotewildcard", group=b"precedence-20"),), modify_wildcards),
        AddedTags(_SET, (Tag(b"length", group=b"precedence-10"),), modify_length),
    ),
    substitute=substitute,
)
