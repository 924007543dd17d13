"""Every transcript of submission and LMTP, whole and byte by byte, with its connections spread over two workers.

Beside what all transcripts have, a head may say ``services`` (of connection 1, 2 …: ``submission``, ``lmtp``, ``imap``;
the last one goes on; else what the folder is called) and ``accounts`` that are there beside alice and bob.
"""

import asyncio
from pathlib import Path

import pytest

from support.fixtures import fill
from support.house import House, houses
from support.smtp import SmtpRunner, open_accounts, submitter
from support.transcript import Connection, Script, read_script

FOLDER = Path(__file__).parent.parent / "transcripts"
SCRIPTS = sorted((FOLDER / "smtp").glob("*.txt")) + sorted((FOLDER / "lmtp").glob("*.txt"))


def word(script: Script, key: str, number: int, default: str) -> str:
    words = script.head.get(key, default).split()
    return words[min(number, len(words)) - 1]


async def connect(house: House, script: Script, number: int, chunk_octets: int) -> Connection:
    service = word(script, "services", number, "lmtp" if script.path.parent.name == "lmtp" else "submission")
    name = word(script, "login", number, "no")
    if service == "imap":
        return await house.login(name, chunk_octets=chunk_octets)
    if service == "submission" and name != "no":
        return await submitter(house, name, chunk_octets)
    served = {"submission": house.submission, "lmtp": house.lmtp}[service]
    return house.connect(served, tls=script.head.get("tls") != "no", chunk_octets=chunk_octets)


async def play(folder: Path, script: Script, chunk_octets: int) -> None:
    async with houses(folder, workers=2) as workers:
        await fill(workers[0], script.head.get("mailbox", "empty"))
        await open_accounts(workers[0], script.head.get("accounts", ""))
        numbers = sorted({step.connection for step in script.steps})
        connections = {
            number: await connect(workers[(number + 1) % 2], script, number, chunk_octets) for number in numbers
        }
        await SmtpRunner(script, connections).run()


@pytest.mark.parametrize("chunk_octets", [65536, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_transcript(path: Path, chunk_octets: int, tmp_path: Path) -> None:
    script = read_script(path)
    assert script.rfcs, f"{path.name} names no RFC section"
    asyncio.run(play(tmp_path, script, chunk_octets))
