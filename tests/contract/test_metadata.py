"""Annotations: what ``store.api.Account`` and ``Directory`` promise of them (RFC 5464)."""

import asyncio
from pathlib import Path

import pytest

from contract.opening import mailbox, opened, refusal, second
from verbena.model.change import MetadataChanged
from verbena.model.errors import Refused
from verbena.model.ids import MailboxId, ModSeq
from verbena.model.mailbox import SpecialUse
from verbena.model.metadata import MAX_ENTRIES, MAX_VALUE_OCTETS
from verbena.model.reason import Reason
from verbena.store.api import AnnotationsSet
from verbena.store.open import open_store

COMMENT = "/private/comment"
SHARED = "/shared/comment"
USE = "/private/specialuse"


@pytest.mark.rfc("5464 §4.3")
async def test_set_replace_and_remove(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        before = ann.modseq()
        done = await ann.set_annotations(inbox, {COMMENT: b"one", SHARED: b"a\0b"})
        assert done == AnnotationsSet(ModSeq(before + 1))
        assert ann.annotation(inbox, COMMENT) == b"one"
        assert ann.annotation(inbox, SHARED) == b"a\0b"
        assert ann.changes(before) == [MetadataChanged(ModSeq(before + 1), inbox, (COMMENT, SHARED))]
        again = await ann.set_annotations(inbox, {COMMENT: b"one", "/private/never": None})
        assert again == AnnotationsSet(None)
        assert ann.modseq() == before + 1
        await ann.set_annotations(inbox, {COMMENT: None, SHARED: b""})
        assert ann.annotation(inbox, COMMENT) is None
        assert ann.annotation(inbox, SHARED) == b""
        assert world.bob.annotation(mailbox(world.bob, "INBOX"), SHARED) is None


@pytest.mark.rfc("5464 §4.2.2")
async def test_depth(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        names = ["/private/a", "/private/a/b", "/private/a/b/c", "/private/a-b", "/private/ab", "/private/a0"]
        await ann.set_annotations(inbox, {name: name.encode() for name in names})
        assert ann.annotation_sizes(inbox, "/private/a") == [("/private/a", 10)]
        assert ann.annotation_sizes(inbox, "/private/a", 1) == [("/private/a", 10), ("/private/a/b", 12)]
        deep = [name for name, _ in ann.annotation_sizes(inbox, "/private/a", None)]
        assert deep == ["/private/a", "/private/a/b", "/private/a/b/c"]
        assert [name for name, _ in ann.annotation_sizes(inbox, "/private", None)] == sorted(names)
        assert ann.annotation_sizes(inbox, "/shared", None) == []
        sent = mailbox(ann, "Sent")
        assert ann.annotation_sizes(sent, "/private", 1) == [(USE, 5)]
        assert ann.annotation_sizes(sent, "/private", 0) == []


@pytest.mark.rfc("5464 §4.3")
@pytest.mark.parametrize(
    ("entry", "value", "reason"),
    [
        ("/private/x", b"x" * (MAX_VALUE_OCTETS + 1), Reason.TOO_BIG),
        ("/private", b"x", Reason.CANNOT),
        ("/private/vendor/kolab", b"x", Reason.CANNOT),
        ("/private/a*", b"x", Reason.CANNOT),
        (USE, b"\\Unheard", Reason.USE_ATTRIBUTE),
        (USE, b"\\Sent \\Junk", Reason.USE_ATTRIBUTE),
        (USE, b"\\All", Reason.USE_ATTRIBUTE),
    ],
)
async def test_all_or_none(tmp_path: Path, entry: str, value: bytes, reason: Reason) -> None:
    async with opened(tmp_path) as world:
        before = world.ann.modseq()
        with pytest.raises(Refused) as caught:
            await world.ann.set_annotations(world.inbox, {COMMENT: b"mine", entry: value})
        assert refusal(caught.value) is reason
        assert world.ann.annotation(world.inbox, COMMENT) is None
        assert world.ann.modseq() == before


@pytest.mark.rfc("5464 §4.1")
async def test_there_is_a_most_of_entries(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann, inbox = world.ann, world.inbox
        await ann.set_annotations(inbox, {f"/private/x/{number}": b"v" for number in range(MAX_ENTRIES)})
        with pytest.raises(Refused) as caught:
            await ann.set_annotations(inbox, {COMMENT: b"one too many"})
        assert refusal(caught.value) is Reason.LIMIT
        await ann.set_annotations(inbox, {COMMENT: b"in its place", "/private/x/0": None})
        await ann.set_annotations(None, {COMMENT: b"elsewhere"})
        with pytest.raises(Refused) as caught:
            await ann.set_annotations(MailboxId(999), {COMMENT: b"nowhere"})
        assert refusal(caught.value) is Reason.NONEXISTENT


@pytest.mark.rfc("5464 §4.1")
async def test_annotations_follow_their_mailbox(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann = world.ann
        work = (await ann.create("work/2026")).mailbox_id
        level = mailbox(ann, "work")
        await ann.set_annotations(work, {COMMENT: b"bills"})
        await ann.set_annotations(level, {COMMENT: b"a bare level"})
        await ann.rename(level, "labour")
        assert ann.annotation(mailbox(ann, "labour/2026"), COMMENT) == b"bills"
        assert ann.annotation(mailbox(ann, "labour"), COMMENT) == b"a bare level"
        await ann.delete(work)
        assert ann.annotation(work, COMMENT) is None
        again = (await ann.create("labour/2026")).mailbox_id
        assert ann.annotation(again, COMMENT) is None
        await ann.set_annotations(world.inbox, {COMMENT: b"kept", SHARED: b"copied"})
        before = ann.modseq()
        await ann.rename(world.inbox, "old")
        old = mailbox(ann, "old")
        for place in (old, world.inbox):
            assert ann.annotation(place, COMMENT) == b"kept"
            assert ann.annotation(place, SHARED) == b"copied"
        assert MetadataChanged(ann.modseq(), old, (COMMENT, SHARED)) in ann.changes(before)


@pytest.mark.rfc("6154 §4")
async def test_special_use_is_an_entry(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann = world.ann
        drafts = mailbox(ann, "Drafts")
        saved = (await ann.create("SavedDrafts")).mailbox_id
        assert ann.annotation(drafts, USE) == b"\\Drafts"
        before = ann.modseq()
        done = await ann.set_annotations(saved, {USE: b"\\drafts", COMMENT: b"x"})
        assert done == AnnotationsSet(ModSeq(before + 1), drafts)
        now = ann.modseq()
        assert ann.changes(before) == [
            MetadataChanged(now, saved, (USE, COMMENT)),
            MetadataChanged(now, drafts, (USE,)),
        ]
        uses = {found.name: found.special_use for found in ann.mailboxes()}
        assert (uses["Drafts"], uses["SavedDrafts"]) == (None, SpecialUse.DRAFTS)
        await ann.set_annotations(mailbox(ann, "Sent"), {USE: None})
        assert ann.annotation(mailbox(ann, "Sent"), USE) is None
        await ann.create("a/b")
        with pytest.raises(Refused) as caught:
            await ann.set_annotations(mailbox(ann, "a"), {USE: b"\\Sent"})
        assert refusal(caught.value) is Reason.USE_ATTRIBUTE


@pytest.mark.rfc("5464 §3.2.1.1")
async def test_entries_of_the_server(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        private = "/private/vendor/example/x"
        await world.ann.set_annotations(None, {private: b"mine"})
        assert world.ann.annotation(None, private) == b"mine"
        assert world.bob.annotation(None, private) is None
        with pytest.raises(Refused) as caught:
            await world.ann.set_annotations(None, {SHARED: b"graffiti"})
        assert refusal(caught.value) is Reason.CANNOT
        told: list[int] = []
        world.store.listen(lambda ref, modseq: told.append(ref.account_id))
        async with second(world) as (_, other):
            assert other.annotation(None, SHARED) is None
            await world.store.directory.set_annotations({SHARED: b"down at noon", "/shared/imapsieve/script": b"s"})
            assert told == [0]
            for account in (world.ann, world.bob, other):
                assert account.annotation(None, SHARED) == b"down at noon"
            assert other.annotation_sizes(None, "/shared", None) == [(SHARED, 12), ("/shared/imapsieve/script", 1)]
            assert other.annotation_sizes(None, "/shared", 1) == [(SHARED, 12)]
        for entry in ("/shared/admin", "/private/comment", "/shared"):
            with pytest.raises(Refused) as caught:
                await world.store.directory.set_annotations({SHARED: None, entry: b"x"})
            assert refusal(caught.value) is Reason.CANNOT
        assert world.bob.annotation(None, SHARED) == b"down at noon"
        await world.store.directory.set_annotations({SHARED: None})
        assert world.bob.annotation(None, SHARED) is None


@pytest.mark.rfc("5464 §6.2.2")
async def test_the_configuration_gives_admin(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        fixed = {"/shared/admin": b"mailto:postmaster@example.org"}
        store = open_store(world.data, clock=world.clock, fixed_annotations=fixed)
        try:
            account = store.account(world.ann.ref)
            assert account.annotation(None, "/shared/admin") == b"mailto:postmaster@example.org"
            assert dict(store.directory.annotations()) == fixed
        finally:
            await store.close()


async def test_two_writers(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, second(world) as (_, other):
        work = [
            account.set_annotations(world.inbox, {f"/private/{who}/{number}": b"v"})
            for number in range(20)
            for who, account in (("a", world.ann), ("b", other))
        ]
        made = await asyncio.gather(*work)
        assert len({done.modseq for done in made}) == 40
        assert len(world.ann.annotation_sizes(world.inbox, "/private", None)) == 40
