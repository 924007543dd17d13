"""A next hop for tests of the relay: takes mail over SMTP and keeps it."""

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import BinaryIO, cast


@dataclass(slots=True)
class Taken:
    """One message that was answered with 250."""

    sender: bytes
    recipients: list[bytes] = field(default_factory=list)
    content: bytes = b""


class Sink:
    """Listens on loopback from the start. While ``go_on`` is not set, MAIL is not answered."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.arrived = threading.Semaphore(0)
        self.mail_seen = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.go_on.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        # A peer that was killed may be noticed when the stream is closed, too.
        with contextlib.suppress(OSError), sock, sock.makefile("rwb") as stream:
            self._talk(cast(BinaryIO, stream))

    def _talk(self, stream: BinaryIO) -> None:
        def say(line: bytes) -> None:
            stream.write(line + b"\r\n")
            stream.flush()

        say(b"220 sink.example ESMTP")
        mail = Taken(b"")
        for line in stream:
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-sink.example\r\n250-8BITMIME\r\n250 PIPELINING")
            elif verb == b"MAIL":
                self.mail_seen.release()
                self.go_on.wait()
                mail = Taken(line.split(b":", 1)[1].split()[0])
                say(b"250 2.1.0 ok")
            elif verb == b"RCPT":
                mail.recipients.append(line.split(b":", 1)[1].split()[0])
                say(b"250 2.1.5 ok")
            elif verb == b"DATA":
                say(b"354 go on")
                mail.content = self._content(stream)
                say(b"250 2.0.0 taken")
                self.taken.append(mail)
                self.arrived.release()
            elif verb == b"QUIT":
                say(b"221 2.0.0 bye")
                return
            else:
                say(b"250 2.0.0 ok")

    @staticmethod
    def _content(stream: BinaryIO) -> bytes:
        lines: list[bytes] = []
        for line in stream:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)
