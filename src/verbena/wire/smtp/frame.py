"""Cut an SMTP or LMTP byte stream into command lines, DATA content and BDAT chunks.

RFC 5321 §2.3.8, §4.1.1.4, §4.5.2; RFC 3030 §2. Full. Octets in, lines and pieces out; no I/O.

- A line ends in CRLF and in nothing else. A bare LF is fatal: what follows it may be a command that someone slipped
  into an address, so it is not read. A line with a bare CR or NUL is refused whole.
- DATA ends at CRLF "." CRLF and nowhere else. A bare CR or LF inside is remembered (``data_is_broken``) and reading
  goes on to the true end, so that no part of a message is ever taken for a command.
- Nothing is held but an unfinished line (at most ``MAX_LINE_OCTETS``) and what was fed and not yet taken.
"""

from typing import Final

from verbena.model.errors import PeerError

MAX_LINE_OCTETS: Final = 12_288
"""Longest line of any kind, without its CRLF: what AUTH needs (RFC 4954 §4); a verb's own limit may be lower."""

LF: Final = 10
CR: Final = 13
DOT: Final = 46


class SmtpFrame:
    """The receiving half of one connection. One of ``line``, ``data`` and ``chunk`` is in use at a time."""

    __slots__ = ("_at_line_start", "_buffer", "_chunk_left", "_data_broken", "_data_done", "_scanned", "_skipping")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self._skipping = False
        self._at_line_start = True
        self._data_done = True
        self._data_broken = False
        self._chunk_left = 0

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def clear(self) -> None:
        """Forget what has arrived and was not taken (RFC 3207 §4.2)."""
        self._buffer.clear()
        self._scanned = 0
        self._skipping = False

    @property
    def waiting_octets(self) -> int:
        return len(self._buffer)

    def line(self) -> bytes | None:
        """The next line without its CRLF; None until it is complete.

        Raises ``PeerError`` for a line that is too long or has a bare CR or NUL (it is consumed, the stream can be
        followed), and a fatal one for a bare LF.
        """
        buffer = self._buffer
        end = buffer.find(b"\n", self._scanned)
        if end < 0:
            if len(buffer) > MAX_LINE_OCTETS + 1:
                self._skipping = True
                del buffer[: len(buffer) - 1]
            self._scanned = max(len(buffer) - 1, 0)
            return None
        if end == 0 or buffer[end - 1] != CR:
            self.clear()
            raise PeerError("Bare LF in a command line", fatal=True)
        line = bytes(buffer[: end - 1])
        del buffer[: end + 1]
        self._scanned = 0
        if self._skipping or len(line) > MAX_LINE_OCTETS:
            self._skipping = False
            raise PeerError("Line too long")
        if b"\r" in line or b"\x00" in line:
            raise PeerError("Bare CR or NUL in a command line")
        return line

    def begin_data(self) -> None:
        """From here on the octets are DATA content (RFC 5321 §4.1.1.4)."""
        self._at_line_start = True
        self._data_done = False
        self._data_broken = False

    @property
    def data_done(self) -> bool:
        return self._data_done

    @property
    def data_is_broken(self) -> bool:
        """Whether a bare CR or LF was in the content so far."""
        return self._data_broken

    def data(self) -> bytes:
        """The content that can be told by now, dots unstuffed; empty when more octets are needed or at the end."""
        buffer = self._buffer
        pieces: list[bytes] = []
        position = 0
        size = len(buffer)
        while position < size and not self._data_done:
            if self._at_line_start and buffer[position] == DOT:
                if buffer[position + 1 : position + 3] == b"\r\n":
                    position += 3
                    self._data_done = True
                    break
                if size - position == 1 or (size - position == 2 and buffer[position + 1] == CR):
                    break
                position += 1
            self._at_line_start = False
            found = buffer.find(b"\r\n.", position)
            end = found + 2 if found >= 0 else size
            if found < 0 and buffer[size - 1] == CR:
                end = size - 1
            elif found >= 0 or buffer.endswith(b"\r\n", position):
                self._at_line_start = True
            if end == position:
                break
            pieces.append(bytes(buffer[position:end]))
            position = end
            if found < 0:
                break
        del buffer[:position]
        content = b"".join(pieces) if len(pieces) != 1 else pieces[0]
        if content and not self._data_broken:
            pairs = content.count(b"\r\n")
            self._data_broken = content.count(b"\n") != pairs or content.count(b"\r") != pairs
        return content

    def begin_chunk(self, size_octets: int) -> None:
        """The next ``size_octets`` octets are a BDAT chunk (RFC 3030 §2)."""
        self._chunk_left = size_octets

    @property
    def chunk_done(self) -> bool:
        return self._chunk_left == 0

    def chunk(self) -> bytes:
        """What has arrived of the chunk and was not yet taken; empty when more octets are needed or at its end."""
        size = min(self._chunk_left, len(self._buffer))
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        self._chunk_left -= size
        return piece


def stuff_dots(piece: bytes, at_line_start: bool) -> bytes:
    """``piece`` of CRLF-ended text made ready for DATA (RFC 5321 §4.5.2).

    ``at_line_start`` says whether the piece before ended in CRLF. A piece should not end between CR and LF.
    """
    stuffed = piece.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if at_line_start and stuffed.startswith(b".") else stuffed
