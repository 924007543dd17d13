"""The log: one structured line per session, login, delivery and (at ``debug``) command, on standard error.

Lines carry ids and facts, never message content, credentials or URLAUTH tokens: a traceback has file names, lines and
the error's words, but no variables, because those hold what peers send. JSON for machines, text for people at a
terminal.
"""

import logging
import sys
from typing import Final

import structlog
import structlog.tracebacks
from structlog.typing import FilteringBoundLogger

from verbena.app.config import Log
from verbena.auth.service import LoginEvent
from verbena.model.link import Peer
from verbena.net.stream import Stream

FACTS: Final = (
    "account",
    "error",
    "failed",
    "local",
    "message_id",
    "method",
    "octets",
    "outcome",
    "protocol",
    "queue_id",
    "queued",
    "reason",
    "recipient",
    "script",
    "status",
)
"""What modules that know no other log may add to a line, by ``extra``."""
_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)

LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def start_log(log: Log) -> FilteringBoundLogger:
    """Set the log up for this process and the ones it forks."""
    terminal = sys.stderr.isatty()
    as_json = log.form == "json" or (log.form == "auto" and not terminal)
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_json:
        processors += [_TRACEBACKS, structlog.processors.JSONRenderer()]
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)
        processors.append(renderer)
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[log.level]),
        # Each line is one write: the workers share the descriptor.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logger: FilteringBoundLogger = structlog.get_logger()
    logging.basicConfig(level=logging.WARNING, handlers=[_ToOurs(logger)], force=True)
    logging.getLogger("verbena").setLevel(LEVELS[log.level])
    return logger


class _ToOurs(logging.Handler):
    """Lines of libraries, and of modules that know no other log, in the form of ours."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        facts = {name: record.__dict__[name] for name in FACTS if name in record.__dict__}
        self._log.log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info, **facts)


class SessionLog:
    """Writes down what ``net`` and ``auth`` tell of connections and logins."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log

    def closed(self, service: str, stream: Stream, duration_s: float) -> None:
        self._log.info(
            "session",
            service=service,
            peer=stream.peer.address,
            account=stream.account,
            tls=stream.tls.version if stream.tls else None,
            duration_s=round(duration_s, 3),
            octets_in=stream.octets_in,
            octets_out=stream.octets_out,
        )

    def refused(self, service: str, peer: Peer, why: str) -> None:
        self._log.warning("connection refused", service=service, peer=peer.address, why=why)

    def failed(self, service: str, peer: Peer, error: BaseException) -> None:
        self._log.error("session broke", service=service, peer=peer.address, exc_info=error)

    def login(self, event: LoginEvent) -> None:
        write = self._log.info if event.result == "ok" else self._log.warning
        write(
            "login",
            service=event.protocol,
            peer=event.address,
            mechanism=event.mechanism,
            user=event.user,
            account=event.account or None,
            result=event.result,
        )
