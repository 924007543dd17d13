"""Nobody but the server's user may read what it keeps, whatever the umask and whoever made the folder."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.house import houses
from verbena.store.open import open_store


@pytest.fixture(autouse=True)
def careless() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    found = [path for path in folder.rglob("*") if stat.S_IMODE(path.lstat().st_mode) & 0o077]
    return [path.relative_to(folder).as_posix() for path in found if not path.is_socket()]


async def test_no_file_is_for_others(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: small\r\n\r\n")
        await house.put(b"Subject: large\r\n\r\n" + b"x" * 200_000)
        data = tmp_path / "data"
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert (data / "server.db").exists()
        assert open_to_others(data) == []


async def test_an_older_directory_is_closed_to_others(tmp_path: Path) -> None:
    async with houses(tmp_path):
        pass
    path = tmp_path / "data" / "server.db"
    path.chmod(0o644)
    await open_store(tmp_path / "data").close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
