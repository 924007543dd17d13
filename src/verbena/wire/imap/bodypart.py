"""A part's own structure, cut out of a message's BODYSTRUCTURE octets: BODYPARTSTRUCTURE (RFC 5259 §7, RFC 5524 §3.2).

The octets are a server's own, as ``mime.body`` makes them (RFC 3501 §7.4.2, §9 ``body``); nothing is parsed that is not
stepped over. Positions follow RFC 3501 §6.4.5. Limits: 100 levels.
"""

from typing import Final

from verbena.model.errors import InternalError

MAX_DEPTH: Final = 100

_LPAREN: Final = 0x28
_RPAREN: Final = 0x29
_DQUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C
_LBRACE: Final = 0x7B
_SP: Final = 0x20

_ENCODING: Final = 5
_SIZE: Final = 6
_TEXT_LINES: Final = 7
_MESSAGE_BODY: Final = 8
_IDENTITIES: Final = (b'"7BIT"', b'"8BIT"', b'"BINARY"')


def _skip(octets: bytes, at: int, depth: int = 0) -> int:
    """Behind the value that begins at ``at``: a list, a quoted string, a literal, an atom or a number."""
    if depth > MAX_DEPTH or at >= len(octets):
        raise InternalError("a body structure of ours is not well formed")
    octet = octets[at]
    if octet == _LPAREN:
        at += 1
        while octets[at] != _RPAREN:
            at = _skip(octets, at, depth + 1)
            if octets[at] == _SP:
                at += 1
        return at + 1
    if octet == _DQUOTE:
        at += 1
        while octets[at] != _DQUOTE:
            at += 2 if octets[at] == _BACKSLASH else 1
        return at + 1
    if octet == _LBRACE:
        end = octets.index(b"}", at)
        return end + 3 + int(octets[at + 1 : end])
    while at < len(octets) and octets[at] not in (_SP, _LPAREN, _RPAREN):
        at += 1
    return at


def split_fields(structure: bytes) -> list[bytes]:
    """The members of a parenthesised list, nested ones whole."""
    fields: list[bytes] = []
    at = 1
    while structure[at] != _RPAREN:
        end = _skip(structure, at)
        fields.append(structure[at:end])
        at = end + 1 if structure[end] == _SP else end
    return fields


def find_structure(structure: bytes, path: tuple[int, ...]) -> bytes | None:
    """The structure of the part at ``path`` of the message that ``structure`` is of; None without such a part."""
    is_root = True
    for number in path:
        fields = split_fields(structure)
        if not is_root and fields[0].upper() == b'"MESSAGE"' and fields[1].upper() in (b'"RFC822"', b'"GLOBAL"'):
            structure = fields[_MESSAGE_BODY]
            fields = split_fields(structure)
            is_root = True
        if fields[0][0] == _LPAREN:
            if number > len(fields) or fields[number - 1][0] != _LPAREN or not _is_body(fields, number):
                return None
            structure = fields[number - 1]
        elif not is_root or number != 1:
            return None
        is_root = False
    return structure


def _is_body(fields: list[bytes], number: int) -> bool:
    """In a multipart the bodies come first, then the subtype as a string."""
    return all(field[0] == _LPAREN for field in fields[:number])


def decoded_structure(structure: bytes, size_octets: int, lines: int, has_nul: bool) -> bytes:
    """``structure`` of a single part once it is decoded: an identity encoding, the decoded size (RFC 5524 §3.2)."""
    fields = split_fields(structure)
    if fields[0][0] == _LPAREN:
        return structure
    if has_nul or fields[_ENCODING].upper() not in _IDENTITIES:
        fields[_ENCODING] = b'"BINARY"'
    fields[_SIZE] = b"%d" % size_octets
    if fields[0].upper() == b'"TEXT"':
        fields[_TEXT_LINES] = b"%d" % lines
    return b"(" + b" ".join(fields) + b")"
