"""Every invariant of the mail data, run at each test's end and by ``verbena check``.

Read-only; one read transaction for each shard, in a thread, account by account. What does not hold is said in a
sentence. Held in memory: one account's message rows.
"""

import asyncio
from collections.abc import Iterator
from typing import Final

from verbena.model.ids import AccountId
from verbena.store.account import Shared
from verbena.store.blobs import BlobFolder
from verbena.store.check_history import check_history
from verbena.store.check_mailbox import check_mailboxes
from verbena.store.check_metadata import check_metadata
from verbena.store.check_script import check_scripts
from verbena.store.columns import MailboxColumns, load, refresh
from verbena.store.engine import Db
from verbena.store.mailboxes import ACCOUNT_TABLES
from verbena.store.pack import unpack_ids

_ACCOUNTS: Final = (
    "SELECT account_id, messages, size_octets, next_mailbox_id, next_content_id, next_queue_id FROM account"
    " ORDER BY account_id"
)
_SUMS: Final = "SELECT count(*), coalesce(sum(size_octets), 0) FROM message WHERE account_id = ?"
_NO_META: Final = (
    "SELECT m.mailbox_id, m.uid FROM message m LEFT JOIN content_meta c"
    " ON c.account_id = m.account_id AND c.content_id = m.content_id"
    " WHERE m.account_id = ? AND (c.content_id IS NULL OR c.size_octets != m.size_octets)"
)
_CONTENTS: Final = (
    "SELECT c.content_id, c.size_octets, c.header_octets, length(d.data), f.digest FROM content_meta c"
    " LEFT JOIN content_data d ON d.account_id = c.account_id AND d.content_id = c.content_id"
    " LEFT JOIN content_file f ON f.account_id = c.account_id AND f.content_id = c.content_id"
    " WHERE c.account_id = ? ORDER BY c.content_id"
)
_STRAYS: Final = tuple(
    f"SELECT content_id FROM {table} t WHERE account_id = ? AND NOT EXISTS (SELECT 1 FROM content_meta c"
    " WHERE c.account_id = t.account_id AND c.content_id = t.content_id)"
    for table in ("content_data", "content_file")
)
_NAMED: Final = (
    "SELECT content_id FROM message WHERE account_id = ? UNION SELECT content_id FROM outbox WHERE account_id = ?"
)
_FREED: Final = "SELECT contents FROM freed WHERE account_id = ?"
_OUTBOX: Final = (
    "SELECT o.queue_id, c.size_octets, o.size_octets, (SELECT count(*) FROM outbox_recipient r"
    " WHERE r.account_id = o.account_id AND r.queue_id = o.queue_id) FROM outbox o LEFT JOIN content_meta c"
    " ON c.account_id = o.account_id AND c.content_id = o.content_id WHERE o.account_id = ?"
)
_LOST_RECIPIENTS: Final = (
    "SELECT DISTINCT queue_id FROM outbox_recipient r WHERE account_id = ? AND NOT EXISTS (SELECT 1 FROM outbox o"
    " WHERE o.account_id = r.account_id AND o.queue_id = r.queue_id)"
)
_NO_ACCOUNT: Final = "SELECT DISTINCT account_id FROM {} WHERE account_id NOT IN (SELECT account_id FROM account)"
_IS_THERE: Final = "SELECT 1 FROM mailbox WHERE account_id = ? AND mailbox_id = ? AND selectable = 1"
TRIES: Final = 5
"""Looks at columns in memory, while other processes commit, before they are passed over."""


async def check_mail(shared: Shared, *, hashed: bool = True) -> list[str]:
    """All shards, files and this process's columns. ``hashed``: read every file, else look at sizes only."""
    wrong = await shared.engine.check()
    for shard in range(shared.engine.shards):
        found, files = await shared.engine.read_apart(shard, _check_shard)
        wrong += [f"shard {shard}: {sentence}" for sentence in found]
        wrong += await asyncio.to_thread(_check_files, shared.blobs, files, hashed)
    for columns in shared.columns.held():
        for shard in range(shared.engine.shards):
            wrong += _check_held(shared.engine.reader(shard), columns)
    return wrong


def _check_shard(db: Db) -> tuple[list[str], dict[bytes, int]]:
    """What is wrong in a shard, and the files it names with their sizes."""
    wrong: list[str] = []
    files: dict[bytes, int] = {}
    for table in ACCOUNT_TABLES:
        for (account_id,) in db.all(_NO_ACCOUNT.format(table)):
            wrong.append(f"{table} has rows of account {account_id}, which is not there")
    for account_id, messages, size_octets, next_mailbox, next_content, next_queue in db.all(_ACCOUNTS):
        found: list[str] = []
        sums = db.one(_SUMS, (account_id,))
        if sums != (messages, size_octets):
            found.append(f"counts {messages} messages with {size_octets} octets, and has {sums}")
        found += check_mailboxes(db, account_id, next_mailbox)
        found += check_history(db, account_id)
        found += check_scripts(db, account_id)
        found += check_metadata(db, account_id)
        found += _check_contents(db, account_id, next_content, files)
        found += _check_outbox(db, account_id, next_queue)
        wrong += [f"account {account_id}: {sentence}" for sentence in found]
    return wrong, files


def _check_contents(db: Db, account_id: AccountId, next_content: int, files: dict[bytes, int]) -> Iterator[str]:
    for mailbox_id, uid in db.all(_NO_META, (account_id,)):
        yield f"message {uid} of mailbox {mailbox_id} has no content of its size"
    named = {row[0] for row in db.all(_NAMED, (account_id, account_id))}
    freed: set[int] = set()
    for (packed,) in db.all(_FREED, (account_id,)):
        freed.update(unpack_ids(packed))
    for content_id, size_octets, header_octets, kept_octets, digest in db.all(_CONTENTS, (account_id,)):
        if content_id >= next_content:
            yield f"content {content_id} has a number not given yet"
        if header_octets > size_octets:
            yield f"content {content_id} has a header larger than itself"
        if (kept_octets is None) == (digest is None):
            yield f"content {content_id} has its octets not in exactly one place"
        if kept_octets is not None and kept_octets != size_octets:
            yield f"content {content_id} has {kept_octets} of {size_octets} octets"
        if digest is not None:
            files[digest] = size_octets
        if content_id not in named and content_id not in freed:
            yield f"content {content_id} is named by nothing and will not be collected"
    for statement in _STRAYS:
        for (content_id,) in db.all(statement, (account_id,)):
            yield f"there are octets of content {content_id}, which is not there"


def _check_outbox(db: Db, account_id: AccountId, next_queue: int) -> Iterator[str]:
    for queue_id, content_octets, size_octets, recipients in db.all(_OUTBOX, (account_id,)):
        if content_octets != size_octets:
            yield f"outbox entry {queue_id} has no content of its size"
        if not recipients:
            yield f"outbox entry {queue_id} has no recipients"
        if queue_id >= next_queue:
            yield f"outbox entry {queue_id} has a number not given yet"
    for (queue_id,) in db.all(_LOST_RECIPIENTS, (account_id,)):
        yield f"there are recipients of outbox entry {queue_id}, which is not there"


def _check_files(blobs: BlobFolder, files: dict[bytes, int], hashed: bool) -> list[str]:
    wrong: list[str] = []
    for digest, size_octets in files.items():
        fault = blobs.check(digest, size_octets, hashed=hashed)
        if fault is not None:
            wrong.append(f"file {digest.hex()} {fault}")
    return wrong


def _check_held(db: Db, columns: MailboxColumns) -> list[str]:
    """Whether columns in memory, brought up to date, are what a fresh load gives."""
    account_id, mailbox_id = columns.account_id, columns.mailbox_id
    for _ in range(TRIES):
        if db.one(_IS_THERE, (account_id, mailbox_id)) is None:
            return []
        refresh(db, columns)
        with db.snapshot():
            fresh, _snapshot = load(db, account_id, mailbox_id)
        if fresh.modseq == columns.modseq:
            what = f"columns in memory of mailbox {mailbox_id} of account {account_id}"
            return list(_differences(what, columns, fresh))
    return []


def _differences(what: str, columns: MailboxColumns, fresh: MailboxColumns) -> Iterator[str]:
    """A sentence when the two, which should be the same mailbox at the same moment, are not equal."""
    if columns.arrays != fresh.arrays:
        yield f"{what} have other rows than the mailbox"
    head = (columns.uidvalidity, columns.uidnext, columns.highestmodseq, columns.keywords)
    if head != (fresh.uidvalidity, fresh.uidnext, fresh.highestmodseq, fresh.keywords):
        yield f"{what} have another head than the mailbox"
