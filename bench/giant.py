"""One very large message through APPEND, FETCH, BURL and LMTP: how much the processes of a server grow by it.

The figure is the rise of the peak resident size of the process that grows most, from before the message to after it.
"""

import re
import socket
from pathlib import Path
from typing import Final

from bench.link import PASSWORD, USER, BenchError, Imap
from bench.servers import Server, family

MIB: Final = 1 << 20
HEAD: Final = b"From: Bench <bench@example.org>\r\nSubject: a giant\r\n\r\n"
BLOCK: Final = (b"x" * 74 + b"\r\n") * 13_000
MAILBOX: Final = b"Giants"


def _forget_peaks(server: Server) -> None:
    """Let each process's peak begin anew at what it holds now."""
    for pid in family(server.pid):
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        except OSError:
            continue


def _peaks(server: Server) -> dict[int, int]:
    """Peak resident octets of each process."""
    result: dict[int, int] = {}
    for pid in family(server.pid):
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        except OSError:
            continue
        if found is not None:
            result[pid] = int(found[1]) * 1024
    return result


def _growth(before: dict[int, int], after: dict[int, int]) -> float:
    return max(after[pid] - before.get(pid, 0) for pid in after) / MIB


class _Plain:
    """A blocking connection that sends much and reads lines."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.settimeout(300)
        self._lines = self._socket.makefile("rb")

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def expect(self, data: bytes, start: bytes) -> bytes:
        self._socket.sendall(data)
        while True:
            line = self._lines.readline()
            if line.startswith(start):
                return line
            if not line or (line[3:4] == b" " and not line.startswith(b"* ")):
                raise BenchError(f"{data[:60]!r}: {line!r}")

    def message(self, blocks: int) -> None:
        self._socket.sendall(HEAD)
        for _ in range(blocks):
            self._socket.sendall(BLOCK)


def giant(server: Server, blocks: int) -> float:
    """MiB that the most grown process grew by a message of ``blocks`` MiB or so; BURL where the server has it."""
    imap = Imap(server.imap)
    imap.ask(b"CREATE " + MAILBOX)
    imap.close()
    _forget_peaks(server)
    before = _peaks(server)
    plain = _Plain(server.imap)
    plain.expect(b"a LOGIN %b %b\r\n" % (USER.encode(), PASSWORD.encode()), b"a OK")
    plain.expect(b"b APPEND %b {%d}\r\n" % (MAILBOX, len(HEAD) + blocks * len(BLOCK)), b"+")
    plain.message(blocks)
    appended = plain.expect(b"\r\n", b"b OK")
    plain.close()
    reader = Imap(server.imap)
    reader.ask(b"EXAMINE " + MAILBOX)
    reader.ask(b"FETCH 1 (BODY.PEEK[])")
    if server.submission:
        _submit(server, reader, appended)
    reader.close()
    _deliver(server, blocks)
    return _growth(before, _peaks(server))


def _submit(server: Server, imap: Imap, appended: bytes) -> None:
    found = re.search(rb"APPENDUID (\d+) (\d+)", appended)
    if found is None:
        raise BenchError("no APPENDUID")
    rump = b"imap://bench@mail.example.org/%b;UIDVALIDITY=%b/;UID=%b;URLAUTH=submit+bench" % (MAILBOX, *found.groups())
    signed = re.search(rb'GENURLAUTH "?(imap:[^" \r]+)', imap.ask(b'GENURLAUTH "%b" INTERNAL' % rump, keep=True))
    if signed is None:
        raise BenchError("no URL")
    plain = _Plain(server.submission)
    plain.expect(b"", b"220 ")
    plain.expect(b"EHLO bench.example.net\r\n", b"250 ")
    plain.expect(b"AUTH PLAIN AGJlbmNoQGV4YW1wbGUub3JnAGJlbmNoLTBwZW4=\r\n", b"235 ")
    plain.expect(b"MAIL FROM:<bench@example.org>\r\n", b"250 ")
    plain.expect(b"RCPT TO:<bench@example.org>\r\n", b"250 ")
    plain.expect(b"BURL %b LAST\r\n" % signed[1], b"250 ")
    plain.close()


def _deliver(server: Server, blocks: int) -> None:
    plain = _Plain(server.lmtp)
    plain.expect(b"", b"220 ")
    plain.expect(b"LHLO bench.example.net\r\n", b"250 ")
    plain.expect(b"MAIL FROM:<carol@example.net>\r\n", b"250 ")
    plain.expect(b"RCPT TO:<%b>\r\n" % USER.encode(), b"250 ")
    plain.expect(b"DATA\r\n", b"354")
    plain.message(blocks)
    plain.expect(b".\r\n", b"250 ")
    plain.close()
