"""``notify``, its tests, and ``:encodeurl`` (RFC 5435; ``:fcc`` and its capability as RFC 8580 §6).

*full*. A method is one ``NotifyMethod`` in an extension of its own. The number of notifications in one run is limited
by ``RunLimits``; rates, hosts and loops are for the delivery agent. A URI may be built from variables (§6, example 6),
so the surroundings say whether the user may notify it.
"""

from typing import Final

from verbena.sieve.action import Notify
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.filing import FCC
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.program import Block, Modifier, Step, Test, Text, TextModifier
from verbena.sieve.registry import AddedTags, CommandRow, Extension, NotifyMethod, Shape, Tag, Takes, TestRow
from verbena.sieve.run import Machine
from verbena.sieve.uri import encode_percent, scheme_of

MAX_MESSAGE_OCTETS: Final = 16 * 1024
_ALNUM: Final = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
Methods = dict[bytes, NotifyMethod]


def uri_complaint(methods: Methods, uri: bytes) -> str | None:
    """Why a notification can not be sent there, as far as the URI itself shows it; or None."""
    scheme = scheme_of(uri)
    method = methods.get(scheme)
    if method is None:
        return f"there is no notification method “{scheme.decode()}:”"
    return method.complaint(uri)


def is_option(option: bytes) -> bool:
    """``optionname=value`` (§3.5)."""
    name, equals, value = option.partition(b"=")
    if not equals or not name or name[0] not in _ALNUM:
        return False
    return all(octet in _ALNUM or octet in b".-_" for octet in name) and not any(octet in b"\0\n\r" for octet in value)


class NotifyStep(Step):
    def __init__(self, place: Place, methods: Methods, uri: Text) -> None:
        super().__init__(place)
        self.methods = methods
        self.uri = uri
        self.sender: Text | None = None
        self.importance: Text | None = None
        self.options: tuple[Text, ...] = ()
        self.message: Text | None = None
        self.modifiers: tuple[Modifier, ...] = ()

    def run(self, machine: Machine) -> None:
        uri = self.uri.value(machine)
        why = uri_complaint(self.methods, uri)
        if why is not None:
            raise RunError(self.place, why)
        if machine.surroundings.notify_capability(uri, b"online") is None:
            raise RunError(self.place, f"“{uri[:200].decode('utf-8', 'replace')}” can not be notified from here")
        sender = None if self.sender is None else self.sender.value(machine)
        method = self.methods[scheme_of(uri)]
        if sender is not None:
            why = method.sender_complaint(sender)
            if why is not None:
                raise RunError(self.place, why)
        options = machine.texts(self.options)
        if not all(is_option(option) for option in options):
            raise RunError(self.place, "“:options” are name=value")
        message = None if self.message is None else self.message.value(machine)[:MAX_MESSAGE_OCTETS]
        importance = b"2" if self.importance is None else self.importance.value(machine)
        if importance not in (b"1", b"2", b"3"):
            raise RunError(self.place, "“:importance” is “1”, “2” or “3”")
        action = Notify(self.place, uri, sender, int(importance), tuple(options), message)
        machine.perform(self.place, self._copied(machine, action, method), (), cancels_keep=False)

    def _copied(self, machine: Machine, action: Notify, method: NotifyMethod) -> Notify:
        changed = action
        for modifier in self.modifiers:
            new = modifier.apply(machine, changed)
            if isinstance(new, Notify):
                changed = new
        if changed.fcc is not None and not method.files_copies:
            raise RunError(self.place, f"of a “{method.scheme.decode()}:” notification no copy can be filed")
        return changed


def build_notify(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    uri, importance = arguments.text(checker, 0), arguments.tag_text(checker, b"importance")
    methods = checker.registry.methods
    if uri.is_constant:
        why = uri_complaint(methods, uri.octets)
        if why is not None and scheme_of(uri.octets) in methods:
            raise refuse(arguments.place_of(0), why)
        if why is not None:
            checker.warn(arguments.place_of(0), why)
    if importance is not None and importance.is_constant and importance.octets not in (b"1", b"2", b"3"):
        raise refuse(arguments.tag_place(b"importance"), "“:importance” is “1”, “2” or “3”")
    step = NotifyStep(arguments.place, methods, uri)
    step.sender = arguments.tag_text(checker, b"from")
    step.importance = importance
    step.options = arguments.tag_texts(checker, b"options")
    for option in step.options:
        if option.is_constant and not is_option(option.octets):
            raise refuse(arguments.tag_place(b"options"), "“:options” are name=value")
    step.message = arguments.tag_text(checker, b"message")
    step.modifiers = arguments.modifiers
    return step


class ValidMethod(Test):
    """``valid_notify_method`` (§4)."""

    def __init__(self, place: Place, methods: Methods, uris: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.methods = methods
        self.uris = uris

    def holds(self, machine: Machine) -> bool:
        for text in self.uris:
            uri = text.value(machine)
            why = uri_complaint(self.methods, uri)
            if why is not None:
                machine.tell(self.place, why)
                return False
            if machine.surroundings.notify_capability(uri, b"online") is None:
                return False
        return True


class MethodCapability(Test):
    """``notify_method_capability`` (§5); ``fcc`` needs a scheme only (RFC 8580 §6.1)."""

    def __init__(
        self, place: Place, methods: Methods, match: Matcher, uri: Text, capability: Text, keys: tuple[Text, ...]
    ) -> None:
        super().__init__(place)
        self.methods = methods
        self.match = match
        self.uri = uri
        self.capability = capability
        self.keys = keys

    def holds(self, machine: Machine) -> bool:
        value = self._value(machine)
        if value is None:
            return False
        return self.match.any(machine, [] if self.match.counts and not value else [value], self.keys)

    def _value(self, machine: Machine) -> bytes | None:
        uri, capability = self.uri.value(machine), self.capability.value(machine).lower()
        method = self.methods.get(scheme_of(uri))
        if method is None:
            return None
        if capability == b"fcc":
            return b"yes" if method.files_copies else b"no"
        if method.complaint(uri) is not None:
            return None
        return machine.surroundings.notify_capability(uri, capability)


def build_valid(checker: Checker, arguments: Arguments) -> Test:
    return ValidMethod(arguments.place, checker.registry.methods, arguments.texts(checker, 0))


def build_capability(checker: Checker, arguments: Arguments) -> Test:
    match, uri = matcher(checker, arguments), arguments.text(checker, 0)
    capability, keys = arguments.text(checker, 1), arguments.texts(checker, 2)
    return MethodCapability(arguments.place, checker.registry.methods, match, uri, capability, keys)


class EncodeUrl(TextModifier):
    """``set :encodeurl`` (§6)."""

    def change(self, value: bytes) -> bytes:
        return encode_percent(value)


def modify_set(checker: Checker, arguments: Arguments) -> Modifier:
    return EncodeUrl(arguments.place, 15)


_NOTIFY_TAGS: Final = (
    Tag(b"from", Takes.STRING),
    Tag(b"importance", Takes.STRING),
    Tag(b"options", Takes.STRINGS),
    Tag(b"message", Takes.STRING),
)

EXTENSION: Final[Extension] = Extension(
    rfc=5435,
    capabilities=(b"enotify",),
    commands=(CommandRow(b"notify", Shape((Takes.STRING,), tags=_NOTIFY_TAGS, tag_groups=(FCC,)), build_notify),),
    tests=(
        TestRow(b"valid_notify_method", Shape((Takes.STRINGS,)), build_valid),
        TestRow(
            b"notify_method_capability",
            Shape((Takes.STRING, Takes.STRING, Takes.STRINGS), tags=MATCH_TAGS, tag_groups=(GROUP,)),
            build_capability,
        ),
    ),
    added=(AddedTags((b"set",), (Tag(b"encodeurl", group=b"precedence-15"),), modify_set),),
)
