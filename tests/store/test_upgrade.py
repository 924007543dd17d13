"""Shards of older versions: brought up to date when opened, by one process of several, to the schema of new ones."""

import multiprocessing
from pathlib import Path

import apsw

from contract.opening import opened
from verbena.store.open import init_store, open_store
from verbena.store.sqlite.upgrade import SCHEMA_VERSION

FIRST = Path(__file__).with_name("schema-1.sql")


def make_first(data: Path, shards: int = 2) -> None:
    """A data folder as version 1 made it."""
    init_store(data, shards)
    for path in (data / "shards").glob("*.db"):
        path.unlink()
        with apsw.Connection(str(path)) as connection:
            connection.execute(FIRST.read_text("utf-8"))
            connection.execute("PRAGMA user_version = 1")
        connection.close()
        with_wal = apsw.Connection(str(path))
        with_wal.execute("PRAGMA journal_mode = WAL")
        with_wal.close()


def shape(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Tables with their columns, indexes with theirs."""
    connection = apsw.Connection(str(path))
    result: dict[str, list[tuple[object, ...]]] = {}
    for kind, name in connection.execute("SELECT type, name FROM sqlite_master ORDER BY name").fetchall():
        about = "table_info" if kind == "table" else "index_info"
        result[f"{kind} {name}"] = connection.execute(f"PRAGMA {about}('{name}')").fetchall()
    connection.close()
    return result


async def test_an_upgraded_shard_is_as_a_new_one(tmp_path: Path) -> None:
    make_first(tmp_path / "old")
    async with opened(tmp_path / "old") as world:
        await world.ann.scripts.put("a", b"keep;")
    init_store(tmp_path / "new", 1)
    new = shape(tmp_path / "new" / "shards" / "00.db")
    assert shape(tmp_path / "old" / "shards" / "00.db") == new == shape(tmp_path / "old" / "shards" / "01.db")
    connection = apsw.Connection(str(tmp_path / "old" / "shards" / "01.db"))
    assert connection.execute("PRAGMA user_version").fetchall() == [(SCHEMA_VERSION,)]
    connection.close()


def test_several_processes_open_it_at_once(tmp_path: Path) -> None:
    make_first(tmp_path)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=open_store, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
