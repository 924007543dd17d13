"""A session's message numbers over a mailbox that others change: what happens, and what the client is told.

Each row reads: the UIDs the client knows, what happened, then what is told and what the numbers are after it.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from verbena.imap.view import View
from verbena.model.change import Added, Change, Expunged, FlagsChanged
from verbena.model.errors import PeerError
from verbena.model.flags import Flag
from verbena.model.ids import MailboxId, ModSeq, Uid, UidValidity
from verbena.model.uidset import SequenceSet, number_set

HERE = MailboxId(7)
VALIDITY = UidValidity(1)
FIRST = ModSeq(1)


@dataclass
class Mailbox:
    """A mailbox in memory: columns and change log as the store keeps them, without the store."""

    uids: "array[int]" = field(default_factory=lambda: array("I"))
    flags: "array[int]" = field(default_factory=lambda: array("Q"))
    modseqs: "array[int]" = field(default_factory=lambda: array("Q"))
    sizes: "array[int]" = field(default_factory=lambda: array("Q"))
    dates: "array[int]" = field(default_factory=lambda: array("q"))
    zones: "array[int]" = field(default_factory=lambda: array("h"))
    contents: "array[int]" = field(default_factory=lambda: array("Q"))
    keywords: tuple[Flag, ...] = ()
    mailbox_id: MailboxId = HERE
    uidvalidity: UidValidity = VALIDITY
    modseq: ModSeq = FIRST
    highestmodseq: ModSeq = FIRST
    log: list[Change] = field(default_factory=list)
    reads: int = 0

    @property
    def uidnext(self) -> Uid:
        return Uid((self.uids[-1] if self.uids else 0) + 1)

    def add(self, uids: Sequence[int]) -> None:
        self._happened(Added(self._next(), HERE, number_set(uids)))
        for uid in uids:
            for column, value in self._columns(uid):
                column.append(value)

    def _columns(self, uid: int) -> list[tuple["array[int]", int]]:
        values = (uid, 0, self.modseq, 100 + uid, 0, 0, 1000 + uid)
        columns = (self.uids, self.flags, self.modseqs, self.sizes, self.dates, self.zones, self.contents)
        return list(zip(columns, values, strict=True))

    def flag(self, uids: Sequence[int]) -> None:
        self._happened(FlagsChanged(self._next(), HERE, number_set(uids)))
        for uid in uids:
            if uid in self.uids:
                self.flags[self.uids.index(uid)] ^= 8
                self.modseqs[self.uids.index(uid)] = self.modseq

    def expunge(self, uids: Sequence[int]) -> None:
        self._happened(Expunged(self._next(), HERE, number_set(uids)))
        keep = [row for row, uid in enumerate(self.uids) if uid not in uids]
        for name in ("uids", "flags", "modseqs", "sizes", "dates", "zones", "contents"):
            old = getattr(self, name)
            setattr(self, name, array(old.typecode, [old[row] for row in keep]))

    def elsewhere(self) -> None:
        """Something in another mailbox of the account."""
        self._next()

    def _next(self) -> ModSeq:
        self.modseq = ModSeq(self.modseq + 1)
        return self.modseq

    def _happened(self, change: Change) -> None:
        self.highestmodseq = change.modseq
        self.log.append(change)


class Account:
    """What a view asks of ``store.api.Account``; the columns are always up to date here."""

    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    def modseq(self) -> ModSeq:
        return self.mailbox.modseq

    def refresh(self, columns: object) -> None:
        self.mailbox.reads += 1

    def changes(self, since: ModSeq, limit: int = 1000) -> list[Change]:
        return [change for change in self.mailbox.log if change.modseq > since][:limit]


Story = tuple[tuple[str, list[int]], ...]


@dataclass(frozen=True)
class Told:
    """``gone`` as EXPUNGE numbers, ``added`` as UIDs, ``changed`` as numbers; ``numbers`` are the UIDs at the end."""

    gone: list[int]
    added: list[int]
    changed: list[int]
    numbers: list[int]


STORIES: list[tuple[str, list[int], Story, Told]] = [
    ("nothing", [1, 2, 3], (), Told([], [], [], [1, 2, 3])),
    ("arrival", [1, 2], (("add", [3, 4]),), Told([], [3, 4], [], [1, 2, 3, 4])),
    ("flags", [5, 6, 9], (("flag", [6, 9]),), Told([], [], [2, 3], [5, 6, 9])),
    ("expunge", [5, 6, 9], (("expunge", [6]),), Told([2], [], [], [5, 9])),
    ("two expunged", [5, 6, 9, 11], (("expunge", [5, 9]),), Told([1, 2], [], [], [6, 11])),
    ("all expunged", [5, 6], (("expunge", [5, 6]),), Told([1, 1], [], [], [])),
    ("flags, then expunged", [5, 6], (("flag", [5, 6]), ("expunge", [5])), Told([1], [], [1], [6])),
    ("expunged, then arrival", [5, 6], (("expunge", [6]), ("add", [7])), Told([2], [7], [], [5, 7])),
    ("arrival expunged unseen", [5], (("add", [6, 7]), ("expunge", [6])), Told([], [7], [], [5, 7])),
    ("arrival flagged", [5], (("add", [6]), ("flag", [6])), Told([], [6], [], [5, 6])),
    ("in an empty mailbox", [], (("add", [1]), ("expunge", [1]), ("add", [2])), Told([], [2], [], [2])),
    ("elsewhere", [5], (("elsewhere", []),), Told([], [], [], [5])),
]


def play(mailbox: Mailbox, story: Story) -> None:
    for what, uids in story:
        if what == "elsewhere":
            mailbox.elsewhere()
        else:
            getattr(mailbox, what)(uids)


def opened(uids: list[int]) -> tuple[Mailbox, View, Account]:
    mailbox = Mailbox()
    if uids:
        mailbox.add(uids)
    return mailbox, View(mailbox), Account(mailbox)


@pytest.mark.rfc("3501 §7.4.1")
@pytest.mark.parametrize(("known", "story", "told"), [row[1:] for row in STORIES], ids=[row[0] for row in STORIES])
def test_told(known: list[int], story: Story, told: Told) -> None:
    mailbox, view, account = opened(known)
    play(mailbox, story)
    view.advance(account)  # type: ignore[arg-type]
    assert view.take_gone()[1] == told.gone
    assert view.take_added() == told.added
    assert [index + 1 for index in view.take_changed()] == told.changed
    assert list(view.uids[: view.count]) == told.numbers
    assert not view.advance(account)  # type: ignore[arg-type]


@pytest.mark.rfc("3501 §5.2")
@pytest.mark.parametrize(("known", "story", "told"), [row[1:] for row in STORIES], ids=[row[0] for row in STORIES])
def test_told_in_steps_while_expunges_wait(known: list[int], story: Story, told: Told) -> None:
    """Told after each step of the story, expunges only at the end: the same numbers come out."""
    mailbox, view, account = opened(known)
    for step in story:
        play(mailbox, (step,))
        before = view.count
        view.advance(account)  # type: ignore[arg-type]
        added = view.take_added()
        view.take_changed()
        assert view.count == before + len(added)
        assert list(view.uids[: view.count]) == sorted(view.uids[: view.count])
    view.take_gone()
    view.take_added()
    assert list(view.uids[: view.count]) == told.numbers


@pytest.mark.rfc("2180 §4.1")
def test_an_expunged_message_is_found_until_told() -> None:
    mailbox, view, account = opened([5, 6, 9])
    mailbox.expunge([6])
    view.advance(account)  # type: ignore[arg-type]
    rows, row = view.locate(1)
    assert (rows.uids[row], rows.contents[row]) == (6, 1006)
    rows, row = view.locate(2)
    assert rows is not view.rows
    assert rows.uids[row] == 9
    view.take_gone()
    assert view.in_step
    assert view.locate(1)[0].uids[view.locate(1)[1]] == 9


def test_own_flag_edits_are_not_told_again() -> None:
    mailbox, view, account = opened([5, 6])
    mailbox.flag([5])
    view.hush(mailbox.modseq)
    mailbox.flag([6])
    view.advance(account)  # type: ignore[arg-type]
    assert view.take_changed() == [1]


def test_own_edit_over_which_another_wrote_is_told() -> None:
    mailbox, view, account = opened([5, 6])
    mailbox.flag([5])
    view.hush(mailbox.modseq)
    mailbox.flag([5])
    view.advance(account)  # type: ignore[arg-type]
    assert view.take_changed() == [0]


def test_nothing_is_read_while_nothing_happens() -> None:
    mailbox, view, account = opened([5, 6])
    for _ in range(3):
        assert not view.advance(account)  # type: ignore[arg-type]
    assert mailbox.reads == 0


def test_more_changes_than_the_log_gives_at_once() -> None:
    mailbox, view, account = opened(list(range(1, 11)))
    for _ in range(600):
        mailbox.flag([3])
        mailbox.flag([7])
    mailbox.expunge([2])
    mailbox.add([11])
    view.advance(account)  # type: ignore[arg-type]
    assert view.take_gone() == ([2], [2])
    assert view.take_added() == [11]
    assert view.take_changed() == [1, 5]


@pytest.mark.rfc("3501 §6.4.8")
@pytest.mark.parametrize(
    ("pairs", "by_uid", "numbers"),
    [
        (((1, 2),), False, [1, 2]),
        (((3, 0),), False, [3]),
        (((0, 0),), False, [3]),
        (((1, 2),), True, []),
        (((1, 7),), True, [1, 2]),
        (((100, 0),), True, [3]),
        (((6, 6), (5, 9), (6, 5)), True, [1, 2, 3]),
    ],
)
def test_resolve(pairs: tuple[tuple[int, int], ...], by_uid: bool, numbers: list[int]) -> None:
    _, view, _ = opened([5, 6, 9])
    assert [index + 1 for index in view.resolve(SequenceSet(pairs), by_uid)] == numbers


@pytest.mark.parametrize("uids", [(), (4,), (9, 4, 5, 400), (400, 6), range(1, 300)])
def test_uids_are_found_whether_few_or_many(uids: Sequence[int]) -> None:
    known = [5, 6, *range(9, 200, 3)]
    _, view, _ = opened(known)
    assert (
        view.indexes_of(uids)
        == view.indexes_of(set(uids))
        == [known.index(uid) for uid in sorted(uids) if uid in known]
    )


def test_a_number_that_is_not_there_is_the_peers_fault() -> None:
    _, view, _ = opened([5, 6, 9])
    with pytest.raises(PeerError):
        view.resolve(SequenceSet(((2, 4),)), by_uid=False)


@pytest.mark.rfc("3501 §2.3.2")
def test_recent_is_counted_over_what_is_known() -> None:
    mailbox, view, account = opened([5, 6])
    view.add_recent(Uid(6))
    assert view.recent_count() == 1
    mailbox.add([8, 9])
    view.advance(account)  # type: ignore[arg-type]
    view.take_added()
    view.add_recent(Uid(8))
    assert view.recent_count() == 3
    mailbox.expunge([6, 9])
    view.advance(account)  # type: ignore[arg-type]
    view.take_gone()
    assert view.recent_count() == 1
