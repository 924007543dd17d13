"""Vacation responses: whom they go to, how often, what they look like; and that they never loop."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from lmtp.scene import MESSAGE, activate, counts, lmtp, mailbox, queued
from smtp.setting import setting
from verbena.lmtp.settings import FilterSettings

AWAY = 'require "vacation"; vacation "I am away.";'


def parsed(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@pytest.mark.rfc("5230 §5")
@pytest.mark.rfc("3834 §3")
async def test_the_response(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, AWAY)
        thread = b"References: <a@x> <b@x>\r\n"
        await lmtp(here, thread + MESSAGE)
        assert await counts(here, "INBOX") == [1]
        ((item, octets),) = queued(here)
        assert item.envelope.sender == ""
        assert [(each.address, each.notify) for each in item.envelope.recipients] == [("carol@example.net", ("NEVER",))]
        found = parsed(octets)
        assert found["From"] == "alice@example.org"
        assert found["To"] == "carol@example.net"
        assert found["Subject"] == "Auto: hello"
        assert found["In-Reply-To"] == "<1@example.net>"
        assert found["References"] == "<a@x> <b@x> <1@example.net>"
        assert found["Auto-Submitted"].startswith("auto-replied")
        assert found["Date"] == "Fri, 15 Jan 2027 08:00:00 +0000"
        assert found["Message-ID"].endswith("@mail.example.org>")
        assert found.get_content() == "I am away.\r\n"
        assert len(here.woken) == 1


@pytest.mark.rfc("5230 §4.2")
async def test_one_response_within_the_interval(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, AWAY)
        for _ in range(3):
            await lmtp(here)
        await lmtp(here, sender="CAROL@example.net")
        assert len(queued(here)) == 1
        await lmtp(here, sender="dave@example.net")
        assert len(queued(here)) == 2
        await activate(here, 'require "vacation"; vacation "Still away.";')
        await lmtp(here)
        assert len(queued(here)) == 3


async def test_a_handle_stands_for_all_texts(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        for text in ("one", "two"):
            await activate(here, f'require "vacation"; vacation :handle "h" "{text}";')
            await lmtp(here)
        assert len(queued(here)) == 1


async def test_messages_at_the_same_moment_get_one_response(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, AWAY)
        await asyncio.gather(*(lmtp(here) for _ in range(6)))
        assert len(queued(here)) == 1
        assert await counts(here, "INBOX") == [6]


@pytest.mark.rfc("6131 §2")
async def test_every_message_with_no_seconds(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require "vacation-seconds"; vacation :seconds 0 "Away.";')
        for number in range(3):
            await lmtp(here, MESSAGE.replace(b"<1@", b"<%d@" % number))
        await lmtp(here, MESSAGE.replace(b"<1@", b"<2@"))
        assert len(queued(here)) == 3


@pytest.mark.rfc("5230 §4.5")
@pytest.mark.rfc("5230 §4.6")
@pytest.mark.parametrize(
    ("head", "sender"),
    [
        (b"", ""),
        (b"", "alice@example.org"),
        (b"", "alice+x@example.org"),
        (b"", "MAILER-DAEMON@example.net"),
        (b"", "owner-list@example.net"),
        (b"", "list-request@example.net"),
        (b"Auto-Submitted: auto-replied\r\n", "carol@example.net"),
        (b"Auto-Submitted: auto-notified; x=y\r\n", "carol@example.net"),
        (b"List-Id: <l.example.net>\r\n", "carol@example.net"),
        (b"Precedence: bulk\r\n", "carol@example.net"),
        (b"X-Auto-Response-Suppress: All\r\n", "carol@example.net"),
    ],
)
async def test_no_response(tmp_path: Path, head: bytes, sender: str) -> None:
    async with setting(tmp_path) as here:
        await activate(here, AWAY)
        assert (await lmtp(here, head + MESSAGE, sender=sender))[0].startswith("250")
        assert (queued(here), await counts(here, "INBOX")) == ([], [1])


async def test_only_to_addressees(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await here.house.store.directory.add_alias("info@example.org", here.ref("alice").account_id)
        await activate(here, AWAY)
        other = MESSAGE.replace(b"alice@example.org", b"friends@example.net")
        await lmtp(here, other)
        assert queued(here) == []
        await lmtp(here, MESSAGE.replace(b"alice@example.org", b"Info@example.org"))
        assert len(queued(here)) == 1
        await activate(here, 'require "vacation"; vacation :addresses "friends@example.net" "x";')
        await lmtp(here, other)
        assert len(queued(here)) == 2


async def test_two_that_are_away_do_not_answer_each_other(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require "vacation-seconds"; vacation :seconds 0 "x";', "alice")
        await activate(here, 'require "vacation-seconds"; vacation :seconds 0 "y";', "bob")
        await lmtp(here, MESSAGE, sender="bob@example.org")
        ((item, answer),) = queued(here)
        await lmtp(here, answer, "bob@example.org", sender=item.envelope.sender)
        assert len(queued(here)) == 1


@pytest.mark.parametrize(
    "subject",
    [
        "hello\r\n Bcc: victim@example.com",
        "=?UTF-8?Q?a=0D=0ABcc:_victim@example.com?=",
        "=?utf-8?B?DQpYOiB5DQoNCmJvZHk=?=",
    ],
)
async def test_a_subject_can_not_make_a_field(tmp_path: Path, subject: str) -> None:
    script = """require ["vacation", "variables"];
    if header :matches "subject" "*" { set "s" "${1}"; }
    vacation :subject "Re: ${s}" :from "Älice <alice@example.org>" "Hi ${s}";
    """
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here, MESSAGE.replace(b"hello", subject.encode()))
        ((_, octets),) = queued(here)
        head, _, _ = octets.partition(b"\r\n\r\n")
        names = {line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"}
        assert names == {
            *(b"From", b"To", b"Subject", b"Date", b"Message-ID", b"In-Reply-To", b"References", b"Auto-Submitted"),
            *(b"Precedence", b"X-Auto-Response-Suppress", b"MIME-Version", b"Content-Type"),
        } | ({b"Content-Transfer-Encoding"} & names)
        found = parsed(octets)
        assert found["From"].addresses[0].display_name == "Älice"
        assert head.isascii()
        assert found["Subject"].startswith("Re:")


async def test_text_and_subject_outside_ascii(tmp_path: Path) -> None:
    text = "Grüße aus dem Urlaub. " * 30
    async with setting(tmp_path) as here:
        subject = "Weg bis zum 3. März – bitte nicht anrufen, es ist keiner da"
        await activate(here, f'require "vacation"; vacation :subject "{subject}" text:\n{text}\n.\n;')
        await lmtp(here)
        ((item, octets),) = queued(here)
        assert octets.isascii()
        assert item.envelope.body == "7BIT"
        assert max(map(len, octets.split(b"\r\n"))) <= 78
        found = parsed(octets)
        assert found["Subject"] == subject
        assert found.get_content().strip() == text.strip()


@pytest.mark.rfc("5230 §4.4")
async def test_mime(tmp_path: Path) -> None:
    script = """require "vacation"; vacation :mime text:
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable
Bcc: victim@example.com

<p>Away</p>
.
;"""
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here)
        ((_, octets),) = queued(here)
        assert b"victim" not in octets
        assert parsed(octets).get_content_type() == "text/html"


@pytest.mark.rfc("8580 §3")
async def test_a_copy_is_filed_with_the_response(tmp_path: Path) -> None:
    script = """require ["vacation", "fcc", "imap4flags", "mailbox"];
    vacation :fcc "Sent/Auto" :create :flags "\\\\Seen" "Away.";
    """
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here)
        await lmtp(here)
        (copy,) = await mailbox(here, "Sent/Auto")
        ((_, octets),) = queued(here)
        assert (copy.octets, copy.flags) == (octets, ("\\Seen",))


async def test_the_limit_of_an_hour(tmp_path: Path) -> None:
    async with setting(tmp_path, filters=FilterSettings(sent_an_hour=3)) as here:
        await activate(here, AWAY)
        for number in range(6):
            await lmtp(here, sender=f"c{number}@example.net")
        assert len(queued(here)) == 3
        assert await counts(here, "INBOX") == [6]
