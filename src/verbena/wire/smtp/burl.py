"""BURL: message content by URL (RFC 4468 §3.5). Full."""

from typing import Final

from verbena.model.errors import PeerError

MAX_URL_OCTETS: Final = 8192


# burl-cmd = "BURL" SP absolute-URI [SP end-marker] CRLF; end-marker = "LAST"
def parse_burl(argument: bytes) -> tuple[bytes, bool]:
    """(URL, whether LAST)."""
    words = argument.split()
    if not 1 <= len(words) <= 2 or (len(words) == 2 and words[1].upper() != b"LAST"):
        raise PeerError("Syntax error in BURL")
    if len(words[0]) > MAX_URL_OCTETS:
        raise PeerError("URL too long")
    for octet in words[0]:
        if not 33 <= octet <= 126:
            raise PeerError("Syntax error in URL")
    return words[0], len(words) == 2


def format_burl(url: bytes, last: bool) -> bytes:
    """The argument of BURL."""
    return url + b" LAST" if last else url
