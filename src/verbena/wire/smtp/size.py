"""SIZE: message size declaration (RFC 1870). Full."""

from typing import Final

from verbena.model.errors import PeerError

MAX_SIZE_DIGITS: Final = 20


# size-value = 1*20DIGIT
def parse_size(value: bytes | None) -> int:
    """Octets, as estimated by the client."""
    if value is None or not value.isdigit() or len(value) > MAX_SIZE_DIGITS:
        raise PeerError("Syntax error in SIZE")
    return int(value)


def format_size(size_octets: int) -> bytes:
    return b"%d" % size_octets
