"""What FETCH items and modifiers work with: one message at a time, and the plan of the whole command.

An item's answer is a function of a ``Message`` (see ``registry.FetchItemRow``); it gives ``NAME value`` as octets or
an async iterator over them. Figures that are in the columns cost no read; ``content`` is read for a batch at a time
when some item needs it (RFC 3501 §6.4.5, §7.4.2).
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Final, final

from verbena.imap.registry import FetchItemRow
from verbena.imap.view import Rows
from verbena.mime.body import unpack_parts
from verbena.model.errors import Refused
from verbena.model.ids import ContentId, ModSeq
from verbena.model.part import Part
from verbena.model.reason import Reason
from verbena.store.api import Account, Content

INLINE_OCTETS: Final = 65536
"""Up to this length a literal is read inline; longer ones are streamed."""

Answer = Callable[["Message"], bytes | AsyncIterator[bytes]]


@final
class Message:
    """One message of a FETCH. ``row`` indexes the arrays of ``rows``."""

    __slots__ = ("_tree", "account", "content", "row", "rows", "seq", "uid")

    def __init__(
        self, account: Account, seq: int, uid: int, rows: Rows, row: int, content: Content | None
    ) -> None:
        self.account = account
        self.seq = seq
        self.uid = uid
        self.rows = rows
        self.row = row
        self.content = content
        self._tree: Part | None = None

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

    def tree(self) -> Part:
        """The part tree, unpacked at first need."""
        if self._tree is None:
            self._tree = unpack_parts(self.known().parts)
        return self._tree

    def literal(self, head: bytes, start: int, length: int) -> bytes | AsyncIterator[bytes]:
        """``head``, then octets ``[start, start+length)`` of the message as a literal of exactly that length."""
        opening = b"%b {%d}\r\n" % (head, length)
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

    indexes: list[int]
    uids_asked: "list[tuple[int, int]]"
    """the UID ranges as asked, ``*`` resolved; empty for FETCH by sequence number"""
    by_uid: bool
    items: list[tuple[FetchItemRow, object]]
    changed_since: ModSeq | None = None
    preamble: list[bytes] = field(default_factory=list)

    def asks_for(self, name: str) -> bool:
        return any(row.name == name for row, _ in self.items)

    def add_item(self, row: FetchItemRow, value: object = None) -> None:
        """Add an item that the client did not name, unless it did."""
        if not self.asks_for(row.name):
            self.items.append((row, value))
