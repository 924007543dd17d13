"""ENVELOPE, BODY and BODYSTRUCTURE as octets for IMAP (RFC 3501 §7.4.2, §9), and a message's part index.

Both are made once, when a message is taken in, and kept: a FETCH sends the octets as they are, and finds
a section by its numbers (§6.4.5) in the packed index without looking at the message.

In the octets, a string that a quoted string can not hold (CR, LF, 8-bit) is a literal; an octet 0, which
may not travel at all, becomes ``?``. A multipart without parts is shown with one empty text part,
because the grammar wants one; the index has none.

Depth is bounded by the scanner that made the tree.
"""

from dataclasses import dataclass
from typing import Final

from verbena.model.envelope import Address, Envelope
from verbena.model.part import Encoding, Part, PartKind, Section, SectionText

# Formatting ---------------------------------------------------------------------------------------

_NOT_QUOTED: Final = b"\0\r\n" + bytes(range(0x80, 0x100))
_NO_PART: Final = b'("text" "plain" NIL NIL NIL "7bit" 0 0'


def format_nstring(text: bytes | None) -> bytes:
    """nstring = string / nil: quoted where that can be, else a literal."""
    if text is None:
        return b"NIL"
    if len(text.translate(None, _NOT_QUOTED)) != len(text):
        text = text.replace(b"\0", b"?")
        if len(text.translate(None, _NOT_QUOTED)) != len(text):
            return b"{%d}\r\n%b" % (len(text), text)
    if b"\\" in text:
        text = text.replace(b"\\", b"\\\\")
    if b'"' in text:
        text = text.replace(b'"', b'\\"')
    return b'"' + text + b'"'


def _format_addresses(addresses: tuple[Address, ...]) -> bytes:
    """env-from = "(" 1*address ")" / nil"""
    if not addresses:
        return b"NIL"
    pieces = [b"("]
    for address in addresses:
        pieces.append(
            b"(%b %b %b %b)"
            % (
                format_nstring(address.name),
                format_nstring(address.route),
                format_nstring(address.mailbox),
                format_nstring(address.host),
            )
        )
    pieces.append(b")")
    return b"".join(pieces)


def format_envelope(envelope: Envelope) -> bytes:
    """envelope = "(" env-date SP env-subject SP … SP env-message-id ")" """
    from_ = _format_addresses(envelope.from_)
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        format_nstring(envelope.date),
        format_nstring(envelope.subject),
        from_,
        from_ if envelope.sender == envelope.from_ else _format_addresses(envelope.sender),
        from_ if envelope.reply_to == envelope.from_ else _format_addresses(envelope.reply_to),
        _format_addresses(envelope.to),
        _format_addresses(envelope.cc),
        _format_addresses(envelope.bcc),
        format_nstring(envelope.in_reply_to),
        format_nstring(envelope.message_id),
    )


_OPEN: Final = 0x28
_SPACE: Final = 0x20
_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C
_BRACE: Final = 0x7B


class _EnvelopeReader:
    """Reads back what ``format_envelope`` wrote."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 1

    def envelope(self) -> Envelope:
        return Envelope(
            self.nstring(),
            self.nstring(),
            self.addresses(),
            self.addresses(),
            self.addresses(),
            self.addresses(),
            self.addresses(),
            self.addresses(),
            self.nstring(),
            self.nstring(),
        )

    def nstring(self) -> bytes | None:
        octets = self._octets
        while octets[self._at] == _SPACE:
            self._at += 1
        first = octets[self._at]
        if first == _BRACE:
            end = octets.index(b"}", self._at)
            start = end + 3
            self._at = start + int(octets[self._at + 1 : end])
            return octets[start : self._at]
        if first != _QUOTE:
            self._at += 3
            return None
        start = self._at + 1
        at = octets.index(b'"', start)
        if octets.find(b"\\", start, at) < 0:
            self._at = at + 1
            return octets[start:at]
        at = start
        while octets[at] != _QUOTE:
            at += 2 if octets[at] == _BACKSLASH else 1
        self._at = at + 1
        # In our own octets only a backslash and a quote are ever escaped.
        return b"\\".join([piece.replace(b'\\"', b'"') for piece in octets[start:at].split(b"\\\\")])

    def addresses(self) -> tuple[Address, ...]:
        octets = self._octets
        while octets[self._at] == _SPACE:
            self._at += 1
        if octets[self._at] != _OPEN:
            self._at += 3
            return ()
        result: list[Address] = []
        self._at += 1
        while octets[self._at] == _OPEN:
            self._at += 1
            result.append(Address(self.nstring(), self.nstring(), self.nstring(), self.nstring()))
            self._at += 1
        self._at += 1
        return tuple(result)


def read_envelope(octets: bytes) -> Envelope:
    """The value of ``octets``, which ``format_envelope`` made; octets 0 have become ``?`` in it."""
    return _EnvelopeReader(octets).envelope()


def format_body(part: Part, extended: bool) -> bytes:
    """BODYSTRUCTURE of ``part``; BODY, without extension data, when not ``extended``."""
    pieces: list[bytes] = []
    _put_body(part, extended, pieces)
    return b"".join(pieces)


def _put_body(part: Part, extended: bool, pieces: list[bytes]) -> None:
    """body = "(" (body-type-1part / body-type-mpart) ")" """
    if part.kind == PartKind.MULTIPART:
        pieces.append(b"(")
        for child in part.children:
            _put_body(child, extended, pieces)
        if not part.children:
            pieces.append(_NO_PART + (b" NIL NIL NIL NIL)" if extended else b")"))
        pieces.append(b" " + format_nstring(part.subtype))
        if extended:
            pieces.append(b" " + _format_params(part.params))
            _put_extension(part, pieces)
    else:
        _put_single(part, extended, pieces)
    pieces.append(b")")


def _put_single(part: Part, extended: bool, pieces: list[bytes]) -> None:
    pieces.append(
        b"(%b %b %b %b %b %b %d"
        % (
            format_nstring(part.media_type),
            format_nstring(part.subtype),
            _format_params(part.params),
            format_nstring(part.content_id),
            format_nstring(part.description),
            format_nstring(part.encoding_name),
            part.end - part.body_start,
        )
    )
    if part.kind == PartKind.MESSAGE:
        inner = part.children[0]
        assert inner.envelope is not None
        pieces.append(b" " + format_envelope(inner.envelope) + b" ")
        _put_body(inner, extended, pieces)
        pieces.append(b" %d" % part.body_lines)
    elif part.media_type == b"text":
        pieces.append(b" %d" % part.body_lines)
    if extended:
        pieces.append(b" " + format_nstring(part.md5))
        _put_extension(part, pieces)


def _put_extension(part: Part, pieces: list[bytes]) -> None:
    """SP body-fld-dsp SP body-fld-lang SP body-fld-loc"""
    disposition = part.disposition
    if disposition is None:
        pieces.append(b" NIL ")
    else:
        pieces.append(b" (%b %b) " % (format_nstring(disposition.kind), _format_params(disposition.params)))
    if not part.language:
        pieces.append(b"NIL ")
    elif len(part.language) == 1:
        pieces.append(format_nstring(part.language[0]) + b" ")
    else:
        pieces.append(b"(" + b" ".join([format_nstring(tag) for tag in part.language]) + b") ")
    pieces.append(format_nstring(part.location))


def _format_params(params: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """body-fld-param = "(" string SP string *(SP string SP string) ")" / nil"""
    if not params:
        return b"NIL"
    words: list[bytes] = []
    for name, value in params:
        words.append(format_nstring(name))
        words.append(format_nstring(value))
    return b"(" + b" ".join(words) + b")"


# The part index -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PartSpan:
    """One part, as the index knows it: header ``[header_start, body_start)``, body ``[body_start, end)``.

    ``has_nul_or_8bit`` as in ``model.part.Part``. ``inner_body_start`` is where the body of the inner
    message begins, for a MESSAGE; for others it is ``end``.
    """

    kind: PartKind
    encoding: Encoding
    header_start: int
    body_start: int
    end: int
    has_nul_or_8bit: bool
    inner_body_start: int


class _Node:
    def __init__(self, head: int, header_start: int, body_start: int, end: int) -> None:
        self.kind = head >> 3 & 3
        self.encoding = head & 7
        self.odd = head >> 5 & 1 == 1
        self.header_start = header_start
        self.body_start = body_start
        self.end = end
        self.children: list[_Node] = []


def pack_parts(root: Part) -> bytes:
    """The index of a message's parts, about 6 octets for each; ``PartIndex`` reads it.

    In preorder, for each part as numbers of 7 bits an octet, low ones first: number of children, 1 bit
    has_nul_or_8bit, 2 bits kind, 3 bits encoding; distance of the header from the parent's body (of the
    root: 0); length of the header; length of the body.
    """
    result = bytearray()
    _pack(root, 0, result)
    return bytes(result)


def _pack(part: Part, origin: int, result: bytearray) -> None:
    odd = 1 if part.has_nul_or_8bit else 0
    _put_number(len(part.children) << 6 | odd << 5 | int(part.kind) << 3 | int(part.encoding), result)
    _put_number(part.header_start - origin, result)
    _put_number(part.body_start - part.header_start, result)
    _put_number(part.end - part.body_start, result)
    for child in part.children:
        _pack(child, part.body_start, result)


def _put_number(number: int, result: bytearray) -> None:
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    result.append(number)


def _span(node: _Node) -> PartSpan:
    inner = node.children[0].body_start if node.kind == PartKind.MESSAGE else node.end
    return PartSpan(
        PartKind(node.kind), Encoding(node.encoding), node.header_start, node.body_start, node.end, node.odd, inner
    )


def _collect(node: _Node, result: list[PartSpan]) -> None:
    result.append(_span(node))
    for child in node.children:
        _collect(child, result)


class PartIndex:
    """A packed index, opened. ``packed`` must come from ``pack_parts``."""

    def __init__(self, packed: bytes) -> None:
        self._packed = packed
        self._at = 0
        self._root = self._read(0)

    def _number(self) -> int:
        packed = self._packed
        octet = packed[self._at]
        self._at += 1
        if octet < 0x80:
            return octet
        result = octet & 0x7F
        shift = 7
        while octet > 0x7F:
            octet = packed[self._at]
            self._at += 1
            result |= (octet & 0x7F) << shift
            shift += 7
        return result

    def _read(self, origin: int) -> _Node:
        head = self._number()
        header_start = origin + self._number()
        body_start = header_start + self._number()
        node = _Node(head, header_start, body_start, body_start + self._number())
        for _ in range(head >> 6):
            node.children.append(self._read(body_start))
        return node

    def find(self, path: tuple[int, ...]) -> PartSpan | None:
        """The part with those numbers (RFC 3501 §6.4.5); the whole message for no number.

        None when there is no such part.
        """
        node = self._walk(path)
        if node is None:
            return None
        return _span(node)

    def spans(self) -> list[PartSpan]:
        """Every part, the whole message first, each before its own parts."""
        result: list[PartSpan] = []
        _collect(self._root, result)
        return result

    def _walk(self, path: tuple[int, ...]) -> "_Node | None":
        node = self._root
        # Whether ``node`` is the root of a message whose parts the next number counts.
        is_root = True
        for number in path:
            if not is_root and node.kind == PartKind.MESSAGE:
                node = node.children[0]
                is_root = True
            if node.kind == PartKind.MULTIPART:
                if not 1 <= number <= len(node.children):
                    return None
                node = node.children[number - 1]
            elif not is_root or number != 1:
                return None
            is_root = False
        return node


def locate(index: PartIndex, section: Section) -> tuple[int, int] | None:
    """The octets ``[start, end)`` that ``section`` names (RFC 3501 §6.4.5); None when it names nothing.

    HEADER.FIELDS and its NOT give the whole header: the caller picks the fields out.
    """
    span = index.find(section.path)
    if span is None:
        return None
    if not section.path:
        return _locate_in(section.text, span.header_start, span.body_start, span.end)
    if section.text == SectionText.ALL:
        return span.body_start, span.end
    if section.text == SectionText.MIME:
        return span.header_start, span.body_start
    if span.kind != PartKind.MESSAGE:
        return None
    return _locate_in(section.text, span.body_start, span.inner_body_start, span.end)


def _locate_in(text: SectionText, start: int, body_start: int, end: int) -> tuple[int, int] | None:
    """The same within a message whose header and body these are."""
    match text:
        case SectionText.ALL:
            return start, end
        case SectionText.TEXT:
            return body_start, end
        case SectionText.HEADER | SectionText.HEADER_FIELDS | SectionText.HEADER_FIELDS_NOT:
            return start, body_start
        case SectionText.MIME:
            return None
