"""The HTTP listener: ``/healthz``, ``/readyz`` and ``/metrics``.

Nothing is authenticated here, so it listens on loopback unless told otherwise. ``healthz``: this worker's
loop turns. ``readyz``: it accepts mail connections and its store answers.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from verbena.app import meter as metrics
from verbena.app.meter import PrometheusMeter
from verbena.model.errors import VerbenaError
from verbena.store.api import Store

_TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"


def http_app(store: Store, meter: PrometheusMeter, accepting: Callable[[], bool]) -> Starlette:
    """The application. ``accepting`` says whether mail connections are taken now."""

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        if not accepting():
            return PlainTextResponse("not accepting\n", 503)
        try:
            store.directory.domains()
            store.outbox.depth()
        except VerbenaError:
            return PlainTextResponse("store not available\n", 503)
        return PlainTextResponse("ok\n")

    async def metrics_text(request: Request) -> Response:
        meter.publish()
        meter.queue_depth(store.outbox.depth())
        return Response(metrics.scrape(), media_type=_TEXT_FORMAT)

    return Starlette(
        routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics_text)],
    )


class HttpServer(uvicorn.Server):
    """uvicorn on the worker's own loop and sockets; signals stay the worker's."""

    def __init__(self, app: Starlette, sockets: list[socket.socket]) -> None:
        super().__init__(
            uvicorn.Config(
                app, lifespan="off", log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=2
            )
        )
        self._sockets = sockets

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def run_until_stopped(self) -> None:
        """Serve until ``stop``."""
        await self.serve(self._sockets)

    def stop(self) -> None:
        self.should_exit = True
