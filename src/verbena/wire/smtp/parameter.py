"""Parameters of MAIL and RCPT (RFC 5321 §4.1.2 ``Mail-parameters``). Full."""

from collections.abc import Sequence
from typing import Final

from verbena.model.errors import PeerError
from verbena.wire.smtp.path import is_alnum

MAX_PARAMETERS: Final = 32

Parameter = tuple[str, bytes | None]
"""(keyword in capitals, value or None)"""


# esmtp-param = esmtp-keyword ["=" esmtp-value]; esmtp-value is any CHAR but "=", SP and control characters;
# RFC 6531 §3.3 lets UTF-8 in, and RFC 4954 writes AUTH=<> with xtext that "=" can not occur in
def parse_parameters(data: bytes) -> tuple[Parameter, ...]:
    """Raises ``PeerError`` for bad syntax and for a keyword that stands twice (RFC 3461 §5.1)."""
    if data and data[0] != 32:
        raise PeerError("Syntax error after the path")
    words = data.split()
    if len(words) > MAX_PARAMETERS:
        raise PeerError("Too many parameters")
    result: list[Parameter] = []
    seen: set[str] = set()
    for word in words:
        keyword, equals, value = word.partition(b"=")
        _check_keyword(keyword)
        _check_value(value, bool(equals))
        name = keyword.decode("ascii").upper()
        if name in seen:
            raise PeerError("Parameter given twice: " + name)
        seen.add(name)
        result.append((name, value if equals else None))
    return tuple(result)


def format_parameters(parameters: Sequence[Parameter]) -> bytes:
    """With the space before each."""
    result = bytearray()
    for name, value in parameters:
        result += b" " + name.encode()
        if value is not None:
            result += b"=" + value
    return bytes(result)


def _check_keyword(keyword: bytes) -> None:
    if not keyword or not is_alnum(keyword[0]) or len(keyword) > 64:
        raise PeerError("Syntax error in parameter")
    for octet in keyword:
        if not (is_alnum(octet) or octet == 45):
            raise PeerError("Syntax error in parameter")


def _check_value(value: bytes, present: bool) -> None:
    if present and not value:
        raise PeerError("Parameter without a value")
    for octet in value:
        if octet <= 32 or octet == 61 or octet == 127:
            raise PeerError("Syntax error in parameter value")
