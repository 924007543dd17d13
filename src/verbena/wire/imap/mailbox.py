"""Mailbox names and patterns on the wire (RFC 3501 §9: ``mailbox``, ``list-mailbox``; §5.1.3).

Names are ``str`` decoded from modified UTF-7, with INBOX in capitals.
"""

from typing import Final

from verbena.model.mailbox import canonical_name
from verbena.wire.imap import mutf7
from verbena.wire.imap.grammar import LIST_CHAR, Cursor, FrameWriter, format_astring

MAX_PATTERN_OCTETS: Final = 2_000
MAX_WILDCARDS: Final = 32
"""Wildcards in one pattern: they bound the work of matching it."""


# mailbox = "INBOX" / astring
def parse_mailbox(cursor: Cursor) -> str:
    """A canonical name; may be empty, which only LIST's reference can use."""
    return canonical_name(mutf7.decode(cursor.astring()))


def format_mailbox(name: str) -> bytes:
    """In a response: an atom, a quoted string or a literal."""
    return format_astring(mutf7.encode(name))


def write_mailbox(out: FrameWriter, name: str) -> None:
    out.astring(mutf7.encode(name))


# list-mailbox = 1*list-char / string
def parse_list_mailbox(cursor: Cursor) -> str:
    """A pattern, decoded, its INBOX left as written; ``%`` and ``*`` are its wildcards."""
    octets = cursor.run(LIST_CHAR)
    if not octets:
        octets = cursor.string()
    if len(octets) > MAX_PATTERN_OCTETS:
        raise cursor.error("the pattern is too long")
    if octets.count(b"*") + octets.count(b"%") > MAX_WILDCARDS:
        raise cursor.error("the pattern has too many wildcards")
    return mutf7.decode(octets)


def write_list_mailbox(out: FrameWriter, pattern: str) -> None:
    out.string(mutf7.encode(pattern))
