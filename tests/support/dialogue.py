"""A plain blocking dialogue over a socket, for flows that are told step by step like the RFC tells them."""

import re
import socket
import ssl
from types import TracebackType

LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


def trusting() -> ssl.SSLContext:
    """A context for the server's self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Dialogue:
    """Send a line, read what comes. Every wait ends after 20 seconds."""

    def __init__(self, port: int, *, tls: bool = False) -> None:
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        if tls:
            self._socket = trusting().wrap_socket(self._socket)
        self._file = self._socket.makefile("rb")
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> "Dialogue":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._socket.close()

    def start_tls(self) -> None:
        self._file.close()
        self._socket = trusting().wrap_socket(self._socket)
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def line(self) -> bytes:
        """One reply with its literals; empty at the end of the stream."""
        reply = self._file.readline()
        while (found := LITERAL.search(reply)) is not None:
            reply += self._file.read(int(found[1])) + self._file.readline()
        return reply

    def imap(self, command: bytes) -> tuple[list[bytes], bytes]:
        """Send a tagged command; its untagged replies and its tagged one. Literals are sent without waiting."""
        self.send(command + b"\r\n")
        tag = command.split(b" ", 1)[0]
        untagged: list[bytes] = []
        while True:
            reply = self.line()
            if reply.startswith(tag + b" "):
                return untagged, reply
            if not reply:
                raise AssertionError(f"closed after {command[:80]!r}: {untagged!r}")
            untagged.append(reply)

    def imap_ok(self, command: bytes) -> tuple[list[bytes], bytes]:
        untagged, tagged = self.imap(command)
        assert tagged.split(b" ")[1] == b"OK", (command[:80], tagged)
        return untagged, tagged

    def smtp(self, command: bytes = b"") -> list[bytes]:
        """Send a line (nothing when empty) and read one reply, all its lines without their ends."""
        if command:
            self.send(command + b"\r\n")
        lines: list[bytes] = []
        while True:
            got = self._file.readline()
            lines.append(got.rstrip(b"\r\n"))
            if got[3:4] != b"-":
                return lines


def literal(octets: bytes) -> bytes:
    """A non-synchronizing literal."""
    return b"{%d+}\r\n%s" % (len(octets), octets)
