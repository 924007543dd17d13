"""Forward without download: the two flows of RFC 5550 §8.4, over TLS, against whole servers."""

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.dialogue import Dialogue, literal
from support.process import PASSWORD, Server, running

ATTACHMENT = base64.encodebytes(bytes(range(256)) * 400).replace(b"\n", b"\r\n")
TRIP = (
    b"From: travel@example.org\r\nTo: alice@example.org\r\nSubject: Your trip\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="trip"\r\n\r\n'
    b"--trip\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nSee the attachment.\r\n"
    b'--trip\r\nContent-Type: text/plain; charset=us-ascii; name="trip.txt"\r\n'
    b"Content-ID: <960723163407.20117h@washington.example.com>\r\nContent-Description: Your trip details\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\n" + ATTACHMENT + b"\r\n--trip--\r\n"
)
MIME_HEADER = TRIP[TRIP.index(b'Content-Type: text/plain; charset=us-ascii; name="trip.txt"') : TRIP.index(ATTACHMENT)]
BOUNDARY = b"------------030308070208000400050907"
START = (
    b"Message-ID: <419399E1.6000505@caernarfon.example.org>\r\nDate: Thu, 12 Nov 2004 16:57:05 +0000\r\n"
    b"From: Alice <alice@example.org>\r\nMIME-Version: 1.0\r\nTo: bob@example.org\r\n"
    b"Subject: About our holiday trip\r\nContent-Type: multipart/mixed;\r\n"
    b'    boundary="------------030308070208000400050907"\r\n\r\n'
    b"--" + BOUNDARY + b"\r\nContent-Type: text/plain; format=flowed\r\n\r\n"
    b"Our travel agent has sent the updated schedule.\r\n\r\nCheers,\r\nAlice\r\n--" + BOUNDARY + b"\r\n"
)
END = b"\r\n--" + BOUNDARY + b"--\r\n"
WHOLE = START + MIME_HEADER + ATTACHMENT + END


@contextmanager
def imap_session(server: Server, user: bytes = b"alice@example.org") -> Iterator[Dialogue]:
    with Dialogue(server.ports["imap"]) as imap:
        assert imap.line().startswith(b"* OK [CAPABILITY ")
        imap.imap_ok(b"t1 STARTTLS")
        imap.start_tls()
        imap.imap_ok(b"t2 LOGIN %s %s" % (user, PASSWORD.encode()))
        yield imap


@contextmanager
def submission_session(server: Server) -> Iterator[Dialogue]:
    with Dialogue(server.ports["submission"]) as smtp:
        assert smtp.smtp()[0].startswith(b"220 ")
        assert b"250-STARTTLS" in smtp.smtp(b"EHLO potter.example.org")
        assert smtp.smtp(b"STARTTLS")[0].startswith(b"220")
        smtp.start_tls()
        offered = {line[4:] for line in smtp.smtp(b"EHLO potter.example.org")}
        assert {b"8BITMIME", b"BINARYMIME", b"PIPELINING", b"BURL imap", b"CHUNKING", b"DSN"} <= offered
        assert {b"ENHANCEDSTATUSCODES", b"SMTPUTF8"} <= offered
        plain = base64.b64encode(b"\0alice@example.org\0" + PASSWORD.encode())
        assert smtp.smtp(b"AUTH PLAIN " + plain)[0].startswith(b"235 2.7.0")
        yield smtp


def put_trip(imap: Dialogue) -> tuple[bytes, bytes]:
    """Append the trip message to the INBOX; its UIDVALIDITY and UID."""
    _, tagged = imap.imap_ok(b"p1 APPEND INBOX () " + literal(TRIP))
    found = re.search(rb"\[APPENDUID (\d+) (\d+)\]", tagged)
    assert found is not None, tagged
    return found[1], found[2]


def newest_in_inbox(server: Server, user: bytes) -> bytes:
    with imap_session(server, user) as imap:
        imap.imap_ok(b"n1 SELECT INBOX")
        untagged, _ = imap.imap_ok(b"n2 FETCH * (BODY.PEEK[])")
        fetched = next(line for line in untagged if b"BODY[]" in line)
        return fetched[fetched.index(b"}\r\n") + 3 : -3]


def mark_forwarded(imap: Dialogue, uid: bytes) -> None:
    imap.imap_ok(b"a9 SELECT INBOX (CONDSTORE)")
    untagged, _ = imap.imap_ok(b"A0054 UID STORE %s +FLAGS.SILENT ($Forwarded)" % uid)
    assert any(b"MODSEQ (" in line for line in untagged)
    untagged, _ = imap.imap_ok(b"A0055 UID SEARCH KEYWORD $Forwarded")
    assert uid in untagged[0].split()


@pytest.mark.rfc("5550 §8.4.1")
def test_forward_with_catenate_and_burl(server: Server) -> None:
    with imap_session(server) as imap:
        validity, uid = put_trip(imap)
        imap.imap_ok(b"A0050 SELECT INBOX")
        untagged, _ = imap.imap_ok(b"A0051 UID FETCH %s (UID BODYSTRUCTURE)" % uid)
        assert b'"trip.txt"' in untagged[0]
        part = b"/INBOX;UIDVALIDITY=%s/;UID=%s/;Section=2" % (validity, uid)
        _, tagged = imap.imap_ok(
            b"A0052 APPEND Sent (\\Draft \\Seen $MDNSent) CATENATE (TEXT "
            + literal(START)
            + b' URL "%s.MIME" URL "%s" TEXT ' % (part, part)
            + literal(END)
            + b")"
        )
        found = re.search(rb"\[APPENDUID (\d+) (\d+)\]", tagged)
        assert found is not None, tagged
        rump = b"imap://alice@mail.example.org/Sent;UIDVALIDITY=%s/;uid=%s;expire=%s;urlauth=submit+alice" % (
            found[1],
            found[2],
            b"2099-10-28T23:59:59Z",
        )
        untagged, _ = imap.imap_ok(b'A0053 GENURLAUTH "%s" INTERNAL' % rump)
        signed = re.search(rb'GENURLAUTH "?([^" \r]+)"?', untagged[0])
        assert signed is not None, untagged
        assert signed[1].startswith(rump + b":internal:")
        with submission_session(server) as smtp:
            smtp.send(b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<bob@example.org>\r\nBURL " + signed[1] + b" LAST\r\n")
            assert smtp.smtp()[0].startswith(b"250 2.")
            assert smtp.smtp()[0].startswith(b"250 2.1.5")
            assert smtp.smtp()[0].startswith(b"250 2.")
        mark_forwarded(imap, uid)
    assert newest_in_inbox(server, b"bob@example.org").endswith(WHOLE)


@pytest.mark.rfc("5550 §8.4.2")
def test_forward_with_bdat_and_burl(server: Server) -> None:
    with imap_session(server) as imap:
        validity, uid = put_trip(imap)
        rumps = [
            b"imap://alice@mail.example.org/INBOX;UIDVALIDITY=%s/;UID=%s/;Section=%s;expire=2099-10-28T23:59:59Z;"
            b"urlauth=submit+alice@example.org" % (validity, uid, section)
            for section in (b"2.MIME", b"2")
        ]
        untagged, _ = imap.imap_ok(b'B0052 GENURLAUTH "%s" INTERNAL "%s" INTERNAL' % (rumps[0], rumps[1]))
        urls = re.findall(rb'imap://[^" \r]+', untagged[0])
        assert len(urls) == 2, untagged
        with submission_session(server) as smtp:
            assert b"250-BURL imap imap://mail.example.org" in b"\n".join(smtp.smtp(b"EHLO potter.example.org"))
            assert smtp.smtp(b"MAIL FROM:<alice@example.org> BODY=BINARYMIME")[0].startswith(b"250 2.")
            assert smtp.smtp(b"RCPT TO:<bob@example.org>")[0].startswith(b"250 2.1.5")
            smtp.send(b"BDAT %d\r\n" % len(START) + START)
            assert smtp.smtp()[0].startswith(b"250 2.")
            assert smtp.smtp(b"BURL " + urls[0])[0].startswith(b"250 2.")
            assert smtp.smtp(b"BURL " + urls[1])[0].startswith(b"250 2.")
            smtp.send(b"BDAT %d LAST\r\n" % len(END) + END)
            assert smtp.smtp()[0].startswith(b"250 2.")
        mark_forwarded(imap, uid)
    assert newest_in_inbox(server, b"bob@example.org").endswith(WHOLE)


@pytest.mark.rfc("4468 §3.3")
def test_bad_urls_abort_the_transaction_cleanly(server: Server) -> None:
    with imap_session(server) as imap:
        validity, uid = put_trip(imap)
    forged = b"imap://alice@mail.example.org/INBOX;UIDVALIDITY=%s/;UID=%s;urlauth=submit+alice:internal:%s" % (
        validity,
        uid,
        b"0" * 64,
    )
    elsewhere = b"imap://alice@imap.elsewhere.example/INBOX;UID=1;urlauth=submit+alice:internal:" + b"0" * 64
    with submission_session(server) as smtp:
        for url, codes in ((forged, b"554 5."), (elsewhere, b"554 5.7.14"), (b"http://example.org/", b"5")):
            smtp.smtp(b"MAIL FROM:<alice@example.org>")
            smtp.smtp(b"RCPT TO:<bob@example.org>")
            assert smtp.smtp(b"BURL " + url + b" LAST")[0].startswith(codes)
            smtp.smtp(b"RSET")


@pytest.mark.rfc("4468 §2")
def test_burl_from_another_trusted_server(tmp_path: Path) -> None:
    """The store is one Verbena, the submission server another that trusts it and logs in as submitserver."""
    (tmp_path / "store").mkdir()
    (tmp_path / "submit").mkdir()
    with running(tmp_path / "store", hostname="imap.example.org") as store:
        trusted = (
            f'\n[submission]\nsubmit_users = []\ntrusted_imap = ["imap.example.org:{store.ports["imap"]}"]\n'
            f'[submission.trusted."imap.example.org:{store.ports["imap"]}"]\n'
            f'connect = "127.0.0.1:{store.ports["imap"]}"\nuser = "submitserver"\npassword = "{PASSWORD}"\n'
            f'ca = "{store.folder / "data" / "tls" / "cert.pem"}"\n'
        )
        with running(tmp_path / "submit", extra=trusted, hostname="submit.example.org") as submit:
            with imap_session(store) as imap:
                validity, uid = put_trip(imap)
                rump = b"imap://alice@imap.example.org:%d/INBOX;UIDVALIDITY=%s/;UID=%s;urlauth=submit+alice" % (
                    store.ports["imap"],
                    validity,
                    uid,
                )
                untagged, _ = imap.imap_ok(b'g GENURLAUTH "%s" INTERNAL' % rump)
                signed = re.findall(rb'imap://[^" \r]+', untagged[0])[0]
            with submission_session(submit) as smtp:
                assert smtp.smtp(b"MAIL FROM:<alice@example.org>")[0].startswith(b"250")
                assert smtp.smtp(b"RCPT TO:<bob@example.org>")[0].startswith(b"250")
                assert smtp.smtp(b"BURL " + signed + b" LAST")[0].startswith(b"250 2.")
            got = newest_in_inbox(submit, b"bob@example.org")
            assert b"\r\nSubject: Your trip\r\n" in got
            assert got.endswith(TRIP[TRIP.index(b"\r\n\r\n") :])
