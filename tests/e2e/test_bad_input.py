"""Hostile and broken peers: a clear error or a closed link, and nobody else notices."""

import os
import random
import socket

import pytest

from support.dialogue import Dialogue
from support.process import PASSWORD, Server

LOGIN = b"l LOGIN bob@example.org " + PASSWORD.encode()


@pytest.fixture(autouse=True)
def bystander(server: Server) -> object:
    """Another session that must work before and after whatever the test does."""
    with Dialogue(server.ports["imaps"], tls=True) as imap:
        imap.line()
        imap.imap_ok(LOGIN)
        imap.imap_ok(b"s SELECT INBOX")
        yield imap
        imap.imap_ok(b"n NOOP")
        imap.imap_ok(b"o LOGOUT")


def tls_imap(server: Server) -> Dialogue:
    imap = Dialogue(server.ports["imaps"], tls=True)
    imap.line()
    return imap


def test_an_endless_line_is_cut_off(server: Server) -> None:
    with tls_imap(server) as imap:
        try:
            for _ in range(100):
                imap.send(b"a" * 65536)
            reply = imap.line()
        except OSError:
            return
        assert reply == b"" or b"BAD" in reply or b"BYE" in reply


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"a1 SELECT INBOX", b"a1 BAD"),
        (b"a1 FETCH 1 FLAGS", b"a1 BAD"),
        (b"a1 FROBNICATE", b"a1 BAD"),
        (b"a1 LOGIN a", b"a1 BAD"),
        (b"a1 AUTHENTICATE PLAIN !!!notbase64", b"a1 BAD"),
        (b"a1 APPEND INBOX {999999999999+}", b""),
        (b"a1 LOGIN {4000000000}", b"a1 "),
        (b"\0\0\0", b"* BAD"),
        (b"a1 NOOP " + b"(" * 2000, b"a1 BAD"),
    ],
)
def test_commands_before_login(server: Server, command: bytes, answer: bytes) -> None:
    with tls_imap(server) as imap:
        imap.send(command + b"\r\n")
        reply = imap.line()
        assert reply.startswith(answer), reply
        assert reply.split(b" ")[1:2] != [b"OK"]


@pytest.mark.parametrize(
    "command",
    [
        b"FETCH 1 BODY[" + b"1." * 3000 + b"1]",
        b"SEARCH " + b"(" * 3000 + b"ALL" + b")" * 3000,
        b"SEARCH " + b"NOT " * 5000 + b"ALL",
        b"STORE 0 FLAGS ()",
        b"FETCH 4294967296 FLAGS",
        b"FETCH 1:* (FLAGS",
        b"STORE 1 +FLAGS (\\Recent)",
        b"COPY 1 &Jjo",
        b"SEARCH CHARSET X-NO-SUCH SUBJECT x",
        b"CREATE " + b"a/" * 400 + b"a",
        b'RENAME INBOX ""',
        b"UID FETCH",
        b"LIST " + b"%" * 3000 + b" *",
        b"GENURLAUTH x y",
        b"URLFETCH " + b"x" * 9000,
    ],
)
def test_commands_that_can_not_be(server: Server, command: bytes) -> None:
    with tls_imap(server) as imap:
        imap.imap_ok(LOGIN)
        imap.imap_ok(b"s SELECT INBOX")
        _, tagged = imap.imap(b"a1 " + command)
        assert tagged.split(b" ")[1] in (b"BAD", b"NO") or command.startswith(
            (b"LIST", b"URLFETCH", b"FETCH 1 BODY")
        ), tagged
        imap.imap_ok(b"a2 NOOP")


@pytest.mark.rfc("3501 §6.2.1")
def test_imap_starttls_drops_what_was_pipelined(server: Server) -> None:
    with Dialogue(server.ports["imap"]) as imap:
        imap.line()
        imap.send(b"a1 STARTTLS\r\na2 NOOP\r\n")
        assert imap.line().startswith(b"a1 OK")
        imap.start_tls()
        assert imap.imap(b"a3 CAPABILITY")[0][0].startswith(b"* CAPABILITY")


@pytest.mark.rfc("3207 §4.2")
def test_smtp_starttls_drops_what_was_pipelined(server: Server) -> None:
    with Dialogue(server.ports["submission"]) as smtp:
        smtp.smtp()
        smtp.smtp(b"EHLO a.example")
        smtp.send(b"STARTTLS\r\nMAIL FROM:<injected@example.org>\r\n")
        assert smtp.smtp()[0].startswith(b"220")
        smtp.start_tls()
        assert smtp.smtp(b"NOOP")[0].startswith(b"250")


SMUGGLED = [
    b"\n.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r\n.\n",
    b"\r.\r\n",
    b"\r\n.\r",
    b"\0\r\n.\n",
]


@pytest.mark.rfc("5321 §4.1.1.4")
@pytest.mark.parametrize("ending", SMUGGLED)
def test_smuggled_end_of_data(server: Server, ending: bytes) -> None:
    """Only CRLF.CRLF ends the data: what comes after a false end is data, and the message is refused."""
    with Dialogue(server.ports["lmtp"]) as lmtp:
        lmtp.smtp()
        lmtp.smtp(b"LHLO a.example")
        lmtp.smtp(b"MAIL FROM:<a@example.net>")
        lmtp.smtp(b"RCPT TO:<bob@example.org>")
        assert lmtp.smtp(b"DATA")[0].startswith(b"354")
        lmtp.send(b"Subject: x\r\n\r\nfirst" + ending + b"MAIL FROM:<evil@example.net>\r\n.\r\n")
        assert lmtp.smtp()[0].startswith(b"5")
        assert lmtp.smtp(b"NOOP")[0].startswith(b"250")


@pytest.mark.parametrize("listener", ["imap", "submission", "lmtp"])
def test_random_bytes_and_random_cuts(server: Server, listener: str) -> None:
    dice = random.Random(5550)
    words = [
        b"a1 ",
        b"LOGIN ",
        b"{3}\r\n",
        b"{9+}\r\n",
        b"\r\n",
        b"EHLO x\r\n",
        b"DATA\r\n",
        b"BDAT 5\r\n",
        b"(",
        b'"',
        b"\\",
    ]
    for _ in range(40):
        with socket.create_connection(("127.0.0.1", server.ports[listener]), timeout=10) as raw:
            raw.settimeout(0.5)
            try:
                for _ in range(dice.randrange(1, 12)):
                    raw.sendall(dice.choice(words) if dice.random() < 0.7 else os.urandom(dice.randrange(1, 300)))
                if dice.random() < 0.5:
                    raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
            except OSError:
                continue
