"""Clients that nobody here wrote, against a whole server with two workers."""

import asyncio
import email
import email.policy
import imaplib
import shutil
import smtplib
import ssl
import subprocess
from email.message import EmailMessage
from pathlib import Path

import aioimaplib
import imapclient
import pytest

from support.process import PASSWORD, Server

ALICE = "alice@example.org"
BOB = "bob@example.org"


def trusting() -> ssl.SSLContext:
    """A context for the server's self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def a_message(subject: str, size_octets: int = 200) -> EmailMessage:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = ALICE
    message["To"] = BOB
    message["Subject"] = subject
    message.set_content("Grüße\n" * 3)
    message.add_attachment(
        bytes(range(256)) * (size_octets // 256 + 1), maintype="image", subtype="png", filename="a.png"
    )
    return message


def imap_login(server: Server, user: str = BOB) -> imaplib.IMAP4_SSL:
    client = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"], ssl_context=trusting())
    client.login(user, PASSWORD)
    return client


def flags_of(client: imaplib.IMAP4_SSL, number: str) -> bytes:
    line = client.fetch(number, "(FLAGS)")[1][0]
    assert isinstance(line, bytes)
    return line


def submit(server: Server, message: EmailMessage, to: str = BOB) -> None:
    with smtplib.SMTP("127.0.0.1", server.ports["submission"], timeout=20) as client:
        client.starttls(context=trusting())
        client.login(ALICE, PASSWORD)
        client.send_message(message, ALICE, [to])


def test_smtplib_submits_and_imaplib_reads(server: Server) -> None:
    submit(server, a_message("smtplib to imaplib", 100_000))
    client = imap_login(server)
    client.select("INBOX")
    kind, found = client.search(None, "SUBJECT", '"smtplib to imaplib"')
    assert kind == "OK"
    number = found[0].split()[-1].decode()
    _, data = client.fetch(number, "(FLAGS RFC822)")
    assert isinstance(data[0], tuple)
    message = email.message_from_bytes(data[0][1], policy=email.policy.default)
    assert message["Subject"] == "smtplib to imaplib"
    attachment = next(message.iter_attachments())
    assert attachment.get_content() == bytes(range(256)) * (100_000 // 256 + 1)
    assert client.store(number, "+FLAGS", "($Forwarded)")[0] == "OK"
    assert b"$Forwarded" in flags_of(client, number)
    client.logout()


def test_imapclient_moves_between_folders(server: Server) -> None:
    submit(server, a_message("to be moved"))
    with imapclient.IMAPClient("127.0.0.1", server.ports["imaps"], ssl_context=trusting()) as client:
        client.login(BOB, PASSWORD)
        client.select_folder("INBOX")
        uids = client.search(["SUBJECT", "to be moved"])
        assert uids
        if not client.folder_exists("Reisen/Grüße"):
            client.create_folder("Reisen/Grüße")
        client.move(uids, "Reisen/Grüße")
        assert client.search(["SUBJECT", "to be moved"]) == []
        client.select_folder("Reisen/Grüße")
        moved = client.search()
        envelope = client.fetch(moved, ["ENVELOPE", "BODYSTRUCTURE"])[moved[-1]][b"ENVELOPE"]
        assert envelope.subject == b"to be moved"
        assert any(b"Drafts" in str(folder).encode() for folder in client.list_folders())


def test_aioimaplib_idles_until_mail_comes(server: Server) -> None:
    async def play() -> list[bytes]:
        client = aioimaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"], ssl_context=trusting())
        await client.wait_hello_from_server()
        await client.login(BOB, PASSWORD)
        await client.select("INBOX")
        idle = await client.idle_start(timeout=30)
        await asyncio.to_thread(submit, server, a_message("wake up"))
        lines: list[bytes] = await client.wait_server_push(timeout=20)
        client.idle_done()
        await asyncio.wait_for(idle, 10)
        await client.logout()
        # It leaves its side of the connection open, and would only warn of that when collected.
        client.protocol.transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)
        return lines

    assert any(b"EXISTS" in line for line in asyncio.run(play()))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_appends_and_fetches(server: Server, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"From: curl@example.org\r\nSubject: from curl\r\n\r\nhello\r\n")
    base = f"imaps://127.0.0.1:{server.ports['imaps']}"
    login = ["curl", "-sS", "-k", "--max-time", "20", "-u", f"{BOB}:{PASSWORD}"]
    subprocess.run([*login, "-T", str(letter), base + "/Archive"], check=True, capture_output=True)
    listed = subprocess.run([*login, base + "/Archive?ALL"], check=True, capture_output=True).stdout
    number = listed.split()[-1].decode()
    got = subprocess.run([*login, f"{base}/Archive/;MAILINDEX={number}"], check=True, capture_output=True).stdout
    assert got == letter.read_bytes()


@pytest.mark.skipif(shutil.which("mbsync") is None, reason="mbsync is not installed")
def test_mbsync_mirrors_a_mailbox(server: Server, tmp_path: Path) -> None:
    submit(server, a_message("mirror me", 50_000))
    (tmp_path / "mail").mkdir()
    config = tmp_path / "mbsyncrc"
    config.write_text(
        f"IMAPAccount v\nHost localhost\nPort {server.ports['imap']}\nUser {BOB}\nPass {PASSWORD}\n"
        f"SSLType STARTTLS\nCertificateFile {server.folder / 'data' / 'tls' / 'cert.pem'}\n\n"
        f"IMAPStore far\nAccount v\n\nMaildirStore near\nPath {tmp_path}/mail/\nInbox {tmp_path}/mail/INBOX\n"
        "SubFolders Verbatim\n\nChannel c\n"
        "Far :far:\nNear :near:\nPatterns INBOX\nCreate Near\nSyncState *\nExpunge Both\n",
        encoding="utf-8",
    )
    for _ in range(2):
        done = subprocess.run(
            ["mbsync", "-c", str(config), "c"], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    messages = [
        path.read_bytes() for path in (tmp_path / "mail" / "INBOX").rglob("*") if path.parent.name in ("new", "cur")
    ]
    assert any(b"Subject: mirror me" in message for message in messages)


def test_flags_cross_workers(server: Server) -> None:
    """Twelve connections, so that both workers have some: a flag set on one is seen by all at their next NOOP."""
    submit(server, a_message("flag me"))
    clients = [imap_login(server) for _ in range(12)]
    for client in clients:
        client.select("INBOX")
    number = clients[0].search(None, "ALL")[1][0].split()[-1].decode()
    clients[0].store(number, "+FLAGS", "(\\Flagged)")
    for client in clients[1:]:
        client.noop()
        assert b"\\Flagged" in flags_of(client, number)
    for client in clients:
        client.logout()


def test_wrong_password_says_little(server: Server) -> None:
    client = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"], ssl_context=trusting())
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.login("nobody@example.org", "wrong")
    client.logout()
