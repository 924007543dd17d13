"""A message made fit for a next hop that lacks BINARYMIME or 8BITMIME (RFC 3030 §3, RFC 6152 §3): full.

Leaf parts that the hop could not carry are encoded, text as quoted-printable and the rest as base64; their
Content-Transfer-Encoding, and that of the multiparts and messages around them, is put right; everything
else passes octet for octet. Neither encoding can give rise to a boundary. Nothing is changed inside
multipart/signed and multipart/encrypted (RFC 1847 §2.1): if something there would have to be, the message
is refused. Header fields with 8-bit text are left alone: whether those can be sent is SMTPUTF8's business.

Octets are read in pieces of ``PIECE_OCTETS``; a header to be rewritten may have ``MAX_HEADER`` octets.
"""

from collections.abc import Callable, Iterator
from typing import Final

from verbena.mime.coding import Base64Encoder, Coder, QuotedPrintableEncoder, decoder
from verbena.mime.header import Fields, empty_line, parse_content_type, split_fields
from verbena.model.errors import Refused
from verbena.model.part import Encoding, Part, PartKind
from verbena.model.reason import Reason

PIECE_OCTETS: Final = 65536
MAX_HEADER: Final = 1 << 20
_MAX_LINE: Final = 998

Reader = Callable[[int, int], bytes]
"""``read(start, length)``: octets of the message; fewer than ``length`` only at its end."""

_SEVEN_BIT: Final = 0
_EIGHT_BIT: Final = 1
_BINARY: Final = 2
_NAMES: Final = (b"7bit", b"8bit", b"binary")

_SEALED: Final = (b"signed", b"encrypted")
_KEPT_WHOLE: Final = (b"rfc822", b"partial", b"external-body")
"""Subtypes of message that may not be encoded (RFC 2046 §5.2)."""


class _Plan:
    """What becomes of one part. ``label`` is the encoding its header has to name, None for no change."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.level = _SEVEN_BIT
        self.label: bytes | None = None
        self.encode = Encoding.IDENTITY
        self.changed = False
        self.is_root = False
        self.children: list[_Plan] = []


def needs_downgrade(root: Part, read: Reader, eight_bit: bool) -> bool:
    """Whether the message would be changed; arguments and errors as for ``downgrade``."""
    return _plan(root, read, _EIGHT_BIT if eight_bit else _SEVEN_BIT, False, True).changed


def downgrade(root: Part, read: Reader, eight_bit: bool) -> Iterator[bytes]:
    """The message whose tree is ``root`` for a hop with 8BITMIME only, or, not ``eight_bit``, with neither.

    Raises ``Refused`` (CONVERSION_REQUIRED) at once when it can not be done. Pieces are read as they are
    asked for.
    """
    return _emit(_plan(root, read, _EIGHT_BIT if eight_bit else _SEVEN_BIT, False, True), read)


# Planning -----------------------------------------------------------------------------------------


def _refuse(why: str) -> Refused:
    return Refused(Reason.CONVERSION_REQUIRED, "The message can not be converted for the next hop: " + why)


def _plan(part: Part, read: Reader, allowed: int, sealed: bool, is_root: bool) -> _Plan:
    plan = _Plan(part)
    plan.is_root = is_root
    if part.kind == PartKind.LEAF:
        _plan_leaf(plan, read, allowed, sealed)
        return plan
    inside = sealed or (part.kind == PartKind.MULTIPART and part.subtype in _SEALED)
    is_message = part.kind == PartKind.MESSAGE
    for child in part.children:
        planned = _plan(child, read, allowed, inside, is_message)
        plan.children.append(planned)
        plan.level = max(plan.level, planned.level)
        plan.changed = plan.changed or planned.changed
    if not inside and part.encoding == Encoding.IDENTITY:
        named = _NAMES.index(part.encoding_name)
        if named > allowed or (plan.changed and named > plan.level):
            plan.label = _NAMES[plan.level]
            plan.changed = True
    if part.has_nul_or_8bit and allowed == _SEVEN_BIT and part.kind == PartKind.MULTIPART:
        plan.changed = plan.changed or not inside
    return plan


def _plan_leaf(plan: _Plan, read: Reader, allowed: int, sealed: bool) -> None:
    part = plan.part
    level = _level(part, read)
    plan.level = level
    if level <= allowed:
        if part.encoding_name == b"8bit" and allowed == _SEVEN_BIT and not sealed:
            plan.label = b"7bit"
            plan.changed = True
        return
    if sealed:
        raise _refuse("a signed or encrypted part has 8-bit or binary data")
    if part.encoding == Encoding.UNKNOWN:
        raise _refuse("a part has an unknown transfer encoding")
    if not _may_encode(part, read):
        raise _refuse("a part that must not be encoded has 8-bit or binary data")
    as_text = part.media_type == b"text" and part.encoding == Encoding.IDENTITY and not _has_nul(part, read)
    plan.encode = Encoding.QUOTED_PRINTABLE if as_text else Encoding.BASE64
    plan.label = b"quoted-printable" if as_text else b"base64"
    plan.level = _SEVEN_BIT
    plan.changed = True


def _level(part: Part, read: Reader) -> int:
    """What the octets of a leaf need: 7-bit, 8-bit or binary transport."""
    if part.encoding_name == b"binary":
        return _BINARY
    if not part.has_nul_or_8bit:
        return _SEVEN_BIT
    level = _SEVEN_BIT
    line = last = 0
    for piece in _pieces(read, part.body_start, part.end):
        if b"\0" in piece:
            return _BINARY
        if not piece.isascii():
            level = _EIGHT_BIT
        for text in piece.split(b"\n"):
            line += len(text)
            if line > _MAX_LINE + 1:
                return _BINARY
            last, line = line, 0
        line = last
    return level


def _has_nul(part: Part, read: Reader) -> bool:
    return any(b"\0" in piece for piece in _pieces(read, part.body_start, part.end))


def _may_encode(part: Part, read: Reader) -> bool:
    """Whether the type that the header names allows encoding; the scanner may have shown another."""
    value = Fields(_header(part, read)).first(b"content-type")
    found = parse_content_type(value) if value is not None else None
    if found is None:
        return True
    return found[0] != b"multipart" and not (found[0] == b"message" and found[1] in _KEPT_WHOLE)


def _header(part: Part, read: Reader) -> bytes:
    size = part.body_start - part.header_start
    if size > MAX_HEADER:
        raise _refuse("a header is too long")
    return b"".join(_pieces(read, part.header_start, part.body_start))


# Writing ------------------------------------------------------------------------------------------


def _pieces(read: Reader, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        piece = read(start, min(PIECE_OCTETS, end - start))
        if not piece:
            return
        yield piece
        start += len(piece)


def _emit(plan: _Plan, read: Reader) -> Iterator[bytes]:
    part = plan.part
    if not plan.changed:
        yield from _pieces(read, part.header_start, part.end)
        return
    if plan.label is None:
        yield from _pieces(read, part.header_start, part.body_start)
    else:
        yield _relabel(plan, _header(part, read))
    if part.kind == PartKind.LEAF:
        yield from _emit_leaf(plan, read)
        return
    at = part.body_start
    for child in plan.children:
        yield from _emit_between(plan, read, at, child.part.header_start)
        yield from _emit(child, read)
        at = child.part.end
    yield from _emit_between(plan, read, at, part.end)


def _emit_leaf(plan: _Plan, read: Reader) -> Iterator[bytes]:
    part = plan.part
    if plan.encode == Encoding.IDENTITY:
        yield from _pieces(read, part.body_start, part.end)
        return
    source = decoder(part.encoding)
    target: Coder = QuotedPrintableEncoder() if plan.encode == Encoding.QUOTED_PRINTABLE else Base64Encoder()
    for piece in _pieces(read, part.body_start, part.end):
        coded = target.feed(source.feed(piece))
        if coded:
            yield coded
    yield target.feed(source.finish()) + target.finish()


def _emit_between(plan: _Plan, read: Reader, start: int, end: int) -> Iterator[bytes]:
    """Preamble, boundaries or epilogue. Nobody reads NULs and 8-bit octets there: they become question marks."""
    for piece in _pieces(read, start, end):
        if b"\0" in piece:
            piece = piece.replace(b"\0", b"?")
        if plan.level == _SEVEN_BIT and not piece.isascii():
            yield piece.translate(_QUESTION_MARKS)
        else:
            yield piece


_QUESTION_MARKS: Final = bytes(range(0x80)) + b"?" * 0x80


def _relabel(plan: _Plan, header: bytes) -> bytes:
    """The header with its one Content-Transfer-Encoding, and what makes that field mean something."""
    label = plan.label or b"7bit"
    new = b"Content-Transfer-Encoding: " + label + b"\r\n"
    result: list[bytes] = []
    names: list[bytes] = []
    placed = False
    end = 0
    for span in split_fields(header):
        end = span[3]
        names.append(span[0])
        if span[0] != b"content-transfer-encoding":
            result.append(header[span[1] : span[3]])
        elif not placed:
            result.append(new)
            placed = True
    if plan.is_root and b"mime-version" not in names:
        result.append(b"MIME-Version: 1.0\r\n")
    if plan.encode != Encoding.IDENTITY and b"content-type" not in names:
        # Without the field the text would be taken for ASCII (RFC 1428 §3).
        result.append(b"Content-Type: text/plain; charset=unknown-8bit\r\n")
    if not placed:
        result.append(new)
    result.append(empty_line(header, end) or b"\r\n")
    return b"".join(result)
