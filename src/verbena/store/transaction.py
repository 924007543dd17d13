"""One account's transaction: the account lock, its counters, and the change log entries it makes.

The first statement takes the next modseq from the account's row, which locks the account on every engine. A
transaction that changed nothing is undone, so it makes no modseq. A *quiet* one (a key made, a queue entry) is no
change of mail: it keeps the modseq as it is.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from verbena.model.errors import Refused
from verbena.model.ids import AccountId, MailboxId, ModSeq, UidValidity
from verbena.model.reason import Reason
from verbena.model.uidset import NumberSet
from verbena.store.changes import Kind
from verbena.store.engine import Db, Undo, Value
from verbena.store.pack import pack_ids, pack_set

T = TypeVar("T")

_BEGIN: Final = (
    "UPDATE account SET modseq = modseq + ? WHERE account_id = ?"
    " RETURNING modseq, next_mailbox_id, next_content_id, next_queue_id, last_uidvalidity, messages, size_octets,"
    " quota_octets"
)
_TAKE_BACK: Final = "UPDATE account SET modseq = modseq - 1 WHERE account_id = ?"
_FINISH: Final = (
    "UPDATE account SET next_mailbox_id = ?, next_content_id = ?, next_queue_id = ?, last_uidvalidity = ?,"
    " messages = ?, size_octets = ? WHERE account_id = ?"
)
_LOG: Final = (
    "INSERT INTO change (account_id, modseq, place, made_at, kind, mailbox_id, uids, name, old_name)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_FREE: Final = "INSERT INTO freed (account_id, modseq, place, freed_at, contents) VALUES (?, ?, ?, ?, ?)"
_NEXT_FREED: Final = "SELECT coalesce(max(place), -1) + 1 FROM freed WHERE account_id = ? AND modseq = ?"


class Transaction:
    """Handed to an operation; ``db`` is inside the transaction. ``now`` is in seconds since the epoch."""

    __slots__ = (
        "_counters",
        "_logged",
        "account_id",
        "db",
        "messages",
        "modseq",
        "next_content_id",
        "next_mailbox_id",
        "next_queue_id",
        "now",
        "quota_octets",
        "size_octets",
        "uidvalidity",
    )

    def __init__(self, db: Db, account_id: AccountId, now: float, quiet: bool) -> None:
        row = db.one(_BEGIN, (0 if quiet else 1, account_id))
        if row is None:
            raise Refused(Reason.NONEXISTENT, "The account is gone")
        self.db = db
        self.account_id = account_id
        self.now = int(now)
        self.modseq: ModSeq = row[0]
        self.next_mailbox_id: int = row[1]
        self.next_content_id: int = row[2]
        self.next_queue_id: int = row[3]
        self.uidvalidity: int = row[4]
        self.messages: int = row[5]
        self.size_octets: int = row[6]
        self.quota_octets: int | None = row[7]
        self._counters = self._counter_values()
        self._logged = 0

    @property
    def logged(self) -> bool:
        """Whether there is a change to tell."""
        return self._logged > 0

    def log(
        self,
        kind: Kind,
        mailbox_id: MailboxId | None,
        uids: NumberSet | None = None,
        name: str | None = None,
        old_name: str | None = None,
    ) -> None:
        """Write an entry of the change log."""
        packed = None if uids is None else pack_set(uids)
        row: tuple[Value, ...] = (self.account_id, self.modseq, self._logged, self.now, kind.value, mailbox_id, packed)
        self.db.run(_LOG, (*row, name, old_name))
        self._logged += 1

    def free(self, content_ids: list[int]) -> None:
        """Contents that lost a message or a queue entry: collected later when nothing names them."""
        row = self.db.one(_NEXT_FREED, (self.account_id, self.modseq))
        place = 0 if row is None else row[0]
        self.db.run(_FREE, (self.account_id, self.modseq, place, self.now, pack_ids(content_ids)))

    def new_mailbox_id(self) -> MailboxId:
        self.next_mailbox_id += 1
        return MailboxId(self.next_mailbox_id - 1)

    def new_uidvalidity(self) -> UidValidity:
        """Larger than any before in this account (RFC 3501 §2.3.1.1)."""
        self.uidvalidity = max(self.uidvalidity + 1, self.now)
        return UidValidity(self.uidvalidity)

    def finish(self) -> None:
        values = self._counter_values()
        if values != self._counters:
            self.db.run(_FINISH, (*values, self.account_id))

    def _counter_values(self) -> tuple[int, ...]:
        return (
            self.next_mailbox_id,
            self.next_content_id,
            self.next_queue_id,
            self.uidvalidity,
            self.messages,
            self.size_octets,
        )


def loud(account_id: AccountId, now: float, operation: Callable[[Transaction], T]) -> Callable[[Db], tuple[T, ModSeq]]:
    """``operation`` as a transaction that may change mail: its result, and the modseq it made.

    When it logged no change, everything it wrote is undone.
    """

    def run(db: Db) -> tuple[T, ModSeq]:
        transaction = Transaction(db, account_id, now, quiet=False)
        result = operation(transaction)
        if not transaction.logged:
            raise Undo((result, ModSeq(transaction.modseq - 1)))
        transaction.finish()
        return result, transaction.modseq

    return run


def either(
    account_id: AccountId, now: float, operation: Callable[[Transaction], T]
) -> Callable[[Db], tuple[T, ModSeq]]:
    """``operation`` as a transaction that may change mail, or only do what changes none: its result, and the modseq
    that it made or left."""

    def run(db: Db) -> tuple[T, ModSeq]:
        transaction = Transaction(db, account_id, now, quiet=False)
        result = operation(transaction)
        modseq = transaction.modseq
        if not transaction.logged:
            db.run(_TAKE_BACK, (account_id,))
            modseq = ModSeq(modseq - 1)
        transaction.finish()
        return result, modseq

    return run


def quiet(account_id: AccountId, now: float, operation: Callable[[Transaction], T]) -> Callable[[Db], T]:
    """``operation`` as a transaction that changes no mail and makes no modseq."""

    def run(db: Db) -> T:
        transaction = Transaction(db, account_id, now, quiet=True)
        result = operation(transaction)
        transaction.finish()
        return result

    return run
