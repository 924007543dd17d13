"""A message put together from several chunks while it is being taken in (RFC 3030 §2, RFC 4468 §3.2).

The receiver reads one stream; BDAT and BURL arrive one command at a time, each with its own reply. ``Assembly`` runs
the receiver in a task that it owns, and hands it piece after piece. At most one piece waits.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine

from verbena.model.errors import InternalError, VerbenaError
from verbena.wire.smtp.reply import Reply

log = logging.getLogger(__name__)

Accept = Callable[[AsyncIterator[bytes]], Coroutine[None, None, tuple[Reply, ...]]]


class Abandoned(VerbenaError):
    """The transaction ended before its message did."""


class Assembly:
    """Owned by one transaction, which calls ``finish`` or ``abandon`` exactly once."""

    def __init__(self, accept: Accept) -> None:
        self._piece: bytes | None = None
        self._ended = False
        self._abandoned = False
        self._wanted = asyncio.Event()
        self._offered = asyncio.Event()
        self._task = asyncio.create_task(accept(self._pieces()))
        self._task.add_done_callback(self._stopped)

    async def put(self, piece: bytes) -> None:
        """Hand ``piece`` on; returns when the receiver has taken it. Raises what the receiver raised."""
        if not self._task.done():
            self._wanted.clear()
            self._piece = piece
            self._offered.set()
            await self._wanted.wait()
        if self._task.done():
            self._task.result()
            raise InternalError("receiver stopped before the message ended")

    async def finish(self) -> tuple[Reply, ...]:
        """No more pieces: the receiver's replies. Raises what the receiver raised."""
        self._ended = True
        self._offered.set()
        return await self._task

    async def abandon(self) -> None:
        """Stop the receiver; it sees ``Abandoned`` in the stream and undoes what it has begun."""
        self._abandoned = True
        self._offered.set()
        await asyncio.wait({self._task})
        error = None if self._task.cancelled() else self._task.exception()
        if error is not None and not isinstance(error, VerbenaError):
            log.error("receiver failed while its message was given up", exc_info=error)

    async def _pieces(self) -> AsyncIterator[bytes]:
        while True:
            self._wanted.set()
            await self._offered.wait()
            self._offered.clear()
            if self._abandoned:
                raise Abandoned
            piece = self._piece
            self._piece = None
            if piece is not None:
                yield piece
            if self._ended:
                return

    def _stopped(self, task: "asyncio.Task[tuple[Reply, ...]]") -> None:
        self._wanted.set()
