"""Messages: append, flags, copy, move, expunge, recent, and the columns and changes that tell of them."""

import asyncio
from pathlib import Path

import pytest

from contract.opening import DATE, LIMIT, append, mailbox, message, opened, pieces, refusal, second, uids
from verbena.model.change import Added, Expunged, FlagsChanged
from verbena.model.errors import Refused
from verbena.model.flags import DELETED, FLAGGED, MAX_KEYWORDS, SEEN, Flag, FlagEdit, FlagOp, flag_names
from verbena.model.ids import ContentId, MailboxId, ModSeq
from verbena.model.reason import Reason
from verbena.model.uidset import EMPTY
from verbena.store.api import NewMessage

ADD, REMOVE, REPLACE = FlagOp.ADD, FlagOp.REMOVE, FlagOp.REPLACE
WORK = Flag("Work")


@pytest.mark.rfc("3502 §3")
async def test_append_is_all_or_none(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        async with (
            await world.store.stage(pieces(message(1)), LIMIT) as one,
            await world.store.stage(pieces(message(2)), LIMIT) as two,
        ):
            new = [NewMessage(one, (SEEN,), DATE), NewMessage(two, (WORK, Flag("\\Bad")), DATE)]
            before = ann.modseq()
            with pytest.raises(Refused) as caught:
                await ann.append(inbox, new)
            assert refusal(caught.value) is Reason.CANNOT
            assert (ann.modseq(), ann.status(inbox).uidnext) == (before, 1)
            done = await ann.append(inbox, [new[0], NewMessage(two, (WORK,), DATE)])
        assert done.uids == (1, 2)
        assert done.modseq == before + 1
        status = ann.status(inbox)
        assert (status.messages, status.unseen, status.recent, status.uidnext) == (2, 1, 2, 3)
        assert status.size_octets == 2 * len(message(1))
        assert status.highestmodseq == done.modseq
        assert status.keywords == (WORK,)
        with pytest.raises(Refused) as caught:
            await append(world.store, ann, MailboxId(999))
        assert refusal(caught.value) is Reason.NONEXISTENT


async def test_columns_hold_what_was_appended(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, message(1), (WORK, SEEN))
        columns = await ann.open(inbox)
        assert list(columns.uids) == [1]
        assert flag_names(columns.flags[0], columns.keywords) == (SEEN, WORK)
        assert (columns.dates[0], columns.zones[0]) == (DATE.epoch_s, DATE.zone_min)
        assert columns.sizes[0] == len(message(1))
        (content,) = ann.contents(columns.contents)
        assert content is not None
        assert content.size_octets == len(message(1))
        assert content.sent_at_epoch_s == DATE.epoch_s
        assert content.sent_zone_min == 60
        assert b"number 1" in content.envelope
        assert message(1)[content.header_octets - 4 : content.header_octets] == b"\r\n\r\n"
        assert await ann.open(inbox) is columns


@pytest.mark.rfc("3501 §6.4.6")
async def test_flag_edits(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, count=5)
        columns = await ann.open(inbox)

        def flags() -> list[tuple[Flag, ...]]:
            ann.refresh(columns)
            return [flag_names(bits, columns.keywords) for bits in columns.flags]

        stored = await ann.store_flags(inbox, uids((2, 4), 9), FlagEdit(ADD, (SEEN, WORK)))
        assert (stored.changed, stored.unchanged, stored.failed) == (uids((2, 4)), EMPTY, EMPTY)
        assert flags() == [(), (SEEN, WORK), (SEEN, WORK), (SEEN, WORK), ()]
        stored = await ann.store_flags(inbox, uids((1, 3)), FlagEdit(ADD, (Flag("wOrK"),)))
        assert (stored.changed, stored.unchanged) == (uids(1), uids((2, 3)))
        assert flags()[0] == (WORK,)
        assert list(columns.modseqs) == [stored.modseq, *[stored.modseq - 1] * 3, stored.modseq - 2]
        await ann.store_flags(inbox, uids((1, 5)), FlagEdit(REMOVE, (WORK, Flag("unheard"))))
        assert flags() == [(), (SEEN,), (SEEN,), (SEEN,), ()]
        await ann.store_flags(inbox, uids(3, 5), FlagEdit(REPLACE, (DELETED,)))
        assert flags() == [(), (SEEN,), (DELETED,), (SEEN,), (DELETED,)]
        status = ann.status(inbox)
        assert (status.unseen, status.deleted) == (3, 2)
        assert status.keywords == (WORK,)


@pytest.mark.rfc("7162 §3.1.3")
async def test_an_edit_that_changes_nothing_makes_no_modseq(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, flags=(SEEN,))
        told: list[ModSeq] = []
        world.store.listen(lambda _, modseq: told.append(modseq))
        before = ann.modseq()
        for edit in (FlagEdit(ADD, (SEEN,)), FlagEdit(REMOVE, (WORK,)), FlagEdit(REPLACE, (SEEN,)), FlagEdit(ADD, ())):
            stored = await ann.store_flags(inbox, uids((1, 9)), edit)
            assert (stored.modseq, stored.changed, stored.unchanged) == (before, EMPTY, uids(1))
        stored = await ann.store_flags(inbox, uids(9), FlagEdit(ADD, (Flag("new"),)))
        assert stored.unchanged == EMPTY
        assert ann.status(inbox).keywords == ()
        assert (ann.modseq(), ann.changes(before), told) == (before, [], [])
        with pytest.raises(Refused):
            await ann.store_flags(MailboxId(999), uids(1), FlagEdit(ADD, (SEEN,)))


@pytest.mark.rfc("7162 §3.1.3")
async def test_unchangedsince(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, count=4)
        known = ann.modseq()
        await ann.store_flags(inbox, uids(2), FlagEdit(ADD, (FLAGGED,)))
        stored = await ann.store_flags(inbox, uids((1, 3)), FlagEdit(ADD, (SEEN,)), known)
        assert (stored.changed, stored.failed) == (uids(1, 3), uids(2))
        stored = await ann.store_flags(inbox, uids((1, 4)), FlagEdit(ADD, (SEEN,)), ModSeq(0))
        assert (stored.changed, stored.failed) == (EMPTY, uids((1, 4)))


@pytest.mark.rfc("5550 §5.10")
async def test_only_one_of_two_racing_clients_takes_the_submission_over(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, second(world) as (_, elsewhere):
        inbox = world.inbox
        await append(world.store, world.ann, inbox, flags=(Flag("$SubmitPending"),))
        known = world.ann.modseq()
        edit = FlagEdit(ADD, (Flag("$Submitted"),))
        both = await asyncio.gather(
            world.ann.store_flags(inbox, uids(1), edit, known), elsewhere.store_flags(inbox, uids(1), edit, known)
        )
        assert sorted((len(stored.changed), len(stored.failed)) for stored in both) == [(0, 1), (1, 0)]


async def test_keywords_no_message_has_are_taken_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        names = tuple(Flag(f"k{number}") for number in range(MAX_KEYWORDS))
        await append(world.store, ann, inbox, flags=names)
        columns = await ann.open(inbox)
        with pytest.raises(Refused) as caught:
            await ann.store_flags(inbox, uids(1), FlagEdit(ADD, (WORK,)))
        assert refusal(caught.value) is Reason.LIMIT
        await ann.store_flags(inbox, uids(1), FlagEdit(REMOVE, (names[3], names[9])))
        await ann.store_flags(inbox, uids(1), FlagEdit(ADD, (WORK, Flag("Play"))))
        with pytest.raises(Refused):
            await append(world.store, ann, inbox, flags=(Flag("third"),))
        ann.refresh(columns)
        assert set(flag_names(columns.flags[0], columns.keywords)) == {*names, WORK, "Play"} - {names[3], names[9]}


@pytest.mark.rfc("4315 §3")
async def test_copy_keeps_flags_under_the_other_mailbox_s_keywords(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox, sent = world.ann, world.inbox, mailbox(world.ann, "Sent")
        await append(world.store, ann, sent, flags=(Flag("Other"), Flag("work")))
        await append(world.store, ann, inbox, flags=(WORK, DELETED), count=4)
        await ann.expunge(inbox, uids(2))
        copied = await ann.copy(inbox, uids((1, 3), 77), sent)
        assert (copied.source_uids, copied.uids) == ((1, 3), (2, 3))
        columns = await ann.open(sent)
        assert flag_names(columns.flags[1], columns.keywords) == (DELETED, Flag("work"))
        assert columns.contents[1] == columns.contents[2] == (await ann.open(inbox)).contents[0]
        assert (ann.status(sent).deleted, ann.status(inbox).messages) == (2, 3)
        before = ann.modseq()
        assert (await ann.copy(inbox, uids(77), sent)).uids == ()
        assert ann.modseq() == before
        with pytest.raises(Refused) as caught:
            await ann.copy(inbox, uids(1), MailboxId(999))
        assert refusal(caught.value) is Reason.NONEXISTENT


@pytest.mark.rfc("6851 §3.3")
async def test_move_is_one_transaction(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox, sent = world.ann, world.inbox, mailbox(world.ann, "Sent")
        await append(world.store, ann, inbox, flags=(WORK,), count=4)
        before = ann.modseq()
        moved = await ann.move(inbox, uids((2, 3)), sent)
        assert (moved.source_uids, moved.uids) == ((2, 3), (1, 2))
        assert ann.changes(before) == [
            Expunged(moved.modseq, inbox, uids((2, 3))),
            Added(moved.modseq, sent, uids((1, 2))),
        ]
        within = await ann.move(inbox, uids(1), inbox)
        assert (within.source_uids, within.uids) == ((1,), (5,))
        assert list((await ann.open(inbox)).uids) == [4, 5]


@pytest.mark.rfc("7162 §3.2.7")
async def test_expunge_and_what_vanished(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, count=6)
        await ann.store_flags(inbox, uids(2, 3, 5), FlagEdit(ADD, (DELETED,)))
        columns = await ann.open(inbox)
        told_uids, content = columns.uids, ContentId(columns.contents[2])
        first = ann.modseq()
        assert await ann.expunge(inbox, uids((3, 6))) == uids(3, 5)
        second_time = ann.modseq()
        assert await ann.expunge(inbox, None) == uids(2)
        assert await ann.expunge(inbox, None) == EMPTY
        assert ann.vanished(inbox, ModSeq(0)) == ann.vanished(inbox, first) == uids((2, 3), 5)
        assert ann.vanished(inbox, second_time) == uids(2)
        ann.refresh(columns)
        assert list(columns.uids) == [1, 4, 6]
        assert list(told_uids) == [1, 2, 3, 4, 5, 6]
        assert ann.read(content, 0, 4) == b"From"
        assert ann.contents([content])[0] is not None


@pytest.mark.rfc("2180 §4.1")
async def test_an_expunged_message_can_be_fetched_for_a_while(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox, sent = world.ann, world.inbox, mailbox(world.ann, "Sent")
        await append(world.store, ann, inbox, message(1), (DELETED,))
        await append(world.store, ann, inbox, message(2), (DELETED,))
        await ann.copy(inbox, uids(2), sent)
        one, two = map(ContentId, (await ann.open(inbox)).contents)
        await ann.expunge(inbox, None)
        await world.store.maintain()
        assert ann.read(one, 0, 4) == b"From"
        world.clock.now += 301
        await world.store.maintain()
        with pytest.raises(Refused) as caught:
            ann.read(one, 0, 4)
        assert refusal(caught.value) is Reason.EXPUNGE_ISSUED
        assert ann.contents([one, two])[0] is None
        assert ann.read(two, 0, 4) == b"From"


@pytest.mark.rfc("3501 §2.3.2")
async def test_recent_goes_to_one_session(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, second(world) as (_, elsewhere):
        ann, inbox = world.ann, world.inbox
        await append(world.store, ann, inbox, count=2)
        assert ann.status(inbox).recent == 2
        claims = await asyncio.gather(ann.claim_recent(inbox), elsewhere.claim_recent(inbox))
        assert sorted(claims) == [1, 3]
        assert ann.status(inbox).recent == 0
        await append(world.store, ann, inbox)
        assert await elsewhere.claim_recent(inbox) == 3
        assert await ann.claim_recent(inbox) == 4


async def test_changes_come_a_transaction_at_a_time(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox, sent = world.ann, world.inbox, mailbox(world.ann, "Sent")
        since = ann.modseq()
        await append(world.store, ann, inbox)
        await ann.store_flags(inbox, uids(1), FlagEdit(ADD, (SEEN,)))
        await ann.move(inbox, uids(1), sent)
        everything = [
            Added(ModSeq(since + 1), inbox, uids(1)),
            FlagsChanged(ModSeq(since + 2), inbox, uids(1)),
            Expunged(ModSeq(since + 3), inbox, uids(1)),
            Added(ModSeq(since + 3), sent, uids(1)),
        ]
        assert ann.changes(since) == everything
        assert ann.changes(since, 1) == everything[:1]
        assert ann.changes(ModSeq(since + 2), 1) == everything[2:]
        assert ann.changes(ann.modseq()) == []


async def test_another_process_sees_each_commit(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, second(world) as (store, elsewhere):
        ann, inbox = world.ann, world.inbox
        told: list[tuple[str, ModSeq]] = []
        store.listen(lambda ref, modseq: told.append((ref.login, modseq)))
        columns = await ann.open(inbox)
        await append(store, elsewhere, inbox, flags=(WORK,), count=3)
        world.store.heard(ann.ref.account_id, elsewhere.modseq())
        ann.refresh(columns)
        assert list(columns.uids) == [1, 2, 3]
        assert columns.keywords == (WORK,)
        await elsewhere.store_flags(inbox, uids((1, 2)), FlagEdit(ADD, (DELETED,)))
        await elsewhere.expunge(inbox, uids(2))
        ann.refresh(columns)
        assert (list(columns.uids), columns.modseq, columns.highestmodseq) == ([1, 3], ann.modseq(), ann.modseq())
        assert told == [("ann@example.org", ModSeq(ann.modseq() - place)) for place in (2, 1, 0)]
        await elsewhere.rename(inbox, "elsewhere")
        ann.refresh(columns)
        assert list(columns.uids) == []
        made = await elsewhere.create("short")
        short = await ann.open(made.mailbox_id)
        await elsewhere.delete(made.mailbox_id)
        with pytest.raises(Refused):
            ann.refresh(short)


async def test_a_cancelled_write_is_still_done_and_told(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        told: list[ModSeq] = []
        world.store.listen(lambda _, modseq: told.append(modseq))
        task = asyncio.ensure_future(world.ann.create("later"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await world.bob.create("x")
        await world.ann.create("another")
        assert world.ann.find("later") is not None
        assert len(told) == 3
