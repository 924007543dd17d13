"""A mailbox's keywords and the flag bits they stand for (RFC 3501 §2.3.2).

A keyword gets the next free bit when it is first stored. When all ``MAX_KEYWORDS`` are given, those that no message has
are taken back. Keywords compare without case.
"""

from typing import Final

from verbena.model.errors import Refused
from verbena.model.flags import FIRST_KEYWORD_BIT, MAX_KEYWORDS, SYSTEM_FLAGS, Flag
from verbena.model.ids import MailboxId
from verbena.model.reason import Reason
from verbena.store.mailboxes import unpack_keywords
from verbena.store.transaction import Transaction

MAX_KEYWORD_OCTETS: Final = 255

_SYSTEM_BITS: Final = {flag.lower(): 1 << place for place, flag in enumerate(SYSTEM_FLAGS)}
_UPDATE: Final = "UPDATE mailbox SET keywords = ? WHERE account_id = ? AND mailbox_id = ?"
_FLAGS: Final = "SELECT DISTINCT flags FROM message WHERE account_id = ? AND mailbox_id = ?"


class Keywords:
    """The keyword list of one mailbox within a transaction; ``save`` writes what was added."""

    __slots__ = ("_changed", "_given", "_mailbox_id", "_names", "_places", "_transaction")

    def __init__(self, transaction: Transaction, mailbox_id: MailboxId, packed: str) -> None:
        self._transaction = transaction
        self._mailbox_id = mailbox_id
        self._names = list(unpack_keywords(packed))
        self._places = {name.lower(): place for place, name in enumerate(self._names)}
        self._changed = False
        self._given = 0

    @property
    def names(self) -> tuple[Flag, ...]:
        return tuple(self._names)

    def bits(self, flags: tuple[Flag, ...], *, add: bool) -> int:
        """The bits of ``flags``. Unknown keywords get one when ``add``, else are passed over.

        Raises ``Refused(LIMIT)`` when no bit is left, ``Refused(CANNOT)`` for what can be no keyword.
        """
        result = 0
        for flag in flags:
            lower = flag.lower()
            bit = _SYSTEM_BITS.get(lower)
            if bit is None:
                place = self._places.get(lower)
                if place is None:
                    if not add:
                        continue
                    place = self._add(flag, result)
                bit = 1 << (FIRST_KEYWORD_BIT + place)
            result |= bit
        self._given |= result
        return result

    def _add(self, flag: Flag, in_use: int) -> int:
        if flag.startswith("\\") or " " in flag or not flag.isascii() or not 0 < len(flag) <= MAX_KEYWORD_OCTETS:
            raise Refused(Reason.CANNOT, "Not a flag that can be stored")
        if len(self._names) < MAX_KEYWORDS:
            place = len(self._names)
            self._names.append(flag)
        else:
            place = self._reclaim(in_use)
            del self._places[self._names[place].lower()]
            self._names[place] = flag
        self._places[flag.lower()] = place
        self._changed = True
        return place

    def _reclaim(self, in_use: int) -> int:
        """A place whose keyword no message has, nor the edits under way (``in_use`` and those before)."""
        transaction = self._transaction
        in_use |= self._given
        for (flags,) in transaction.db.all(_FLAGS, (transaction.account_id, self._mailbox_id)):
            in_use |= flags
        for place in range(MAX_KEYWORDS):
            if not in_use >> (FIRST_KEYWORD_BIT + place) & 1:
                return place
        raise Refused(Reason.LIMIT, "The mailbox has no room for another keyword")

    def save(self) -> None:
        if self._changed:
            packed = " ".join(self._names)
            self._transaction.db.run(_UPDATE, (packed, self._transaction.account_id, self._mailbox_id))
