"""A full disk: mail is refused for now, what is there can be read, and all goes on when there is room."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.dialogue import Dialogue, literal
from support.process import PASSWORD, Server, running

SIZE = "24m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The folder of a server whose data folder is a small file system."""
    folder = tmp_path / "data"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no file system can be mounted here")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def deliver(server: Server) -> bytes:
    """The reply to a message that is delivered, or refused."""
    with Dialogue(server.ports["lmtp"]) as lmtp:
        lmtp.smtp()
        lmtp.smtp(b"LHLO tester.example.org")
        for line in (b"MAIL FROM:<a@example.net>", b"RCPT TO:<bob@example.org>", b"DATA"):
            replies = lmtp.smtp(line)
            if replies[0][:1] not in b"23":
                return replies[0]
        lmtp.send(b"Subject: m\r\n\r\n" + b"x" * 20_000 + b"\r\n.\r\n")
        return lmtp.smtp()[0]


def fill(folder: Path) -> None:
    with (folder / "data" / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            os.fsync(filler.fileno())


def test_a_full_disk_costs_no_worker_and_no_mail(small_disk: Path) -> None:
    with running(small_disk) as server:
        assert deliver(server).startswith(b"250")
        fill(small_disk)
        assert deliver(server)[:1] == b"4"
        with Dialogue(server.ports["imaps"], tls=True) as imap:
            imap.line()
            imap.imap_ok(b"a LOGIN bob@example.org " + PASSWORD.encode())
            imap.imap_ok(b"b EXAMINE INBOX")
            assert any(b"Subject: m" in reply for reply in imap.imap_ok(b"c FETCH 1:* BODY.PEEK[HEADER]")[0])
            assert imap.imap(b"d APPEND INBOX " + literal(b"Subject: n\r\n\r\n" + b"y" * 20_000))[1].startswith(b"d NO")
            (small_disk / "data" / "filler").unlink()
            imap.imap_ok(b"e APPEND INBOX " + literal(b"Subject: n\r\n\r\n"))
        assert deliver(server).startswith(b"250")
        assert "worker ended" not in (small_disk / "server.log").read_text("utf-8")
