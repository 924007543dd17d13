"""Upkeep: collect contents and files that nothing names, trim the change log, forget notes.

Everything is done in small transactions, so that mail goes on meanwhile. May run in several processes at once.
"""

import asyncio
from functools import partial
from typing import Final

from verbena.model.ids import AccountId, ModSeq
from verbena.store import notes
from verbena.store.account import Shared
from verbena.store.blobs import GRACE_S
from verbena.store.engine import Db, Engine
from verbena.store.pack import pack_ids, unpack_ids
from verbena.store.transaction import Transaction, quiet

CONTENT_GRACE_S: Final = 300
"""Contents without a message are kept this long for sessions that do not know yet (RFC 2180 §4.1)."""
LOG_KEPT_S: Final = 7 * 24 * 3600
"""Changes are kept this long at least."""
CONTENTS_AT_ONCE: Final = 500
CHANGES_AT_ONCE: Final = 5000

_FREED: Final = "SELECT account_id, modseq, place FROM freed WHERE freed_at <= ? LIMIT 1000"
_FREED_ROW: Final = "SELECT contents FROM freed WHERE account_id = ? AND modseq = ? AND place = ?"
_FREED_REST: Final = "UPDATE freed SET contents = ? WHERE account_id = ? AND modseq = ? AND place = ?"
_FREED_DONE: Final = "DELETE FROM freed WHERE account_id = ? AND modseq = ? AND place = ?"
_IN_MESSAGE: Final = "SELECT 1 FROM message WHERE account_id = ? AND content_id = ? LIMIT 1"
_IN_OUTBOX: Final = "SELECT content_id FROM outbox WHERE account_id = ?"
_DELETE_CONTENT: Final = tuple(
    f"DELETE FROM {table} WHERE account_id = ? AND content_id = ?"
    for table in ("content_meta", "content_data", "content_file")
)
_OLD_LOGS: Final = (
    "SELECT account_id FROM account a WHERE"
    " (SELECT made_at FROM change c WHERE c.account_id = a.account_id ORDER BY modseq LIMIT 1) < ?"
)
_OLD_CHANGES: Final = (
    "SELECT max(modseq), count(*) FROM (SELECT modseq FROM change WHERE account_id = ? AND made_at < ?"
    " ORDER BY modseq LIMIT ?) old"
)
_TRIM: Final = "DELETE FROM change WHERE account_id = ? AND modseq <= ?"
_FLOOR: Final = "UPDATE account SET log_floor = ? WHERE account_id = ?"
_FILES: Final = "SELECT DISTINCT digest FROM content_file"


async def maintain(shared: Shared) -> None:
    """One round over all shards."""
    now = shared.clock()
    for shard in range(shared.engine.shards):
        await _collect_contents(shared, shard, now)
        await _trim_logs(shared, shard, now)
        await _forget_notes(shared, shard, now)
    await _collect_files(shared, now)
    await shared.engine.maintain()


async def _collect_contents(shared: Shared, shard: int, now: float) -> None:
    for account_id, modseq, place in shared.engine.reader(shard).all(_FREED, (now - CONTENT_GRACE_S,)):
        operation = partial(_collect_some, modseq=modseq, place=place)
        while await shared.engine.write(shard, quiet(AccountId(account_id), now, operation)):
            pass


def _collect_some(transaction: Transaction, modseq: ModSeq, place: int) -> bool:
    """Collect contents of one row of ``freed``; whether some are left."""
    db, account_id = transaction.db, transaction.account_id
    row = db.one(_FREED_ROW, (account_id, modseq, place))
    if row is None:
        return False
    candidates = unpack_ids(row[0])
    queued = {entry[0] for entry in db.all(_IN_OUTBOX, (account_id,))}
    dead = [
        (account_id, content_id)
        for content_id in candidates[:CONTENTS_AT_ONCE]
        if content_id not in queued and db.one(_IN_MESSAGE, (account_id, content_id)) is None
    ]
    for statement in _DELETE_CONTENT:
        db.many(statement, dead)
    rest = candidates[CONTENTS_AT_ONCE:]
    if rest:
        db.run(_FREED_REST, (pack_ids(rest), account_id, modseq, place))
        return True
    db.run(_FREED_DONE, (account_id, modseq, place))
    return False


async def _trim_logs(shared: Shared, shard: int, now: float) -> None:
    oldest = now - LOG_KEPT_S
    rows = await shared.engine.read_apart(shard, lambda db: db.all(_OLD_LOGS, (oldest,)))
    operation = partial(_trim_some, oldest=oldest)
    for (account_id,) in rows:
        while await shared.engine.write(shard, quiet(AccountId(account_id), now, operation)):
            pass


def _trim_some(transaction: Transaction, oldest: float) -> bool:
    """Trim changes made before ``oldest``; whether some are left."""
    db, account_id = transaction.db, transaction.account_id
    row = db.one(_OLD_CHANGES, (account_id, oldest, CHANGES_AT_ONCE))
    if row is None or row[0] is None:
        return False
    db.run(_TRIM, (account_id, row[0]))
    db.run(_FLOOR, (row[0], account_id))
    return bool(row[1] == CHANGES_AT_ONCE)


async def _forget_notes(shared: Shared, shard: int, now: float) -> None:
    rows = await shared.engine.read_apart(shard, lambda db: db.all(notes.ACCOUNTS, (int(now), notes.MAX_NOTES)))
    for (account_id,) in rows:
        await shared.engine.write(shard, quiet(AccountId(account_id), now, notes.forget))


async def _collect_files(shared: Shared, now: float) -> None:
    named = await named_files(shared.engine)
    await asyncio.to_thread(shared.blobs.collect, named, now - GRACE_S)


async def named_files(engine: Engine) -> set[bytes]:
    """The digests of all files that any account names."""
    named: set[bytes] = set()
    for shard in range(engine.shards):
        named.update(await engine.read_apart(shard, _read_files))
    return named


def _read_files(db: Db) -> list[bytes]:
    return [row[0] for row in db.all(_FILES)]
