"""SEARCH and UID SEARCH (RFC 3501 §6.4.4, MODSEQ of RFC 7162 §3.1.5): full. ``store.search`` does the work.

Message numbers and ``\\Recent`` are the session's, so they are turned into UIDs before. Numbers that the view does
not have find nothing. Messages that were expunged, but of which the client has not been told, are not found
(RFC 2180 §4.3); those it has not been told of either.
"""

from collections.abc import AsyncIterator
from typing import Final

from verbena.imap.outcome import No, Reply
from verbena.imap.registry import SELECTED, Registry, open_command
from verbena.imap.session import Session
from verbena.imap.view import View
from verbena.mime.coding import find_codec
from verbena.model.query import Among, InNumbers, InUids, IsRecent, Leaf, ModSeqFrom, Query, leaves, replace_leaves
from verbena.model.uidset import NumberSet, range_set
from verbena.store.search import Found
from verbena.store.search import search as search_mailbox
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.reply import SearchReply, badcharset, format_code, format_search
from verbena.wire.imap.search import Decode, Search, parse_search

_SOME_CHARSETS: Final = [
    "US-ASCII",
    "UTF-8",
    "UTF-16",
    "UTF-7",
    "ISO-8859-1",
    "ISO-8859-2",
    "ISO-8859-5",
    "ISO-8859-7",
    "ISO-8859-9",
    "ISO-8859-15",
    "WINDOWS-1250",
    "WINDOWS-1251",
    "WINDOWS-1252",
    "KOI8-R",
    "KOI8-U",
    "ISO-2022-JP",
    "SHIFT_JIS",
    "EUC-JP",
    "GB18030",
    "BIG5",
    "EUC-KR",
]
"""RFC 3501 §7.1 wants no full list."""
_BAD_CHARSET: Final = No(b"The charset of the search is not known", format_code(badcharset(_SOME_CHARSETS)))


def find_charset(name: bytes) -> Decode | None:
    """How strings of a charset become text; None when Python does not know it."""
    codec = find_codec(name)
    if codec is None:
        return None

    def decode(octets: bytes) -> str:
        return octets.decode(codec)

    return decode


def _parse(cursor: Cursor, registry: Registry) -> Search:
    return parse_search(cursor, False, find_charset, {name: row.parse for name, row in registry.search_keys.items()})


def _parse_uid(cursor: Cursor, registry: Registry) -> Search:
    return parse_search(cursor, True, find_charset, {name: row.parse for name, row in registry.search_keys.items()})


def bind(query: Query, view: View) -> Query:
    """The query with UIDs in place of what only this session knows."""

    def replace(leaf: Leaf) -> Query:
        match leaf:
            case InNumbers():
                return Among(_uids_of_numbers(view, leaf.numbers.resolve(view.count)))
            case InUids():
                return Among(leaf.uids.resolve(view.last_uid))
            case IsRecent():
                return Among(view.recent)
            case _:
                return leaf

    return replace_leaves(query, replace)


def _uids_of_numbers(view: View, numbers: NumberSet) -> NumberSet:
    """UID ranges that hold exactly the messages with those numbers, as far as the view goes."""
    ranges: list[tuple[int, int]] = []
    for low, high in numbers.ranges:
        if low <= view.count:
            ranges.append((view.uids[low - 1], view.uids[min(high, view.count) - 1]))
    return range_set(ranges)


async def find(session: Session, query: Query) -> Found:
    """The messages of the selected mailbox that match and that the client knows of.

    While numbers stand in a query, even in a UID command, no expunge is told (RFC 7162 §3.2.10.2).
    """
    session.holds_numbers = any(isinstance(leaf, InNumbers) for leaf in leaves(query))
    view = session.mailbox.view
    view.advance(session.account)
    return await search_mailbox(session.account, view.columns, bind(query, view), view.last_uid)


def numbers_of(view: View, found: Found) -> list[int]:
    """Message numbers of what was found, ascending."""
    if view.count == len(found.uids):
        return list(range(1, view.count + 1))
    return [index + 1 for index in view.indexes_of(found.uids)]


def asks_modseq(session: Session, query: Query) -> bool:
    """Whether the answer has to tell the highest mod-sequence; using the key turns CONDSTORE on (RFC 7162 §3.1)."""
    if not any(isinstance(leaf, ModSeqFrom) for leaf in leaves(query)):
        return False
    extension = session.services.registry.enables.get("CONDSTORE")
    if extension is not None and extension.on_enable is not None:
        extension.on_enable(session, "CONDSTORE")
    return True


async def search(session: Session, request: Search) -> AsyncIterator[Reply]:
    if not request.charset_known:
        yield _BAD_CHARSET
        return
    with_modseq = asks_modseq(session, request.query)
    found = await find(session, request.query)
    numbers = found.uids if request.by_uid else numbers_of(session.mailbox.view, found)
    yield format_search(SearchReply(tuple(numbers), found.modseq if with_modseq and numbers else None))


ROWS = (
    open_command("SEARCH", _parse, search, SELECTED, may_tell_expunges=False),
    open_command("UID SEARCH", _parse_uid, search, SELECTED),
)
