"""Mail programs as Debian packages them, each where it is installed: what they need of a server, done by them.

apt-get install msmtp swaks fetchmail offlineimap3 mutt imapfilter
"""

import imaplib
import os
import shutil
import smtplib
import subprocess
from pathlib import Path

import pytest

from support.dialogue import trusting
from support.process import PASSWORD, Server

ALICE = "alice@example.org"
BOB = "bob@example.org"


def installed(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def run(home: Path, *arguments: str, stdin: str = "") -> str:
    """Run a program with ``home`` as its home; all that it says. Raises when it fails."""
    done = subprocess.run(
        arguments,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        cwd=home,
        env={**os.environ, "HOME": str(home), "TERM": "dumb"},
    )
    assert done.returncode == 0, f"{arguments[0]}: {done.returncode}\n{done.stdout}"
    return done.stdout


def write(path: Path, text: str) -> Path:
    """A file that only its owner reads, as programs demand of files with passwords."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def certificate(server: Server) -> Path:
    return server.folder / "data" / "tls" / "cert.pem"


def deliver(server: Server, subject: str, to: str = BOB) -> None:
    with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as client:
        client.sendmail(ALICE, [to], f"From: {ALICE}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nhello\r\n".encode())


def subjects(server: Server, user: str = BOB, mailbox: str = "INBOX") -> set[str]:
    client = imaplib.IMAP4_SSL("127.0.0.1", server.ports["imaps"], ssl_context=trusting())
    client.login(user, PASSWORD)
    client.select(mailbox)
    found = client.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")[1]
    client.logout()
    return {part[1].decode().strip().removeprefix("Subject: ") for part in found if isinstance(part, tuple)}


@installed("msmtp")
@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-1", "scram-sha-256"])
def test_msmtp_submits(server: Server, tmp_path: Path, mechanism: str) -> None:
    config = write(
        tmp_path / "msmtprc",
        f"account v\nhost localhost\nport {server.ports['submission']}\nfrom {ALICE}\nauth {mechanism}\n"
        f"user {ALICE}\npassword {PASSWORD}\ntls on\ntls_starttls on\ntls_trust_file {certificate(server)}\n",
    )
    letter = f"Subject: msmtp {mechanism}\n\nGrüße\n.\n..two dots\n"
    run(tmp_path, "msmtp", "-C", str(config), "-a", "v", BOB, stdin=letter)
    assert f"msmtp {mechanism}" in subjects(server)


@installed("swaks")
@pytest.mark.parametrize("way", ["--tls --port $submission --pipeline", "--tlsc --port $submissions"])
def test_swaks_submits(server: Server, tmp_path: Path, way: str) -> None:
    for name in ("submissions", "submission"):
        way = way.replace(f"${name}", str(server.ports[name]))
    arguments = f"--server 127.0.0.1 --from {ALICE} --to {BOB} --auth-user {ALICE} --auth-password {PASSWORD} {way}"
    said = run(tmp_path, "swaks", *arguments.split(), "--header", f"Subject: swaks {way}", "--body", "Grüße")
    assert "250 2.6.0" in said
    assert f"swaks {way}" in subjects(server)


@installed("fetchmail")
def test_fetchmail_fetches(server: Server, tmp_path: Path) -> None:
    deliver(server, "fetch me")
    config = write(
        tmp_path / "fetchmailrc",
        f'poll localhost service {server.ports["imaps"]} protocol IMAP user "{BOB}" password "{PASSWORD}" ssl '
        f'sslcertfile "{certificate(server)}" keep fetchall mda "cat >> {tmp_path}/mail"\n',
    )
    run(tmp_path, "fetchmail", "-f", str(config), "--pidfile", str(tmp_path / "pid"))
    assert "Subject: fetch me" in (tmp_path / "mail").read_text("utf-8", "replace")


@installed("offlineimap")
def test_offlineimap_mirrors(server: Server, tmp_path: Path) -> None:
    deliver(server, "mirrored")
    config = write(
        tmp_path / "offlineimaprc",
        "[general]\naccounts = a\n[Account a]\nlocalrepository = near\nremoterepository = far\n"
        f"[Repository near]\ntype = Maildir\nlocalfolders = {tmp_path}/mail\n"
        f"[Repository far]\ntype = IMAP\nremotehost = localhost\nremoteport = {server.ports['imaps']}\nssl = yes\n"
        f"remoteuser = {BOB}\nremotepass = {PASSWORD}\nsslcacertfile = {certificate(server)}\n",
    )
    for _ in range(2):
        run(tmp_path, "offlineimap", "-c", str(config), "-o", "-u", "basic")
    letters = [path.read_bytes() for path in (tmp_path / "mail" / "INBOX").rglob("*") if path.is_file()]
    assert sum(b"Subject: mirrored" in letter for letter in letters) == 1


@installed("mutt")
def test_mutt_sends_and_keeps_a_copy(server: Server, tmp_path: Path) -> None:
    """Mutt picks -PLUS by itself over TLS 1.3 and has no binding for it, so it is told how to log in."""
    config = write(
        tmp_path / "muttrc",
        f'set imap_user="{ALICE}" imap_pass="{PASSWORD}" smtp_pass="{PASSWORD}" smtp_authenticators="plain" copy=yes\n'
        f'set from="{ALICE}" smtp_url="smtp://{ALICE}@localhost:{server.ports["submission"]}/"\n'
        f'set certificate_file="{certificate(server)}" ssl_starttls=yes ssl_force_tls=yes\n'
        f'set record="imaps://localhost:{server.ports["imaps"]}/Sent" folder="{tmp_path}"\n',
    )
    attached = write(tmp_path / "note.txt", "an attachment\n")
    run(tmp_path, "mutt", "-F", str(config), "-s", "from mutt", "-a", str(attached), "--", BOB, stdin="Grüße\n")
    assert "from mutt" in subjects(server)
    assert "from mutt" in subjects(server, ALICE, "Sent")


@installed("imapfilter")
def test_imapfilter_files(server: Server, tmp_path: Path) -> None:
    deliver(server, "file me")
    config = write(
        tmp_path / "config.lua",
        "options.certificates = false\noptions.create = true\n"
        f"account = IMAP {{ server = 'localhost', port = {server.ports['imaps']}, ssl = 'auto', "
        f"username = '{BOB}', password = '{PASSWORD}' }}\n"
        "found = account.INBOX:contain_subject('file me') * account.INBOX:is_newer(3)\n"
        "found:mark_flagged()\nfound:move_messages(account['Lists/Grüße'])\n",
    )
    run(tmp_path, "imapfilter", "-c", str(config), "-t", str(certificate(server)))
    assert "file me" not in subjects(server)
    assert "file me" in subjects(server, mailbox="Lists/Gr&APwA3w-e")
