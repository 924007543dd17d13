"""Power cuts: whatever was acknowledged is there after the restart, once."""

import contextlib
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from support.dialogue import Dialogue, literal
from support.process import PASSWORD, Server, running, start, verbena

WRITERS = 4
KILL_AFTER = 60


class Progress:
    """Counts acknowledgements over all writers and says when it is time for the cut."""

    def __init__(self) -> None:
        self.acknowledged: list[bytes] = []
        self.enough = threading.Event()
        self._lock = threading.Lock()

    def note(self, name: bytes) -> None:
        with self._lock:
            self.acknowledged.append(name)
            if len(self.acknowledged) >= KILL_AFTER:
                self.enough.set()


def deliver_until_cut(server: Server, writer: int, progress: Progress) -> None:
    """LMTP, one message after another, until the connection breaks."""
    try:
        with Dialogue(server.ports["lmtp"]) as lmtp:
            lmtp.smtp()
            lmtp.smtp(b"LHLO tester.example.org")
            for number in range(100_000):
                name = b"m-%d-%d" % (writer, number)
                lmtp.smtp(b"MAIL FROM:<sender@example.net>")
                lmtp.smtp(b"RCPT TO:<bob@example.org>")
                if not lmtp.smtp(b"DATA")[0].startswith(b"354"):
                    return
                body = b"Subject: %s\r\nFrom: sender@example.net\r\n\r\nhello\r\n.\r\n" % name
                lmtp.send(body)
                if not lmtp.smtp()[0].startswith(b"250"):
                    return
                progress.note(name)
    except OSError:
        return


def append_until_cut(server: Server, progress: Progress) -> None:
    """IMAP APPEND to Drafts, until the connection breaks."""
    try:
        with Dialogue(server.ports["imaps"], tls=True) as imap:
            imap.line()
            imap.imap_ok(b"l LOGIN bob@example.org " + PASSWORD.encode())
            for number in range(100_000):
                name = b"a-%d" % number
                letter = b"Subject: %s\r\n\r\n" % name + b"x" * 100_000
                imap.imap_ok(b"t%d APPEND INBOX " % number + literal(letter))
                progress.note(name)
    except (OSError, AssertionError):
        return


def subjects(server: Server) -> list[bytes]:
    with Dialogue(server.ports["imaps"], tls=True) as imap:
        imap.line()
        imap.imap_ok(b"l LOGIN bob@example.org " + PASSWORD.encode())
        imap.imap_ok(b"s EXAMINE INBOX")
        untagged, _ = imap.imap_ok(b"f FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return re.findall(rb"Subject: (\S+)", b"".join(untagged))


def test_kill_9_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        progress = Progress()
        writers = [
            threading.Thread(target=deliver_until_cut, args=(server, writer, progress)) for writer in range(WRITERS)
        ]
        writers.append(threading.Thread(target=append_until_cut, args=(server, progress)))
        for thread in writers:
            thread.start()
        assert progress.enough.wait(60)
        server.kill()
        for thread in writers:
            thread.join(30)
        verbena(tmp_path, "check")
        again = start(tmp_path, server.ports)
        try:
            found = subjects(again)
        finally:
            again.stop()
        assert set(progress.acknowledged) <= set(found)
        assert len(found) == len(set(found))


def workers_of(server: Server) -> set[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(server.process.pid)], capture_output=True, text=True, check=True
    ).stdout
    return {int(pid) for pid in listed.split()}


def holds(pid: int, socket_inode: str) -> bool:
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if os.readlink(entry) == f"socket:[{socket_inode}]":
                return True
    return False


def serving(server: Server, client_port: int) -> int:
    """The worker that has the server's end of a connection to the imap listener."""
    ends = (f":{server.ports['imap']:04X}", f":{client_port:04X}")
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
            for pid in workers_of(server):
                if holds(pid, fields[9]):
                    return pid
    raise AssertionError(f"nobody serves the connection from port {client_port}")


def test_a_crashed_worker_is_replaced(tmp_path: Path) -> None:
    """The connections of the dead worker end, the others never notice, and new ones are served by two workers again."""
    with running(tmp_path) as server:
        before = workers_of(server)
        assert len(before) == 2
        held: list[tuple[int, Dialogue]] = []
        while {pid for pid, _ in held} != before and len(held) < 100:
            dialogue = Dialogue(server.ports["imap"])
            assert dialogue.line().startswith(b"* OK")
            held.append((serving(server, dialogue.port), dialogue))
        killed = held[0][0]
        os.kill(killed, signal.SIGKILL)
        for pid, dialogue in held:
            with dialogue:
                if pid == killed:
                    with contextlib.suppress(ConnectionResetError):
                        assert dialogue.line() == b""
                else:
                    assert dialogue.imap(b"a NOOP")[1].startswith(b"a OK")
        for _ in range(300):
            with Dialogue(server.ports["imap"]) as fresh:
                assert fresh.line().startswith(b"* OK")
                assert fresh.imap(b"b NOOP")[1].startswith(b"b OK")
            if len(workers_of(server)) == 2 and killed not in workers_of(server):
                break
        assert len(workers_of(server) - {killed}) == 2
