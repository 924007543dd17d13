"""A client's side of an IMAP connection, below the commands: tags, literals, responses read or streamed.

Raises as ``client.imap`` says. Limits: ``FrameLimits`` with literals of ``MAX_LITERAL_OCTETS``; longer ones are
streamed.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from verbena.client.connect import Connection
from verbena.client.errors import ServerUnavailable, imap_error
from verbena.client.response import Completed, Untagged, parse_status, parse_untagged
from verbena.model.errors import PeerError
from verbena.wire.imap.frame import Frame, FrameLimits, FrameReader, Literal, LiteralPiece, LiteralStart, Rejected

MAX_LITERAL_OCTETS: Final = 67_108_864
MAX_INLINE_LITERAL_OCTETS: Final = 4096
"""LITERAL-: longer literals wait for the server's go-ahead (RFC 7888 §5)."""
_LIMITS: Final = FrameLimits(
    line_octets=1_048_576, literal_octets=MAX_LITERAL_OCTETS, literals=100_000, command_octets=2 * MAX_LITERAL_OCTETS
)
_SHOWN_LITERAL_OCTETS: Final = 1500


@dataclass(frozen=True, slots=True)
class Upload:
    """A literal that is streamed; ``binary`` for a literal8."""

    size_octets: int
    source: AsyncIterator[bytes]
    binary: bool = False


class Conversation:
    """One connection and what is under way on it. One command at a time.

    ``say`` to ``learn`` are for commands that are more than one question and its answer.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection: Final = connection
        self._reader: Final = FrameReader(_LIMITS, responses=True)
        self._number = 0
        self._capabilities: frozenset[str] = frozenset()

    @property
    def capabilities(self) -> frozenset[str]:
        """In capitals, as the server last told them."""
        return self._capabilities

    async def command(
        self, frame: Frame, *, uploads: Sequence[Upload | None] = (), shown: bytes | None = None
    ) -> Completed:
        """Send a command without its tag, and read to its end. ``uploads[i]`` takes literal ``i``'s place.

        ``shown`` goes to the trace in its stead.
        """
        tag = self._tag()
        untagged: list[Untagged] = []
        text = tag + b" " + frame.text
        for place, literal in enumerate(frame.literals):
            upload = uploads[place] if place < len(uploads) else None
            size = upload.size_octets if upload is not None else len(literal.octets)
            inline = self._is_inline(size)
            marker = b"%b{%d%b}" % (b"~" if literal.binary else b"", size, b"+" if inline else b"")
            self.connection.say(text + marker, None if shown is None else tag + b" " + shown)
            if not inline:
                await self._go_ahead(tag, untagged)
            await self._send_literal(literal, upload)
            text = frame.texts[place]
        self.connection.say(text, None if shown is None or frame.literals else tag + b" " + shown)
        await self.connection.drain()
        return await self.until(tag, untagged)

    def say(self, text: bytes, shown: bytes | None = None) -> bytes:
        tag = self._tag()
        self.connection.say(tag + b" " + text, None if shown is None else tag + b" " + shown)
        return tag

    def _tag(self) -> bytes:
        self._number += 1
        return b"A%04d" % self._number

    async def frame(self) -> Frame:
        """The next response, its literals kept."""
        while True:
            event = self._reader.next_event()
            if event is None:
                self._reader.feed(await self.connection.receive())
            elif isinstance(event, LiteralStart):
                self._reader.accept()
            elif isinstance(event, Frame):
                self._trace_frame(event)
                return event
            elif isinstance(event, Rejected):
                raise event.error

    async def until(self, tag: bytes, untagged: list[Untagged]) -> Completed:
        """Read up to the tagged response."""
        while True:
            frame = await self.frame()
            if frame.text.startswith(b"* "):
                untagged.append(parse_untagged(frame))
            elif not frame.text.startswith(b"+"):
                return self.completed(tag, frame, untagged)

    async def streamed(self, tag: bytes, name: bytes) -> AsyncIterator[bytes | Untagged]:
        """Octets of literals in responses called ``name``, then such a response without them, up to the tagged OK."""
        untagged: list[Untagged] = []
        wanted = False
        while True:
            event = self._reader.next_event()
            if event is None:
                self._reader.feed(await self.connection.receive())
            elif isinstance(event, LiteralStart):
                wanted = wanted or name in event.text[:40].upper().split(b" ")
                if wanted:
                    self.connection.trace("S", event.text + b"{%d} (octets follow)" % event.size_octets)
                    self._reader.stream()
                else:
                    self._reader.accept()
            elif isinstance(event, LiteralPiece):
                if event.octets:
                    yield event.octets
            elif isinstance(event, Rejected):
                raise event.error
            elif event.text.startswith(b"* "):
                wanted = False
                response = parse_untagged(event)
                if event.literals:
                    self.connection.trace("S", event.last_text)
                else:
                    self._trace_frame(event)
                if response.name == name:
                    yield response
                else:
                    untagged.append(response)
            else:
                self._trace_frame(event)
                self.completed(tag, event, untagged)
                return

    def completed(self, tag: bytes, frame: Frame, untagged: list[Untagged]) -> Completed:
        got, _, rest = frame.text.partition(b" ")
        for response in untagged:
            if response.name == b"BYE" and got != tag:
                raise ServerUnavailable("The server said goodbye", "BYE")
        if got != tag:
            raise PeerError("the server answered a command that was not sent", fatal=True)
        status = parse_status(rest)
        if status.status != b"OK":
            raise imap_error(status.status, status.code, status.text)
        if status.code == b"CAPABILITY":
            self._capabilities = frozenset(status.arguments.decode("ascii", "replace").upper().split())
        return Completed(status, tuple(untagged))

    async def learn(self, untagged: Sequence[Untagged]) -> None:
        """Take the capabilities from what came, or ask for them."""
        for response in untagged:
            status = response.status()
            if response.name == b"CAPABILITY":
                words = response.frame.text[response.start :]
            elif status is not None and status.code == b"CAPABILITY":
                words = status.arguments
            else:
                continue
            self._capabilities = frozenset(words.decode("ascii", "replace").upper().split())
            return
        done = await self.command(Frame(b"CAPABILITY"))
        if not done.all(b"CAPABILITY"):
            raise PeerError("the server did not tell its capabilities")
        await self.learn(done.all(b"CAPABILITY"))

    def _is_inline(self, size_octets: int) -> bool:
        if "LITERAL+" in self._capabilities:
            return True
        return "LITERAL-" in self._capabilities and size_octets <= MAX_INLINE_LITERAL_OCTETS

    async def _go_ahead(self, tag: bytes, untagged: list[Untagged]) -> None:
        """Wait for the continuation request. Raises what the server answers in its place."""
        while True:
            frame = await self.frame()
            if frame.text.startswith(b"+"):
                return
            if frame.text.startswith(b"* "):
                untagged.append(parse_untagged(frame))
            else:
                self.completed(tag, frame, untagged)
                raise PeerError("the server ended a command before it was sent")

    async def _send_literal(self, literal: Literal, upload: Upload | None) -> None:
        if upload is not None:
            self.connection.trace("C", b"(%d octets)" % upload.size_octets)
            await self.connection.write_all(upload.source, upload.size_octets)
            return
        self._trace_literal("C", literal.octets)
        self.connection.write(literal.octets)
        await self.connection.drain()

    def _trace_frame(self, frame: Frame) -> None:
        line = frame.text
        for place, literal in enumerate(frame.literals):
            self.connection.trace("S", b"%b{%d}" % (line, len(literal.octets)))
            self._trace_literal("S", literal.octets)
            line = frame.texts[place]
        self.connection.trace("S", line)

    def _trace_literal(self, who: str, octets: bytes) -> None:
        if len(octets) > _SHOWN_LITERAL_OCTETS:
            self.connection.trace(who, b"(%d octets)" % len(octets))
            return
        for line in octets.split(b"\r\n"):
            self.connection.trace(who, line)
