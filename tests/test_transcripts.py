"""Every transcript, whole and byte by byte, with its connections spread over two workers."""

import asyncio
from pathlib import Path

import pytest

from support.fixtures import fill
from support.house import House, houses
from support.transcript import Connection, Runner, Script, read_script

FOLDER = Path(__file__).parent / "transcripts"
SCRIPTS = sorted((FOLDER / "imap").glob("*.txt"))


async def connections(workers: list[House], script: Script, chunk_octets: int) -> dict[int, Connection]:
    """Connection n is served by worker n, odd and even."""
    result: dict[int, Connection] = {}
    for number in sorted({step.connection for step in script.steps}):
        house = workers[(number + 1) % 2]
        who = script.head.get("login", "alice")
        if who == "no":
            result[number] = house.connect(house.imap, tls=script.head.get("tls") != "no", chunk_octets=chunk_octets)
        else:
            names = who.split()
            result[number] = await house.login(names[min(number, len(names)) - 1], chunk_octets=chunk_octets)
    return result


async def play(folder: Path, script: Script, chunk_octets: int) -> None:
    async with houses(folder, workers=2) as workers:
        await fill(workers[0], script.head.get("mailbox", "empty"))
        await Runner(script, await connections(workers, script, chunk_octets)).run()


@pytest.mark.parametrize("chunk_octets", [65536, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, chunk_octets: int, tmp_path: Path) -> None:
    script = read_script(path)
    assert script.rfcs, f"{path.name} names no RFC section"
    asyncio.run(play(tmp_path, script, chunk_octets))
