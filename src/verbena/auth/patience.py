"""How long a server waits for somebody who has yet to log in (RFC 4954 §9, RFC 3501 §5.4)."""

from typing import Final

from verbena.model.errors import LinkTimeout

ROUNDS: Final = 5
"""How many times the silence that is allowed all that comes before a login may take, however busy the peer is."""


class Patience:
    """Of one connection, from ``now_s`` on. Times are of a clock that never goes back."""

    __slots__ = ("_by_s", "_silence_s")

    def __init__(self, silence_s: float, now_s: float) -> None:
        self._silence_s = silence_s
        self._by_s = now_s + ROUNDS * silence_s

    def wait_s(self, now_s: float) -> float:
        """How long the peer may be silent now. Raises ``LinkTimeout`` when it had time enough."""
        left_s = self._by_s - now_s
        if left_s <= 0:
            raise LinkTimeout("no login for too long")
        return min(left_s, self._silence_s)
