"""BODY: 8BITMIME (RFC 6152) and BINARYMIME (RFC 3030 §3). Full.

Tolerance: ``BODY=BINARY``, as the dialogue of RFC 5550 §8.4.2 writes it, is BINARYMIME.
"""

from enum import Enum

from verbena.model.errors import PeerError


class Body(Enum):
    """What octets a message is declared to have."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


# body-value = "7BIT" / "8BITMIME" / "BINARYMIME"
def parse_body(value: bytes | None) -> Body:
    match (value or b"").upper():
        case b"7BIT":
            return Body.SEVEN_BIT
        case b"8BITMIME":
            return Body.EIGHT_BIT
        case b"BINARYMIME" | b"BINARY":
            return Body.BINARY
    raise PeerError("Syntax error in BODY")


def format_body(body: Body) -> bytes:
    return body.value.encode()
