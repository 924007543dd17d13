"""URLs are signed, verified and opened, for those who may and for nobody else (RFC 4467, RFC 5092 §6.1, RFC 5593)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from verbena.model.date import InternalDate
from verbena.model.errors import PeerError, Refused
from verbena.model.ids import MailboxId
from verbena.model.reason import Reason
from verbena.model.uidset import number_set
from verbena.store.api import Account, AccountRef, NewMessage
from verbena.store.open import SqliteStore, init_store, open_store
from verbena.urlauth.resolve import Place, Role, Who, generate, resolve

MESSAGE = (
    b"From: joe@example.com\r\nSubject: Two parts\r\nTo: fred@example.com\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\nSi vis pacem, para bellum.\r\n"
    b"--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC\r\n"
    b"--b--\r\n"
)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SUBMIT_SERVER = frozenset(("submit",))


@dataclass(frozen=True, slots=True)
class World:
    """A server with joe, fred and the submission server's own account; joe's INBOX has one message, UID 1."""

    store: SqliteStore
    place: Place
    joe: AccountRef
    fred: AccountRef
    server: AccountRef

    @property
    def mail(self) -> Account:
        return self.store.account(self.joe)

    @property
    def inbox(self) -> MailboxId:
        mailbox = self.mail.find("INBOX")
        assert mailbox is not None
        return mailbox.mailbox_id

    async def signed(self, rest: bytes, host: bytes = b"joe@mail.example.com") -> bytes:
        return await generate(self.place, b"imap://" + host + b"/" + rest, "INTERNAL", self.joe)

    async def opened(self, url: bytes, who: Who, place: Place | None = None, selected: str | None = None) -> bytes:
        found = await resolve(place or self.place, url, who, selected)
        octets = b"".join([piece async for piece in found.stream()])
        assert len(octets) == found.size_octets
        return octets

    async def refused(self, url: bytes, who: Who, place: Place | None = None) -> Reason:
        with pytest.raises(Refused) as caught:
            await resolve(place or self.place, url, who)
        return caught.value.reason


async def pieces(octets: bytes) -> AsyncIterator[bytes]:
    yield octets


async def append(store: SqliteStore, ref: AccountRef, octets: bytes) -> None:
    account = store.account(ref)
    mailbox = account.find("INBOX")
    assert mailbox is not None
    async with await store.stage(pieces(octets), 1 << 20) as staged:
        await account.append(mailbox.mailbox_id, [NewMessage(staged, (), InternalDate(0))])


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    init_store(folder, 1)
    store = open_store(folder)
    directory = store.directory
    await directory.add_domain("example.com")
    await directory.add_domain("other.example")
    joe = await directory.add_account("joe@example.com", None)
    fred = await directory.add_account("fred@example.com", None)
    server = await directory.add_account("submitserver@example.com", None)
    await directory.add_account("joe@other.example", None)
    await append(store, joe, MESSAGE)
    place = Place(store, frozenset(("mail.example.com", "127.0.0.1:1143")), NOW)
    try:
        yield World(store, place, joe, fred, server)
        assert await store.check() == []
    finally:
        await store.close()


@pytest.mark.rfc("4467 §7")
async def test_a_submission_server_fetches_what_its_user_signed(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        rump = b"INBOX/;uid=1/;section=1;urlauth=submit+fred"
        url = await w.signed(rump)
        assert url.startswith(b"imap://joe@mail.example.com/" + rump + b":internal:")
        assert await w.opened(url, Who(w.server, applications=SUBMIT_SERVER)) == b"Si vis pacem, para bellum."
        assert await w.refused(url, Who(w.fred)) is Reason.BAD_URL
        assert await w.refused(url, Who(w.joe, plain=True)) is Reason.BAD_URL


@pytest.mark.rfc("4468 §3.3")
@pytest.mark.parametrize("user", [b"fred", b"fred%40example.com", b"FRED@example.com"])
async def test_the_submission_service_acts_for_its_own_user_only(tmp_path: Path, user: bytes) -> None:
    user = user.replace(b"@", b"%40")
    async with world(tmp_path) as w:
        url = await w.signed(b"INBOX/;uid=1;urlauth=submit+" + user)
        assert await w.opened(url, Who(w.fred, Role.SUBMISSION)) == MESSAGE
        assert await w.refused(url, Who(w.joe, Role.SUBMISSION)) is Reason.AUTHORIZATION_FAILED


@pytest.mark.rfc("5092 §6.1.2")
async def test_each_access_identifier_lets_in_whom_it_says(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        session, service = Who(w.fred), Who(w.fred, Role.SUBMISSION)
        media = Who(w.server, applications=frozenset(("stream",)))
        may = {
            b"user+fred": (session,),
            b"user+fred%40example.com": (session,),
            b"user+joe": (),
            b"user+nobody": (),
            b"authuser": (session, service, media),
            b"anonymous": (session, service, media),
            b"stream": (media,),
        }
        for access, allowed in may.items():
            url = await w.signed(b"INBOX/;uid=1;urlauth=" + access)
            for who in (session, service, media):
                if who in allowed:
                    assert await w.opened(url, who) == MESSAGE
                else:
                    assert await w.refused(url, who) is Reason.BAD_URL, access


@pytest.mark.rfc("4467 §3")
async def test_expiry_is_judged_by_the_time_given(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        url = await w.signed(b"INBOX/;uid=1;expire=2026-01-01T00:00:00Z;urlauth=anonymous")
        assert await w.opened(url, Who(w.fred)) == MESSAGE
        later = replace(w.place, now=datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
        assert await w.refused(url, Who(w.fred), later) is Reason.BAD_URL


@pytest.mark.rfc("4467 §2.2")
async def test_resetting_a_key_revokes_that_mailbox_only(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        inbox = await w.signed(b"INBOX/;uid=1;urlauth=anonymous")
        await w.mail.create("Other")
        other = await w.signed(b"Other/;uid=1;urlauth=anonymous")
        await w.mail.reset_urlauth_keys(w.inbox)
        assert await w.refused(inbox, Who(w.fred)) is Reason.BAD_URL
        assert await w.refused(other, Who(w.fred)) is Reason.URL_FETCH_FAILED
        assert await w.signed(b"INBOX/;uid=1;urlauth=anonymous") != inbox
        await w.mail.reset_urlauth_keys(None)
        assert await w.refused(other, Who(w.fred)) is Reason.BAD_URL


@pytest.mark.rfc("4467 §6")
async def test_what_can_not_be_verified_is_refused_alike(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        url = await w.signed(b"INBOX/;uid=1;urlauth=anonymous")
        token = url.rpartition(b":")[2]
        made_up = [
            url.replace(b"INBOX", b"inbox"),
            url.replace(b"mail.example.com", b"MAIL.example.com"),
            url.replace(b"uid=1", b"uid=01"),
            url.replace(b"joe@", b"fred@"),
            url.replace(b"joe@", b"nobody@"),
            url.replace(b"joe@", b""),
            url.replace(b"INBOX", b"Nowhere"),
            url.replace(b"internal", b"other"),
            url[:-1] + (b"0" if url[-1:] != b"0" else b"1"),
            url.partition(b":internal")[0],
            b"imap://joe@mail.example.com/INBOX",
            b"imap://joe@mail.example.com/",
            b"imap://joe@mail.example.com/INBOX?ALL",
            b"imap://joe@mail.example.com/INBOX/;uid=1",
            b"/INBOX/;uid=1",
            b"/INBOX/;uid=1;urlauth=anonymous:internal:" + token,
            b"rubbish",
        ]
        for other in made_up:
            assert await w.refused(other, Who(w.fred)) is Reason.BAD_URL, other


@pytest.mark.rfc("4468 §3.3")
async def test_other_servers_are_not_trusted(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        url = await w.signed(b"INBOX/;uid=1;urlauth=anonymous", b"joe@127.0.0.1:1143")
        assert await w.opened(url, Who(w.fred)) == MESSAGE
        for host in (b"127.0.0.1:2143", b"127.0.0.1", b"elsewhere.example"):
            moved = url.replace(b"127.0.0.1:1143", host)
            assert await w.refused(moved, Who(w.fred)) is Reason.URL_NOT_TRUSTED


async def test_a_name_without_its_domain_may_be_in_the_domain_of_the_host(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        other = w.store.directory.find_login("joe@other.example")
        assert other is not None
        await append(w.store, other, b"Subject: other\r\n\r\nx\r\n")
        rump = b"imap://joe@other.example/INBOX/;uid=1;urlauth=user+joe"
        url = await generate(w.place, rump, "INTERNAL", other)
        assert await w.opened(url, Who(other)) == b"Subject: other\r\n\r\nx\r\n"


@pytest.mark.rfc("4467 §7")
@pytest.mark.parametrize(
    "url",
    [
        b"imap://joe@mail.example.com/INBOX/;uid=1",
        b"imap://mail.example.com/INBOX/;uid=1;urlauth=submit+fred",
        b"imap://fred@mail.example.com/INBOX/;uid=1;urlauth=submit+fred",
        b"imap://nobody@mail.example.com/INBOX/;uid=1;urlauth=submit+fred",
        b"imap://joe@elsewhere.example/INBOX/;uid=1;urlauth=submit+fred",
        b"imap://joe@mail.example.com/Nowhere/;uid=1;urlauth=submit+fred",
        b"imap://joe@mail.example.com/INBOX;uidvalidity=1/;uid=1;urlauth=submit+fred",
        b"imap://joe@mail.example.com/INBOX/;uid=1;urlauth=submit",
        b"imap://joe@mail.example.com/INBOX/;uid=1;urlauth=user",
        b"imap://joe@mail.example.com/INBOX/;uid=1;urlauth=nosuchapp",
        b"imap://joe@mail.example.com/INBOX/;uid=1;urlauth=anonymous+fred",
        b"imap://joe@mail.example.com/INBOX;urlauth=anonymous",
        b"imap://joe@mail.example.com/INBOX/;uid=1;urlauth=anonymous:internal:91354a473744909de610943775f92038",
        b"/INBOX/;uid=1;urlauth=anonymous",
        b"",
    ],
)
async def test_what_can_not_be_signed_is_bad(tmp_path: Path, url: bytes) -> None:
    async with world(tmp_path) as w:
        with pytest.raises(PeerError):
            await generate(w.place, url, "INTERNAL", w.joe)


async def test_other_mechanisms_are_bad(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        with pytest.raises(PeerError):
            await generate(w.place, b"imap://joe@mail.example.com/INBOX/;uid=1;urlauth=anonymous", "OTHER", w.joe)


HEADER = MESSAGE[: MESSAGE.index(b"\r\n\r\n") + 4]


@pytest.mark.rfc("4469 §3")
@pytest.mark.parametrize(
    ("url", "octets"),
    [
        (b"/INBOX/;uid=1", MESSAGE),
        (b";uid=1", MESSAGE),
        (b"imap://joe@mail.example.com/INBOX/;uid=1", MESSAGE),
        (b"imap://joe%40example.com@mail.example.com/inbox/;uid=1", MESSAGE),
        (b"/INBOX/;uid=1/;section=HEADER", HEADER),
        (b"/INBOX/;uid=1/;section=TEXT", MESSAGE[len(HEADER) :]),
        (b"/INBOX/;uid=1/;section=2", b"AAEC"),
        (b"/INBOX/;uid=1;section=2.MIME", b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n"),
        (b"/INBOX/;uid=1/;section=HEADER.FIELDS%20(to%20FROM)", HEADER[:23] + b"To: fred@example.com\r\n\r\n"),
        (b"/INBOX/;uid=1/;section=HEADER.FIELDS%20(to)/;partial=0.3", b"To:"),
        (b"/INBOX/;uid=1/;partial=5.3", b" jo"),
        (b"/INBOX/;uid=1/;section=1/;partial=23", b"um."),
        (b"/INBOX/;uid=1/;section=1/;partial=3.10000", b"vis pacem, para bellum."),
        (b"/INBOX/;uid=1/;section=1/;partial=100.5", b""),
        (b"/INBOX/;uid=1/;partial=9223372036854775807.9223372036854775807", b""),
    ],
)
async def test_sections_and_ranges_of_ones_own_mail(tmp_path: Path, url: bytes, octets: bytes) -> None:
    async with world(tmp_path) as w:
        assert await w.opened(url, Who(w.joe, plain=True), selected="INBOX") == octets


@pytest.mark.rfc("4469 §3")
async def test_plain_urls_are_for_ones_own_mail_only(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        mine = Who(w.joe, plain=True)
        for url in (
            b";uid=1",
            b"/Nowhere/;uid=1",
            b"/INBOX;uidvalidity=1/;uid=1",
            b"imap://fred@mail.example.com/INBOX/;uid=1",
            b"imap://mail.example.com/INBOX/;uid=1",
        ):
            assert await w.refused(url, mine) is Reason.BAD_URL, url
        for url in (b"/INBOX/;uid=2", b"/INBOX/;uid=1/;section=3", b"/INBOX/;uid=1/;section=1.HEADER"):
            assert await w.refused(url, mine) is Reason.URL_FETCH_FAILED, url


@pytest.mark.rfc("4467 §7")
async def test_a_url_gives_what_its_owner_can_read_now(tmp_path: Path) -> None:
    async with world(tmp_path) as w:
        url = await w.signed(b"INBOX/;uid=1;urlauth=anonymous")
        await w.mail.move(w.inbox, number_set([1]), (await w.mail.create("Other")).mailbox_id)
        assert await w.refused(url, Who(w.fred)) is Reason.URL_FETCH_FAILED
        await w.store.directory.set_enabled(w.joe.account_id, False)
        assert await w.refused(url, Who(w.fred)) is Reason.BAD_URL
