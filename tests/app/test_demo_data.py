"""The demo's accounts: made once, with mail that looks like mail."""

import asyncio
import email
import email.policy
from datetime import UTC, datetime
from pathlib import Path

from verbena.app.demo_data import FILM_OCTETS, NAMES, demo_messages, demo_passwords, install
from verbena.store.open import init_store, open_store

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def test_passwords_are_made_once_and_kept_private(tmp_path: Path) -> None:
    first = demo_passwords(tmp_path)
    assert set(first) == set(NAMES)
    assert demo_passwords(tmp_path) == first
    assert (tmp_path / "demo-passwords.txt").stat().st_mode & 0o777 == 0o600


def test_messages_are_the_same_each_time() -> None:
    first, second = list(demo_messages("example.org", NOW)), list(demo_messages("example.org", NOW))
    assert len(first) > 36
    assert [bytes(demo.message) for demo in first] == [bytes(demo.message) for demo in second]


def test_install_fills_the_accounts_once(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    init_store(folder, 2)

    async def play() -> None:
        store = open_store(folder)
        try:
            passwords = demo_passwords(tmp_path)
            assert await install(store, "example.org", passwords, NOW) > 36
            assert await install(store, "example.org", passwords, NOW) == 0
            ref = store.directory.find_login("alice")
            assert ref is not None
            alice = store.account(ref)
            names = {mailbox.name for mailbox in alice.mailboxes()}
            assert {"INBOX", "Sent", "Drafts", "Lists/Herbs", "Reisen/Grüße"} <= names
            inbox = alice.find("INBOX")
            assert inbox is not None
            columns = await alice.open(inbox.mailbox_id)
            assert max(columns.sizes) > FILM_OCTETS * 4 // 3
            contents = alice.contents(columns.contents)
            film = max((content for content in contents if content is not None), key=lambda one: one.size_octets)
            octets = b"".join([piece async for piece in alice.stream(film.content_id, 0, film.size_octets)])
            attachment = next(email.message_from_bytes(octets, policy=email.policy.default).iter_attachments())
            assert len(attachment.get_content()) == FILM_OCTETS
            assert await store.check() == []
        finally:
            await store.close()

    asyncio.run(play())
