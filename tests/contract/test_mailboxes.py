"""Mailboxes: what ``store.api.Account`` promises of names, levels, uses and subscriptions."""

from pathlib import Path

import pytest

from contract.opening import append, mailbox, message, opened, refusal, second, uids
from verbena.model.change import Added, Expunged, MailboxCreated, MailboxDeleted, MailboxRenamed
from verbena.model.errors import Refused
from verbena.model.flags import SEEN
from verbena.model.ids import MailboxId
from verbena.model.mailbox import SpecialUse
from verbena.model.reason import Reason


@pytest.mark.rfc("6154 §2")
async def test_a_new_account_has_its_mailboxes(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        names = [found.name for found in world.ann.mailboxes()]
        assert names == ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"]
        assert world.ann.find("inBox") == world.ann.mailboxes()[0]
        uses = {found.name: found.special_use for found in world.ann.mailboxes()}
        assert uses["Sent"] is SpecialUse.SENT
        assert uses["INBOX"] is None
        assert list(world.ann.subscriptions()) == sorted(names)


@pytest.mark.rfc("3501 §6.3.3")
async def test_create_makes_the_levels_above(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        made = await world.ann.create("work/2026/bills/")
        assert (made.name, made.selectable, made.has_children) == ("work/2026/bills", True, False)
        work = world.ann.find("work")
        assert work is not None
        assert not work.selectable
        assert work.has_children
        with pytest.raises(Refused) as caught:
            world.ann.status(work.mailbox_id)
        assert refusal(caught.value) is Reason.NONEXISTENT
        again = await world.ann.create("work")
        assert again.selectable
        assert again.uidvalidity > work.uidvalidity
        with pytest.raises(Refused) as caught:
            await world.ann.create("work")
        assert refusal(caught.value) is Reason.ALREADY_EXISTS
        assert (await world.ann.create("inbox/private")).name == "INBOX/private"


@pytest.mark.parametrize(
    "name",
    ["", "/", "a//b", "/a", "a/b//", "a\nb", "a*", "50%", "x" * 1001, "/".join("a" * 33), "\x7f", "a\x85", "ü" * 501],
)
async def test_names_that_can_not_be(tmp_path: Path, name: str) -> None:
    async with opened(tmp_path) as world:
        with pytest.raises(Refused) as caught:
            await world.ann.create(name)
        assert refusal(caught.value) is Reason.CANNOT


@pytest.mark.rfc("6154 §5.2")
async def test_a_use_is_given_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        for use in (SpecialUse.SENT, SpecialUse.ALL):
            with pytest.raises(Refused) as caught:
                await world.ann.create("mine", use)
            assert refusal(caught.value) is Reason.USE_ATTRIBUTE
        assert world.ann.find("mine") is None
        await world.ann.delete(mailbox(world.ann, "Sent"))
        assert (await world.ann.create("mine", SpecialUse.SENT)).special_use is SpecialUse.SENT


@pytest.mark.rfc("3501 §6.3.4")
async def test_delete(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann = world.ann
        foo = (await ann.create("foo")).mailbox_id
        bar = (await ann.create("foo/bar")).mailbox_id
        await append(world.store, ann, foo, count=3)
        before = ann.modseq()
        await ann.delete(foo)
        level = ann.find("foo")
        assert level is not None
        assert not level.selectable
        assert level.mailbox_id != foo
        assert ann.changes(before)[0] == MailboxDeleted(ann.modseq(), foo, "foo")
        for gone, reason in (
            (level.mailbox_id, Reason.HAS_CHILDREN),
            (foo, Reason.NONEXISTENT),
            (world.inbox, Reason.CANNOT),
        ):
            with pytest.raises(Refused) as caught:
                await ann.delete(gone)
            assert refusal(caught.value) is reason
        await ann.delete(bar)
        assert ann.find("foo") == level.__class__(
            level.mailbox_id, "foo", level.uidvalidity, False, False, None, has_children=False
        )
        await ann.delete(level.mailbox_id)
        assert ann.find("foo") is None


@pytest.mark.rfc("3501 §2.3.1.1")
async def test_a_name_used_again_has_a_larger_uidvalidity(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        seen = [0]
        world.clock.now -= 1000
        for _ in range(3):
            made = await world.ann.create("again")
            assert made.uidvalidity > seen[-1]
            seen.append(made.uidvalidity)
            await world.ann.delete(made.mailbox_id)


@pytest.mark.rfc("3501 §6.3.5")
async def test_rename_takes_the_children_along(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann = world.ann
        a = await ann.create("a")
        b = await ann.create("a/b")
        other = await ann.create("a b")
        await append(world.store, ann, b.mailbox_id, flags=(SEEN,))
        before = ann.modseq()
        await ann.rename(a.mailbox_id, "x/y")
        assert [found.name for found in ann.mailboxes() if found.name[0] in "ax"] == ["a b", "x", "x/y", "x/y/b"]
        assert mailbox(ann, "x/y/b") == b.mailbox_id
        assert mailbox(ann, "a b") == other.mailbox_id
        assert ann.status(b.mailbox_id).uidvalidity == b.uidvalidity
        now = ann.modseq()
        assert ann.changes(before) == [
            MailboxCreated(now, mailbox(ann, "x"), "x"),
            MailboxRenamed(now, a.mailbox_id, "a", "x/y"),
            MailboxRenamed(now, b.mailbox_id, "a/b", "x/y/b"),
        ]
        for name, reason in (
            ("x/y/z", Reason.CANNOT),
            ("a b", Reason.ALREADY_EXISTS),
            ("inbox", Reason.ALREADY_EXISTS),
        ):
            with pytest.raises(Refused) as caught:
                await ann.rename(a.mailbox_id, name)
            assert refusal(caught.value) is reason
        with pytest.raises(Refused) as caught:
            await ann.rename(MailboxId(999), "new")
        assert refusal(caught.value) is Reason.NONEXISTENT


@pytest.mark.rfc("3501 §6.3.5")
async def test_rename_of_inbox_gives_its_messages_away(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann = world.ann
        await append(world.store, ann, world.inbox, message(7), (SEEN,), count=3)
        child = await ann.create("INBOX/child")
        before = ann.modseq()
        await ann.rename(world.inbox, "old")
        old = mailbox(ann, "old")
        assert ann.status(world.inbox).messages == 0
        assert ann.status(world.inbox).uidnext == 4
        assert (ann.status(old).messages, ann.status(old).unseen) == (3, 0)
        assert mailbox(ann, "INBOX/child") == child.mailbox_id
        now = ann.modseq()
        assert ann.changes(before) == [
            MailboxCreated(now, old, "old"),
            Expunged(now, world.inbox, uids((1, 3))),
            Added(now, old, uids((1, 3))),
        ]


@pytest.mark.rfc("3501 §6.3.6")
async def test_subscriptions_outlive_their_mailbox(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        ann = world.ann
        made = await ann.create("list")
        assert not made.subscribed
        await ann.subscribe("list", True)
        assert ann.find("list") is not None
        before = ann.modseq()
        await ann.subscribe("list", True)
        assert ann.modseq() == before
        await ann.delete(made.mailbox_id)
        assert "list" in ann.subscriptions()
        await ann.subscribe("list", False)
        assert "list" not in ann.subscriptions()
        with pytest.raises(Refused):
            await ann.subscribe("a//b", True)


@pytest.mark.rfc("4467 §2.2")
async def test_urlauth_keys(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, second(world) as (_, elsewhere):
        ann, sent = world.ann, mailbox(world.ann, "Sent")
        key = await ann.urlauth_key(world.inbox)
        assert len(key.reveal()) == 32
        assert await elsewhere.urlauth_key(world.inbox) == key
        assert await ann.urlauth_key(sent) != key
        before, sent_key = ann.modseq(), await ann.urlauth_key(sent)
        await ann.reset_urlauth_keys(sent)
        assert await elsewhere.urlauth_key(sent) != sent_key
        assert await ann.urlauth_key(world.inbox) == key
        await ann.reset_urlauth_keys(None)
        assert await ann.urlauth_key(world.inbox) != key
        assert ann.modseq() == before
        with pytest.raises(Refused):
            await ann.urlauth_key(MailboxId(999))


async def test_accounts_do_not_see_each_other(tmp_path: Path) -> None:
    async with opened(tmp_path, shards=1) as world:
        await append(world.store, world.ann, world.inbox)
        assert world.bob.status(mailbox(world.bob, "INBOX")).messages == 0
        await world.store.directory.remove_account(world.ann.ref.account_id)
        with pytest.raises(Refused):
            world.ann.modseq()
        with pytest.raises(Refused):
            await world.ann.create("more")
        assert len(world.bob.mailboxes()) == 6
