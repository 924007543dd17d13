"""STORE: one edit of flags on a set of messages, by SQL on ranges (RFC 3501 §6.4.6, RFC 7162 §3.1.3).

Ten thousand messages in a row cost one SELECT of those that the edit changes and one UPDATE.
"""

from array import array
from dataclasses import dataclass
from typing import Final

from verbena.model.flags import DELETED_BIT, FIRST_KEYWORD_BIT, SEEN_BIT, Flag, FlagEdit, FlagOp
from verbena.model.ids import MailboxId, ModSeq
from verbena.model.uidset import EMPTY, NumberSet, number_set
from verbena.store.api import FlagsStored
from verbena.store.changes import Kind
from verbena.store.keywords import Keywords
from verbena.store.mailboxes import nonexistent
from verbena.store.transaction import Transaction

_HEAD: Final = "SELECT keywords FROM mailbox WHERE account_id = ? AND mailbox_id = ? AND selectable = 1"
_SELECT: Final = (
    "SELECT uid, flags, modseq FROM message WHERE account_id = ? AND mailbox_id = ? AND uid BETWEEN ? AND ?"
    " ORDER BY uid"
)
# What the flags become, and whether that is a change; the parameters are the bits.
_NEW: Final = {
    FlagOp.ADD: ("flags | ?", "flags & ? != ?"),
    FlagOp.REMOVE: ("flags & ~?", "flags & ? != 0"),
    FlagOp.REPLACE: ("?", "flags != ?"),
}
_UPDATE: Final = {
    op: (
        f"UPDATE message SET flags = {new}, modseq = ? WHERE account_id = ? AND mailbox_id = ?"
        f" AND uid BETWEEN ? AND ? AND modseq <= ? AND {differs}"
    )
    for op, (new, differs) in _NEW.items()
}
# Adds keywords to messages that have none of them.
_ADD_ABSENT: Final = (
    "UPDATE message SET flags = flags | ?, modseq = ? WHERE account_id = ? AND mailbox_id = ?"
    " AND uid BETWEEN ? AND ? AND modseq <= ? AND flags & ? = 0"
)
_FIGURES: Final = (
    "UPDATE mailbox SET highestmodseq = ?, unseen = unseen + ?, deleted = deleted + ?"
    " WHERE account_id = ? AND mailbox_id = ?"
)


@dataclass(frozen=True, slots=True)
class FlagsEdited:
    """``flags`` are those of ``stored.changed`` in the order of UIDs, ``keywords`` the mailbox's list: so that
    columns in memory need not read the rows again.
    """

    stored: FlagsStored
    flags: "array[int]"
    keywords: tuple[Flag, ...]


def store_flags(
    transaction: Transaction,
    mailbox_id: MailboxId,
    uids: NumberSet,
    edit: FlagEdit,
    unchanged_since: ModSeq | None,
) -> FlagsEdited:
    """With ``unchanged_since`` 0 keywords are added where none of them is, whatever the modseq: what is not there was
    never changed (RFC 7162 §3.1.3). Raises ``Refused``: NONEXISTENT, LIMIT (keywords), CANNOT (no flag).
    """
    db, account_id, modseq = transaction.db, transaction.account_id, transaction.modseq
    head = db.one(_HEAD, (account_id, mailbox_id))
    if head is None:
        raise nonexistent()
    keywords = Keywords(transaction, mailbox_id, head[0])
    bits = keywords.bits(edit.flags, add=edit.op is not FlagOp.REMOVE)
    if_absent = (
        unchanged_since == 0 and edit.op is FlagOp.ADD and bits >> FIRST_KEYWORD_BIT << FIRST_KEYWORD_BIT == bits
    )
    ceiling = modseq if unchanged_since is None or if_absent else unchanged_since
    tally = _Tally(edit.op, bits, ceiling, barred=bits if if_absent else 0)
    for low, high in uids.ranges:
        tally.count(db.all(_SELECT, (account_id, mailbox_id, low, high)))
    if not tally.changed:
        stored = FlagsStored(ModSeq(modseq - 1), EMPTY, number_set(tally.unchanged), number_set(tally.failed))
        return FlagsEdited(stored, tally.flags, keywords.names)
    doubled = (bits, bits) if edit.op is FlagOp.ADD and not if_absent else (bits,)
    update = _ADD_ABSENT if if_absent else _UPDATE[edit.op]
    for low, high in uids.ranges:
        db.run(update, (bits, modseq, account_id, mailbox_id, low, high, ceiling, *doubled))
    db.run(_FIGURES, (modseq, tally.unseen, tally.deleted, account_id, mailbox_id))
    keywords.save()
    changed = number_set(tally.changed)
    transaction.log(Kind.FLAGS_CHANGED, mailbox_id, changed)
    stored = FlagsStored(modseq, changed, number_set(tally.unchanged), number_set(tally.failed))
    return FlagsEdited(stored, tally.flags, keywords.names)


class _Tally:
    """What an edit does to the rows it is shown, and to the mailbox's figures. Rows with a bit of ``barred`` fail."""

    __slots__ = ("_barred", "_bits", "_ceiling", "_op", "changed", "deleted", "failed", "flags", "unchanged", "unseen")

    def __init__(self, op: FlagOp, bits: int, ceiling: int, barred: int) -> None:
        self._barred = barred
        self._op = op
        self._bits = bits
        self._ceiling = ceiling
        self.changed: list[int] = []
        self.flags: array[int] = array("Q")
        self.unchanged: list[int] = []
        self.failed: list[int] = []
        self.unseen = 0
        self.deleted = 0

    def count(self, rows: list[tuple[int, int, int]]) -> None:
        setting, clearing = self._masks()
        changed, flags, ceiling, barred = self.changed, self.flags, self._ceiling, self._barred
        for uid, old, modseq in rows:
            if modseq > ceiling or old & barred:
                self.failed.append(uid)
                continue
            new = old & ~clearing | setting
            if new == old:
                self.unchanged.append(uid)
                continue
            changed.append(uid)
            flags.append(new)
            turned = new ^ old
            if turned & SEEN_BIT:
                self.unseen += 1 if old & SEEN_BIT else -1
            if turned & DELETED_BIT:
                self.deleted += -1 if old & DELETED_BIT else 1

    def _masks(self) -> tuple[int, int]:
        """Bits the edit sets, and bits it clears first."""
        match self._op:
            case FlagOp.ADD:
                return self._bits, 0
            case FlagOp.REMOVE:
                return 0, self._bits
            case FlagOp.REPLACE:
                return self._bits, -1
