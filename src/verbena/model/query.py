"""What a search asks for, as a tree (RFC 3501 §6.4.4, RFC 7162 §3.1.5).

Leaves say one thing about a message each; ``And``, ``Or`` and ``Not`` join them. Text is already ``str``, whatever
charset it came in. ``simplify`` brings a tree into the form that evaluation wants; ``replace_leaves`` puts
something in place of what only a session knows (sequence numbers, ``\\Recent``).

Depth is bounded by whoever makes the tree; the functions here recurse once a level.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from verbena.model.flags import Flag
from verbena.model.ids import ModSeq
from verbena.model.uidset import NumberSet, SequenceSet


class DateField(Enum):
    INTERNAL = "INTERNALDATE"
    """INTERNALDATE's day in the zone it was given in"""
    SENT = "DATE"
    """the Date field's day, as it is written there"""


class DateTest(Enum):
    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"


class EnvelopeField(Enum):
    FROM = "FROM"
    TO = "TO"
    CC = "CC"
    BCC = "BCC"
    SUBJECT = "SUBJECT"


@dataclass(frozen=True, slots=True)
class And:
    """All of ``parts``; without any, every message."""

    parts: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of ``parts``; without any, no message."""

    parts: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Query"


@dataclass(frozen=True, slots=True)
class InNumbers:
    """Messages by sequence number, as the client wrote it; a session puts ``Among`` in its place."""

    numbers: SequenceSet


@dataclass(frozen=True, slots=True)
class InUids:
    """Messages by UID, as the client wrote it, ``*`` and all; a session puts ``Among`` in its place."""

    uids: SequenceSet


@dataclass(frozen=True, slots=True)
class Among:
    """Messages with one of these UIDs."""

    uids: NumberSet


@dataclass(frozen=True, slots=True)
class HasFlag:
    """A system flag or keyword; keywords compare without case."""

    flag: Flag


@dataclass(frozen=True, slots=True)
class IsRecent:
    """``\\Recent`` in this session; a session puts ``Among`` in its place."""


@dataclass(frozen=True, slots=True)
class SizeAbove:
    octets: int


@dataclass(frozen=True, slots=True)
class SizeBelow:
    octets: int


@dataclass(frozen=True, slots=True)
class DateIs:
    """Days compare, times and zones do not count; a message without a readable Date field has no day sent."""

    field: DateField
    test: DateTest
    day: date


@dataclass(frozen=True, slots=True)
class EnvelopeHas:
    """``text`` is in that field of the envelope; the empty text is in every field that is there."""

    field: EnvelopeField
    text: str


@dataclass(frozen=True, slots=True)
class HeaderHas:
    """A field of that name (lower case) has ``text`` in its value; the empty text is in every one."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class BodyHas:
    """``text`` is in the body: text parts decoded, and headers below the message's own."""

    text: str


@dataclass(frozen=True, slots=True)
class TextHas:
    """``text`` is in the header or the body."""

    text: str


@dataclass(frozen=True, slots=True)
class ModSeqFrom:
    """A mod-sequence of at least ``modseq``, which may be 0.

    ``entry`` and ``entry_type`` (``priv``, ``shared``, ``all``) are kept as they were given and not looked at: there is
    one mod-sequence per message (RFC 7162 §3.1.5).
    """

    modseq: ModSeq
    entry: bytes | None = None
    entry_type: str | None = None


Leaf = (
    InNumbers
    | InUids
    | Among
    | HasFlag
    | IsRecent
    | SizeAbove
    | SizeBelow
    | DateIs
    | EnvelopeHas
    | HeaderHas
    | BodyHas
    | TextHas
    | ModSeqFrom
)
Query = And | Or | Not | Leaf

EVERYTHING: Final = And(())
NOTHING: Final = Or(())


def leaves(query: Query) -> Iterator[Leaf]:
    """Every leaf of the tree, from left to right."""
    if isinstance(query, And | Or):
        for part in query.parts:
            yield from leaves(part)
    elif isinstance(query, Not):
        yield from leaves(query.part)
    else:
        yield query


def replace_leaves(query: Query, replace: Callable[[Leaf], Query]) -> Query:
    """The tree with ``replace(leaf)`` for each leaf."""
    if isinstance(query, And):
        return And(tuple([replace_leaves(part, replace) for part in query.parts]))
    if isinstance(query, Or):
        return Or(tuple([replace_leaves(part, replace) for part in query.parts]))
    if isinstance(query, Not):
        return Not(replace_leaves(query.part, replace))
    return replace(query)


_NO_COST: Final = 0
_COLUMN: Final = 1
_FACTS: Final = 2
_HEADER: Final = 3
_CONTENT: Final = 4


def cost(query: Query) -> int:
    """How dear a test is, 0 to 4: by number, by column, by what is kept of a message, by its header, by all of it."""
    if isinstance(query, And | Or):
        highest = _NO_COST
        for part in query.parts:
            highest = max(highest, cost(part))
        return highest
    if isinstance(query, Not):
        return cost(query.part)
    if isinstance(query, Among | InNumbers | InUids | IsRecent):
        return _NO_COST
    if isinstance(query, BodyHas | TextHas):
        return _CONTENT
    if isinstance(query, HeaderHas):
        return _HEADER
    if isinstance(query, EnvelopeHas):
        return _FACTS
    return _FACTS if isinstance(query, DateIs) and query.field is DateField.SENT else _COLUMN


def in_columns(query: Query) -> bool:
    """Whether a mailbox's packed columns can answer it."""
    return cost(query) <= _COLUMN


def simplify(query: Query) -> Query:
    """An equal tree: ``Not`` only at leaves, no ``And`` in ``And`` or ``Or`` in ``Or``, no part twice or beside its
    opposite, constants gone, cheap parts first."""
    return _simplify(query, False)


def _simplify(query: Query, negate: bool) -> Query:
    while isinstance(query, Not):
        query = query.part
        negate = not negate
    if isinstance(query, And | Or):
        return _join([_simplify(part, negate) for part in query.parts], isinstance(query, And) != negate)
    if isinstance(query, Among) and not query.uids:
        return EVERYTHING if negate else NOTHING
    if isinstance(query, BodyHas | TextHas) and not query.text:
        return NOTHING if negate else EVERYTHING
    return Not(query) if negate else query


def _join(parts: list[Query], conjunction: bool) -> Query:
    """Simplified parts as one And (``conjunction``) or Or."""
    neutral: Query = EVERYTHING if conjunction else NOTHING
    absorbing: Query = NOTHING if conjunction else EVERYTHING
    kept: dict[Query, None] = {}
    for part in parts:
        if part == absorbing:
            return absorbing
        if part == neutral:
            continue
        if (isinstance(part, And) and conjunction) or (isinstance(part, Or) and not conjunction):
            for inner in part.parts:
                kept[inner] = None
        else:
            kept[part] = None
    for part in kept:
        if isinstance(part, Not) and part.part in kept:
            return absorbing
    if len(kept) == 1:
        return next(iter(kept))
    ordered = tuple(sorted(kept, key=cost))
    return And(ordered) if conjunction else Or(ordered)
