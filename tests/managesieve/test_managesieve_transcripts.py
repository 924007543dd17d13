"""Every transcript of ManageSieve, whole and byte by byte, with its connections spread over two workers."""

import asyncio
from pathlib import Path

import pytest

from support.house import House, houses
from support.managesieve import SieveRunner, greeted, logged_in, service_of
from support.transcript import Connection, Script, read_script

SCRIPTS = sorted((Path(__file__).parent.parent / "transcripts" / "managesieve").glob("*.txt"))


async def connections(workers: list[House], script: Script, chunk_octets: int) -> dict[int, Connection]:
    """``login``: names, one for each connection; ``greeted`` for none of them, ``no`` for not even the greeting."""
    result: dict[int, Connection] = {}
    names = script.head.get("login", "alice").split()
    for number in sorted({step.connection for step in script.steps}):
        house = workers[(number + 1) % 2]
        service = service_of(house)
        name = names[min(number, len(names)) - 1]
        if name in ("no", "greeted"):
            tls = script.head.get("tls") != "no"
            result[number] = house.connect(service, tls=tls, chunk_octets=chunk_octets)
            if name == "greeted":
                await greeted(result[number])
        else:
            result[number] = await logged_in(house, service, name, chunk_octets)
    return result


async def play(folder: Path, script: Script, chunk_octets: int) -> None:
    async with houses(folder, workers=2) as workers:
        await SieveRunner(script, await connections(workers, script, chunk_octets)).run()


@pytest.mark.parametrize("chunk_octets", [65536, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, chunk_octets: int, tmp_path: Path) -> None:
    script = read_script(path)
    assert script.rfcs, f"{path.name} names no RFC section"
    asyncio.run(play(tmp_path, script, chunk_octets))
