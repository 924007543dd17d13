"""``verbena demo`` against a running server."""

import asyncio
import io
import ssl

import pytest
from rich.console import Console

from support.process import PASSWORD, Server
from verbena.app.demo import Stage, play
from verbena.client.connect import Endpoint
from verbena.client.imap import open_imap
from verbena.model.secret import Secret

ATTACHMENT = b"QUJD" * 19 + b"\r\n"
MESSAGE = (
    b"From: bob@example.org\r\nSubject: The film\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nAll of it.\r\n'
    b'--b\r\nContent-Type: video/quicktime; name="film.mov"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    + ATTACHMENT * 13_000
    + b"--b--\r\n"
)


@pytest.mark.rfc("5550 §8.4")
def test_demo_forwards_a_megabyte_for_some_thousand_octets(server: Server) -> None:
    context = ssl.create_default_context(cafile=str(server.folder / "data" / "tls" / "cert.pem"))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    secret = Secret(PASSWORD.encode())
    stage = Stage(
        Endpoint("127.0.0.1", server.ports["imap"], context, name="mail.example.org"),
        Endpoint("127.0.0.1", server.ports["submissions"], context, implicit_tls=True, name="mail.example.org"),
        "mail.example.org",
        "alice@example.org",
        secret,
        "bob@example.org",
        secret,
    )
    out = io.StringIO()

    async def run() -> None:
        async with open_imap(stage.imap, stage.user, secret) as imap:
            assert await imap.append("INBOX", MESSAGE) is not None
        await play(stage, Console(file=out, width=200))

    asyncio.run(run())
    text = out.getvalue()
    assert "M: (I) A0006 APPEND Sent (\\Draft \\Seen $MDNSent) CATENATE (TEXT {" in text
    assert "BURL imap://alice%40example.org@mail.example.org/INBOX" in text
    assert "S: 250 2." in text
    assert PASSWORD not in text
    totals = [int(line.split("│")[4].replace(",", "")) for line in text.splitlines() if line.count("│") == 6]
    catenate, burl, with_copy, without_copy = totals
    assert max(catenate, burl) < 8_000
    assert with_copy > 3 * len(MESSAGE) > without_copy > 2 * len(ATTACHMENT) * 13_000
