"""How many connections may be open: in all and from one address.

Counted in one process. An IPv6 address counts as its /64. Connections over a unix socket count in all, never per
address.
"""

from typing import Final

from verbena.model.link import address_key

UNIX: Final = "unix"


class Gate:
    """Counts what is open. ``total`` and ``per_address`` are inclusive maxima."""

    __slots__ = ("_by_address", "_open", "per_address", "total")

    def __init__(self, total: int, per_address: int) -> None:
        self.total = total
        self.per_address = per_address
        self._open = 0
        self._by_address: dict[str, int] = {}

    @property
    def open(self) -> int:
        return self._open

    def enter(self, address: str) -> str | None:
        """Count a connection in. None when it may stay, else why not, and then it is not counted."""
        if self._open >= self.total:
            return "too many connections"
        if address != UNIX:
            key = address_key(address)
            count = self._by_address.get(key, 0)
            if count >= self.per_address:
                return "too many connections from your address"
            self._by_address[key] = count + 1
        self._open += 1
        return None

    def leave(self, address: str) -> None:
        """Count a connection out that ``enter`` let in."""
        self._open -= 1
        if address != UNIX:
            key = address_key(address)
            count = self._by_address[key] - 1
            if count:
                self._by_address[key] = count
            else:
                del self._by_address[key]
