"""The commands and capabilities of the ManageSieve server as rows, and the one table made of them.

The core of RFC 5804 is an ``Extension`` like any other. ``Registry`` is built once, never changes, and refuses two
owners for one name; no command is known by name anywhere else. Names are upper case.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar, cast

from verbena.model.errors import InternalError
from verbena.wire.managesieve.grammar import Cursor
from verbena.wire.managesieve.reply import Capability, Reply, Status, format_capability
from verbena.wire.managesieve.states import State

if TYPE_CHECKING:
    from verbena.managesieve.session import Session

T = TypeVar("T")


class Effect(Enum):
    """What happens to the connection once the reply is flushed."""

    START_TLS = auto()
    CLOSE = auto()


DONE = Reply(Status.OK)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended: ``data`` are whole lines that go before ``reply``. What can not be done is raised."""

    data: bytes = b""
    reply: Reply = DONE
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command: how to read its arguments to the end of the frame, what carries it out, where it is legal."""

    name: str
    parse: Callable[[Cursor], object]
    handle: Callable[["Session", object], Awaitable[Answer]]
    states: frozenset[State]


def command(
    name: str,
    parse: Callable[[Cursor], T],
    handle: Callable[["Session", T], Awaitable[Answer]],
    states: frozenset[State],
) -> CommandRow:
    return CommandRow(name, parse, cast("Callable[[Session, object], Awaitable[Answer]]", handle), states)


@dataclass(frozen=True, slots=True)
class Extension:
    """``capabilities`` may depend on the session's state, and change with it only (RFC 5804 §1.7)."""

    rfc: int
    commands: tuple[CommandRow, ...]
    capabilities: Callable[["Session"], Iterable[Capability]]


class Registry:
    """Everything the server knows; immutable."""

    def __init__(self, extensions: tuple[Extension, ...]) -> None:
        self._extensions = extensions
        commands: dict[str, CommandRow] = {}
        for extension in extensions:
            for row in extension.commands:
                if row.name in commands:
                    raise InternalError(f"two extensions own the command {row.name}")
                commands[row.name] = row
        self.commands: Mapping[str, CommandRow] = MappingProxyType(commands)

    def capability_lines(self, session: "Session") -> bytes:
        lines: list[bytes] = []
        for extension in self._extensions:
            lines.extend(format_capability(capability) for capability in extension.capabilities(session))
        return b"".join(lines)
