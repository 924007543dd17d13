"""Running an account's scripts over a message: the operator's before, the user's own, the operator's after.

Each script but the last that keeps the message hands it on to the next; one that does something else with it ends the
row, as ``stop`` in one big script would. What a script edited, the next one sees. A script that fails at run time, or
can not be compiled any more, counts as one that keeps the message (RFC 5228 §2.10.6); what was decided before it
stands.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from verbena.lmtp.programs import Programs
from verbena.lmtp.settings import FilterSettings
from verbena.lmtp.surroundings import Methods, StoreSurroundings
from verbena.sieve.action import Action, Edition, Keep, Outcome, conflict, same
from verbena.sieve.errors import ScriptError
from verbena.sieve.message import Message
from verbena.sieve.program import Program
from verbena.sieve.run import Envelope, run
from verbena.store.api import Account, Staged
from verbena.store.script_api import Script

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong in a user's script; ``version`` tells one script text from all others of the account."""

    script: str
    version: int
    told: str


@dataclass(frozen=True, slots=True)
class Decided:
    """``actions`` to be carried out, each with the message as it was then. A ``Keep`` is among them only where the
    message shall be in INBOX. ``noted`` is of ``Surroundings.seen``."""

    actions: tuple[tuple[Action, Edition | None], ...]
    failures: tuple[Failure, ...]
    noted: dict[bytes, tuple[int, bool]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A script in the row: a user's, or that of a file."""

    source: Script | Path

    @property
    def name(self) -> str:
        return self.source.name if isinstance(self.source, Path) else self.source.entry.name


def message_of(staged: Staged) -> Message:
    """The message as scripts see it, with the fields that final delivery has put before it."""
    scanned = staged.scanned
    return Message(scanned.header, staged.size_octets, scanned.root, reader(staged))


def reader(staged: Staged) -> Callable[[int, int], bytes]:
    """Reads any number of octets, where a staged message gives one piece at a time."""

    def read(start: int, length: int) -> bytes:
        piece = staged.read(start, length)
        if len(piece) == length or start + len(piece) >= staged.size_octets:
            return piece
        pieces = [piece]
        at, end = start + len(piece), min(start + length, staged.size_octets)
        while at < end:
            piece = staged.read(at, end - at)
            pieces.append(piece)
            at += len(piece)
        return b"".join(pieces)

    return read


class Filter:
    """``clock`` gives aware times. Without ``remembers`` no message was here before (``duplicate``)."""

    def __init__(
        self,
        programs: Programs,
        settings: FilterSettings,
        methods: Methods,
        clock: Callable[[], datetime],
        remembers: bool = True,
    ) -> None:
        self._programs = programs
        self._settings = settings
        self._methods = methods
        self._clock = clock
        self._remembers = remembers

    def stages(self, account: Account) -> list[Stage]:
        """The scripts that a message for the account goes through; often none."""
        settings = self._settings
        active = account.scripts.active()
        own = [] if active is None else [Stage(active)]
        return [*map(Stage, settings.before), *own, *map(Stage, settings.after)]

    def surroundings(self, account: Account, noted: dict[bytes, tuple[int, bool]]) -> StoreSurroundings:
        now = self._clock().astimezone(self._settings.zone)
        remembers = self._remembers
        return StoreSurroundings(account, self._programs, self._settings, self._methods, now, noted, remembers)

    def decide(self, account: Account, stages: Sequence[Stage], message: Message, envelope: Envelope) -> Decided:
        actions: list[tuple[Action, Edition | None]] = []
        failures: list[Failure] = []
        noted: dict[bytes, tuple[int, bool]] = {}
        flags: tuple[bytes, ...] | None = None
        kept: tuple[Keep, Edition | None] = (Keep(None), None)
        is_kept = True
        for stage in stages:
            outcome = self._run(account, stage, message, envelope, noted, failures)
            is_kept = False
            for action, edition in zip(outcome.actions, outcome.editions, strict=True):
                if isinstance(action, Keep):
                    flags = action.flags if action.flags is not None else flags
                    kept, is_kept = (replace(action, flags=flags), edition), True
                else:
                    _add(actions, action, edition, stage)
            if not is_kept:
                break
        if is_kept:
            _add(actions, *kept, stages[-1])
        return Decided(tuple(actions), tuple(failures), noted)

    def _run(
        self,
        account: Account,
        stage: Stage,
        message: Message,
        envelope: Envelope,
        noted: dict[bytes, tuple[int, bool]],
        failures: list[Failure],
    ) -> Outcome:
        program = self._program(account, stage, failures)
        if program is None:
            return Outcome((Keep(None),), (message.edition(),))
        wanted: dict[bytes, tuple[int, bool]] = {}
        world = self.surroundings(account, wanted)
        outcome = run(program, message, envelope, world, self._settings.run, name=stage.name.encode())
        if outcome.failed is None:
            noted.update(wanted)
        else:
            place = outcome.failed_at
            where = "" if place is None else f"line {place.line}, column {place.column}: "
            self._failed(stage, where + outcome.failed, failures)
        return outcome

    def _program(self, account: Account, stage: Stage, failures: list[Failure]) -> Program | None:
        try:
            if isinstance(stage.source, Path):
                return self._programs.of_file(stage.source)
            return self._programs.of_script(account, stage.source)
        except ScriptError as error:
            self._failed(stage, str(error.complaints[0]), failures)
        except OSError as error:
            self._failed(stage, f"the file can not be read: {error.strerror}", failures)
        return None

    def _failed(self, stage: Stage, told: str, failures: list[Failure]) -> None:
        if isinstance(stage.source, Path):
            log.error("a script for all accounts failed", extra={"script": str(stage.source), "error": told})
        else:
            entry = stage.source.entry
            failures.append(Failure(entry.name, entry.modseq, told))


def _add(actions: list[tuple[Action, Edition | None]], action: Action, edition: Edition | None, stage: Stage) -> None:
    """Add what a script decided, unless an earlier one's decision does the same or rules it out."""
    for other, _ in actions:
        if same(action, other):
            return
        why = conflict(action, other)
        if why is not None:
            log.info("an action of a script is left out", extra={"script": stage.name, "error": why})
            return
    actions.append((action, edition))
