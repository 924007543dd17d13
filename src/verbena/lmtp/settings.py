"""What an operator decides about filtering; each value has a key in the configuration."""

from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from verbena.sieve.run import DEFAULT_RUN_LIMITS, RunLimits


@dataclass(frozen=True, slots=True)
class FilterSettings:
    """``before`` and ``after`` are script files that run for every account, before and after the user's own; ``folder``
    has those of ``include :global``. Limits count per account; ``zone`` is the users', None the machine's."""

    hostname: str = "localhost"
    version: str = ""
    zone: tzinfo | None = None
    before: tuple[Path, ...] = ()
    after: tuple[Path, ...] = ()
    folder: Path | None = None
    run: RunLimits = DEFAULT_RUN_LIMITS
    sent_an_hour: int = 300
    """messages redirected and answers sent"""
    notifications_an_hour: int = 60
    list_redirects: int = 20
    """addresses of one ``redirect :list`` (RFC 6134 §2.3)"""


DEFAULT_FILTER_SETTINGS = FilterSettings()
