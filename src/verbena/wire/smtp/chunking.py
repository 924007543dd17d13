"""BDAT: message content in counted chunks (RFC 3030 §2). Full."""

from typing import Final

from verbena.model.errors import PeerError

MAX_CHUNK_DIGITS: Final = 12
"""A chunk has less than 10**12 octets; its content is passed on in pieces."""


# bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ] CR LF; chunk-size = 1*DIGIT; end-marker = "LAST"
def parse_bdat(argument: bytes) -> tuple[int, bool]:
    """(octets, whether LAST). The error is fatal: without the count, the content can not be told from commands."""
    words = argument.split()
    if not 1 <= len(words) <= 2 or not words[0].isdigit() or len(words[0]) > MAX_CHUNK_DIGITS:
        raise PeerError("Syntax error in BDAT", fatal=True)
    if len(words) == 2 and words[1].upper() != b"LAST":
        raise PeerError("Syntax error in BDAT", fatal=True)
    return int(words[0]), len(words) == 2


def format_bdat(size_octets: int, last: bool) -> bytes:
    """The argument of BDAT."""
    return b"%d LAST" % size_octets if last else b"%d" % size_octets
