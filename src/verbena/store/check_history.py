"""Invariants of the change log, the expunge history and snapshots, against the message rows; see ``store.check``."""

from collections.abc import Iterator
from typing import Final

from verbena.model.change import Added, Expunged, FlagsChanged
from verbena.model.ids import AccountId, MailboxId, ModSeq
from verbena.model.uidset import EMPTY, NumberSet, number_set
from verbena.store.changes import changes_since, vanished_since
from verbena.store.columns import load, load_rows
from verbena.store.engine import Db

_ACCOUNT: Final = "SELECT modseq, log_floor FROM account WHERE account_id = ?"
_MAILBOXES: Final = "SELECT mailbox_id, uidnext FROM mailbox WHERE account_id = ? AND selectable = 1"
_MODSEQS: Final = "SELECT uid, modseq FROM message WHERE account_id = ? AND mailbox_id = ? ORDER BY uid"
_LAST: Final = "SELECT max(modseq), min(modseq) FROM change WHERE account_id = ?"
_MAX_CHANGES: Final = 1 << 40


def check_history(db: Db, account_id: AccountId) -> Iterator[str]:
    account = db.one(_ACCOUNT, (account_id,))
    if account is None:
        return
    modseq, floor = account
    last = db.one(_LAST, (account_id,))
    if last is not None and last[0] is not None and (last[0] > modseq or last[1] <= floor):
        yield "the change log has changes beyond the account's modseq or below its floor"
    told: dict[tuple[MailboxId, int], NumberSet] = {}
    gone: dict[MailboxId, NumberSet] = {}
    for change in changes_since(db, account_id, ModSeq(floor), _MAX_CHANGES):
        match change:
            case Added(at, mailbox_id, uids) | FlagsChanged(at, mailbox_id, uids):
                told[mailbox_id, at] = told.get((mailbox_id, at), EMPTY).union(uids)
            case Expunged(_, mailbox_id, uids):
                gone[mailbox_id] = gone.get(mailbox_id, EMPTY).union(uids)
            case _:
                pass
    for mailbox_id, uidnext in db.all(_MAILBOXES, (account_id,)):
        for sentence in (
            *_check_rows(db, account_id, mailbox_id, floor, told),
            *_check_gone(db, account_id, mailbox_id, floor, uidnext, gone.get(mailbox_id, EMPTY)),
            *_check_snapshot(db, account_id, mailbox_id),
        ):
            yield f"mailbox {mailbox_id}: {sentence}"


def _check_rows(
    db: Db, account_id: AccountId, mailbox_id: MailboxId, floor: int, told: dict[tuple[MailboxId, int], NumberSet]
) -> Iterator[str]:
    for uid, modseq in db.all(_MODSEQS, (account_id, mailbox_id)):
        if modseq > floor and uid not in told.get((mailbox_id, modseq), EMPTY):
            yield f"the change log does not tell of message {uid} at {modseq}"


def _check_gone(
    db: Db, account_id: AccountId, mailbox_id: MailboxId, floor: int, uidnext: int, gone: NumberSet
) -> Iterator[str]:
    kept = vanished_since(db, account_id, mailbox_id, ModSeq(0))
    living = number_set(row[0] for row in db.all(_MODSEQS, (account_id, mailbox_id)))
    if living.intersection(kept):
        yield "messages are there that were expunged"
    if len(living.union(kept)) != uidnext - 1 or ((living or kept) and living.union(kept).ranges[-1][1] >= uidnext):
        yield "a UID below the next is neither there nor expunged"
    if vanished_since(db, account_id, mailbox_id, ModSeq(floor)) != gone:
        yield "the change log and the expunge history differ"


def _check_snapshot(db: Db, account_id: AccountId, mailbox_id: MailboxId) -> Iterator[str]:
    loaded, _ = load(db, account_id, mailbox_id)
    if loaded.arrays != load_rows(db, account_id, mailbox_id):
        yield "the snapshot and the changes since do not give the rows"
