"""AUTH: SASL lines and the AUTH parameter of MAIL (RFC 4954 §4, §5, §8). Full.

Base64 is read strictly: any octet outside the alphabet, and a pad anywhere but at the end, is refused (RFC 4954 §4).
"""

from base64 import b64decode, b64encode
from typing import Final

from verbena.model.errors import PeerError
from verbena.model.secret import Secret
from verbena.wire.smtp.dsn import parse_xtext
from verbena.wire.smtp.path import Mailbox, is_alnum, parse_mailbox

MAX_MECHANISM_OCTETS: Final = 20


# auth-command = "AUTH" SP sasl-mech [SP initial-response]; initial-response = base64 / "="
def parse_auth(argument: bytes) -> tuple[str, Secret | None]:
    """(mechanism in capitals, initial response or None)."""
    words = argument.split(b" ")
    if not 1 <= len(words) <= 2 or not 1 <= len(words[0]) <= MAX_MECHANISM_OCTETS:
        raise PeerError("Syntax error in AUTH")
    for octet in words[0]:
        if not (is_alnum(octet) or octet in b"-_"):
            raise PeerError("Syntax error in AUTH")
    mechanism = words[0].decode("ascii").upper()
    if len(words) == 1 or not words[1]:
        return mechanism, None
    if words[1] == b"=":
        return mechanism, Secret(b"")
    return mechanism, parse_base64(words[1])


def parse_auth_response(line: bytes) -> Secret | None:
    """The client's answer to a challenge; None when it cancels with ``*``."""
    if line == b"*":
        return None
    return parse_base64(line)


def parse_base64(data: bytes) -> Secret:
    try:
        return Secret(b64decode(data, validate=True))
    except ValueError as error:
        raise PeerError("Invalid base64") from error


def format_base64(octets: bytes) -> bytes:
    return b64encode(octets)


# auth-param = "AUTH=" xtext; decoded it is a mailbox or "<>"
def parse_auth_parameter(value: bytes | None) -> Mailbox | None:
    """The identity that first submitted the message; None when it is unknown (``<>``)."""
    decoded = parse_xtext(value or b"")
    if decoded == b"<>":
        return None
    return parse_mailbox(decoded)
