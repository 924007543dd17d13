"""A moment with the zone it was given in: INTERNALDATE (RFC 3501 §2.3.3)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InternalDate:
    """``epoch_s`` seconds since 1970-01-01T00:00Z; ``zone_min`` minutes east of UTC, -1439 to 1439."""

    epoch_s: int
    zone_min: int = 0
