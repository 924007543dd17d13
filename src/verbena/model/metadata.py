"""Annotations: what the names of their entries may be, and how much they may hold (RFC 5464 §3.2, §4.1).

A name compares without case, so here it is in lower case: ``canonical_entry``. What is below ``/private`` belongs to
one user, what is below ``/shared`` to all who may see the mailbox or the server.
"""

from typing import Final

PRIVATE: Final = "/private"
SHARED: Final = "/shared"
SPECIAL_USE_ENTRY: Final = "/private/specialuse"
"""The special use of a mailbox, as LIST shows it (RFC 6154 §4)."""
ADMIN_ENTRY: Final = "/shared/admin"
"""Of the server: a URI that reaches its administrator; clients can not change it (RFC 5464 §6.2.2)."""

MAX_ENTRY_OCTETS: Final = 500
MAX_ENTRY_LEVELS: Final = 32
MAX_VALUE_OCTETS: Final = 65_536
"""Of one entry; RFC 5464 §4.1 wants 1,024 at least."""
MAX_ENTRIES: Final = 200
"""On one mailbox, and on the server; RFC 5464 §4.1 wants 10 at least."""

_VENDOR: Final = "vendor"


def canonical_entry(name: str) -> str:
    return name.lower()


def is_scope(entry: str) -> bool:
    """Whether a canonical ``entry`` can be asked for: the name of an entry, or of a level above entries."""
    if not entry.isascii() or len(entry) > MAX_ENTRY_OCTETS:
        return False
    for character in entry:
        if character < " " or character in "*%\x7f":
            return False
    levels = entry.split("/")
    if len(levels) < 2 or len(levels) > MAX_ENTRY_LEVELS + 1 or levels[0]:
        return False
    for level in levels[1:]:
        if not level:
            return False
    return levels[1] == PRIVATE[1:] or levels[1] == SHARED[1:]


def is_entry(entry: str) -> bool:
    """Whether a canonical ``entry`` can have a value: it has two components, in a vendor's namespace four."""
    if not is_scope(entry):
        return False
    levels = entry.split("/")
    return len(levels) >= (5 if len(levels) > 2 and levels[2] == _VENDOR else 3)


def is_shared(entry: str) -> bool:
    return entry == SHARED or entry.startswith(SHARED + "/")


def depth_below(scope: str, entry: str) -> int:
    """How many levels ``entry`` is below ``scope``: 0 for the same, -1 when it is not below it."""
    if entry == scope:
        return 0
    if not entry.startswith(scope + "/"):
        return -1
    return entry.count("/", len(scope))
