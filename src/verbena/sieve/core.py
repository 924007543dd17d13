"""RFC 5228 itself: its control commands, actions and tests, and fileinto.

*full*. ``require`` is handled while checking: its step does nothing.
"""

from collections.abc import Callable
from typing import Final

from verbena.sieve.action import Discard, FileInto, Keep, Redirect
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.choice import FieldChoice, field_choice
from verbena.sieve.compare import AsciiCasemap, Comparator
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.listname import list_name
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.message import addresses_of
from verbena.sieve.program import Block, Modifier, Step, Test, Text
from verbena.sieve.registry import (
    CommandRow,
    Extension,
    Shape,
    Tag,
    Takes,
    TestRow,
    Tests,
)
from verbena.sieve.run import Machine

MAX_MAILBOX_OCTETS: Final = 1024
ADDRESS_PART: Final = b"address-part"
PART_TAGS: Final = (
    Tag(b"all", group=ADDRESS_PART),
    Tag(b"localpart", group=ADDRESS_PART),
    Tag(b"domain", group=ADDRESS_PART),
)
_IN_SCRIPT_START: Final = (b"", b"require")
_AFTER_IF: Final = (b"if", b"elsif")
ADDRESS_FIELDS: Final = frozenset(
    b"from to cc bcc sender reply-to resent-from resent-to resent-cc resent-bcc resent-sender resent-reply-to "
    b"return-path delivered-to disposition-notification-to errors-to mail-followup-to mail-reply-to x-original-to "
    b"envelope-to".split()
)


class Nothing(Step):
    """``require``, once it is checked."""

    def run(self, machine: Machine) -> None:
        return


def build_require(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    if checker.previous not in _IN_SCRIPT_START or checker.depth > 1:
        raise refuse(arguments.place, "“require” must stand before all other commands")
    for capability in arguments.strings(0):
        checker.require(capability, arguments.place_of(0))
    return Nothing(arguments.place)


class If(Step):
    """``if``, ``elsif`` and ``else`` (RFC 5228 §3.1). An ``elsif`` or ``else`` runs where no branch before it did:
    ``machine.branch_taken`` says so, and is that of the innermost row of branches."""

    def __init__(self, place: Place, first: bool, test: Test | None, block: Block) -> None:
        super().__init__(place)
        self.first = first
        self.test = test
        self.block = block

    def run(self, machine: Machine) -> None:
        if not self.first and machine.branch_taken:
            return
        taken = self.test is None or self.test.ask(machine)
        if taken:
            machine.depth += 1
            self.block.run(machine)
            machine.depth -= 1
        machine.branch_taken = taken


def build_if(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    if arguments.name != b"if" and checker.previous not in _AFTER_IF:
        raise refuse(arguments.place, f"“{arguments.name.decode()}” must follow an “if” or “elsif”")
    test = arguments.tests[0] if arguments.tests else None
    return If(arguments.place, arguments.name == b"if", test, block or Block(()))


class Stop(Step):
    def run(self, machine: Machine) -> None:
        machine.tell(self.place, "stop")
        machine.stop()


class KeepStep(Step):
    def __init__(self, place: Place, modifiers: tuple[Modifier, ...]) -> None:
        super().__init__(place)
        self.modifiers = modifiers

    def run(self, machine: Machine) -> None:
        machine.perform(self.place, Keep(self.place, machine.flags), self.modifiers)


class DiscardStep(Step):
    def run(self, machine: Machine) -> None:
        machine.act(self.place, Discard(self.place))


class RedirectStep(Step):
    def __init__(self, place: Place, address: Text, modifiers: tuple[Modifier, ...]) -> None:
        super().__init__(place)
        self.address = address
        self.modifiers = modifiers

    def run(self, machine: Machine) -> None:
        address = outbound_address(self.address.value(machine), self.place)
        machine.perform(self.place, Redirect(self.place, address), self.modifiers)


def outbound_address(text: bytes, place: Place) -> bytes:
    """The addr-spec of a sieve-address (RFC 5228 §2.4.2.3). Raises ``RunError`` for what is none."""
    found = addresses_of(text)
    if len(found) != 1 or not is_addr_spec(found[0]) or b"," in text or b":" in text.partition(b"@")[0]:
        raise RunError(place, f"“{text.decode('utf-8', 'replace')}” is not one mail address")
    return found[0]


def is_addr_spec(address: bytes) -> bool:
    """Whether it may be put in an envelope: two sides, no controls, blanks or angle brackets, of legal length."""
    local, at, domain = address.rpartition(b"@")
    if not at or not local or not domain or len(local) > 64 or len(address) > 254:
        return False
    if any(octet <= 32 or octet == 127 for octet in address) and not local.startswith(b'"'):
        return False
    return not any(octet < 32 or octet in b"<>" for octet in address) and b".." not in domain and domain[:1] != b"."


class RedirectListStep(RedirectStep):
    """``redirect :list`` (RFC 6134 §2.3)."""

    def run(self, machine: Machine) -> None:
        name = list_name(self.address.value(machine))
        if name is None or not machine.surroundings.has_list(name):
            raise RunError(self.place, f"there is no list “{(name or b'').decode('utf-8', 'replace')}”")
        machine.perform(self.place, Redirect(self.place, b"", list_name=name), self.modifiers)


def build_redirect(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    address = arguments.text(checker, 0)
    if arguments.has(b"list"):
        return RedirectListStep(arguments.place, address, arguments.modifiers)
    if address.is_constant:
        try:
            outbound_address(address.octets, arguments.place_of(0))
        except RunError as error:
            raise refuse(error.place, error.told) from None
    return RedirectStep(arguments.place, address, arguments.modifiers)


class FileIntoStep(Step):
    def __init__(self, place: Place, mailbox: Text, modifiers: tuple[Modifier, ...]) -> None:
        super().__init__(place)
        self.mailbox = mailbox
        self.modifiers = modifiers

    def run(self, machine: Machine) -> None:
        mailbox = mailbox_name(self.mailbox.value(machine), self.place)
        machine.perform(self.place, FileInto(self.place, mailbox, machine.flags), self.modifiers)


def mailbox_name(text: bytes, place: Place) -> bytes:
    """A name that a mailbox can have: UTF-8 without controls, not empty. Raises ``RunError``."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        raise RunError(place, "the mailbox name is not UTF-8") from None
    if not text or len(text) > MAX_MAILBOX_OCTETS or any(octet < 32 or octet == 127 for octet in text):
        raise RunError(place, "this can not be the name of a mailbox")
    return text


def checked_mailbox(text: Text, place: Place) -> Text:
    """The same, found wrong before the script runs where it is constant. Raises ``ScriptError``."""
    if text.is_constant:
        try:
            mailbox_name(text.octets, place)
        except RunError as error:
            raise refuse(error.place, error.told) from None
    return text


def build_fileinto(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    mailbox = checked_mailbox(arguments.text(checker, 0), arguments.place_of(0))
    return FileIntoStep(arguments.place, mailbox, arguments.modifiers)


class Constant(Test):
    """``true`` and ``false``."""

    def __init__(self, place: Place, answer: bool) -> None:
        super().__init__(place)
        self.answer = answer

    def holds(self, machine: Machine) -> bool:
        return self.answer


class Not(Test):
    def __init__(self, place: Place, test: Test) -> None:
        super().__init__(place)
        self.test = test

    def holds(self, machine: Machine) -> bool:
        return not self.test.ask(machine)


class Several(Test):
    """``allof`` and ``anyof``: no test is asked once the answer is known (RFC 5228 §5.2, §5.3)."""

    def __init__(self, place: Place, tests: tuple[Test, ...], all_of: bool) -> None:
        super().__init__(place)
        self.tests = tests
        self.all_of = all_of

    def holds(self, machine: Machine) -> bool:
        for test in self.tests:
            if test.ask(machine) != self.all_of:
                return not self.all_of
        return self.all_of


class Exists(Test):
    def __init__(self, place: Place, names: tuple[Text, ...], choice: FieldChoice) -> None:
        super().__init__(place)
        self.names = names
        self.choice = choice

    def holds(self, machine: Machine) -> bool:
        return all(self.choice.fields(machine, (name.value(machine),)) for name in self.names)


class Size(Test):
    def __init__(self, place: Place, over: bool, octets: int) -> None:
        super().__init__(place)
        self.over = over
        self.octets = octets

    def holds(self, machine: Machine) -> bool:
        size = machine.message.size_octets
        return size > self.octets if self.over else size < self.octets


def build_size(checker: Checker, arguments: Arguments) -> Test:
    kind = arguments.chosen(b"size", b"")
    if not kind:
        raise refuse(arguments.place, "“size” needs “:over” or “:under”")
    return Size(arguments.place, kind == b"over", arguments.tag_number(kind) or 0)


class Header(Test):
    def __init__(
        self, place: Place, match: Matcher, names: tuple[Text, ...], keys: tuple[Text, ...], choice: FieldChoice
    ) -> None:
        super().__init__(place)
        self.match = match
        self.names = names
        self.keys = keys
        self.choice = choice

    def values(self, machine: Machine) -> list[bytes]:
        result: list[bytes] = []
        for field in self.choice.fields(machine, machine.texts(self.names)):
            result.extend(self.choice.value(machine, field))
        return result

    def holds(self, machine: Machine) -> bool:
        return self.match.any(machine, self.values(machine), self.keys)


def address_part(address: bytes, part: bytes) -> bytes | None:
    """``all``, ``localpart`` or ``domain`` of an addr-spec; None when it has no such part (RFC 5228 §2.7.4)."""
    if part == b"all":
        return address
    local, at, domain = address.rpartition(b"@")
    if not at or not local or not domain:
        return None
    return local if part == b"localpart" else domain


class AddressTest(Header):
    """``address`` (RFC 5228 §5.1). ``taker`` is the owner of an address part that an extension adds."""

    def __init__(
        self,
        place: Place,
        match: Matcher,
        names: tuple[Text, ...],
        keys: tuple[Text, ...],
        choice: FieldChoice,
        part: bytes,
        taker: Callable[[Machine, bytes, bytes], bytes | None] | None,
    ) -> None:
        super().__init__(place, match, names, keys, choice)
        self.part = part
        self.taker = taker

    def addresses(self, machine: Machine) -> list[bytes]:
        result: list[bytes] = []
        for field in self.choice.fields(machine, machine.texts(self.names)):
            result.extend(field.addresses())
        return result

    def values(self, machine: Machine) -> list[bytes]:
        parts = [self.part_of(machine, address) for address in self.addresses(machine)]
        return [part for part in parts if part is not None]

    def part_of(self, machine: Machine, address: bytes) -> bytes | None:
        """None when the address has no such part."""
        if self.taker is not None:
            return self.taker(machine, address, self.part)
        return address_part(address, self.part)


def build_address(checker: Checker, arguments: Arguments) -> Test:
    names = arguments.texts(checker, 0)
    for name in names:
        if name.is_constant and name.octets.lower() not in ADDRESS_FIELDS and not arguments.has(b"mime"):
            raise refuse(
                arguments.place_of(0), f"“{name.octets.decode('utf-8', 'replace')}” holds no addresses; use “header”"
            )
    part = arguments.chosen(ADDRESS_PART, b"all")
    match, keys = matcher(checker, arguments), arguments.texts(checker, 1)
    taker = checker.registry.address_parts.get(part)
    return AddressTest(arguments.place, match, names, keys, field_choice(checker, arguments), part, taker)


def build_header(checker: Checker, arguments: Arguments) -> Test:
    names, keys = arguments.texts(checker, 0), arguments.texts(checker, 1)
    return Header(arguments.place, matcher(checker, arguments), names, keys, field_choice(checker, arguments))


_TWO_LISTS: Final = (Takes.STRINGS, Takes.STRINGS)
_MATCH: Final = (GROUP,)
_SIZE_TAGS: Final = (Tag(b"over", Takes.NUMBER, b"size"), Tag(b"under", Takes.NUMBER, b"size"))

CORE: Final[Extension] = Extension(
    rfc=5228,
    capabilities=(),
    comparators=(Comparator(), AsciiCasemap()),
    commands=(
        CommandRow(b"require", Shape((Takes.STRINGS,)), build_require),
        CommandRow(b"if", Shape(tests=Tests.ONE, block=True), build_if),
        CommandRow(b"elsif", Shape(tests=Tests.ONE, block=True), build_if),
        CommandRow(b"else", Shape(block=True), build_if),
        CommandRow(b"stop", Shape(), lambda checker, arguments, block: Stop(arguments.place), leaves=True),
        CommandRow(b"keep", Shape(), lambda checker, arguments, block: KeepStep(arguments.place, arguments.modifiers)),
        CommandRow(b"discard", Shape(), lambda checker, arguments, block: DiscardStep(arguments.place)),
        CommandRow(b"redirect", Shape((Takes.STRING,)), build_redirect),
    ),
    tests=(
        TestRow(b"true", Shape(), lambda checker, arguments: Constant(arguments.place, True)),
        TestRow(b"false", Shape(), lambda checker, arguments: Constant(arguments.place, False)),
        TestRow(b"not", Shape(tests=Tests.ONE), lambda checker, arguments: Not(arguments.place, arguments.tests[0])),
        TestRow(
            b"allof",
            Shape(tests=Tests.LIST),
            lambda checker, arguments: Several(arguments.place, arguments.tests, True),
        ),
        TestRow(
            b"anyof",
            Shape(tests=Tests.LIST),
            lambda checker, arguments: Several(arguments.place, arguments.tests, False),
        ),
        TestRow(
            b"exists",
            Shape((Takes.STRINGS,)),
            lambda checker, arguments: Exists(
                arguments.place, arguments.texts(checker, 0), field_choice(checker, arguments)
            ),
        ),
        TestRow(b"size", Shape(tags=_SIZE_TAGS), build_size),
        TestRow(b"header", Shape(_TWO_LISTS, tags=MATCH_TAGS, tag_groups=_MATCH), build_header),
        TestRow(
            b"address", Shape(_TWO_LISTS, tags=MATCH_TAGS + PART_TAGS, tag_groups=(GROUP, ADDRESS_PART)), build_address
        ),
    ),
)

FILEINTO: Final[Extension] = Extension(
    rfc=5228,
    capabilities=(b"fileinto",),
    commands=(CommandRow(b"fileinto", Shape((Takes.STRING,)), build_fileinto),),
)
