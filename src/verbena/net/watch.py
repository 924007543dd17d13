"""One timer for all connections of a process: deadlines that need no timer each.

Deadlines a few seconds away and more are checked once per ``TICK_S``, so a receive costs no timer;
they are late by at most that. Nearer ones get a timer of their own (see ``net.stream``).
"""

import asyncio
from typing import Final, Protocol

TICK_S: Final = 1.0
NEAR_S: Final = 5.0


class Watched(Protocol):
    """Something with a deadline."""

    def check_deadline(self, now: float) -> None:
        """``now`` is the loop's clock; act when the deadline has passed."""


class Watch:
    """The open connections of one event loop."""

    __slots__ = ("_loop", "_timer", "_watched")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, watched: Watched) -> None:
        self._watched.add(watched)
        if self._timer is None:
            self._timer = self._loop.call_later(TICK_S, self._tick)

    def remove(self, watched: Watched) -> None:
        self._watched.discard(watched)
        if not self._watched and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        now = self._loop.time()
        self._timer = self._loop.call_later(TICK_S, self._tick)
        for watched in list(self._watched):
            watched.check_deadline(now)
