"""Mail for accounts with scripts on a whole server with two workers: every way in, and a power cut."""

import asyncio
import re
import smtplib
import threading
from pathlib import Path

import pytest

from support.dialogue import Dialogue, trusting
from support.process import PASSWORD, Server, free_port, running, start, verbena
from verbena.client.connect import Endpoint
from verbena.client.managesieve import open_managesieve
from verbena.model.secret import Secret
from verbena.store.open import open_store

KILL_AFTER = 40
WRITERS = 3


def put_script(server: Server, user: str, script: str) -> None:
    """By ManageSieve, as users do."""

    async def put() -> None:
        endpoint = Endpoint("127.0.0.1", server.ports["managesieve"], trusting(), timeout_s=20)
        async with open_managesieve(endpoint, f"{user}@example.org", Secret(PASSWORD.encode())) as client:
            await client.put("main", script.replace("\n", "\r\n").encode())
            await client.activate("main")

    asyncio.run(put())


def subjects(server: Server, user: str, mailbox: str) -> list[bytes]:
    with Dialogue(server.ports["imaps"], tls=True) as imap:
        imap.line()
        imap.imap_ok(b"l LOGIN %s@example.org %s" % (user.encode(), PASSWORD.encode()))
        _, tagged = imap.imap(b"s EXAMINE " + mailbox.encode())
        if not tagged.startswith(b"s OK"):
            return []
        untagged, _ = imap.imap(b"f FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return re.findall(rb"Subject: (\S+)", b"".join(untagged))


def lmtp_send(server: Server, subject: str, *recipients: str) -> list[str]:
    """The replies for the recipients, by the standard library's client."""
    with smtplib.LMTP("127.0.0.1", server.ports["lmtp"]) as lmtp:
        lmtp.ehlo_or_helo_if_needed()
        lmtp.mail("carol@example.net")
        for recipient in recipients:
            lmtp.rcpt(recipient)
        lmtp.docmd("DATA")
        lmtp.send(f"From: carol@example.net\r\nTo: alice@example.org\r\nSubject: {subject}\r\n\r\nhi\r\n.\r\n")
        return [f"{code} {text.decode()}" for code, text in (lmtp.getreply() for _ in recipients)]


def test_scripts_filter_mail_however_it_comes(tmp_path: Path) -> None:
    extra = f'\n[relay]\nsmarthost = "127.0.0.1:{free_port()}"\n[log]\nlevel = "info"\n'
    with running(tmp_path, extra) as server:
        put_script(
            server,
            "alice",
            """require ["fileinto", "mailbox", "ereject", "vacation"];
            if header "subject" "bad" { ereject "Not wanted"; }
            elsif header "subject" "on" { redirect "bob@example.org"; }
            else { fileinto :create "Filtered"; vacation "Away"; }
            """,
        )
        replies = lmtp_send(server, "bad", "alice@example.org", "bob@example.org")
        assert [reply[:9] for reply in replies] == ["550 5.7.1", "250 2.1.5"]
        for number in range(6):
            assert lmtp_send(server, f"m{number}", "alice@example.org")[0].startswith("250")
        assert lmtp_send(server, "on", "alice@example.org")[0].startswith("250")
        with smtplib.SMTP_SSL("127.0.0.1", server.ports["submissions"], context=trusting()) as smtp:
            smtp.login("bob@example.org", PASSWORD)
            letter = "From: bob@example.org\r\nTo: alice@example.org\r\nSubject: {}\r\n\r\nhi\r\n"
            smtp.sendmail("bob@example.org", ["alice@example.org"], letter.format("sent"))
            with pytest.raises(smtplib.SMTPDataError) as refused:
                smtp.sendmail("bob@example.org", ["alice@example.org"], letter.format("bad"))
            assert refused.value.smtp_code == 550
        assert sorted(subjects(server, "alice", "Filtered")) == [*(b"m%d" % n for n in range(6)), b"sent"]
        assert subjects(server, "alice", "INBOX") == []
        wanted = {b"bad", b"on", b"Auto:"}
        for _ in range(100):
            if set(subjects(server, "bob", "INBOX")) == wanted:
                break
            threading.Event().wait(0.1)
        assert sorted(subjects(server, "bob", "INBOX")) == sorted(wanted)


class Progress:
    def __init__(self) -> None:
        self.acknowledged: list[bytes] = []
        self.enough = threading.Event()

    def note(self, name: bytes) -> None:
        self.acknowledged.append(name)
        if len(self.acknowledged) >= KILL_AFTER:
            self.enough.set()


def deliver_until_cut(server: Server, writer: int, progress: Progress) -> None:
    try:
        with Dialogue(server.ports["lmtp"]) as lmtp:
            lmtp.smtp()
            lmtp.smtp(b"LHLO tester.example.org")
            for number in range(100_000):
                name = b"m-%d-%d" % (writer, number)
                lmtp.smtp(b"MAIL FROM:<sender@example.net>")
                lmtp.smtp(b"RCPT TO:<bob@example.org>")
                if not lmtp.smtp(b"DATA")[0].startswith(b"354"):
                    return
                lmtp.send(b"Subject: %s\r\nFrom: sender@example.net\r\n\r\nhello\r\n.\r\n" % name)
                if not lmtp.smtp()[0].startswith(b"250"):
                    return
                progress.note(name)
    except OSError:
        return


def sent_on(folder: Path) -> list[bytes]:
    """Subjects of what waits in the outbox."""

    async def read() -> list[bytes]:
        store = open_store(folder / "data")
        found: list[bytes] = []
        for item in store.outbox.items(100_000):
            octets = store.account(item.account).read(item.content_id, 0, 4096)
            found += re.findall(rb"\nSubject: (\S+)", octets)
        await store.close()
        return found

    return asyncio.run(read())


def test_kill_9_leaves_all_of_a_delivery_or_nothing(tmp_path: Path) -> None:
    """Copies, redirect and what ``duplicate`` remembers are there together or not at all."""
    extra = f'\n[relay]\nsmarthost = "127.0.0.1:{free_port()}"\n[delivery]\nsent_per_hour = 100000\n'
    with running(tmp_path, extra) as server:
        put_script(
            server,
            "bob",
            """require ["fileinto", "copy", "mailbox"];
            fileinto :copy :create "Copies";
            redirect :copy "dave@example.com";
            """,
        )
        progress = Progress()
        writers = [
            threading.Thread(target=deliver_until_cut, args=(server, writer, progress)) for writer in range(WRITERS)
        ]
        for thread in writers:
            thread.start()
        assert progress.enough.wait(60)
        server.kill()
        for thread in writers:
            thread.join(30)
        verbena(tmp_path, "check")
        again = start(tmp_path, server.ports)
        try:
            kept, copied = subjects(again, "bob", "INBOX"), subjects(again, "bob", "Copies")
        finally:
            again.stop()
        onward = sent_on(tmp_path)
        assert set(progress.acknowledged) <= set(kept)
        assert len(kept) == len(set(kept))
        assert sorted(kept) == sorted(copied) == sorted(onward)
