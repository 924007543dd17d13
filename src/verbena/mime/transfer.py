"""What a whole message needs of a transport (RFC 6152, RFC 3030)."""

from verbena.mime.scan import Scanned
from verbena.model.part import Part


def body_of(scanned: Scanned) -> str:
    """What transport a message may need, as BODY names it: never less than it does, sometimes more."""
    return _body_of(scanned.root)


def _body_of(part: Part) -> str:
    if part.encoding_name == b"binary":
        return "BINARYMIME"
    kinds = [_body_of(child) for child in part.children]
    if "BINARYMIME" in kinds:
        return "BINARYMIME"
    if part.has_nul_or_8bit or part.encoding_name == b"8bit" or "8BITMIME" in kinds:
        return "8BITMIME"
    return "7BIT"
