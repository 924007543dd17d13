"""Deliveries: all that comes of a message in one transaction; what scripts want remembered."""

from dataclasses import replace
from pathlib import Path

import pytest

from contract.opening import DATE, LIMIT, Opened, mailbox, message, opened, pieces, second
from verbena.model.change import Added, MailboxCreated
from verbena.model.errors import Refused
from verbena.model.flags import MAX_KEYWORDS, Flag
from verbena.model.ids import MailboxId
from verbena.model.mailbox import SpecialUse
from verbena.model.reason import Reason
from verbena.store import notes
from verbena.store.api import (
    Delivery,
    DeliveryDone,
    Filing,
    NewMessage,
    Note,
    NoteKind,
    OutEnvelope,
    Outgoing,
    OutRecipient,
    Staged,
)

OUT = OutEnvelope("ann@example.org", (OutRecipient("d@far.example"),), "7BIT", smtputf8=False)


def note(kind: NoteKind = NoteKind.ANSWERED, key: bytes = b"k" * 32, lasts_s: int = 60) -> Note:
    return Note(kind, key, lasts_s)


def new(staged: Staged, *flags: str) -> NewMessage:
    return NewMessage(staged, tuple(map(Flag, flags)), DATE)


def count(world: Opened, name: str) -> int:
    return world.ann.status(mailbox(world.ann, name)).messages


async def test_everything_has_one_modseq(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, await world.store.stage(pieces(message()), LIMIT) as staged:
        before = world.ann.modseq()
        done = await world.ann.deliver(
            Delivery(
                (Filing(new(staged, "\\Seen"), "INBOX"), Filing(new(staged, "$a"), "New/Box", create=True)),
                (Outgoing(OUT, staged),),
                notes=(note(),),
            )
        )
        assert (done.overtaken, done.queued, [filed.elsewhere for filed in done.filed]) == (False, 1, [False, False])
        changes = world.ann.changes(before)
        assert {change.modseq for change in changes} == {before + 1}
        assert [type(change) for change in changes].count(Added) == 2
        assert any(isinstance(change, MailboxCreated) and change.name == "New/Box" for change in changes)
        assert world.store.outbox.depth() == 1
        async with second(world) as (_, again):
            assert again.is_noted(NoteKind.ANSWERED, b"k" * 32)
            assert not again.is_noted(NoteKind.SEEN, b"k" * 32)


async def test_what_files_nothing_makes_no_modseq(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, await world.store.stage(pieces(message()), LIMIT) as staged:
        before = world.ann.modseq()
        told = Filing(new(staged), "INBOX", unless=note(NoteKind.TOLD))
        await world.ann.deliver(Delivery((told,)))
        assert world.ann.modseq() == before + 1
        done = await world.ann.deliver(Delivery((told,), (Outgoing(OUT, staged),)))
        assert (done.queued, done.filed, count(world, "INBOX")) == (1, (), 1)
        assert world.ann.modseq() == before + 1


@pytest.mark.parametrize(
    ("filing", "expected", "elsewhere"),
    [
        ({"name": "Archive"}, "Archive", False),
        ({"name": "inbox"}, "INBOX", False),
        ({"name": "Nowhere"}, "INBOX", True),
        ({"name": "a//b", "create": True}, "INBOX", True),
        ({"name": "Nowhere", "special_use": SpecialUse.JUNK}, "Junk", False),
        ({"name": "Archive", "special_use": SpecialUse.ALL}, "Archive", False),
        ({"name": "X", "special_use": SpecialUse.ALL, "create": True}, "X", False),
        ({"name": "Archive", "mailbox_id": MailboxId(999)}, "Archive", False),
    ],
)
async def test_where_a_copy_goes(tmp_path: Path, filing: dict[str, str], expected: str, elsewhere: bool) -> None:
    async with opened(tmp_path) as world, await world.store.stage(pieces(message()), LIMIT) as staged:
        wanted = replace(Filing(new(staged), ""), **filing)  # type: ignore[arg-type]
        (filed,) = (await world.ann.deliver(Delivery((wanted,)))).filed
        assert (filed.mailbox_id, filed.elsewhere) == (mailbox(world.ann, expected), elsewhere)


async def test_a_number_goes_first(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, await world.store.stage(pieces(message()), LIMIT) as staged:
        junk = mailbox(world.ann, "Junk")
        (filed,) = (await world.ann.deliver(Delivery((Filing(new(staged), "Archive", mailbox_id=junk),)))).filed
        assert filed.mailbox_id == junk


@pytest.mark.rfc("5228 §2.10.3")
async def test_a_message_is_once_in_a_mailbox(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, await world.store.stage(pieces(message()), LIMIT) as staged:
        filings = (Filing(new(staged, "\\Seen"), "INBOX"), Filing(new(staged, "\\Flagged"), "Nowhere"))
        assert len((await world.ann.deliver(Delivery(filings))).filed) == 1
        assert count(world, "INBOX") == 1


async def test_first_ones_overtake(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, await world.store.stage(pieces(message()), LIMIT) as staged:
        delivery = Delivery((Filing(new(staged), "INBOX"),), first=(note(NoteKind.SEEN),))
        assert not (await world.ann.deliver(delivery)).overtaken
        assert await world.ann.deliver(delivery) == DeliveryDone(True)
        assert count(world, "INBOX") == 1
        world.clock.now += 61
        assert not (await world.ann.deliver(delivery)).overtaken


async def test_outgoing_once_with_its_copy(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, await world.store.stage(pieces(message()), LIMIT) as staged:
        outgoing = Outgoing(OUT, staged, Filing(new(staged), "Sent"), unless=note())
        assert (await world.ann.deliver(Delivery(outgoing=(outgoing,)))).queued == 1
        assert (await world.ann.deliver(Delivery(outgoing=(outgoing,)))).queued == 0
        assert (count(world, "Sent"), world.store.outbox.depth()) == (1, 1)


async def test_keywords_without_room_are_left_out(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, await world.store.stage(pieces(message()), LIMIT) as staged:
        await world.ann.append(world.inbox, [new(staged, *(f"k{number}" for number in range(MAX_KEYWORDS)))])
        await world.ann.deliver(Delivery((Filing(new(staged, "more", "\\Seen", "k1"), "INBOX"),)))
        columns = await world.ann.open(world.inbox)
        assert columns.flags[1].bit_count() == 2


async def test_notes_are_counted_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path) as world:
        for number in range(5):
            key = bytes((number,)) * 32
            await world.ann.deliver(Delivery(notes=(Note(NoteKind.SENT, key, 60 * (number + 1)),)))
        assert world.ann.count_notes(NoteKind.SENT) == 5
        world.clock.now += 120
        assert world.ann.count_notes(NoteKind.SENT) == 3
        await world.store.maintain()
        assert world.ann.count_notes(NoteKind.SENT) == 3
        monkeypatch.setattr(notes, "MAX_NOTES", 1)
        await world.store.maintain()
        assert world.ann.count_notes(NoteKind.SENT) == 1
        assert world.ann.is_noted(NoteKind.SENT, b"\x04" * 32)
        assert world.bob.count_notes(NoteKind.SENT) == 0


async def test_an_account_that_is_gone(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, await world.store.stage(pieces(message()), LIMIT) as staged:
        await world.ann.deliver(Delivery(notes=(note(),)))
        await world.store.directory.remove_account(world.ann.ref.account_id)
        with pytest.raises(Refused) as refused:
            await world.ann.deliver(Delivery((Filing(new(staged), "INBOX"),)))
        assert refused.value.reason is Reason.NONEXISTENT
