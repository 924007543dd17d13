"""What widespread mail programs say when they connect, read, file and send, played over real sockets.

The programs themselves are not needed: each script in ``habits`` is the kind and order of commands that the program is
known to send, about a message of ours: ``$UID``. Lines that begin with ``?CAPABILITY`` are said only when that is
advertised, as the programs do; ``$LETTER`` is a literal, ``$LETTER+`` one that does not wait. Every command must be
answered with OK, every answer must be readable for a client that knows nothing but RFC 3501's literals, and the server
must log no error.
"""

import re
import socket
import ssl
import zlib
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.process import PASSWORD, Server

BOB = "bob@example.org"
TIMEOUT_S = 20

LETTER = (
    b"From: =?utf-8?q?Al=C3=AFce?= <alice@example.org>\r\nTo: bob@example.org\r\n"
    b"Date: Tue, 3 Mar 2026 10:00:00 +0100\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from far\r\n"
    b"Message-ID: <habit-1@example.org>\r\nReferences: <a@b> <c@d>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    b'--b\r\nContent-Type: image/png; name="a.png"\r\nContent-Transfer-Encoding: base64\r\n'
    b"Content-Disposition: attachment; filename=a.png\r\n\r\naGVsbG8=\r\n--b--\r\n"
)

SCRIPTS = sorted((Path(__file__).parent / "habits").glob("*.txt"))


@dataclass
class Talk:
    """A connection of a client that knows lines and literals, and no more."""

    server: Server
    buffered: bytes = b""
    count: int = 0
    capabilities: frozenset[bytes] = frozenset()
    deflate: "zlib._Compress | None" = None
    inflate: "zlib._Decompress | None" = None

    def __post_init__(self) -> None:
        context = ssl.create_default_context(cafile=str(self.server.folder / "data" / "tls" / "cert.pem"))
        context.check_hostname = False
        plain = socket.create_connection(("127.0.0.1", self.server.ports["imaps"]), TIMEOUT_S)
        self.sock = context.wrap_socket(plain)
        assert self.reply().startswith(b"* OK [CAPABILITY ")
        initial = b64encode(b"\0" + BOB.encode() + b"\0" + PASSWORD.encode()).decode()
        self.say(f"AUTHENTICATE PLAIN {initial}")

    def __enter__(self) -> "Talk":
        return self

    def __exit__(self, *error: object) -> None:
        self.sock.close()

    def send(self, octets: bytes) -> None:
        if self.deflate is not None:
            octets = self.deflate.compress(octets) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        self.sock.sendall(octets)

    def reply(self) -> bytes:
        """One reply, with its literals."""
        whole = b""
        while True:
            while b"\r\n" not in self.buffered:
                self._more()
            line, _, self.buffered = self.buffered.partition(b"\r\n")
            whole += line + b"\r\n"
            literal = re.search(rb"~?\{(\d+)\}$", line)
            if literal is None:
                return whole
            size = int(literal[1])
            while len(self.buffered) < size:
                self._more()
            whole += self.buffered[:size]
            self.buffered = self.buffered[size:]

    def _more(self) -> None:
        octets = self.sock.recv(65536)
        assert octets, "the server closed the connection"
        self.buffered += self.inflate.decompress(octets) if self.inflate is not None else octets

    def say(self, command: str) -> bytes:
        """One command and its replies up to the tagged one, which must be OK; all of them, as one."""
        self.count += 1
        tag = f"A{self.count:04}"
        self._send_command(tag, command)
        replies = b""
        while True:
            reply = self.reply()
            replies += reply
            if reply.startswith(b"+ ") and command == "IDLE":
                self.send(b"DONE\r\n")
            elif reply.startswith(b"+ "):
                self.send(LETTER + b"\r\n")
            elif reply.startswith(tag.encode()):
                break
        assert replies.rpartition(tag.encode())[2].startswith(b" OK "), f"{command}: {replies.decode('latin-1')}"
        capability = re.search(rb"CAPABILITY ([^\]\r]*)", replies)
        if capability is not None:
            self.capabilities = frozenset(capability[1].split())
        if command.startswith("COMPRESS"):
            self.deflate = zlib.compressobj(wbits=-15)
            self.inflate = zlib.decompressobj(wbits=-15)
        return replies

    def _send_command(self, tag: str, command: str) -> None:
        line = f"{tag} {command}\r\n".encode()
        waiting = f"{{{len(LETTER)}}}\r\n".encode()
        at_once = f"{{{len(LETTER)}+}}\r\n".encode() + LETTER + b"\r\n"
        self.send(line.replace(b"$LETTER+\r\n", at_once).replace(b"$LETTER\r\n", waiting))

    def wants(self, line: str) -> str | None:
        """The command of a script's line, None for a comment, or when the server lacks what it is for."""
        if line.startswith("#"):
            return None
        if not line.startswith("?"):
            return line
        needs, _, command = line[1:].partition(" ")
        return command if needs.encode() in self.capabilities else None


def errors_logged(server: Server, since: int) -> list[str]:
    with (server.folder / "server.log").open(encoding="utf-8") as log:
        log.seek(since)
        return [line for line in log if '"level": "error"' in line or "Traceback" in line]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_program_is_answered(server: Server, script: Path) -> None:
    since = (server.folder / "server.log").stat().st_size
    with Talk(server) as talk:
        appended = re.search(rb"APPENDUID \d+ (\d+)", talk.say("APPEND INBOX $LETTER+"))
        assert appended is not None
        lines = script.read_text("utf-8").replace("$UID", appended[1].decode()).splitlines()
        for line in lines:
            command = talk.wants(line)
            if command is not None:
                talk.say(command)
    assert errors_logged(server, since) == []


def test_pieces_fit_together(server: Server) -> None:
    with Talk(server) as talk:
        talk.say("APPEND Archive $LETTER+")
        talk.say("SELECT Archive")
        whole = talk.say("FETCH * (RFC822.SIZE BODY.PEEK[])")
        assert f"RFC822.SIZE {len(LETTER)} ".encode() in whole
        assert LETTER in whole
        pieces = [literal_of(talk.say(f"FETCH * BODY.PEEK[]<{at}.100>")) for at in range(0, len(LETTER), 100)]
        assert b"".join(pieces) == LETTER
        header, text = (literal_of(talk.say(f"FETCH * BODY.PEEK[{section}]")) for section in ("HEADER", "TEXT"))
        assert header + text == LETTER
        assert literal_of(talk.say("FETCH * BODY.PEEK[2]")) == b"aGVsbG8="
        talk.say("LOGOUT")


def literal_of(replies: bytes) -> bytes:
    """The first literal in ``replies``."""
    found = re.search(rb"\{(\d+)\}\r\n", replies)
    assert found is not None, replies
    return replies[found.end() : found.end() + int(found[1])]


def test_many_folders_are_asked_at_once(server: Server) -> None:
    """A hundred STATUS commands in one packet, as at a program's first start."""
    boxes = [f"Many/{number}" for number in range(100)]
    with Talk(server) as talk:
        talk.send(b"".join(f"c{number} CREATE {box}\r\n".encode() for number, box in enumerate(boxes)))
        talk.send(b"".join(f"s{number} STATUS {box} (MESSAGES)\r\n".encode() for number, box in enumerate(boxes)))
        replies = [talk.reply() for _ in range(300)]
        tagged = [reply for reply in replies if reply[:1] != b"*"]
        assert [reply.split()[0].decode() for reply in tagged] == [
            f"{letter}{number}" for letter in "cs" for number in range(100)
        ]
        assert all(b" OK" in reply for reply in tagged)
        assert sum(reply.startswith(b"* STATUS Many/") for reply in replies) == 100
        talk.send(b"".join(f"d{number} DELETE {box}\r\n".encode() for number, box in enumerate(boxes)))
        assert all(b" OK" in talk.reply() for _ in boxes)
        talk.say("LOGOUT")
