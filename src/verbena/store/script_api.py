"""What the store promises of Sieve scripts; a part of ``store.api``, whose rules hold here too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from verbena.model.ids import ModSeq


@dataclass(frozen=True, slots=True)
class ScriptEntry:
    """A Sieve script without its octets.

    ``modseq`` is of the change that wrote these octets: within an account it stands for them and for no others, also
    after a rename, so a compiled program may be kept under it.
    """

    name: str
    size_octets: int
    active: bool
    modseq: ModSeq
    changed_at_epoch_s: int


@dataclass(frozen=True, slots=True)
class Script:
    entry: ScriptEntry
    octets: bytes


class Scripts(Protocol):
    """An account's Sieve scripts (RFC 5804). Every write that changes something makes ``ScriptChanged``.

    A name that RFC 5804 §1.6 prohibits, or of more than 128 characters, is ``Refused(CANNOT)`` by every call.
    """

    def all(self) -> Sequence[ScriptEntry]:
        """By name."""

    def get(self, name: str) -> Script | None: ...

    def active(self) -> Script | None:
        """The one that filters the account's mail, if any."""

    def check_space(self, name: str, size_octets: int) -> None:
        """Raises ``Refused`` where ``put`` would now: TOO_BIG (one script), LIMIT (their number), OVER_QUOTA (all their
        octets), CANNOT (empty)."""

    async def put(self, name: str, octets: bytes) -> ModSeq:
        """Make or replace; the caller has checked that it is good Sieve. Its modseq. Raises as ``check_space``."""

    async def delete(self, name: str) -> None:
        """Raises ``Refused``: NONEXISTENT, IN_USE (the active one)."""

    async def rename(self, old_name: str, name: str) -> None:
        """Raises ``Refused``: NONEXISTENT, ALREADY_EXISTS."""

    async def activate(self, name: str | None) -> None:
        """Make it the only active one; None: have none. Raises ``Refused(NONEXISTENT)``."""
