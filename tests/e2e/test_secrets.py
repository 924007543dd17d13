"""A running server keeps to itself what it was told in confidence: in its log, its metrics and its files."""

import base64
import stat
import urllib.request
from pathlib import Path

import pytest

from support.dialogue import Dialogue, literal
from support.process import PASSWORD, Server, running

MESSAGE = b"From: alice@example.org\r\nSubject: topsecretsubject\r\n\r\ntopsecretbody\r\n"
PLAIN = base64.b64encode(b"\0alice\0" + PASSWORD.encode())
URL = b"imap://alice@mail.example.org/INBOX/;uid=1;urlauth=submit+alice"
ENVELOPE = b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\n"


def signed(server: Server) -> bytes:
    with Dialogue(server.ports["imaps"], tls=True) as imap:
        imap.line()
        imap.imap(b"a LOGIN alice wrong-password")
        imap.imap(b"b LOGIN alice " + PASSWORD.encode())
        imap.imap(b"c APPEND INBOX " + literal(MESSAGE))
        untagged, _ = imap.imap(b'd GENURLAUTH "' + URL + b'" INTERNAL')
        imap.imap(b'e URLFETCH "' + untagged[0].split(b'"')[1] + b'x"')
        return untagged[0].split(b'"')[1]


def submit(server: Server, url: bytes) -> None:
    with Dialogue(server.ports["submissions"], tls=True) as smtp:
        smtp.smtp()
        smtp.smtp(b"EHLO client.example")
        assert smtp.smtp(b"AUTH PLAIN " + base64.b64encode(b"\0alice\0wrong-password"))[0][:3] == b"535"
        assert smtp.smtp(b"AUTH PLAIN " + PLAIN)[0][:3] == b"235"
        for each, code in ((url, b"250"), (url + b"0", b"554"), (b"imap://other.example/" + url, b"554")):
            smtp.send(ENVELOPE + b"BURL " + each + b" LAST\r\n")
            assert [smtp.smtp()[0][:3] for _ in range(3)] == [b"250", b"250", code]
        smtp.send(b"BURL " + url + b"\n")
        assert smtp.smtp()[0][:3] == b"500"


@pytest.mark.rfc("4467 §9")
@pytest.mark.rfc("4954 §9")
def test_what_is_secret_stays_so(tmp_path: Path) -> None:
    with running(tmp_path, '\n[log]\nlevel = "debug"\nform = "json"\n') as server:
        url = signed(server)
        submit(server, url)
        page = f"http://127.0.0.1:{server.ports['http']}/metrics"
        with urllib.request.urlopen(page, timeout=20) as answer:
            metrics = answer.read().decode()
        data = tmp_path / "data"
        exposed = [path for path in data.rglob("*") if stat.S_IMODE(path.lstat().st_mode) & 0o077]
        server.stop()
        log = (tmp_path / "server.log").read_text(encoding="utf-8")
    for secret in (PASSWORD, PLAIN.decode(), url.decode().rpartition(":")[2], "wrong-password", "topsecret"):
        assert secret not in log
        assert secret not in metrics
    for known in ("alice", "bob", "127.0.0.1"):
        assert known not in metrics
    assert log.count('"authentication_failed"') == 2
    assert '"submission accepted"' in log
    assert [path for path in exposed if not path.is_symlink()] == []
