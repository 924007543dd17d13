"""Invariants of mailboxes and their message rows; see ``store.check``."""

from collections.abc import Iterator
from typing import Final

from verbena.model.flags import DELETED_BIT, FIRST_KEYWORD_BIT, MAX_KEYWORDS, SEEN_BIT
from verbena.model.ids import AccountId
from verbena.model.mailbox import DELIMITER, canonical_name
from verbena.store.engine import Db, Row
from verbena.store.keys import KEY_OCTETS
from verbena.store.mailboxes import unpack_keywords

_MAILBOXES: Final = (
    "SELECT mailbox_id, name, selectable, special_use, uidvalidity, uidnext, highestmodseq, first_recent, keywords,"
    " messages, unseen, deleted, size_octets, length(urlauth_key) FROM mailbox WHERE account_id = ? ORDER BY name"
)
_SUMS: Final = (
    f"SELECT count(*), coalesce(sum(flags & {SEEN_BIT} = 0), 0), coalesce(sum(flags & {DELETED_BIT} != 0), 0),"
    " coalesce(sum(size_octets), 0), coalesce(min(uid), 1), coalesce(max(uid), 0), coalesce(max(modseq), 0),"
    " coalesce(max(flags), 0)"
    " FROM message WHERE account_id = ? AND mailbox_id = ?"
)
_ACCOUNT: Final = "SELECT modseq, last_uidvalidity FROM account WHERE account_id = ?"
_LOST: Final = (
    "SELECT DISTINCT mailbox_id FROM {} t WHERE account_id = ? AND NOT EXISTS (SELECT 1 FROM mailbox m"
    " WHERE m.account_id = t.account_id AND m.mailbox_id = t.mailbox_id)"
)


def check_mailboxes(db: Db, account_id: AccountId, next_mailbox: int) -> Iterator[str]:
    account = db.one(_ACCOUNT, (account_id,))
    if account is None:
        return
    rows = db.all(_MAILBOXES, (account_id,))
    names = {row[1] for row in rows}
    uses = [row[3] for row in rows if row[3] is not None]
    if len(uses) != len(set(uses)):
        yield "a special use is given twice"
    for row in rows:
        for sentence in (*_head(row, names, account, next_mailbox), *_figures(db, account_id, row, account[0])):
            yield f"mailbox {row[1]!r}: {sentence}"
    for table in ("message", "expunged", "snapshot"):
        for (mailbox_id,) in db.all(_LOST.format(table), (account_id,)):
            yield f"{table} has rows of mailbox {mailbox_id}, which is not there"


def _head(row: Row, names: set[str], account: Row, next_mailbox: int) -> Iterator[str]:
    mailbox_id, name, _, _, uidvalidity, uidnext, highestmodseq, first_recent, keywords, *_, key_octets = row
    if canonical_name(name) != name:
        yield "the name is not canonical"
    above = name.rpartition(DELIMITER)[0]
    if above and above not in names:
        yield f"the level {above!r} above is missing"
    if mailbox_id >= next_mailbox:
        yield "has a number not given yet"
    if not 1 <= uidvalidity <= account[1]:
        yield "has a UIDVALIDITY not given yet"
    if not 1 <= highestmodseq <= account[0]:
        yield "has a highest modseq beyond its account's"
    if not 1 <= first_recent <= uidnext:
        yield "has recent messages beyond its next UID"
    known = [keyword.lower() for keyword in unpack_keywords(keywords)]
    if len(known) > MAX_KEYWORDS or len(set(known)) != len(known):
        yield "has a keyword twice, or too many"
    if key_octets not in (None, KEY_OCTETS):
        yield "has an URLAUTH key of a wrong length"


def _figures(db: Db, account_id: AccountId, row: Row, account_modseq: int) -> Iterator[str]:
    mailbox_id, _, selectable, _, _, uidnext, highestmodseq, _, keywords, *kept, _ = row
    sums = db.one(_SUMS, (account_id, mailbox_id))
    if sums is None:
        return
    *counted, lowest, highest, modseq, largest_flags = sums
    if kept != counted:
        yield f"counts messages, unseen, deleted, octets as {kept}, and has {counted}"
    if counted[0] and not selectable:
        yield "is \\Noselect and has messages"
    if lowest < 1 or highest >= uidnext:
        yield f"has a UID beyond its next, {uidnext}"
    if modseq > highestmodseq or modseq > account_modseq:
        yield "has a message with a modseq above its highest"
    if largest_flags >> (FIRST_KEYWORD_BIT + len(unpack_keywords(keywords))):
        yield "has a message with a keyword not in its list"
