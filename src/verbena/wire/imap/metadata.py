"""GETMETADATA, SETMETADATA and the METADATA response on the wire (RFC 5464 §4 and §5): full.

The empty mailbox name is the server. Names of entries are checked here, because a bad one is a BAD (§3.2); they keep
the spelling of whoever wrote them, to be told in it, and compare in lower case (``model.metadata``).

Tolerances, each because the RFC's own examples need it and its grammar forbids it: options may stand behind the mailbox
name as well as before it (§4.2.1, §4.2.2), several entries may come without parentheses (§4.4.1).
Limits: ``MAX_ENTRIES_AT_ONCE`` names in a command; names as ``model.metadata``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from verbena.model.metadata import MAX_VALUE_OCTETS, canonical_entry, is_entry, is_scope
from verbena.wire.imap.grammar import (
    CLASSES,
    KEYWORD,
    LPAREN,
    RPAREN,
    SP,
    Cursor,
    FrameWriter,
    format_astring,
    format_nstring,
)
from verbena.wire.imap.mailbox import format_mailbox, parse_mailbox, write_mailbox
from verbena.wire.imap.reply import Code

MAX_ENTRIES_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class GetMetadata:
    """``depth`` None is infinity; ``max_size`` in octets, None where not given; ``entries`` as they were spelled."""

    mailbox: str
    entries: tuple[str, ...]
    depth: int | None = 0
    max_size: int | None = None


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """``values`` by entry as spelled, each once whatever its case; None removes."""

    mailbox: str
    values: tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class MetadataReply:
    """With values as GETMETADATA's answer, or with bare names of entries that changed (§4.4.2)."""

    mailbox: str
    values: tuple[tuple[str, bytes | None], ...] = ()
    changed: tuple[str, ...] = ()


# --- commands -------------------------------------------------------------------------------


# getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries
# entries     = entry / "(" entry *(SP entry) ")"
def parse_getmetadata(cursor: Cursor) -> GetMetadata:
    cursor.sp()
    options: tuple[int | None, int | None] | None = None
    if cursor.peek() == LPAREN:
        options = _options(cursor)
        cursor.sp()
    mailbox = parse_mailbox(cursor)
    cursor.sp()
    if options is None and _options_next(cursor):
        options = _options(cursor)
        cursor.sp()
    entries: list[str] = []
    inside = cursor.skip(LPAREN)
    while True:
        if len(entries) >= MAX_ENTRIES_AT_ONCE:
            raise cursor.error("there are too many entries")
        entries.append(_scope(cursor))
        if not cursor.skip(SP):
            break
    if inside:
        cursor.expect(RPAREN)
    cursor.end()
    depth, max_size = (0, None) if options is None else options
    return GetMetadata(mailbox, tuple(entries), depth, max_size)


def _options_next(cursor: Cursor) -> bool:
    """Whether a parenthesis opens options: their names begin with a letter, those of entries with a slash."""
    text, at = cursor.text, cursor.pos
    return text[at : at + 1] == b"(" and at + 1 < len(text) and CLASSES[text[at + 1]] & KEYWORD != 0


# getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")"
# maxsize-opt = "MAXSIZE" SP number; scope-opt = "DEPTH" SP ("0" / "1" / "infinity")
def _options(cursor: Cursor) -> tuple[int | None, int | None]:
    """Depth and largest size."""
    cursor.expect(LPAREN)
    depth: int | None = 0
    max_size: int | None = None
    seen: list[str] = []
    while True:
        name = cursor.keyword()
        if name in seen:
            raise cursor.error("this option comes twice")
        seen.append(name)
        cursor.sp()
        if name == "MAXSIZE":
            max_size = cursor.number()
        elif name == "DEPTH":
            depth = _depth(cursor)
        else:
            raise cursor.error("this option is unknown")
        if cursor.skip(RPAREN):
            return depth, max_size
        cursor.sp()


def _depth(cursor: Cursor) -> int | None:
    word = cursor.keyword()
    if word == "INFINITY":
        return None
    if word != "0" and word != "1":
        raise cursor.error("DEPTH is 0, 1 or infinity")
    return int(word)


# entry = astring
def _scope(cursor: Cursor) -> str:
    """The name of an entry, or of a level above entries."""
    name = cursor.astring().decode("latin-1")
    if not is_scope(canonical_entry(name)):
        raise cursor.error("the name of an entry should end here, such as /private/comment")
    return name


def write_getmetadata(out: FrameWriter, command: GetMetadata) -> None:
    out.text(b"GETMETADATA ")
    options: list[bytes] = []
    if command.max_size is not None:
        options.append(b"MAXSIZE %d" % command.max_size)
    if command.depth != 0:
        options.append(b"DEPTH infinity" if command.depth is None else b"DEPTH %d" % command.depth)
    if options:
        out.text(b"(%b) " % b" ".join(options))
    write_mailbox(out, command.mailbox)
    opening = b" ("
    for entry in command.entries:
        out.text(opening)
        out.astring(entry.encode("ascii"))
        opening = b" "
    out.text(b")")


# setmetadata  = "SETMETADATA" SP mailbox SP entry-values
# entry-values = "(" entry-value *(SP entry-value) ")"; entry-value = entry SP value; value = nstring / literal8
def parse_setmetadata(cursor: Cursor) -> SetMetadata:
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    cursor.sp()
    cursor.expect(LPAREN)
    values: list[tuple[str, bytes | None]] = []
    seen: set[str] = set()
    while True:
        name = _scope(cursor)
        if not is_entry(canonical_entry(name)):
            raise cursor.error("an entry before has too few components to have a value")
        if canonical_entry(name) in seen:
            raise cursor.error("an entry before comes twice")
        seen.add(canonical_entry(name))
        cursor.sp()
        values.append((name, cursor.nstring8()))
        if cursor.skip(RPAREN):
            break
        if len(values) >= MAX_ENTRIES_AT_ONCE:
            raise cursor.error("there are too many entries")
        cursor.sp()
    cursor.end()
    return SetMetadata(mailbox, tuple(values))


def write_setmetadata(out: FrameWriter, command: SetMetadata) -> None:
    out.text(b"SETMETADATA ")
    write_mailbox(out, command.mailbox)
    opening = b" ("
    for entry, value in command.values:
        out.text(opening)
        out.astring(entry.encode("ascii"))
        out.text(b" ")
        out.nstring(value)
        opening = b" "
    out.text(b")")


# --- responses ------------------------------------------------------------------------------


# metadata-resp = "METADATA" SP mailbox SP (entry-values / entry-list)
def format_metadata_values(mailbox: str, values: Iterable[tuple[str, bytes | None]]) -> bytes:
    """At least one value."""
    pairs = [b"%b %b" % (format_astring(entry.encode("ascii")), _format_value(value)) for entry, value in values]
    return b"* METADATA %b (%b)\r\n" % (format_mailbox(mailbox), b" ".join(pairs))


# entry-list = entry *(SP entry)
def format_metadata_changed(mailbox: str, entries: Iterable[str]) -> bytes:
    """At least one entry."""
    names = [format_astring(entry.encode("ascii")) for entry in entries]
    return b"* METADATA %b %b\r\n" % (format_mailbox(mailbox), b" ".join(names))


def _format_value(value: bytes | None) -> bytes:
    """A literal8 where there is an octet 0 in it, which no other string may have."""
    if value is not None and b"\0" in value:
        return b"~{%d}\r\n%b" % (len(value), value)
    return format_nstring(value)


def parse_metadata_reply(cursor: Cursor) -> MetadataReply:
    """What follows ``* METADATA``, as a client reads it; names are taken as the server writes them."""
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    cursor.sp()
    if not cursor.skip(LPAREN):
        changed = [_scope(cursor)]
        while cursor.skip(SP):
            changed.append(_scope(cursor))
        cursor.end()
        return MetadataReply(mailbox, changed=tuple(changed))
    values: list[tuple[str, bytes | None]] = []
    while True:
        name = _scope(cursor)
        cursor.sp()
        values.append((name, cursor.nstring8()))
        if cursor.skip(RPAREN):
            break
        cursor.sp()
    cursor.end()
    return MetadataReply(mailbox, tuple(values))


# resp-text-code =/ "METADATA" SP "LONGENTRIES" SP number
def longentries(octets: int) -> Code:
    """The size of the largest value that MAXSIZE kept back."""
    return Code("METADATA", b"LONGENTRIES %d" % octets)


# resp-text-code =/ "METADATA" SP ("MAXSIZE" SP number / "TOOMANY" / "NOPRIVATE")
TOOMANY: Final = Code("METADATA", b"TOOMANY")
MAXSIZE: Final = Code("METADATA", b"MAXSIZE %d" % MAX_VALUE_OCTETS)
