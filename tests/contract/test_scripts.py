"""Sieve scripts: every promise of ``store.api.Scripts``."""

import asyncio
from pathlib import Path

import pytest

from contract.opening import Opened, opened, refusal, second
from verbena.model.change import ScriptChanged
from verbena.model.errors import Refused
from verbena.model.reason import Reason
from verbena.store.script_api import Scripts
from verbena.store.scripts import MAX_NAME_CHARACTERS, MAX_SCRIPT_OCTETS, MAX_SCRIPTS, MAX_TOTAL_OCTETS

KEEP = b"keep;\r\n"


def shown(scripts: Scripts) -> list[tuple[str, bool]]:
    return [(entry.name, entry.active) for entry in scripts.all()]


def told(world: Opened, since: int) -> list[str]:
    changes = world.ann.changes(type(world.ann.modseq())(since))
    assert all(isinstance(change, ScriptChanged) for change in changes)
    return [change.name for change in changes if isinstance(change, ScriptChanged)]


async def test_put_list_get(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        scripts = world.ann.scripts
        assert (list(scripts.all()), scripts.get("a"), scripts.active()) == ([], None, None)
        first = await scripts.put("b", KEEP)
        await scripts.put("a", b"discard;")
        assert shown(scripts) == [("a", False), ("b", False)]
        found = scripts.get("b")
        assert found is not None
        assert found.octets == KEEP
        assert (found.entry.size_octets, found.entry.modseq) == (len(KEEP), first)
        assert found.entry.changed_at_epoch_s == int(world.clock.now)
        assert list(world.bob.scripts.all()) == []


async def test_every_change_is_told_and_none_where_nothing_changed(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        scripts, start = world.ann.scripts, world.ann.modseq()
        first = await scripts.put("a", KEEP)
        assert await scripts.put("a", KEEP) == first == world.ann.modseq()
        second_put = await scripts.put("a", b"stop;")
        assert second_put > first
        await scripts.activate("a")
        await scripts.activate("a")
        await scripts.rename("a", "b")
        renamed = scripts.active()
        assert renamed is not None
        assert renamed.entry.modseq == second_put
        await scripts.activate(None)
        await scripts.activate(None)
        await scripts.delete("b")
        assert told(world, start) == ["a", "a", "a", "a", "b", "b", "b"]


@pytest.mark.rfc("5804 §1.4", "5804 §2.8", "5804 §2.10", "5804 §2.11")
async def test_one_script_is_active(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        scripts = world.ann.scripts
        await scripts.put("a", KEEP)
        await scripts.put("b", KEEP)
        await scripts.activate("a")
        await scripts.activate("b")
        assert shown(scripts) == [("a", False), ("b", True)]
        with pytest.raises(Refused) as active:
            await scripts.delete("b")
        assert refusal(active.value) is Reason.IN_USE
        await scripts.put("b", b"stop;")
        await scripts.rename("b", "c")
        assert shown(scripts) == [("a", False), ("c", True)]
        await scripts.activate(None)
        await scripts.delete("c")
        assert shown(scripts) == [("a", False)]


async def test_refusals(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        scripts = world.ann.scripts
        await scripts.put("a", KEEP)
        await scripts.put("b", KEEP)
        reasons = []
        for attempt in (
            scripts.delete("x"),
            scripts.activate("x"),
            scripts.rename("x", "y"),
            scripts.rename("a", "b"),
            scripts.rename("a", "a"),
            scripts.rename("a", ""),
            scripts.put("c", b""),
            scripts.put("c", b"x" * (MAX_SCRIPT_OCTETS + 1)),
        ):
            with pytest.raises(Refused) as error:
                await attempt
            reasons.append(refusal(error.value))
        there, cannot = Reason.ALREADY_EXISTS, Reason.CANNOT
        assert reasons == [Reason.NONEXISTENT] * 3 + [there, there, cannot, cannot, Reason.TOO_BIG]
        assert shown(scripts) == [("a", False), ("b", False)]


@pytest.mark.rfc("5804 §1.6")
@pytest.mark.parametrize(
    "name",
    ["", "a\n", "a\x00", "\x7f", "\x85", "a\u2028", "\u2029", "\ufeffa", "\ud800", "\u0378", "n" * 129, "\u0344" * 65],
)
async def test_names_that_no_script_may_have(name: str, tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        scripts = world.ann.scripts
        with pytest.raises(Refused) as error:
            await scripts.put(name, KEEP)
        assert refusal(error.value) is Reason.CANNOT
        with pytest.raises(Refused):
            scripts.get(name)


@pytest.mark.rfc("5804 §1.6", "5198 §3")
async def test_names_of_every_kind(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        scripts = world.ann.scripts
        names = [
            "..",
            "a/b",
            'clever"script',
            "\\",
            "%41",
            "Ferien im März",
            "\U0001f3d6" * MAX_NAME_CHARACTERS,
            " ",
            "A",
            "a",
        ]
        for name in names:
            await scripts.put(name, name.encode())
        assert sorted(entry.name for entry in scripts.all()) == sorted(names)
        decomposed = scripts.get("Ferien im Ma\u0308rz")
        assert decomposed is not None
        assert decomposed.entry.name == "Ferien im März"


@pytest.mark.rfc("5804 §1.5", "5804 §2.5")
async def test_quotas(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        scripts = world.ann.scripts
        big = b"#" * MAX_SCRIPT_OCTETS
        for number in range(MAX_TOTAL_OCTETS // MAX_SCRIPT_OCTETS):
            await scripts.put(f"big {number}", big)
        with pytest.raises(Refused) as full:
            await scripts.put("small", KEEP)
        assert refusal(full.value) is Reason.OVER_QUOTA
        scripts.check_space("big 1", MAX_SCRIPT_OCTETS)
        await scripts.put("big 1", KEEP)
        for number in range(MAX_SCRIPTS - len(scripts.all())):
            await scripts.put(f"small {number}", KEEP)
        with pytest.raises(Refused) as many:
            scripts.check_space("one more", 1)
        assert refusal(many.value) is Reason.LIMIT
        with pytest.raises(Refused) as large:
            scripts.check_space("small 1", MAX_SCRIPT_OCTETS + 1)
        assert refusal(large.value) is Reason.TOO_BIG


async def test_two_processes_write_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as world, second(world) as (_, other):
        await asyncio.gather(
            *(world.ann.scripts.put(f"a{number}", KEEP) for number in range(20)),
            *(other.scripts.put(f"b{number}", KEEP) for number in range(20)),
        )
        await asyncio.gather(world.ann.scripts.activate("b7"), other.scripts.activate("a7"))
        assert len(world.ann.scripts.all()) == 40
        assert sum(entry.active for entry in other.scripts.all()) == 1


async def test_scripts_go_with_the_account(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        await world.ann.scripts.put("a", KEEP)
        await world.store.directory.remove_account(world.ann.ref.account_id)
