"""Message flags and edits of them (RFC 3501 §2.3.2).

System flags have fixed bits in every mailbox; each mailbox gives its keywords the bits that follow,
in the order of its own ``keywords`` tuple. ``\\Recent`` is no stored flag: a session has it.
Flags compare without case; a keyword keeps the case in which it was first used in its mailbox.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final, NewType

Flag = NewType("Flag", str)
"""A flag as it is written: ``\\Seen`` or a keyword, ASCII."""

SEEN: Final = Flag("\\Seen")
ANSWERED: Final = Flag("\\Answered")
FLAGGED: Final = Flag("\\Flagged")
DELETED: Final = Flag("\\Deleted")
DRAFT: Final = Flag("\\Draft")
RECENT: Final = Flag("\\Recent")

SYSTEM_FLAGS: Final = (ANSWERED, FLAGGED, DELETED, SEEN, DRAFT)
"""The stored system flags; flag ``SYSTEM_FLAGS[i]`` has bit ``1 << i`` in every mailbox."""

ANSWERED_BIT: Final = 1
FLAGGED_BIT: Final = 2
DELETED_BIT: Final = 4
SEEN_BIT: Final = 8
DRAFT_BIT: Final = 16
FIRST_KEYWORD_BIT: Final = 5
"""Keyword ``keywords[i]`` of a mailbox has bit ``1 << (FIRST_KEYWORD_BIT + i)``."""

MAX_KEYWORDS: Final = 58
"""Keywords in use at once in one mailbox: what fits a signed 64-bit column beside the system flags."""

FORWARDED: Final = Flag("$Forwarded")
MDN_SENT: Final = Flag("$MDNSent")
SUBMIT_PENDING: Final = Flag("$SubmitPending")
SUBMITTED: Final = Flag("$Submitted")


class FlagOp(Enum):
    """What STORE does with the flags it names (RFC 3501 §6.4.6)."""

    REPLACE = "FLAGS"
    ADD = "+FLAGS"
    REMOVE = "-FLAGS"


@dataclass(frozen=True, slots=True)
class FlagEdit:
    """``op`` applied with ``flags``; ``\\Recent`` never occurs in them."""

    op: FlagOp
    flags: tuple[Flag, ...]


def flag_names(bits: int, keywords: tuple[Flag, ...]) -> tuple[Flag, ...]:
    """The flags that ``bits`` means in a mailbox with these ``keywords``."""
    result: list[Flag] = []
    for place, flag in enumerate(SYSTEM_FLAGS):
        if bits >> place & 1:
            result.append(flag)
    rest = bits >> FIRST_KEYWORD_BIT
    place = 0
    while rest:
        if rest & 1:
            result.append(keywords[place])
        rest >>= 1
        place += 1
    return tuple(result)
