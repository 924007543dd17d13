"""What FETCH items and modifiers work with: messages by the batch or one at a time, and the plan of the whole command.

A short item is a column: one value for each message of a ``Batch``. Another's answer is a function of a ``Message`` and
gives ``NAME value`` as octets or an async iterator over them (see ``registry.FetchItemRow``). Figures that are in the
mailbox's columns cost no read; what ingest knows of the messages, and the octets of short ones, are read for many
messages at a time when some item needs them (RFC 3501 §6.4.5, §7.4.2).
"""

from array import array
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import attrgetter
from typing import Final, final

from verbena.imap.view import Rows, View
from verbena.mime.body import PartIndex
from verbena.model.errors import Refused
from verbena.model.ids import ContentId, ModSeq
from verbena.model.reason import Reason
from verbena.model.uidset import NumberSet
from verbena.store.api import Account, Content
from verbena.wire.imap.fetch import Fetch, FetchAtt
from verbena.wire.imap.reply import FlagText, format_literal_start

INLINE_OCTETS: Final = 65536
"""Up to this length a literal is read inline; longer ones are streamed."""
SHORT_OCTETS: Final = 16384
"""Messages up to this length are read ahead, many at once."""
AHEAD_OCTETS: Final = 262144
"""So many octets are read ahead, and one short message more."""


@final
class Batch:
    """Messages of a FETCH that are answered together; every list has a value for each of them, in their order.

    Those whose rows are lost are left out; ``lost`` tells that there were such. Flags are those at the time of asking.
    """

    __slots__ = ("_places", "_rows", "contents", "lost", "seqs", "uids")

    def __init__(self, view: View, indexes: Sequence[int]) -> None:
        self.lost = False
        self.contents: list[Content] = []
        self._rows: Rows | None = view.rows if view.in_step else None
        self._places: list[tuple[Rows, int]] = []
        self.seqs = [index + 1 for index in indexes]
        if self._rows is None:
            self._places = view.locate_all(indexes)
            self._keep([row >= 0 for _rows, row in self._places])
        self.uids = self._figures(_uids)

    def _keep(self, wanted: list[bool]) -> None:
        """Leave out the others."""
        if all(wanted):
            return
        self.lost = True
        self._places = list(compress(self.places(), wanted))
        self._rows = None
        self.seqs = list(compress(self.seqs, wanted))

    def places(self) -> list[tuple[Rows, int]]:
        """Where the figures of each message are."""
        rows = self._rows
        return self._places if rows is None else [(rows, seq - 1) for seq in self.seqs]

    def _figures(self, column: "Callable[[Rows], array[int]]") -> list[int]:
        if self._rows is None:
            return [column(rows)[row] for rows, row in self._places]
        figures, seqs = column(self._rows), self.seqs
        if seqs[-1] - seqs[0] < len(seqs):
            return figures[seqs[0] - 1 : seqs[-1]].tolist()
        return [figures[seq - 1] for seq in seqs]

    def read_contents(self, account: Account) -> None:
        """Fill ``contents``; a message whose content is gone is left out as well."""
        contents = account.contents(self._figures(_contents))
        self._keep([content is not None for content in contents])
        self.contents = [content for content in contents if content is not None]
        self.uids = self._figures(_uids)

    def flags(self) -> list[int]:
        return self._figures(_flags)

    def sizes(self) -> list[int]:
        return self._figures(_sizes)

    def modseqs(self) -> list[int]:
        return self._figures(_modseqs)

    def dates(self) -> list[int]:
        """Seconds since the epoch."""
        return self._figures(_dates)

    def zones(self) -> list[int]:
        """Minutes east of UTC."""
        return self._figures(_zones)


def flag_lists(batch: Batch, texts: FlagText, recent: NumberSet) -> list[bytes]:
    """``FLAGS (…)`` of each message; ``recent`` are the session's recent messages."""
    flags = batch.flags()
    plain = {bits: texts.plain(bits) for bits in set(flags)}
    if not flags or not recent or batch.uids[-1] < recent.ranges[0][0]:
        return [plain[bits] for bits in flags]
    return [texts.recent(bits) if uid in recent else plain[bits] for bits, uid in zip(flags, batch.uids, strict=True)]


_uids = attrgetter("uids")
_flags = attrgetter("flags")
_modseqs = attrgetter("modseqs")
_sizes = attrgetter("sizes")
_dates = attrgetter("dates")
_zones = attrgetter("zones")
_contents = attrgetter("contents")


@final
class Message:
    """One message of a FETCH. ``row`` indexes the arrays of ``rows``; ``octets`` are those read ahead."""

    __slots__ = ("_index", "account", "content", "octets", "row", "rows", "seq", "uid")

    def __init__(self, account: Account, seq: int, uid: int, rows: Rows, row: int, content: Content | None) -> None:
        self.account = account
        self.seq = seq
        self.uid = uid
        self.rows = rows
        self.row = row
        self.content = content
        self.octets: bytes | None = None
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
            return opening + self.read(start, length)
        return self._stream(opening, start, length)

    def read(self, start: int, length: int) -> bytes:
        """Octets ``[start, start+length)``, at most 1 MiB. Raises ``Refused(CORRUPTION)`` when there are fewer."""
        if self.octets is not None:
            octets = self.octets[start : start + length]
        else:
            octets = self.account.read(self.content_id, start, length) if length else b""
        if len(octets) != length:
            raise Refused(Reason.CORRUPTION, "A message is shorter than it was")
        return octets

    async def _stream(self, opening: bytes, start: int, length: int) -> AsyncIterator[bytes]:
        yield opening
        async for piece in self.account.stream(self.content_id, start, length):
            yield piece


def read_ahead(account: Account, messages: Sequence[Message], first: int) -> int:
    """Read the octets of short messages from ``first`` on in one go; the place of the first one not looked at."""
    place, total = first, 0
    short: list[Message] = []
    while place < len(messages) and total < AHEAD_OCTETS:
        message = messages[place]
        if message.size_octets <= SHORT_OCTETS:
            total += message.size_octets
            short.append(message)
        place += 1
    for message, octets in zip(short, account.reads([message.content_id for message in short]), strict=True):
        message.octets = octets
    return place


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
