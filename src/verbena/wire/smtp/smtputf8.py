"""SMTPUTF8: internationalized addresses and header fields (RFC 6531 §3.4). Full."""

from verbena.model.errors import PeerError


def parse_smtputf8(value: bytes | None) -> bool:
    """The parameter of MAIL, which has no value."""
    if value is not None:
        raise PeerError("SMTPUTF8 has no value")
    return True
