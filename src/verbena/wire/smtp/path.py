"""Mailboxes and paths of MAIL and RCPT (RFC 5321 §4.1.2, §4.1.3; RFC 6531 §3.3). Full.

Source routes are read and ignored (RFC 5321 §4.1.2, Appendix C). UTF-8 is always read; whether it is welcome the caller
decides from SMTPUTF8 (``is_ascii``).

Tolerances: local parts up to ``MAX_LOCAL_PART_OCTETS`` (RFC 5321 §4.5.3.1.1 says 64; bounce addresses are longer),
``_`` in domain labels, and dots anywhere in an unquoted local part, because such mailboxes exist.
"""

from dataclasses import dataclass
from typing import Final

from verbena.model.errors import PeerError

MAX_LOCAL_PART_OCTETS: Final = 256
MAX_DOMAIN_OCTETS: Final = 255
MAX_PATH_OCTETS: Final = 1024

LESS: Final = 60
GREATER: Final = 62
QUOTE: Final = 34
BACKSLASH: Final = 92
AT: Final = 64
COMMA: Final = 44
COLON: Final = 58
OPEN_BRACKET: Final = 91
CLOSE_BRACKET: Final = 93
DOT: Final = 46
HYPHEN: Final = 45
UNDERSCORE: Final = 95

ATOM_SPECIALS: Final = b"!#$%&'*+-/=?^_`{|}~."
"""what an unquoted local part may have beside letters, digits and UTF-8 (RFC 5321 ``atext`` and the dot)"""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address. ``local_part`` is without quotes; ``domain`` may be an address literal in brackets.

    Only ``<Postmaster>`` has an empty domain (RFC 5321 §4.1.1.3).
    """

    local_part: str
    domain: str

    def __str__(self) -> str:
        return format_mailbox(self).decode()

    @property
    def is_ascii(self) -> bool:
        return self.local_part.isascii() and self.domain.isascii()


def is_alnum(octet: int) -> bool:
    return 48 <= octet <= 57 or 65 <= octet <= 90 or 97 <= octet <= 122


def parse_reverse_path(data: bytes) -> tuple[Mailbox | None, bytes]:
    """``Reverse-path`` and what follows it; None is the null path ``<>``."""
    if data.startswith(b"<>"):
        return None, data[2:]
    return _parse_path(data)


def parse_forward_path(data: bytes) -> tuple[Mailbox, bytes]:
    """``Forward-path`` or ``<Postmaster>``, and what follows it."""
    if data[:12].lower() == b"<postmaster>":
        return Mailbox(data[1:11].decode(), ""), data[12:]
    return _parse_path(data)


def parse_mailbox(data: bytes) -> Mailbox:
    """``Mailbox`` without brackets, all of ``data``."""
    mailbox, end = _parse_mailbox(data, 0)
    if end != len(data):
        raise PeerError("Syntax error in address")
    return mailbox


def format_path(mailbox: Mailbox | None) -> bytes:
    return b"<" + (format_mailbox(mailbox) if mailbox is not None else b"") + b">"


def format_mailbox(mailbox: Mailbox) -> bytes:
    local = mailbox.local_part.encode()
    if not _is_dot_string(local):
        local = b'"' + local.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return local + b"@" + mailbox.domain.encode() if mailbox.domain else local


# Path = "<" [ A-d-l ":" ] Mailbox ">"
def _parse_path(data: bytes) -> tuple[Mailbox, bytes]:
    if not data or data[0] != LESS:
        raise PeerError("Path must stand in angle brackets")
    if len(data) > MAX_PATH_OCTETS and b">" not in data[:MAX_PATH_OCTETS]:
        raise PeerError("Path too long")
    start = _skip_source_route(data, 1)
    mailbox, end = _parse_mailbox(data, start)
    if end >= len(data) or data[end] != GREATER:
        raise PeerError("Syntax error in path")
    return mailbox, data[end + 1 :]


# A-d-l = At-domain *( "," At-domain )
def _skip_source_route(data: bytes, position: int) -> int:
    if position >= len(data) or data[position] != AT:
        return position
    while True:
        if position >= len(data) or data[position] != AT:
            raise PeerError("Syntax error in source route")
        position = _domain_end(data, position + 1)
        if position < len(data) and data[position] == COMMA:
            position += 1
            continue
        if position < len(data) and data[position] == COLON:
            return position + 1
        raise PeerError("Syntax error in source route")


# Mailbox = Local-part "@" ( Domain / address-literal )
def _parse_mailbox(data: bytes, start: int) -> tuple[Mailbox, int]:
    local, position = _parse_local_part(data, start)
    if position >= len(data) or data[position] != AT:
        raise PeerError("Address has no domain")
    end = _domain_end(data, position + 1)
    try:
        return Mailbox(local.decode(), data[position + 1 : end].decode()), end
    except UnicodeDecodeError as error:
        raise PeerError("Address is not UTF-8") from error


# Local-part = Dot-string / Quoted-string
def _parse_local_part(data: bytes, start: int) -> tuple[bytes, int]:
    if start < len(data) and data[start] == QUOTE:
        local, position = _parse_quoted(data, start)
    else:
        position = start
        while position < len(data) and _is_atom(data[position]):
            position += 1
        local = data[start:position]
    if not local:
        raise PeerError("Address has no local part")
    if len(local) > MAX_LOCAL_PART_OCTETS:
        raise PeerError("Local part too long")
    return local, position


# Quoted-string = DQUOTE *( qtextSMTP / quoted-pairSMTP ) DQUOTE
def _parse_quoted(data: bytes, start: int) -> tuple[bytes, int]:
    result = bytearray()
    position = start + 1
    while position < len(data):
        octet = data[position]
        if octet == QUOTE:
            return bytes(result), position + 1
        if octet == BACKSLASH:
            position += 1
            if position >= len(data):
                break
            octet = data[position]
        if octet < 32 or octet == 127:
            raise PeerError("Control character in address")
        result.append(octet)
        position += 1
    raise PeerError("Unfinished quoted string in address")


# Domain = sub-domain *( "." sub-domain ); address-literal = "[" 1*dcontent "]"
def _domain_end(data: bytes, start: int) -> int:
    if start < len(data) and data[start] == OPEN_BRACKET:
        end = start + 1
        while end < len(data) and 33 <= data[end] <= 126 and not OPEN_BRACKET <= data[end] <= CLOSE_BRACKET:
            end += 1
        if end == start + 1 or end >= len(data) or data[end] != CLOSE_BRACKET:
            raise PeerError("Syntax error in address literal")
        return _checked_domain_end(start, end + 1)
    position = start
    label_start = start
    while position < len(data):
        octet = data[position]
        if octet == DOT:
            _check_label(data, label_start, position)
            label_start = position + 1
        elif not (is_alnum(octet) or octet == HYPHEN or octet == UNDERSCORE or octet >= 128):
            break
        position += 1
    _check_label(data, label_start, position)
    return _checked_domain_end(start, position)


def _checked_domain_end(start: int, end: int) -> int:
    if end - start > MAX_DOMAIN_OCTETS:
        raise PeerError("Domain too long")
    return end


def _check_label(data: bytes, start: int, end: int) -> None:
    if start == end or data[start] == HYPHEN or data[end - 1] == HYPHEN:
        raise PeerError("Syntax error in domain")


def _is_atom(octet: int) -> bool:
    return is_alnum(octet) or octet >= 128 or octet in ATOM_SPECIALS


def _is_dot_string(local: bytes) -> bool:
    for octet in local:
        if not _is_atom(octet):
            return False
    return len(local) > 0


def parse_domain(data: bytes) -> str:
    """A domain or address literal, all of ``data``: the argument of EHLO (RFC 5321 §4.1.1.1)."""
    if _domain_end(data, 0) != len(data):
        raise PeerError("Syntax error in domain")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise PeerError("Domain is not UTF-8") from error
