"""Header blocks: fields, folding, encoded words and parameters (RFC 5322 §2.2, RFC 2047, RFC 2231, RFC 2045 §5.1).

Nothing here fails on damage: what can not be understood is left out or passed on as it is. Fields are
given by offsets into the block, so that ``select_fields`` answers with the original octets.

Limits: the caller bounds the block; a list of parameters has at most ``MAX_PARAMS`` members.
"""

import binascii
from typing import Final

from verbena.mime.coding import decode_text

MAX_PARAMS: Final = 200

_LF: Final = 0x0A
_CR: Final = 0x0D
_SP: Final = 0x20
_TAB: Final = 0x09
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C
_OPEN: Final = 0x28
_CLOSE: Final = 0x29
_SEMICOLON: Final = 0x3B
_EQUALS: Final = 0x3D

FieldSpan = tuple[bytes, int, int, int]
"""(name in lower case, start of the field, start of its value, end behind its line end)"""

Params = tuple[tuple[bytes, bytes], ...]
"""Names in lower case, as they are written, ``*`` and all; values without their quotes."""


def split_fields(header: bytes) -> list[FieldSpan]:
    """The fields of a block up to its empty line or its end, in order.

    A line that is no field and continues none is given with an empty name.
    """
    fields: list[FieldSpan] = []
    size = len(header)
    start = 0
    while start < size:
        first = header[start]
        if first == _LF or (first == _CR and start + 1 < size and header[start + 1] == _LF):
            break
        end = header.find(b"\n", start) + 1
        while 0 < end < size and (header[end] == _SP or header[end] == _TAB):
            end = header.find(b"\n", end) + 1
        if end == 0:
            end = size
        colon = header.find(b":", start, end)
        if colon < 0 or first == _SP or first == _TAB:
            fields.append((b"", start, start, end))
        else:
            fields.append((header[start:colon].rstrip(b" \t").lower(), start, colon + 1, end))
        start = end
    return fields


def empty_line(header: bytes, at: int) -> bytes:
    """The empty line at ``at``: CRLF, LF, or nothing when the block ends without one."""
    if header[at : at + 2] == b"\r\n":
        return b"\r\n"
    return b"\n" if header[at : at + 1] == b"\n" else b""


def unfold(value: bytes) -> bytes:
    """A field's value without its line ends and without white space around it (RFC 5322 §2.2.3)."""
    if b"\n" in value:
        value = value.replace(b"\r\n", b"").replace(b"\n", b"")
    return value.strip(b" \t\r")


class Fields:
    """A header block to look fields up in; names are given in lower case."""

    def __init__(self, header: bytes) -> None:
        self._header = header
        self._spans = split_fields(header)

    def first(self, name: bytes) -> bytes | None:
        """The unfolded value of the first field of that name."""
        for span in self._spans:
            if span[0] == name:
                return unfold(self._header[span[2] : span[3]])
        return None

    def every(self, name: bytes) -> list[bytes]:
        """The unfolded values of all fields of that name, in order."""
        return [unfold(self._header[span[2] : span[3]]) for span in self._spans if span[0] == name]


def select_fields(header: bytes, names: tuple[bytes, ...], invert: bool = False) -> bytes:
    """The octets of the fields with one of ``names``, any case; with ``invert`` of all others.

    HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 3501 §6.4.5). The empty line that ends ``header`` ends the
    result; where the message has none, neither has the result (RFC 3501 §7.4.2).
    """
    wanted = frozenset([name.lower() for name in names])
    result: list[bytes] = []
    end = 0
    for span in split_fields(header):
        if (span[0] in wanted) != invert:
            result.append(header[span[1] : span[3]])
        end = span[3]
    result.append(empty_line(header, end))
    return b"".join(result)


# RFC 2047 -----------------------------------------------------------------------------------------


def decode_words(value: bytes) -> str:
    """Text with its encoded words decoded; ``value`` may be folded.

    White space between two encoded words goes, and neighbours of one charset are joined before they
    are decoded, because senders split characters (RFC 2047 §6.2). Raw 8-bit octets are read as
    UTF-8, failing that as windows-1252.
    """
    if b"\n" in value:
        value = value.replace(b"\r\n", b"").replace(b"\n", b"")
    if b"=?" not in value:
        return decode_text(value, None)
    result: list[str] = []
    charset = b""
    joined: list[bytes] = []
    at = 0
    start = value.find(b"=?")
    while start >= 0:
        word = _encoded_word(value, start)
        if word is None:
            start = value.find(b"=?", start + 2)
            continue
        between = value[at:start]
        if joined and (between.strip(b" \t") or word[0] != charset):
            result.append(decode_text(b"".join(joined), charset))
            joined.clear()
            if between.strip(b" \t"):
                result.append(decode_text(between, None))
        elif between and not joined and (at == 0 or between.strip(b" \t")):
            result.append(decode_text(between, None))
        charset = word[0]
        joined.append(word[1])
        at = word[2]
        start = value.find(b"=?", at)
    if joined:
        result.append(decode_text(b"".join(joined), charset))
    result.append(decode_text(value[at:], None))
    return "".join(result)


def _encoded_word(value: bytes, start: int) -> tuple[bytes, bytes, int] | None:
    """(charset in lower case, decoded octets, end) of the encoded word at ``start``; None when there is none.

    encoded-word = "=?" charset ["*" language] "?" encoding "?" encoded-text "?="
    """
    charset_end = value.find(b"?", start + 2, start + 80)
    if charset_end < 0 or value[charset_end + 2 : charset_end + 3] != b"?":
        return None
    end = value.find(b"?=", charset_end + 3)
    if end < 0:
        return None
    charset = value[start + 2 : charset_end].partition(b"*")[0].lower()
    text = value[charset_end + 3 : end]
    if not charset or b" " in charset or b"=?" in text:
        return None
    kind = value[charset_end + 1] | 0x20
    if kind == 0x71:
        return charset, binascii.a2b_qp(text.replace(b"=\r", b"=0D").rstrip(b"\r\n"), header=True), end + 2
    if kind == 0x62:
        return charset, _base64_word(text), end + 2
    return None


def _base64_word(text: bytes) -> bytes:
    text = text.rstrip(b"=")
    over = len(text) & 3
    if over == 1:
        text = text[:-1]
    try:
        return binascii.a2b_base64(text + b"=" * (-len(text) & 3))
    except binascii.Error:
        return b""


# Parameters ---------------------------------------------------------------------------------------


def parse_content_type(value: bytes) -> tuple[bytes, bytes, Params] | None:
    """(type, subtype, parameters) of an unfolded Content-Type, the first two in lower case.

    None when there are no such two words: RFC 2045 §5.2 then wants text/plain.
    """
    semicolon = value.find(b";")
    head = value if semicolon < 0 else value[:semicolon]
    if b"(" in head:
        head = strip_comments(value).partition(b";")[0]
        value = strip_comments(value)
        semicolon = value.find(b";")
    media, slash, rest = head.partition(b"/")
    media = media.strip(b" \t").lower()
    rest = rest.strip(b" \t")
    # "text/plain charset=us-ascii": the semicolon was forgotten.
    subtype, space, tail = rest.partition(b" ")
    if not slash or not _is_token(media) or not _is_token(subtype):
        return None
    if space and b"=" in tail:
        return media, subtype.lower(), parse_params(value, value.find(tail))
    if semicolon < 0:
        return media, subtype.lower(), ()
    return media, subtype.lower(), parse_params(value, semicolon + 1)


def parse_disposition(value: bytes) -> tuple[bytes, Params] | None:
    """(type in lower case, parameters) of an unfolded Content-Disposition (RFC 2183 §2)."""
    if b"(" in value:
        value = strip_comments(value)
    head, semicolon, _ = value.partition(b";")
    kind = head.strip(b" \t").lower()
    if not _is_token(kind):
        return None
    return kind, parse_params(value, len(head) + 1) if semicolon else ()


_NOT_TOKEN: Final = bytes(range(0x21)) + b'()<>@,;:\\"/[]?=\x7f'


def _is_token(text: bytes) -> bool:
    """token := 1*<any CHAR except SPACE, CTLs, or tspecials>; octets above 127 are let through."""
    return bool(text) and len(text.translate(None, _NOT_TOKEN)) == len(text)


def parse_params(value: bytes, at: int) -> Params:
    """The parameters that begin at ``at`` in an unfolded value; damaged ones are left out.

    parameter := attribute "=" value. A value that ought to be quoted and is not reaches to the next
    semicolon or to a comment; a quoted string that does not end reaches to the end.
    """
    result: list[tuple[bytes, bytes]] = []
    size = len(value)
    while at < size and len(result) < MAX_PARAMS:
        equals = value.find(b"=", at)
        if equals < 0:
            break
        semicolon = value.find(b";", at, equals)
        if semicolon >= 0:
            at = semicolon + 1
            continue
        name = value[at:equals].strip(b" \t").lower()
        at = equals + 1
        while at < size and (value[at] == _SP or value[at] == _TAB):
            at += 1
        if at < size and value[at] == _QUOTE:
            text, at = _quoted(value, at)
            at = value.find(b";", at) + 1 or size
        else:
            end = value.find(b";", at)
            if end < 0:
                end = size
            text = value[at:end].partition(b" (")[0].strip(b" \t")
            at = end + 1
        if _is_token(name):
            result.append((name, text))
    return tuple(result)


def _quoted(value: bytes, at: int) -> tuple[bytes, int]:
    """The content of the quoted string that begins at ``at``, and the place behind it."""
    end = value.find(b'"', at + 1)
    slash = value.find(b"\\", at + 1, len(value) if end < 0 else end)
    if slash < 0:
        return (value[at + 1 :], len(value)) if end < 0 else (value[at + 1 : end], end + 1)
    result = bytearray()
    size = len(value)
    at += 1
    while at < size and value[at] != _QUOTE:
        if value[at] == _BACKSLASH and at + 1 < size:
            at += 1
        result.append(value[at])
        at += 1
    return bytes(result), at + 1


def strip_comments(value: bytes) -> bytes:
    """``value`` without comments, which nest, outside quoted strings (RFC 5322 §3.2.2); each leaves a space."""
    result = bytearray()
    depth = 0
    at = 0
    size = len(value)
    while at < size:
        octet = value[at]
        if octet == _QUOTE and depth == 0:
            _, end = _quoted(value, at)
            result += value[at:end]
            at = end
            continue
        if octet == _BACKSLASH and depth:
            at += 2
            continue
        if octet == _OPEN:
            depth += 1
        elif octet == _CLOSE and depth:
            depth -= 1
            if depth == 0:
                result.append(_SP)
        elif depth == 0:
            result.append(octet)
        at += 1
    return bytes(result)


def raw_param(params: Params, name: bytes) -> bytes | None:
    """The value of ``name`` as octets, put together where it was continued (RFC 2231 §3) and unescaped (§4)."""
    for key, text in params:
        if key == name:
            return text
    pieces = _pieces(params, name)
    return b"".join([text for _, text in pieces]) if pieces else None


def param(params: Params, name: bytes) -> str | None:
    """The value of ``name`` as text: by RFC 2231 where it is extended or continued, else by RFC 2047."""
    pieces = _pieces(params, name)
    if pieces:
        return decode_text(b"".join([text for _, text in pieces]), pieces[0][0] or None)
    for key, text in params:
        if key == name:
            return decode_words(text)
    return None


def _pieces(params: Params, name: bytes) -> list[tuple[bytes, bytes]]:
    """(charset, octets) of ``name*``, or of ``name*0``, ``name*1*`` … up to the first that is missing."""
    found: dict[int, tuple[bytes, bytes]] = {}
    prefix = name + b"*"
    for key, text in params:
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix) :]
        extended = rest == b"" or rest.endswith(b"*")
        digits = rest.rstrip(b"*")
        if len(digits) > 4 or (digits and not digits.isdigit()):
            continue
        place = int(digits) if digits else 0
        charset = b""
        if extended:
            if place == 0 and text.count(b"'") >= 2:
                charset, _, text = text.split(b"'", 2)
            text = _percent_decode(text)
        if place not in found:
            found[place] = (charset, text)
    result: list[tuple[bytes, bytes]] = []
    place = 0
    while place in found:
        result.append(found[place])
        place += 1
    return result


def _percent_decode(text: bytes) -> bytes:
    if b"%" not in text:
        return text
    runs = text.split(b"%")
    result = [runs[0]]
    for run in runs[1:]:
        pair = run[:2]
        if len(pair) == 2 and not pair.translate(None, b"0123456789ABCDEFabcdef"):
            result.append(binascii.a2b_hex(pair))
            result.append(run[2:])
        else:
            result.append(b"%" + run)
    return b"".join(result)
