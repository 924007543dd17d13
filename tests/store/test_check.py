"""The check finds what is wrong: each row damages one thing and says what must be told."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contract.opening import LIMIT, append, mailbox, message, opened, pieces, uids
from verbena.model.flags import DELETED, Flag
from verbena.store.api import OutEnvelope, OutRecipient

DAMAGE = (
    ("UPDATE account SET messages = 9", "counts 9 messages"),
    ("UPDATE account SET size_octets = 9", "with 9 octets"),
    ("UPDATE account SET modseq = 3", "beyond the account's modseq"),
    ("UPDATE account SET next_mailbox_id = 2", "has a number not given yet"),
    ("UPDATE account SET next_content_id = 2", "has a number not given yet"),
    ("UPDATE account SET next_queue_id = 1", "outbox entry 1 has a number not given yet"),
    ("UPDATE account SET last_uidvalidity = 1", "UIDVALIDITY not given yet"),
    ("DELETE FROM account", "which is not there"),
    ("UPDATE mailbox SET unseen = 9 WHERE name = 'INBOX'", "counts messages, unseen"),
    ("UPDATE mailbox SET deleted = 9 WHERE name = 'INBOX'", "counts messages, unseen"),
    ("UPDATE mailbox SET uidnext = 3 WHERE name = 'INBOX'", "beyond its next"),
    ("UPDATE mailbox SET uidnext = 30 WHERE name = 'INBOX'", "neither there nor expunged"),
    ("UPDATE mailbox SET first_recent = 30 WHERE name = 'INBOX'", "recent messages beyond"),
    ("UPDATE mailbox SET highestmodseq = 1 WHERE name = 'INBOX'", "modseq above its highest"),
    ("UPDATE mailbox SET keywords = '' WHERE name = 'INBOX'", "keyword not in its list"),
    ("UPDATE mailbox SET keywords = 'a A' WHERE name = 'INBOX'", "keyword twice"),
    ("UPDATE mailbox SET name = 'x/y' WHERE name = 'Sent'", "the level 'x' above is missing"),
    ("UPDATE mailbox SET name = 'inbox/y' WHERE name = 'Sent'", "not canonical"),
    ("UPDATE mailbox SET special_use = '\\Junk' WHERE name = 'Sent'", "use is given twice"),
    ("UPDATE mailbox SET selectable = 0 WHERE name = 'INBOX'", "\\Noselect and has messages"),
    ("UPDATE mailbox SET urlauth_key = x'00' WHERE name = 'Sent'", "URLAUTH key"),
    ("DELETE FROM mailbox WHERE name = 'INBOX'", "which is not there"),
    ("UPDATE message SET modseq = modseq - 1 WHERE uid = 1", "does not tell of message 1"),
    ("DELETE FROM message WHERE uid = 1", "neither there nor expunged"),
    ("UPDATE message SET content_id = 99 WHERE uid = 1", "has no content of its size"),
    ("UPDATE message SET flags = flags | 1 << 40 WHERE uid = 1", "keyword not in its list"),
    ("DELETE FROM content_meta", "has no content of its size"),
    ("DELETE FROM content_data", "not in exactly one place"),
    ("UPDATE content_data SET data = x'00'", "has 1 of"),
    ("UPDATE content_meta SET header_octets = 1 << 40", "header larger"),
    ("DELETE FROM freed", "will not be collected"),
    ("DELETE FROM expunged", "differ"),
    ("DELETE FROM change WHERE kind = 3", "differ"),
    ("UPDATE expunged SET uids = x'0100000001000000'", "that were expunged"),
    ("DELETE FROM outbox", "recipients of outbox entry 1"),
    ("DELETE FROM outbox_recipient", "has no recipients"),
    ("UPDATE outbox SET size_octets = 1", "no content of its size"),
    ("UPDATE annotation SET mailbox_id = 99", "annotation has rows of mailbox 99, which is not there"),
    ("UPDATE annotation SET entry = '/Private/comment'", "can not be there"),
    ("UPDATE annotation SET entry = '/shared/comment', mailbox_id = 0", "can not be there"),
    ("UPDATE annotation SET entry = '/private/specialuse'", "should be computed"),
    ("UPDATE annotation SET value = zeroblob(70000)", "is too long"),
)


@pytest.mark.parametrize(("damage", "told"), DAMAGE)
async def test_damage_is_told(tmp_path: Path, damage: str, told: str) -> None:
    async with opened(tmp_path, 1, checked=False) as world:
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, message(1), (Flag("Work"),))
        await append(world.store, ann, inbox, message(2), (DELETED,))
        await append(world.store, ann, inbox, message(3))
        await ann.expunge(inbox, uids(2))
        await ann.urlauth_key(mailbox(ann, "Sent"))
        await ann.set_annotations(inbox, {"/private/comment": b"mine"})
        async with await world.store.stage(pieces(message(4)), LIMIT) as staged:
            envelope = OutEnvelope("ann@example.org", (OutRecipient("a@b.example"),), "7BIT", smtputf8=False)
            await world.store.outbox.enqueue(ann.ref, envelope, staged)
        assert len(await world.store.outbox.claim(datetime.fromtimestamp(world.clock.now, UTC), 60, 1)) == 1
        assert await world.store.check() == []
        await world.store.engine.write(0, lambda db: db.run(damage))
        faults = await world.store.check()
        assert any(told in fault for fault in faults), faults


async def test_columns_in_memory_are_compared(tmp_path: Path) -> None:
    async with opened(tmp_path, 1, checked=False) as world:
        await append(world.store, world.ann, world.inbox, count=2)
        columns = await world.ann.open(world.inbox)
        columns.flags[0] = 1
        (fault,) = await world.store.check()
        assert "columns in memory" in fault
