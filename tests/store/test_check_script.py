"""The check finds what is wrong with scripts, and the database refuses two that are active."""

from pathlib import Path

import pytest

from contract.opening import opened
from verbena.model.errors import InternalError

DAMAGE = (
    ("UPDATE script SET octets = x'00' WHERE name = 'a'", "has not the octets that it counts"),
    ("UPDATE script SET modseq = 9", "have one modseq"),
    ("UPDATE script SET modseq = 1 << 40 WHERE name = 'a'", "or one beyond the account's"),
    ("UPDATE script SET name = 'a' || char(10) WHERE name = 'a'", "not canonical"),
    ("UPDATE script SET name = 'a' || char(776) WHERE name = 'a'", "not canonical"),
    ("DELETE FROM account WHERE account_id IN (SELECT account_id FROM script)", "script has rows of account"),
)


@pytest.mark.parametrize(("damage", "told"), DAMAGE)
async def test_damage_is_told(tmp_path: Path, damage: str, told: str) -> None:
    async with opened(tmp_path, 1, checked=False) as world:
        await world.ann.scripts.put("a", b"keep;")
        await world.ann.scripts.put("b", b"keep;")
        assert await world.store.check() == []
        await world.store.engine.write(0, lambda db: db.run(damage))
        assert told in "\n".join(await world.store.check())


async def test_two_active_scripts_can_not_be(tmp_path: Path) -> None:
    async with opened(tmp_path, 1) as world:
        await world.ann.scripts.put("a", b"keep;")
        await world.ann.scripts.put("b", b"keep;")
        with pytest.raises(InternalError):
            await world.store.engine.write(0, lambda db: db.run("UPDATE script SET active = 1"))
