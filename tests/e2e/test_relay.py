"""Mail for elsewhere, from a login to the next hop, also when the power is cut on the way."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from support.process import PASSWORD, running, start, verbena
from support.sink import Sink

ALICE = "alice@example.org"


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.go_on.set()
    sink.close()


def relay_through(sink: Sink) -> str:
    return f'\n[relay]\nsmarthost = "127.0.0.1:{sink.port}"\ntls = "none"\n[auth]\nallow_plaintext = true\n'


def submit(port: int, to: str, subject: str) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = ALICE, to, subject
    message.set_content("Hello.\n.dot\n")
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        smtp.login(ALICE, PASSWORD)
        smtp.send_message(message)


def test_mail_for_elsewhere_goes_to_the_smarthost(tmp_path: Path, sink: Sink) -> None:
    with running(tmp_path, relay_through(sink)) as server:
        submit(server.ports["submission"], "carol@far.example", "one")
        assert sink.arrived.acquire(timeout=30)
    (mail,) = sink.taken
    assert (mail.sender, mail.recipients) == (b"<alice@example.org>", [b"<carol@far.example>"])
    assert b"Subject: one\r\n" in mail.content
    assert b"\r\n.dot\r\n" in mail.content
    assert mail.content.startswith(b"Received: ")


@pytest.mark.rfc("5321 §4.5.4.1")
def test_kill_9_while_sending_loses_nothing(tmp_path: Path, sink: Sink) -> None:
    with running(tmp_path, relay_through(sink)) as server:
        sink.go_on.clear()
        submit(server.ports["submission"], "carol@far.example", "two")
        assert sink.mail_seen.acquire(timeout=30)
        server.kill()
        sink.go_on.set()
        assert "carol@far.example" in verbena(tmp_path, "queue", "list")
        again = start(tmp_path, server.ports)
        try:
            assert sink.arrived.acquire(timeout=30)
        finally:
            again.stop()
        assert [b"Subject: two" in mail.content for mail in sink.taken] == [True]
        assert verbena(tmp_path, "queue", "list") == "nothing waits\n"
