"""The MIME tree of a message in one pass over its octets (RFC 2045, RFC 2046, RFC 5322): full, for any input.

A ``Scanner`` is fed the message in pieces of any size and holds no body: only the header being read and
a few octets. The tree has offsets, so a part is a slice of the message, and nothing is ever refused:

- A line ends with LF, with or without CR before it; a header ends at its empty line, at a boundary of an
  enclosing multipart, or with the message. A line that is no field does not end a header.
- The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1). A line is a boundary when it
  begins with ``--`` and the parameter's text; of several that match the longest counts, so that an inner
  boundary may begin with an outer one. An outer boundary ends inner parts that were never closed. After its
  closing boundary a multipart ignores its own.
- A multipart without a usable boundary is a text/plain leaf. A message/rfc822 in a transfer encoding, and
  what lies deeper or comes later than the limits, is an application/octet-stream leaf.
- In multipart/digest a part without Content-Type is message/rfc822 (RFC 2046 §5.1.5).
- Lines are counted by LF. ``Part.has_nul_or_8bit`` of a part with parts is also true where theirs is, or where its
  preamble or epilogue is the reason.

Limits are in ``ScanLimits``.
"""

from dataclasses import dataclass
from typing import Final

from verbena.mime.coding import ENCODING_NAMES
from verbena.mime.envelope import envelope_of
from verbena.mime.header import (
    Params,
    parse_content_type,
    parse_disposition,
    raw_param,
    split_fields,
    strip_comments,
    unfold,
)
from verbena.model.envelope import Envelope
from verbena.model.part import Disposition, Encoding, Part, PartKind

MAX_LINE: Final = 998
"""Longest legal line without its line end (RFC 5322 §2.1.1)."""

_LF: Final = 0x0A
_CR: Final = 0x0D
_DASH: Final = 0x2D
_LONG_LINE: Final = 8192
"""A header line without an end is held back up to here before it is given up as a candidate for a boundary."""

_DEFAULT_PARAMS: Final[Params] = ((b"charset", b"us-ascii"),)

_HEADER: Final = 0
_BODY: Final = 1
_BOUNDARY_LINE: Final = 2


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """What a scanner holds and tells apart at most; beyond it octets are still counted.

    ``depth`` levels of parts; ``parts`` of them; ``header_octets`` of one header looked at;
    ``boundary_octets`` of a boundary parameter.
    """

    depth: int = 64
    parts: int = 10_000
    header_octets: int = 1 << 20
    boundary_octets: int = 256


DEFAULT_LIMITS: Final = ScanLimits()


@dataclass(frozen=True, slots=True)
class Scanned:
    """``header`` is the message header with its empty line, cut at ``ScanLimits.header_octets``."""

    root: Part
    size_octets: int
    header_octets: int
    envelope: Envelope
    line_count: int
    header: bytes


class _Frame:
    """A part that is still open."""

    def __init__(self, header_start: int, is_root: bool, digest: bool) -> None:
        self.header_start = header_start
        self.is_root = is_root
        self.in_digest = digest
        self.body_start = header_start
        self.lines_at_body = 0
        self.kind = PartKind.LEAF
        self.typed = False
        self.media_type = b"text"
        self.subtype = b"plain"
        self.params: Params = ()
        self.content_id: bytes | None = None
        self.description: bytes | None = None
        self.encoding_name = b"7bit"
        self.encoding = Encoding.IDENTITY
        self.md5: bytes | None = None
        self.disposition: Disposition | None = None
        self.language: tuple[bytes, ...] = ()
        self.location: bytes | None = None
        self.envelope: Envelope | None = None
        self.boundary = b""
        self.closed = False
        self.odd = False
        self.children: list[Part] = []

    def finish(self, end: int, lines: int) -> Part:
        """The part, ended at ``end``; ``lines`` LFs lie before that in the message."""
        return Part(
            self.kind,
            self.media_type,
            self.subtype,
            self.params,
            self.content_id,
            self.description,
            self.encoding_name,
            self.encoding,
            self.md5,
            self.disposition,
            self.language,
            self.location,
            self.header_start,
            self.body_start,
            end,
            lines - self.lines_at_body,
            self.odd,
            self.envelope,
            tuple(self.children),
        )


class Scanner:
    """Scans one message: ``feed`` its octets in order, then ``finish`` once."""

    def __init__(self, limits: ScanLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._queue: list[bytes] = []
        self._queued = 0
        # The octets not done with: _buf[_at:], of which _buf[0] lies at _base in the message.
        self._buf = b""
        self._at = 0
        self._base = 0
        self._state = _HEADER
        self._lines = 0
        self._stack: list[_Frame] = [_Frame(0, True, False)]
        self._part_count = 1
        self._root: Part | None = None
        self._root_header = b""
        # In a header: where the line being looked at begins, and the block's beginning once it is too long.
        self._line_start = 0
        self._seek = 0
        self._kept: bytes | None = None
        # In a body: the octets of the current line so far, and whether a line begins at _at.
        self._line_octets = 0
        self._fresh = False
        self._eol_octets = 0
        # What boundaries of open multiparts begin with, and which of them a line may be.
        self._needle = b""
        self._by_octet: dict[int, list[int]] = {}
        self._longest = 0
        self._opens = False

    def feed(self, chunk: bytes) -> None:
        """Take the next octets of the message."""
        self._queue.append(chunk)
        self._queued += len(chunk)
        # Small pieces are gathered, so that a long header is not copied once for each.
        if self._queued >= 4096 and self._queued >= (len(self._buf) >> 1):
            self._run(False)

    def finish(self) -> Scanned:
        """The result; the scanner is of no use afterwards."""
        self._run(True)
        end = self._base + len(self._buf)
        self._close_above(0, end, self._lines)
        root = self._root
        assert root is not None
        assert root.envelope is not None
        return Scanned(root, end, root.body_start, root.envelope, self._lines, self._root_header)

    def _run(self, final: bool) -> None:
        self._buf = (
            b"".join([self._buf[self._at :], *self._queue]) if self._buf or len(self._queue) != 1 else self._queue[0]
        )
        self._base += self._at
        self._line_start -= self._at
        self._seek -= self._at
        self._at = 0
        self._queue = []
        self._queued = 0
        more = True
        while more:
            if self._state == _HEADER:
                more = self._read_header(final)
            elif self._state == _BODY:
                more = self._read_body(final)
            else:
                more = self._read_boundary_line(final)

    # Headers --------------------------------------------------------------------------------------

    def _read_header(self, final: bool) -> bool:
        """Go over whole lines to the header's end. False when more octets are needed."""
        buf = self._buf
        size = len(buf)
        start = self._line_start
        seek = max(self._seek, start, 0)
        while True:
            newline = buf.find(b"\n", seek)
            if newline < 0:
                break
            if newline - start <= 1 and (newline == start or buf[start] == _CR):
                self._eol_octets = newline + 1 - start
                self._end_header(newline + 1)
                return True
            if self._needle and start >= 0 and buf[start] == _DASH and self._header_stops(start):
                return True
            start = newline + 1
            seek = start
        self._line_start = start
        if final:
            if not (self._needle and 0 <= start < size and buf[start] == _DASH and self._header_stops(start)):
                self._end_header(size)
            return True
        self._seek = size
        self._shorten_header(size, start)
        return False

    def _header_stops(self, start: int) -> bool:
        """Whether the line at ``start`` is a boundary, which ends the header for want of an empty line."""
        if self._buf[start + 1 : start + 2] != b"-":
            return False
        match = self._match(start)
        if match < 0:
            return False
        while self._state == _HEADER:
            self._end_header(start)
        self._close_above((match >> 1) + 1, self._base + start, self._lines)
        self._enter_boundary(match)
        return True

    def _shorten_header(self, size: int, start: int) -> None:
        """Let go of a header's octets beyond the limit, but not of the line being read."""
        if self._kept is None:
            if size - self._at <= self._limits.header_octets:
                return
            self._kept = self._buf[self._at : self._at + self._limits.header_octets]
        cut = start if size - start <= _LONG_LINE else size
        self._lines += self._buf.count(b"\n", self._at, cut)
        self._at = cut

    def _end_header(self, end: int) -> None:
        """The header of the innermost part ends at ``end`` of the buffer; its kind is known now."""
        block = self._buf[self._at : end] if self._kept is None else self._kept
        if len(block) > self._limits.header_octets:
            block = block[: self._limits.header_octets]
        self._kept = None
        self._lines += self._buf.count(b"\n", self._at, end)
        self._at = end
        frame = self._stack[-1]
        frame.body_start = self._base + end
        frame.lines_at_body = self._lines
        if len(self._stack) == 1:
            self._root_header = block
        _read_fields(frame, block)
        self._classify(frame)
        if frame.kind == PartKind.MESSAGE:
            self._open_part(True, False)
        else:
            if frame.boundary:
                self._index_boundaries()
            self._state = _BODY
            self._fresh = True
            self._line_octets = 0

    def _classify(self, frame: _Frame) -> None:
        """Decide between leaf, multipart and message."""
        room = len(self._stack) < self._limits.depth and self._part_count < self._limits.parts
        if frame.media_type == b"multipart":
            boundary = (raw_param(frame.params, b"boundary") or b"").rstrip(b" \t")
            if not boundary or len(boundary) > self._limits.boundary_octets or b"\n" in boundary:
                frame.media_type, frame.subtype, frame.params = b"text", b"plain", ()
            elif not room:
                frame.media_type, frame.subtype = b"application", b"octet-stream"
            else:
                frame.kind = PartKind.MULTIPART
                frame.boundary = boundary
        elif frame.media_type == b"message" and (frame.subtype == b"rfc822" or frame.subtype == b"global"):
            if room and frame.encoding == Encoding.IDENTITY:
                frame.kind = PartKind.MESSAGE
            else:
                frame.media_type, frame.subtype = b"application", b"octet-stream"

    def _open_part(self, is_root: bool, digest: bool) -> None:
        self._stack.append(_Frame(self._base + self._at, is_root, digest))
        self._part_count += 1
        self._state = _HEADER
        self._line_start = self._at
        self._seek = self._at

    # Bodies ---------------------------------------------------------------------------------------

    def _read_body(self, final: bool) -> bool:
        """Skip octets up to the next boundary of an open multipart. False when more octets are needed."""
        buf = self._buf
        size = len(buf)
        if not self._needle:
            self._skip(size)
            return False
        if self._fresh:
            if not final and size - self._at < self._longest + 4 and buf.find(b"\n", self._at) < 0:
                return False
            self._fresh = False
            match = self._match(self._at) if buf[self._at : self._at + 2] == b"--" else -1
            if match >= 0:
                # The line end before it has been counted, with the header or the boundary line it ended.
                end = self._base + self._at - self._eol_octets
                self._close_above((match >> 1) + 1, end, self._lines - 1)
                self._enter_boundary(match)
                return True
        needle = self._needle
        seek = self._at
        while True:
            place = buf.find(needle, seek)
            if place < 0:
                break
            if not final and size - place < self._longest + 5 and buf.find(b"\n", place + 1) < 0:
                # Too little to know; the octet before is kept, for it may be a CR.
                self._skip(max(place - 1, self._at))
                return False
            match = self._match(place + 1)
            if match >= 0:
                self._skip(place - 1 if place > self._at and buf[place - 1] == _CR else place)
                self._close_above((match >> 1) + 1, self._base + self._at, self._lines)
                self._lines += 1
                self._at = place + 1
                self._enter_boundary(match)
                return True
            seek = place + 1
        self._skip(size if final else max(size - len(needle), self._at))
        return False

    def _skip(self, to: int) -> None:
        """Count what the octets up to ``to`` hold: they are body."""
        start = self._at
        if to <= start:
            return
        buf = self._buf
        self._lines += buf.count(b"\n", start, to)
        self._at = to
        frame = self._stack[-1]
        if frame.odd:
            return
        piece = buf if start == 0 and to == len(buf) else buf[start:to]
        if not piece.isascii() or b"\0" in piece:
            frame.odd = True
            return
        self._measure_lines(frame, piece)

    def _measure_lines(self, frame: _Frame, piece: bytes) -> None:
        """Look for a line that is too long, by jumping from line end to line end nearly that far apart."""
        size = len(piece)
        start = -self._line_octets
        while size - start > MAX_LINE:
            newline = piece.rfind(b"\n", max(start, 0), start + MAX_LINE + 1)
            if newline < 0:
                over = start + MAX_LINE
                # Just within the limit: the line end is a CRLF that begins there, or is still to come.
                if size > over + 1 and not (piece[over] == _CR and piece[over + 1] == _LF):
                    frame.odd = True
                    return
                if size <= over + 1:
                    if piece[over] != _CR:
                        frame.odd = True
                        return
                    break
                newline = over + 1
            start = newline + 1
        tail = piece.rfind(b"\n", max(start, 0)) + 1
        self._line_octets = size - tail if tail else size - start

    # Boundaries -----------------------------------------------------------------------------------

    def _index_boundaries(self) -> None:
        """Prepare the search for the boundaries of the multiparts that are open."""
        known: list[tuple[int, bytes]] = []
        for place, frame in enumerate(self._stack):
            if frame.boundary:
                known.append((place, frame.boundary))
        self._by_octet = {}
        self._needle = b""
        self._longest = 0
        if not known:
            return
        texts = [text for _, text in known]
        low, high = min(texts), max(texts)
        common = 0
        while common < len(low) and common < len(high) and low[common] == high[common]:
            common += 1
        self._needle = b"\n--" + low[:common]
        self._longest = max([len(text) for text in texts])
        # Longest first; of equal ones the innermost.
        known.sort(key=_boundary_order)
        for place, text in known:
            self._by_octet.setdefault(text[0], []).append(place)

    def _match(self, start: int) -> int:
        """Which boundary the line at ``start`` of the buffer is: twice its place in the stack, plus 1 if it closes.

        -1 when it is none that counts. The line begins with two dashes, and enough of it is there.
        """
        buf = self._buf
        if start + 2 >= len(buf):
            return -1
        ignored = b""
        for place in self._by_octet.get(buf[start + 2], ()):
            owner = self._stack[place]
            boundary = owner.boundary
            if not buf.startswith(boundary, start + 2):
                continue
            if ignored and boundary != ignored:
                return -1
            if owner.closed:
                # An enclosing multipart may have the same boundary; a shorter one is not meant.
                ignored = boundary
                continue
            closing = buf.startswith(b"--", start + 2 + len(boundary))
            if closing:
                return 2 * place + 1
            return 2 * place if self._part_count < self._limits.parts else -1
        return -1

    def _enter_boundary(self, match: int) -> None:
        """Go on behind a boundary; the parts inside its multipart have been closed."""
        self._opens = match & 1 == 0
        self._stack[-1].closed = not self._opens
        self._state = _BOUNDARY_LINE
        self._index_boundaries()

    def _read_boundary_line(self, final: bool) -> bool:
        """Skip what follows a boundary on its line. False when more octets are needed."""
        buf = self._buf
        newline = buf.find(b"\n", self._at)
        if newline < 0:
            self._at = len(buf) if final else max(len(buf) - 1, self._at)
            return False
        self._eol_octets = 2 if newline > self._at and buf[newline - 1] == _CR else 1
        self._lines += 1
        self._at = newline + 1
        if self._opens:
            self._open_part(False, self._stack[-1].subtype == b"digest")
        else:
            self._state = _BODY
            self._fresh = True
            self._line_octets = 0
        return True

    def _close_above(self, depth: int, end: int, lines: int) -> None:
        """End the innermost parts, down to ``depth`` that stay, at ``end``, before which lie ``lines`` LFs.

        A part whose body begins behind ``end``, because the line end before the boundary also ended its
        header, ends where it begins, and so do the parts around it.
        """
        stack = self._stack
        while len(stack) > depth:
            frame = stack.pop()
            if frame.body_start > end:
                end, lines = frame.body_start, frame.lines_at_body
            part = frame.finish(end, lines)
            if stack:
                stack[-1].children.append(part)
                stack[-1].odd = stack[-1].odd or frame.odd
            else:
                self._root = part


def _boundary_order(known: tuple[int, bytes]) -> tuple[int, int]:
    return -len(known[1]), -known[0]


def _read_fields(frame: _Frame, block: bytes) -> None:
    """Take what the header says of its part, the first field of each name."""
    spans = split_fields(block)
    seen: list[bytes] = []
    for span in spans:
        name = span[0]
        if name.startswith(b"content-") and name not in seen:
            seen.append(name)
            _read_content_field(frame, name, unfold(block[span[2] : span[3]]))
    if not frame.typed:
        if frame.in_digest:
            frame.media_type, frame.subtype = b"message", b"rfc822"
        else:
            frame.params = _DEFAULT_PARAMS
    if frame.is_root:
        frame.envelope = envelope_of(block, spans)


def _read_content_field(frame: _Frame, name: bytes, value: bytes) -> None:
    if name == b"content-type":
        found = parse_content_type(value)
        if found is not None:
            frame.typed = True
            frame.media_type, frame.subtype, frame.params = found
    elif name == b"content-transfer-encoding":
        text = (strip_comments(value) if b"(" in value else value).strip(b' \t;"').lower()
        if text:
            frame.encoding_name = text
            frame.encoding = ENCODING_NAMES.get(text, Encoding.UNKNOWN)
    elif name == b"content-disposition":
        disposition = parse_disposition(value)
        if disposition is not None:
            frame.disposition = Disposition(disposition[0], disposition[1])
    elif name == b"content-id":
        frame.content_id = value
    elif name == b"content-description":
        frame.description = value
    elif name == b"content-md5":
        frame.md5 = value
    elif name == b"content-location":
        frame.location = b"".join(value.split())
    elif name == b"content-language":
        tags = (strip_comments(value) if b"(" in value else value).split(b",")
        frame.language = tuple([tag.strip(b" \t") for tag in tags if tag.strip(b" \t")])
