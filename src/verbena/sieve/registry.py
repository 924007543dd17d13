"""Sieve's commands, tests, tags, comparators and match types as rows, and the one table made of them.

An ``Extension`` says what a ``require`` of its capability brings. The registry is built once, refuses two owners
for one name, and is what ManageSieve's SIEVE line is computed from (RFC 5228 §6, RFC 5804 §1.7).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from verbena.model.errors import InternalError
from verbena.sieve.compare import Comparator
from verbena.sieve.errors import Place
from verbena.sieve.program import Block, Modifier, Namespace, Step, Test, Text

if TYPE_CHECKING:
    from verbena.sieve.arguments import Arguments
    from verbena.sieve.check import Checker
    from verbena.sieve.match import Matcher
    from verbena.sieve.run import Machine

DRAFT: Final = 0
"""In the place of an RFC's number, for what is only in a draft."""


class Takes(IntEnum):
    """What follows a tag, or stands at a position."""

    NOTHING = 0
    STRING = 1
    STRINGS = 2
    NUMBER = 3


class Tests(IntEnum):
    NONE = 0
    ONE = 1
    LIST = 2


@dataclass(frozen=True, slots=True)
class Tag:
    """``group``: at most one tag of a group may stand on a command; alone in it unless it is shared, such as
    ``match-type``."""

    name: bytes
    takes: Takes = Takes.NOTHING
    group: bytes = b""


@dataclass(frozen=True, slots=True)
class Shape:
    """Arguments of a command or test. ``optional`` positional ones, all of them, may be left out and stand first.
    ``tag_groups`` are shared sets of tags it takes, such as ``match``, ``address-part``, ``comparator``."""

    positional: tuple[Takes, ...] = ()
    optional: tuple[Takes, ...] = ()
    tags: tuple[Tag, ...] = ()
    tag_groups: tuple[bytes, ...] = ()
    tests: Tests = Tests.NONE
    block: bool = False


@dataclass(frozen=True, slots=True)
class CommandRow:
    """``build`` makes the step; ``block`` is there when the shape takes one. ``leaves``: what follows it in a block is
    never reached."""

    name: bytes
    shape: Shape
    build: Callable[["Checker", "Arguments", "Block | None"], Step]
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class TestRow:
    name: bytes
    shape: Shape
    build: Callable[["Checker", "Arguments"], Test]


@dataclass(frozen=True, slots=True)
class AddedTags:
    """Tags an extension gives commands or tests of others (``owners``), or to everything that takes a shared group.

    ``modify`` is called once for a command that has any of ``tags``, and makes what changes its action. Modifiers
    apply in the order of the registry.
    """

    owners: tuple[bytes, ...]
    tags: tuple[Tag, ...]
    modify: Callable[["Checker", "Arguments"], Modifier | None] | None = None


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A match type: ``tag`` chooses it, ``make`` builds its matcher and refuses comparators that do not go with it."""

    tag: Tag
    make: Callable[["Checker", "Arguments", Comparator], "Matcher"]


class EnvelopeSource:
    """Where the envelope test finds the values of one part."""

    def values(self, machine: "Machine") -> list[bytes]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class EnvelopePart:
    """A name that the envelope test takes; only an address has address parts."""

    name: bytes
    is_address: bool
    make: Callable[["Checker", "Arguments"], EnvelopeSource]


class NotifyMethod:
    """A way to notify, chosen by its URI scheme (RFC 5435 §3.8)."""

    scheme: bytes = b""
    files_copies: bool = True
    """whether ``:fcc`` may be used with it (RFC 8580 §6.1)"""

    def complaint(self, uri: bytes) -> str | None:
        """Why the URI can not be used, or None."""
        return None

    def sender_complaint(self, sender: bytes) -> str | None:
        """Why ``:from`` can not be this, or None."""
        return None


@dataclass(frozen=True, slots=True)
class Extension:
    """``capabilities`` are the names one may require; empty for what is always there (RFC 5228 itself)."""

    rfc: int
    capabilities: tuple[bytes, ...]
    commands: tuple[CommandRow, ...] = ()
    tests: tuple[TestRow, ...] = ()
    added: tuple[AddedTags, ...] = ()
    comparators: tuple[Comparator, ...] = ()
    matches: tuple["MatchRow", ...] = ()
    substitute: Callable[["Checker", bytes, Place], Text] | None = None
    """turns a string of the script into a text, where the extension gives strings a meaning (variables); several
    apply in the order of the registry, and never through ihave (RFC 5463 §4)"""
    namespaces: tuple[tuple[bytes, Namespace], ...] = ()
    envelope_parts: tuple[EnvelopePart, ...] = ()
    methods: tuple[NotifyMethod, ...] = ()
    implied_by: tuple[bytes, ...] = ()
    """capabilities of others whose require brings this too"""
    defers: bool = False
    """a require of it puts off what can be wrong with extensions until the script is run (RFC 5463 §4)"""
    address_parts: tuple[tuple[bytes, Callable[["Machine", bytes, bytes], bytes | None]], ...] = ()
    """tags of the group of :all, :localpart and :domain, and what takes that part of an address"""


class Registry:
    """All that scripts may use; immutable."""

    def __init__(self, extensions: tuple[Extension, ...]) -> None:
        self.commands: dict[bytes, tuple[CommandRow, Extension]] = {}
        self.tests: dict[bytes, tuple[TestRow, Extension]] = {}
        self.comparators: dict[bytes, tuple[Comparator, Extension]] = {}
        self.capabilities: dict[bytes, Extension] = {}
        self.match_makers: dict[bytes, Callable[[Checker, Arguments, Comparator], Matcher]] = {}
        self.added: dict[bytes, list[tuple[Tag, Extension]]] = {}
        self.modifiers: dict[bytes, list[tuple[AddedTags, Extension]]] = {}
        self.substitutes: list[Extension] = []
        self.namespaces: dict[bytes, tuple[Namespace, Extension]] = {}
        self.envelope_parts: dict[bytes, tuple[EnvelopePart, Extension]] = {}
        self.methods: dict[bytes, NotifyMethod] = {}
        self.address_parts: dict[bytes, Callable[[Machine, bytes, bytes], bytes | None]] = {}
        for extension in extensions:
            self._add(extension)

    def _add(self, extension: Extension) -> None:
        for capability in extension.capabilities:
            if capability in self.capabilities:
                raise InternalError(f"two extensions own the capability {capability.decode()}")
            self.capabilities[capability] = extension
        for command in extension.commands:
            if command.name in self.commands:
                raise InternalError(f"two extensions own the command {command.name.decode()}")
            self.commands[command.name] = (command, extension)
        for test in extension.tests:
            if test.name in self.tests:
                raise InternalError(f"two extensions own the test {test.name.decode()}")
            self.tests[test.name] = (test, extension)
        for comparator in extension.comparators:
            self.comparators[comparator.name] = (comparator, extension)
        for match in extension.matches:
            self.match_makers[match.tag.name] = match.make
            self.added.setdefault(match.tag.group, []).append((match.tag, extension))
        if extension.substitute is not None:
            self.substitutes.append(extension)
        for prefix, namespace in extension.namespaces:
            self.namespaces[prefix] = (namespace, extension)
        for part in extension.envelope_parts:
            self.envelope_parts[part.name] = (part, extension)
        for method in extension.methods:
            self.methods[method.scheme] = method
        for tag_name, take in extension.address_parts:
            self.address_parts[tag_name] = take
        for added in extension.added:
            self._add_tags(added, extension)

    def _add_tags(self, added: AddedTags, extension: Extension) -> None:
        for owner in added.owners:
            tags = self.added.setdefault(owner, [])
            for tag in added.tags:
                if any(tag.name == other.name for other, _ in tags):
                    raise InternalError(f"two extensions own the tag :{tag.name.decode()} of {owner.decode()}")
                tags.append((tag, extension))
            if added.modify is not None:
                self.modifiers.setdefault(owner, []).append((added, extension))

    def capability_line(self) -> bytes:
        """What ManageSieve lists under SIEVE, in the order of registration."""
        return b" ".join(self.capabilities)

    def notify_line(self) -> bytes:
        """What ManageSieve lists under NOTIFY: the schemes of all methods (RFC 5804 §1.7)."""
        return b" ".join(self.methods)
