"""A value that never shows itself in a repr, a string or a log."""

import hmac
from typing import final


@final
class Secret:
    """Octets to be kept secret; read them with ``reveal()``, compare with ``==`` in constant time."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def reveal(self) -> bytes:
        return self._octets

    def __repr__(self) -> str:
        return "Secret(…)"

    def __str__(self) -> str:
        return "…"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._octets, other._octets)

    def __hash__(self) -> int:
        return hash(self._octets)
