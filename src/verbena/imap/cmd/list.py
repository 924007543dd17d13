"""LIST and LSUB (RFC 3501 §6.3.8, §6.3.9): full. Attributes beyond ``\\Noselect`` come from extensions.

Reference and pattern are simply joined. ``*`` matches anything, ``%`` anything but the delimiter. A level of LSUB that
``%`` stops at, and that is not subscribed itself, is told with ``\\Noselect``.
Limits: wildcards in one pattern as ``wire.imap.mailbox``; matching one name costs at most pattern times name.
"""

from collections.abc import AsyncIterator
from typing import Final

from verbena.imap.outcome import Ok, Reply
from verbena.imap.registry import LOGGED_IN, command
from verbena.imap.session import Session
from verbena.model.mailbox import DELIMITER, canonical_name
from verbena.wire.imap.folder import List, parse_list
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.reply import ListReply, format_list_reply

NOSELECT: Final = "\\Noselect"


def matches(pattern: str, name: str) -> bool:
    """Whether the whole ``name`` fits ``pattern``, character by character over the set of places reached."""
    places = _closure(pattern, {0})
    for character in name:
        reached: set[int] = set()
        for place in places:
            if place == len(pattern):
                continue
            wanted = pattern[place]
            if wanted == "*" or (wanted == "%" and character != DELIMITER):
                reached.add(place)
            elif wanted == character and wanted != "%":
                reached.add(place + 1)
        if not reached:
            return False
        places = _closure(pattern, reached)
    return len(pattern) in places


def _closure(pattern: str, places: set[int]) -> set[int]:
    """``places`` and those behind wildcards at them, which may match nothing."""
    result = set(places)
    for place in places:
        while place < len(pattern) and pattern[place] in "*%":
            place += 1
            result.add(place)
    return result


def _fits(pattern: str, name: str) -> bool:
    """As ``matches``; a pattern's INBOX, alone or as first level, is taken in any case (RFC 3501 §5.1)."""
    return matches(canonical_name(pattern), name)


async def list_mailboxes(session: Session, arguments: List) -> AsyncIterator[Reply]:
    if not arguments.pattern:
        # The root of the reference, which is no mailbox (RFC 3501 §6.3.8).
        yield format_list_reply(ListReply((NOSELECT,), DELIMITER, ""))
        return
    pattern = arguments.reference + arguments.pattern
    registry = session.services.registry
    lines: list[bytes] = []
    for mailbox in session.account.mailboxes():
        if not _fits(pattern, mailbox.name):
            continue
        attributes: tuple[str, ...] = () if mailbox.selectable else (NOSELECT,)
        attributes += registry.list_attributes(session, mailbox)
        lines.append(format_list_reply(ListReply(attributes, DELIMITER, mailbox.name)))
    yield b"".join(lines)
    yield Ok(b"LIST completed")


async def list_subscribed(session: Session, arguments: List) -> AsyncIterator[Reply]:
    pattern = arguments.reference + arguments.pattern
    selectable = {mailbox.name for mailbox in session.account.mailboxes() if mailbox.selectable}
    lines: dict[str, bytes] = {}
    stops_at_levels = pattern.endswith("%")
    for name in session.account.subscriptions():
        if _fits(pattern, name):
            attributes = () if name in selectable else (NOSELECT,)
            lines[name] = format_list_reply(ListReply(attributes, DELIMITER, name, subscribed=True))
        elif stops_at_levels:
            level = _level_told(pattern, name)
            if level and level not in lines:
                lines[level] = format_list_reply(ListReply((NOSELECT,), DELIMITER, level, subscribed=True))
    yield b"".join([lines[name] for name in sorted(lines)])
    yield Ok(b"LSUB completed")


def _level_told(pattern: str, name: str) -> str:
    """The deepest level above a subscribed ``name`` that the pattern stops at; empty when none fits."""
    while DELIMITER in name:
        name = name.rpartition(DELIMITER)[0]
        if _fits(pattern, name):
            return name
    return ""


def _parse_list(cursor: Cursor) -> List:
    return parse_list(cursor, False)


def _parse_lsub(cursor: Cursor) -> List:
    return parse_list(cursor, True)


ROWS = (
    command("LIST", _parse_list, list_mailboxes, LOGGED_IN),
    command("LSUB", _parse_lsub, list_subscribed, LOGGED_IN),
)
