"""Running a checked program over a message and its envelope: a pure function to an ``Outcome`` (RFC 5228 §2.10).

Time, randomness and the mailbox store are answers of ``Surroundings``; work is counted in steps, so that a script
does the same on a fast and on a slow machine. A failure keeps the message: see ``Outcome.failed``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from verbena.sieve.action import (
    Action,
    Discard,
    Edition,
    Keep,
    Notify,
    Outcome,
    Redirect,
    Traced,
    TraceLine,
    conflict,
    describe,
    merged,
    same,
)
from verbena.sieve.errors import Place, RunError
from verbena.sieve.message import Message
from verbena.sieve.program import STOPPING, Modifier, Program, Text


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Bounds on one run; counts, octets where it says so. Longer variables and strings are cut (RFC 5229 §6)."""

    steps: int = 50_000
    actions: int = 32
    redirects: int = 4
    notifications: int = 10
    variable_octets: int = 64 * 1024
    string_octets: int = 256 * 1024
    variables: int = 128
    include_depth: int = 10
    includes: int = 100
    trace_lines: int = 10_000


DEFAULT_RUN_LIMITS: Final = RunLimits()


@dataclass(frozen=True, slots=True)
class Envelope:
    """``sender`` and ``recipient`` are addr-specs, the sender empty for a null path; ``orcpt`` and such in ``more``."""

    sender: bytes
    recipient: bytes
    auth: bytes | None = None
    more: tuple[tuple[bytes, bytes], ...] = ()


class Surroundings(Protocol):
    """What a script may ask of the world; every answer is ready, none waits."""

    @property
    def now(self) -> datetime:
        """Aware, in the zone the user lives in."""

    def environment(self, name: bytes) -> bytes | None:
        """RFC 5183; None for an item that is not known."""

    def mailbox_exists(self, name: bytes) -> bool: ...

    def special_use_exists(self, mailbox: bytes | None, attribute: bytes) -> bool: ...

    def mailbox_id_exists(self, mailbox_id: bytes) -> bool: ...

    def metadata(self, mailbox: bytes | None, entry: bytes) -> bytes | None:
        """An annotation's value; of the server where ``mailbox`` is None."""

    def seen(self, unique: bytes, seconds: int, last: bool) -> bool:
        """Whether a message of this id was noted within ``seconds`` (RFC 7352); it is noted with the delivery."""

    def script(self, name: bytes, is_global: bool) -> Program | None:
        """A script to include (RFC 6609), checked; None when there is none."""

    def notify_capability(self, method: bytes, capability: bytes) -> bytes | None:
        """RFC 5435 §5; None when the URI can not be used."""

    def has_list(self, name: bytes) -> bool:
        """Whether there is an external list of this name, an absolute URI (RFC 6134 §2.7)."""

    def in_list(self, name: bytes, value: bytes) -> bool:
        """RFC 6134 §2.2; only asked of a list that is there."""


class Machine:
    """The state of one run. Steps and tests change it through its methods."""

    def __init__(
        self,
        message: Message,
        envelope: Envelope,
        surroundings: Surroundings,
        limits: RunLimits = DEFAULT_RUN_LIMITS,
        tracing: bool = False,
    ) -> None:
        self.message = message
        self.envelope = envelope
        self.surroundings = surroundings
        self.limits = limits
        self.tracing = tracing
        self.leaving = 0
        """``program.GOING_ON`` or how far the run is on its way out"""
        self.depth = 0
        """blocks and tests around what runs, for the trace"""
        self.branch_taken = False
        """whether a branch of the innermost if, elsif, else row so far was run"""
        self.implicit_keep = True
        self.actions: list[Action] = []
        self.editions: list[Edition | None] = []
        self.variables: dict[bytes, bytes] = {}
        """of the script that runs, by name in lower case; an included one has its own (RFC 6609 §3.4)"""
        self.globals: dict[bytes, bytes] = {}
        self.running: list[tuple[bool, bytes]] = []
        """the scripts being run, innermost last, each (is it a global one, name)"""
        self.included: set[tuple[bool, bytes]] = set()
        self.includes = 0
        self.matched: list[bytes] = []
        self.flags: tuple[bytes, ...] | None = None
        """the internal flags variable of RFC 5232 §2; None until a script touches it"""
        self.trace: list[TraceLine] = []
        self._steps = 0

    def tick(self, place: Place, steps: int = 1) -> None:
        """Count work. Raises ``RunError`` past the limit."""
        self._steps += steps
        if self._steps > self.limits.steps:
            raise RunError(place, f"the script took more than {self.limits.steps} steps")

    def stop(self) -> None:
        """Take no further command, of any script."""
        self.leaving = STOPPING

    def tell(self, place: Place, told: str, kind: Traced = Traced.COMMAND) -> None:
        """A line for the trace, where one is wanted; callers check ``tracing`` before they build ``told``."""
        if self.tracing and len(self.trace) < self.limits.trace_lines:
            self.trace.append(TraceLine(place, told, kind, self.depth))

    def answered(self, place: Place, name: bytes, answer: bool) -> None:
        """A test's answer, for the trace."""
        if self.tracing and len(self.trace) < self.limits.trace_lines:
            told = f"{name.decode('utf-8', 'replace')} is {'true' if answer else 'false'}"
            self.trace.append(TraceLine(place, told, Traced.TEST, self.depth, answer))

    def saw(self, place: Place, how: str, values: Sequence[bytes], keys: Sequence[bytes]) -> None:
        """What a test compared, for the trace."""
        if self.tracing:
            self.tell(place, f"{shown(values)} {how} {shown(keys)}", Traced.VALUES)

    def perform(self, place: Place, action: Action, modifiers: tuple[Modifier, ...], cancels_keep: bool = True) -> None:
        """Take an action, changed by the tags of other extensions. Raises ``RunError`` as ``act``."""
        for modifier in modifiers:
            action = modifier.apply(self, action)
            if modifier.leaves_keep:
                cancels_keep = False
        self.act(place, action, cancels_keep)

    def act(self, place: Place, action: Action, cancels_keep: bool = True) -> None:
        """Add an action, unless an equal one is there. Raises ``RunError`` for one that can not stand with the others
        (``action.conflict``), or one too many."""
        alike = 0
        limits = self.limits
        for at in range(len(self.actions)):
            other = self.actions[at]
            if same(action, other):
                self.actions[at] = merged(other, action)
                if cancels_keep:
                    self.implicit_keep = False
                return
            why = conflict(action, other)
            if why is not None:
                raise RunError(place, why)
            if type(action) is type(other):
                alike += 1
        if len(self.actions) >= limits.actions:
            raise RunError(place, f"the script takes more than {limits.actions} actions")
        if isinstance(action, Redirect) and alike >= limits.redirects:
            raise RunError(place, f"the script redirects to more than {limits.redirects} addresses")
        if isinstance(action, Notify) and alike >= limits.notifications:
            raise RunError(place, f"the script sends more than {limits.notifications} notifications")
        if cancels_keep:
            self.implicit_keep = False
        self.actions.append(action)
        self.editions.append(self.message.edition(isinstance(action, Redirect)))
        if self.tracing:
            self.tell(place, describe(action), Traced.ACTION)

    def texts(self, texts: tuple[Text, ...]) -> list[bytes]:
        """The values of strings of the script, now."""
        return [text.value(self) for text in texts]

    def outcome(self) -> Outcome:
        actions: list[Action] = []
        editions: list[Edition | None] = []
        for action, edition in zip(self.actions, self.editions, strict=True):
            if not isinstance(action, Discard):
                actions.append(action)
                editions.append(edition)
        if self.implicit_keep:
            actions.append(Keep(None, self.flags))
            editions.append(self.message.edition())
        return Outcome(tuple(actions), tuple(editions), trace=tuple(self.trace))

    def failure(self, error: RunError) -> Outcome:
        """What is safe after a failure: the implicit keep alone, so that nothing is lost and nothing done by halves."""
        self.tell(error.place, error.told, Traced.FAILURE)
        return Outcome((Keep(None),), (None,), error.told, error.place, tuple(self.trace))


def shown(values: Sequence[bytes]) -> str:
    """Some values for a person to read, cut short."""
    told = ", ".join(f"“{value[:200].decode('utf-8', 'replace')}”" for value in values[:10])
    return told + (", …" if len(values) > 10 else "") if values else "(nothing)"


def run(
    program: Program,
    message: Message,
    envelope: Envelope,
    surroundings: Surroundings,
    limits: RunLimits = DEFAULT_RUN_LIMITS,
    tracing: bool = False,
    name: bytes = b"",
) -> Outcome:
    """What the script decides. Never raises for the script's or the message's fault; ``name`` is that of the user's
    script, so that it can not include itself."""
    machine = Machine(message, envelope, surroundings, limits, tracing)
    machine.running.append((False, name))
    machine.included.add((False, name))
    try:
        program.block.run(machine)
    except RunError as error:
        return machine.failure(error)
    return machine.outcome()
