"""What FETCH items and modifiers work with: one message at a time, and the plan of the whole command.

An item's answer is a function of a ``Message`` (see ``registry.FetchItemRow``); it gives ``NAME value`` as octets or
an async iterator over them. Figures that are in the columns cost no read; ``content`` is read for a batch at a time
when some item needs it (RFC 3501 §6.4.5, §7.4.2).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, final

from verbena.imap.view import Rows
from verbena.mime.body import PartIndex
from verbena.model.errors import Refused
from verbena.model.ids import ContentId, ModSeq
from verbena.model.reason import Reason
from verbena.store.api import Account, Content
from verbena.wire.imap.fetch import Fetch, FetchAtt
from verbena.wire.imap.reply import format_literal_start

INLINE_OCTETS: Final = 65536
"""Up to this length a literal is read inline; longer ones are streamed."""


@final
class Message:
    """One message of a FETCH. ``row`` indexes the arrays of ``rows``."""

    __slots__ = ("_index", "account", "content", "row", "rows", "seq", "uid")

    def __init__(self, account: Account, seq: int, uid: int, rows: Rows, row: int, content: Content | None) -> None:
        self.account = account
        self.seq = seq
        self.uid = uid
        self.rows = rows
        self.row = row
        self.content = content
        self._index: PartIndex | None = None

    @property
    def content_id(self) -> ContentId:
        return ContentId(self.rows.contents[self.row])

    @property
    def size_octets(self) -> int:
        return self.rows.sizes[self.row]

    def known(self) -> Content:
        """The content's facts. Raises ``Refused(EXPUNGE_ISSUED)`` when they are gone with the message."""
        if self.content is None:
            raise Refused(Reason.EXPUNGE_ISSUED, "Some of the messages were expunged")
        return self.content

    def index(self) -> PartIndex:
        """The index of its parts, opened at first need."""
        if self._index is None:
            self._index = PartIndex(self.known().parts)
        return self._index

    def literal(self, head: bytes, start: int, length: int) -> bytes | AsyncIterator[bytes]:
        """``head``, then octets ``[start, start+length)`` of the message as a literal of exactly that length."""
        opening = b"%b %b" % (head, format_literal_start(length))
        if length <= INLINE_OCTETS:
            octets = self.account.read(self.content_id, start, length) if length else b""
            if len(octets) != length:
                raise Refused(Reason.CORRUPTION, "A message is shorter than it was")
            return opening + octets
        return self._stream(opening, start, length)

    async def _stream(self, opening: bytes, start: int, length: int) -> AsyncIterator[bytes]:
        yield opening
        async for piece in self.account.stream(self.content_id, start, length):
            yield piece


@dataclass(slots=True)
class FetchPlan:
    """What a FETCH is going to do; modifiers change it before it starts. ``indexes`` into the view, ascending.

    ``preamble`` are untagged responses to send first, such as ``VANISHED (EARLIER)``.
    """

    request: Fetch
    indexes: list[int]
    atts: list[FetchAtt]
    changed_since: ModSeq | None = None
    preamble: list[bytes] = field(default_factory=list)

    def add(self, att: FetchAtt) -> None:
        """Answer an item that the client did not name, unless it did."""
        if att not in self.atts:
            self.atts.append(att)
