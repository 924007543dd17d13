"""The store against a model of it in dicts: any sequence of operations, two processes, one account."""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contract.opening import Opened, append, message, opened, second
from verbena.model.change import Expunged
from verbena.model.errors import Refused
from verbena.model.flags import ANSWERED, DELETED, SEEN, Flag, FlagEdit, FlagOp, flag_names
from verbena.model.ids import MailboxId, ModSeq
from verbena.model.uidset import NumberSet, number_set, range_set
from verbena.store.account import StoredAccount
from verbena.store.api import Columns

T = TypeVar("T")

NAMES = st.sampled_from(["a", "b", "a/b", "a/b/c", "INBOX", "d"])
FLAGS = st.lists(st.sampled_from([SEEN, DELETED, ANSWERED, Flag("x"), Flag("Y"), Flag("$z")]), unique=True, max_size=3)
SETS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 8)), min_size=1, max_size=3).map(
    lambda pairs: range_set((low, low + more) for low, more in pairs)
)
WHO = st.integers(0, 1)


class StoreMachine(RuleBasedStateMachine):
    """``model`` has name → uid → (flags, modseq, octets)."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.stack = AsyncExitStack()
        self.world: Opened = self.run(self.stack.enter_async_context(opened(Path(self.folder.name), shards=1)))
        store, other = self.run(self.stack.enter_async_context(second(self.world)))
        self.stores = (self.world.store, store)
        self.accounts: tuple[StoredAccount, StoredAccount] = (self.world.ann, other)
        self.model: dict[str, dict[int, tuple[frozenset[Flag], int, bytes]]] = {"INBOX": {}}
        self.next: dict[str, int] = {"INBOX": 1}
        self.gone: dict[str, list[tuple[int, int]]] = {"INBOX": []}
        self.columns: dict[tuple[int, str], tuple[MailboxId, Columns]] = {}
        self.number = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    def box(self, name: str) -> MailboxId:
        found = self.accounts[0].find(name)
        assert found is not None
        return found.mailbox_id

    def have(self, name: str) -> bool:
        return name in self.model

    @rule(who=WHO, name=NAMES)
    def create(self, who: int, name: str) -> None:
        try:
            self.run(self.accounts[who].create(name))
        except Refused:
            assert self.have(name)
            return
        assert not self.have(name)
        self.model[name], self.next[name], self.gone[name] = {}, 1, []

    @rule(who=WHO, name=NAMES)
    def delete(self, who: int, name: str) -> None:
        if name == "INBOX" or not self.have(name):
            return
        self.run(self.accounts[who].delete(self.box(name)))
        for kept in (self.model, self.next, self.gone):
            del kept[name]

    @rule(who=WHO, name=NAMES, flags=FLAGS, count=st.integers(1, 4))
    def append(self, who: int, name: str, flags: list[Flag], count: int) -> None:
        if not self.have(name):
            return
        self.number += 1
        octets = message(self.number)
        account = self.accounts[who]
        uids = self.run(append(self.stores[who], account, self.box(name), octets, tuple(flags), count))
        assert uids == tuple(range(self.next[name], self.next[name] + count))
        self.add(name, [(frozenset(flags), octets)] * count, account.modseq())

    def add(self, name: str, new: list[tuple[frozenset[Flag], bytes]], modseq: int) -> None:
        for flags, octets in new:
            self.model[name][self.next[name]] = (flags, modseq, octets)
            self.next[name] += 1

    @rule(who=WHO, name=NAMES, uids=SETS, op=st.sampled_from(list(FlagOp)), flags=FLAGS, back=st.integers(-1, 4))
    def store(self, who: int, name: str, uids: NumberSet, op: FlagOp, flags: list[Flag], back: int) -> None:
        if not self.have(name):
            return
        account = self.accounts[who]
        before = account.modseq()
        since = None if back < 0 else ModSeq(max(0, before - back))
        stored = self.run(account.store_flags(self.box(name), uids, FlagEdit(op, tuple(flags)), since))
        rows = self.model[name]
        changed, unchanged, failed = set(), set(), set()
        for uid in [uid for uid in rows if uid in uids]:
            old, modseq, octets = rows[uid]
            new = {FlagOp.ADD: old | set(flags), FlagOp.REMOVE: old - set(flags), FlagOp.REPLACE: frozenset(flags)}[op]
            if since is not None and modseq > since:
                failed.add(uid)
            elif new == old:
                unchanged.add(uid)
            else:
                changed.add(uid)
                rows[uid] = (new, before + 1, octets)
        assert (stored.changed, stored.unchanged, stored.failed) == tuple(map(number_set, (changed, unchanged, failed)))
        assert stored.modseq == account.modseq() == before + bool(changed)

    @rule(who=WHO, name=NAMES, uids=st.none() | SETS)
    def expunge(self, who: int, name: str, uids: NumberSet | None) -> None:
        if not self.have(name):
            return
        wanted = {uid for uid, row in self.model[name].items() if DELETED in row[0] and (uids is None or uid in uids)}
        assert self.run(self.accounts[who].expunge(self.box(name), uids)) == number_set(wanted)
        self.remove(name, wanted)

    def remove(self, name: str, uids: set[int]) -> None:
        for uid in uids:
            del self.model[name][uid]
            self.gone[name].append((uid, self.accounts[0].modseq()))

    @rule(who=WHO, name=NAMES, to=NAMES, uids=SETS, remove=st.booleans())
    def copy_or_move(self, who: int, name: str, to: str, uids: NumberSet, remove: bool) -> None:
        if not self.have(name) or not self.have(to):
            return
        account = self.accounts[who]
        call = account.move if remove else account.copy
        copied = self.run(call(self.box(name), uids, self.box(to)))
        rows = self.model[name]
        wanted = [uid for uid in sorted(rows) if uid in uids]
        assert copied.source_uids == tuple(wanted)
        assert copied.uids == tuple(range(self.next[to], self.next[to] + len(wanted)))
        new = [(rows[uid][0], rows[uid][2]) for uid in wanted]
        if remove:
            self.remove(name, set(wanted))
        self.add(to, new, account.modseq())

    @rule(who=WHO, name=NAMES)
    @precondition(lambda self: len(self.columns) < 6)
    def open(self, who: int, name: str) -> None:
        if self.have(name):
            mailbox_id = self.box(name)
            self.columns[who, name] = mailbox_id, self.run(self.accounts[who].open(mailbox_id))

    @rule(since=st.integers(0, 30))
    def vanished(self, since: int) -> None:
        for name, gone in self.gone.items():
            expected = number_set(uid for uid, modseq in gone if modseq > since)
            assert self.accounts[1].vanished(self.box(name), ModSeq(since)) == expected
            told = [change for change in self.accounts[0].changes(ModSeq(since)) if isinstance(change, Expunged)]
            here = [change.uids for change in told if change.mailbox_id == self.box(name)]
            assert number_set(uid for uids in here for uid in uids) == expected

    @invariant()
    def columns_tell_the_truth(self) -> None:
        for (who, name), (mailbox_id, columns) in list(self.columns.items()):
            if not self.have(name) or self.box(name) != mailbox_id:
                with pytest.raises(Refused):
                    self.accounts[who].refresh(columns)
                del self.columns[who, name]
                continue
            self.accounts[who].refresh(columns)
            rows = self.model[name]
            assert columns.uids.tolist() == sorted(rows)
            for uid, bits, modseq, size in zip(
                columns.uids, columns.flags, columns.modseqs, columns.sizes, strict=True
            ):
                flags, at, octets = rows[uid]
                assert set(flag_names(bits, columns.keywords)) == flags
                assert (modseq, size) == (at, len(octets))
            assert columns.uidnext == self.next[name]

    @invariant()
    def figures_are_right(self) -> None:
        for name, rows in self.model.items():
            status = self.accounts[0].status(self.box(name))
            assert status.messages == len(rows)
            assert status.unseen == sum(1 for row in rows.values() if SEEN not in row[0])
            assert status.deleted == sum(1 for row in rows.values() if DELETED in row[0])
            assert status.size_octets == sum(len(row[2]) for row in rows.values())


StoreMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestStore = StoreMachine.TestCase
