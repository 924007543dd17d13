"""Parameters that ask for delivery status notifications (RFC 3461 §4, §5.1; RFC 6533 §3). Full.

ENVID and ORCPT travel as ``xtext``; what the values here carry is the decoded form, except ORCPT's, which is kept as
written because a relay must repeat it without a change (RFC 3461 §5.2.1 d).
"""

from typing import Final

from verbena.model.errors import PeerError

MAX_ENVID_OCTETS: Final = 100
"""of xtext (RFC 3461 §4.4)"""
MAX_ORCPT_OCTETS: Final = 500
"""of xtext (RFC 3461 §4.2)"""

NOTIFY_WORDS: Final = ("SUCCESS", "FAILURE", "DELAY")
UPPER_HEX: Final = b"0123456789ABCDEF"


# xtext = *( xchar / hexchar ); hexchar = "+" and two upper case hexadecimal digits
def parse_xtext(data: bytes) -> bytes:
    result = bytearray()
    position = 0
    while position < len(data):
        octet = data[position]
        if octet == 43:
            digits = data[position + 1 : position + 3]
            if len(digits) != 2 or digits[0] not in UPPER_HEX or digits[1] not in UPPER_HEX:
                raise PeerError("Syntax error in xtext")
            result.append(int(digits, 16))
            position += 3
            continue
        if not 33 <= octet <= 126 or octet == 61:
            raise PeerError("Syntax error in xtext")
        result.append(octet)
        position += 1
    return bytes(result)


def format_xtext(data: bytes) -> bytes:
    result = bytearray()
    for octet in data:
        if 33 <= octet <= 126 and octet != 43 and octet != 61:
            result.append(octet)
        else:
            result += b"+%02X" % octet
    return bytes(result)


# notify-esmtp-value = "NEVER" / 1#notify-list-element; NEVER stands alone
def parse_notify(value: bytes | None) -> tuple[str, ...]:
    """``("NEVER",)`` or some of SUCCESS, FAILURE and DELAY, in that order and once each."""
    words = [word.strip().decode("latin-1").upper() for word in (value or b"").split(b",")]
    if words == ["NEVER"]:
        return ("NEVER",)
    for word in words:
        if word not in NOTIFY_WORDS:
            raise PeerError("Syntax error in NOTIFY")
    return tuple([word for word in NOTIFY_WORDS if word in words])


def format_notify(words: tuple[str, ...]) -> bytes:
    return ",".join(words).encode()


# orcpt-parameter = "ORCPT=" addr-type ";" xtext
def parse_orcpt(value: bytes | None) -> bytes:
    """The value as written; decoded it has printable ASCII only (RFC 3461 §4.2). For ``utf-8`` addresses the embedded
    forms of RFC 6533 §3 are let through unread."""
    if value is None or len(value) > MAX_ORCPT_OCTETS:
        raise PeerError("Syntax error in ORCPT")
    kind, semicolon, address = value.partition(b";")
    if not semicolon or not kind or not address:
        raise PeerError("Syntax error in ORCPT")
    for octet in kind:
        if not 33 <= octet <= 126 or octet in b'()<>@,;:\\"/[]?=':
            raise PeerError("Syntax error in ORCPT")
    if kind.lower() == b"utf-8":
        for octet in address:
            if octet < 33 or octet == 127:
                raise PeerError("Syntax error in ORCPT")
    else:
        for octet in parse_xtext(address):
            if not (32 <= octet <= 126 or octet == 9):
                raise PeerError("Syntax error in ORCPT")
    return value


def format_orcpt(address: str) -> bytes:
    """The value for an address, in ASCII (RFC 3461 §4.2, RFC 6533 §3)."""
    if address.isascii():
        return b"rfc822;" + format_xtext(address.encode())
    return ascii_orcpt(b"utf-8;" + address.encode())


def ascii_orcpt(orcpt: bytes) -> bytes:
    """A checked value for a host without SMTPUTF8: ``utf-8-addr-xtext`` where it has UTF-8 (RFC 6533 §3)."""
    if orcpt.isascii():
        return orcpt
    result = bytearray()
    for character in orcpt.decode("utf-8", "replace"):
        number = ord(character)
        plain = 33 <= number <= 126 and number != 43 and number != 61
        result += b"%c" % number if plain else b"\\x{%02X}" % number
    return bytes(result)


def original_recipient(orcpt: bytes) -> tuple[bytes, bytes]:
    """(address type, decoded address) of a checked ORCPT value, for a DSN's Original-Recipient (RFC 3464 §2.3.1)."""
    kind, _, address = orcpt.partition(b";")
    return kind, _decode_unitext(address) if kind.lower() == b"utf-8" else parse_xtext(address)


# EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"; HEXPOINT is 2 to 6 hexadecimal digits
def _decode_unitext(address: bytes) -> bytes:
    """The address itself; as it is where it has something else after a backslash (RFC 6533 §3)."""
    head, *rest = address.split(b"\\x{")
    result = bytearray(head)
    for piece in rest:
        digits, brace, tail = piece.partition(b"}")
        number = _hexpoint(digits) if brace else -1
        if number < 0:
            return address
        result += chr(number).encode() + tail
    return bytes(result)


def _hexpoint(digits: bytes) -> int:
    """The number of a character; -1 where it is none."""
    if not 2 <= len(digits) <= 6:
        return -1
    for octet in digits:
        if octet not in UPPER_HEX:
            return -1
    number = int(digits, 16)
    return -1 if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF else number


# RET= "FULL" / "HDRS"
def parse_ret(value: bytes | None) -> str:
    word = (value or b"").upper()
    if word == b"FULL":
        return "FULL"
    if word == b"HDRS":
        return "HDRS"
    raise PeerError("Syntax error in RET")


# ENVID= xtext, of at most 100 octets; decoded it has printable ASCII only
def parse_envid(value: bytes | None) -> bytes:
    if value is None or len(value) > MAX_ENVID_OCTETS:
        raise PeerError("Syntax error in ENVID")
    decoded = parse_xtext(value)
    for octet in decoded:
        if not 32 <= octet <= 126:
            raise PeerError("Syntax error in ENVID")
    return decoded
