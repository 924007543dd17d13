"""Running a checked program over a message and its envelope: a pure function to an ``Outcome`` (RFC 5228 §2.10).

Time, randomness and the mailbox store are answers of ``Surroundings``; work is counted in steps, so that a script
does the same on a fast and on a slow machine. A failure keeps the message: see ``Outcome.failed``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from verbena.sieve.action import Action, Discard, FileInto, Keep, Outcome, Redirect, Reject, TraceLine
from verbena.sieve.errors import Place, RunError
from verbena.sieve.message import Message
from verbena.sieve.program import Program


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Bounds on one run; counts, octets where it says so."""

    steps: int = 50_000
    actions: int = 32
    redirects: int = 4
    variable_octets: int = 64 * 1024
    variables: int = 128
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

    def in_list(self, name: bytes, value: bytes) -> bool:
        """RFC 6134."""


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
        self.stopped = False
        self.branch_taken = False
        """whether a branch of the innermost if, elsif, else row so far was run"""
        self.implicit_keep = True
        self.actions: list[Action] = []
        self.variables: dict[bytes, bytes] = {}
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

    def tell(self, place: Place, told: str) -> None:
        """A line for the trace, where one is wanted; callers check ``tracing`` before they build ``told``."""
        if len(self.trace) < self.limits.trace_lines:
            self.trace.append(TraceLine(place, told))

    def act(self, place: Place, action: Action, cancels_keep: bool = True) -> None:
        """Add an action, unless an equal one is there. Raises ``RunError`` for one that can not stand with the others
        (RFC 5429 §2.2), or one too many."""
        if cancels_keep:
            self.implicit_keep = False
        if any(_same(action, other) for other in self.actions):
            return
        if isinstance(action, Reject) and any(isinstance(each, _KEEPING) for each in self.actions):
            raise RunError(place, "“reject” can not be used with an action that delivers the message")
        if isinstance(action, _KEEPING) and any(isinstance(each, Reject) for each in self.actions):
            raise RunError(place, "the message is rejected already, so it can not be delivered")
        if len(self.actions) >= self.limits.actions:
            raise RunError(place, f"the script takes more than {self.limits.actions} actions")
        redirects = sum(isinstance(each, Redirect) for each in self.actions)
        if isinstance(action, Redirect) and redirects >= self.limits.redirects:
            raise RunError(place, f"the script redirects to more than {self.limits.redirects} addresses")
        self.actions.append(action)
        if self.tracing:
            self.tell(place, f"action: {type(action).__name__.lower()}")

    def envelope_values(self, part: bytes) -> list[bytes]:
        """What the envelope has under ``from``, ``to``, ``auth`` or a name that an extension adds."""
        envelope = self.envelope
        if part == b"from":
            return [envelope.sender]
        if part == b"to":
            return [envelope.recipient]
        if part == b"auth":
            return [envelope.auth] if envelope.auth is not None else []
        return [value for name, value in envelope.more if name == part]

    def outcome(self) -> Outcome:
        actions = [action for action in self.actions if not isinstance(action, Discard)]
        if self.implicit_keep:
            actions.append(Keep(None, self.flags))
        return Outcome(tuple(actions), self._header(), trace=tuple(self.trace))

    def failure(self, error: RunError) -> Outcome:
        """What is safe after a failure: the implicit keep alone, so that nothing is lost and nothing done by halves."""
        return Outcome((Keep(None),), None, error.told, error.place, tuple(self.trace))

    def _header(self) -> bytes | None:
        if not self.message.edited:
            return None
        lines = [field.name + b":" + field.raw + b"\r\n" for field in self.message.fields]
        return b"".join(lines) + b"\r\n"


_KEEPING: Final = (Keep, FileInto, Redirect)


def _same(one: Action, other: Action) -> bool:
    """Whether two actions do the same, so that the second adds nothing (RFC 5228 §2.10.3)."""
    if isinstance(one, Keep) and isinstance(other, Keep):
        return True
    if isinstance(one, FileInto) and isinstance(other, FileInto):
        return one.mailbox == other.mailbox and one.mailbox_id == other.mailbox_id
    if isinstance(one, Redirect) and isinstance(other, Redirect):
        return one.address.lower() == other.address.lower()
    return isinstance(one, Discard) and isinstance(other, Discard)


def run(
    program: Program,
    message: Message,
    envelope: Envelope,
    surroundings: Surroundings,
    limits: RunLimits = DEFAULT_RUN_LIMITS,
    tracing: bool = False,
) -> Outcome:
    """What the script decides. Never raises for the script's or the message's fault."""
    machine = Machine(message, envelope, surroundings, limits, tracing)
    try:
        program.block.run(machine)
    except RunError as error:
        return machine.failure(error)
    return machine.outcome()
