"""Accounts with mail in them, to try the server with: threads, attachments, many languages, a message in a message, a
film.

The messages are the same each time but for their dates, which end at ``now``. The passwords are made once and kept in
a file that only its owner can read, so that ``make run`` and ``verbena demo`` know them.
"""

import random
import secrets
import struct
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from verbena.auth.password import make_credentials
from verbena.model.date import InternalDate
from verbena.model.errors import InternalError
from verbena.model.flags import ANSWERED, FLAGGED, FORWARDED, SEEN, Flag
from verbena.model.secret import Secret
from verbena.store.api import Account, NewMessage, Store

NAMES: Final = ("alice", "bob", "submitserver")
FILM_OCTETS: Final = 15 * 1024 * 1024
FILM_NAME: Final = "summer-film.mov"
MAX_DEMO_OCTETS: Final = 64 * 1024 * 1024
_PASSWORD_FILE: Final = "demo-passwords.txt"
_HERBS: Final = (
    *("anise", "basil", "borage", "caraway", "chervil", "chives", "clary", "comfrey", "dill", "fennel", "hyssop"),
    *("laurel", "lovage", "mallow", "marjoram", "mint", "mugwort", "parsley", "rue", "sage", "savory", "sorrel"),
    *("tansy", "tarragon", "thyme", "valerian", "vervain", "woodruff", "yarrow", "zedoary"),
)


@dataclass(frozen=True, slots=True)
class DemoMessage:
    """``age`` before now; ``owner`` is one of ``NAMES``."""

    owner: str
    mailbox: str
    age: timedelta
    flags: tuple[Flag, ...]
    message: EmailMessage | bytes


def has_demo_accounts(folder: Path) -> bool:
    """Whether ``demo_passwords`` were ever made in ``folder``."""
    return (folder / _PASSWORD_FILE).exists()


def demo_passwords(folder: Path) -> dict[str, Secret]:
    """The demo accounts' passwords by name; made and kept in ``folder`` at the first call."""
    path = folder / _PASSWORD_FILE
    if not path.exists():
        path.touch(mode=0o600)
        words = {name: "-".join(secrets.choice(_HERBS) for _ in range(4)) for name in NAMES}
        path.write_text("".join(f"{name} {word}\n" for name, word in words.items()), "utf-8")
    lines = [line.split() for line in path.read_text("utf-8").splitlines()]
    return {line[0]: Secret(line[1].encode("utf-8")) for line in lines if len(line) == 2}


async def install(store: Store, domain: str, passwords: Mapping[str, Secret], now: datetime) -> int:
    """Make the accounts that are not there yet, with their mail; how many messages that were. ``now`` is aware."""
    directory = store.directory
    if not directory.is_local_domain(domain):
        await directory.add_domain(domain)
    fresh: dict[str, Account] = {}
    for name in NAMES:
        login = f"{name}@{domain}"
        if directory.find_login(login) is None:
            credentials = make_credentials(passwords[name], secrets.token_bytes)
            fresh[name] = store.account(await directory.add_account(login, credentials))
    count = 0
    for demo in demo_messages(domain, now):
        if demo.owner in fresh:
            await _put(store, fresh[demo.owner], demo, now)
            count += 1
    return count


async def _put(store: Store, account: Account, demo: DemoMessage, now: datetime) -> None:
    mailbox = account.find(demo.mailbox)
    if mailbox is None:
        mailbox = await account.create(demo.mailbox)
        await account.subscribe(demo.mailbox, True)
    octets = demo.message if isinstance(demo.message, bytes) else demo.message.as_bytes(policy=SMTP)
    date = InternalDate(int((now - demo.age).timestamp()), 120)
    async with await store.stage(_pieces(octets), MAX_DEMO_OCTETS) as staged:
        await account.append(mailbox.mailbox_id, [NewMessage(staged, demo.flags, date)])


async def _pieces(octets: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(octets), 65_536):
        yield octets[start : start + 65_536]


def demo_messages(domain: str, now: datetime) -> Iterator[DemoMessage]:
    """All of them, the oldest of each account first."""
    writer = _Writer(domain, now)
    yield from _thread(writer)
    yield from _languages(writer)
    yield from _attachments(writer)
    yield from _list_mail(writer)
    yield from _odd_ones(writer)
    yield from _film(writer)


class _Writer:
    """Makes messages with names, dates and boundaries that follow from their number."""

    def __init__(self, domain: str, now: datetime) -> None:
        self._domain: Final = domain
        self._now: Final = now
        self._number = 0

    def write(
        self,
        sender: str,
        to: str,
        subject: str,
        text: str,
        age: timedelta,
        replies_to: Sequence[str] = (),
        charset: str = "utf-8",
    ) -> EmailMessage:
        """Names without a domain are of the demo's own."""
        self._number += 1
        message = EmailMessage(policy=SMTP)
        message["From"] = self._address(sender)
        message["To"] = self._address(to)
        message["Subject"] = subject
        message["Date"] = format_datetime(self._now - age)
        message["Message-ID"] = f"<demo.{self._number}@{self._domain}>"
        if replies_to:
            message["In-Reply-To"] = replies_to[-1]
            message["References"] = " ".join(replies_to)
        message.set_content(text, charset=charset)
        return message

    def _address(self, name: str) -> str:
        return name if "@" in name else f"{name.capitalize()} <{name}@{self._domain}>"

    def attach(self, message: EmailMessage, content: bytes, kind: str, name: str) -> None:
        main, _, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=name)
        self.bound(message)

    def bound(self, message: EmailMessage) -> None:
        """Give each multipart a boundary that is the same each time."""
        for place, part in enumerate(message.walk()):
            if part.is_multipart() and part.get_content_type() != "message/rfc822":
                part.set_boundary(f"=_demo_{self._number}_{place}")


def _thread(writer: _Writer) -> Iterator[DemoMessage]:
    """A trip is planned, in INBOX and Sent of two people."""
    talk = [
        ("alice", "The trip in June", "Shall we take the night train?\n\nI found one that leaves at 21:40."),
        ("bob", "Re: The trip in June", "Yes! Two berths, please.\n\n> Shall we take the night train?"),
        ("alice", "Re: The trip in June", "Booked. The bicycles travel in the last coach."),
        ("bob", "Re: The trip in June", "How much do I owe you?"),
        ("alice", "Re: The trip in June", "84,50 € for the berth and 12 € for the bicycle."),
        ("bob", "Re: [Verbena] Re: The trip in June (paid)", "Done. Who brings the map?"),
    ]
    ids: list[str] = []
    for place, (sender, subject, text) in enumerate(talk):
        other = "bob" if sender == "alice" else "alice"
        age = timedelta(days=20 - 2 * place, minutes=7 * place)
        message = writer.write(sender, other, subject, text, age, ids)
        ids.append(str(message["Message-ID"]))
        read = (SEEN, ANSWERED) if place < len(talk) - 1 else ()
        yield DemoMessage(other, "INBOX", age, read, message)
        yield DemoMessage(sender, "Sent", age, (SEEN,), message)


def _languages(writer: _Writer) -> Iterator[DemoMessage]:
    letters = [
        ("Jürgen Müller <juergen@example.net>", "Grüße aus Köln", "Schöne Grüße, wir üben für Fußball.", "iso-8859-1"),
        (
            "佐藤 花子 <hanako@example.jp>",
            "会議の予定",
            "明日の会議は十時からです。よろしくお願いします。",
            "iso-2022-jp",
        ),
        ("Ольга Петрова <olga@example.com>", "Встреча", "Встретимся в пятницу у входа в музей.", "koi8-r"),
        ("דנה לוי <dana@example.com>", "שלום", "נתראה ביום שלישי.", "utf-8"),
        ("Γιώργος <giorgos@example.gr>", "Φωτογραφίες", "Σου στέλνω τις φωτογραφίες αύριο.", "iso-8859-7"),
        ("Zoë Ångström <zoe@example.se>", "Fika 🥐 på fredag?", "Kanelbullar och kaffe ☕ klockan tre.", "utf-8"),
        ("张伟 <wei@example.cn>", "周末爬山", "周六早上七点在地铁站见。", "gb18030"),
        (
            "François Œuvrard <francois@example.fr>",
            "Déjà réservé",
            "C'est réservé : trois nuits, côté jardin.",
            "cp1252",
        ),
    ]
    for place, (sender, subject, text, charset) in enumerate(letters):
        age = timedelta(days=15 - place, hours=place)
        message = writer.write(sender, "alice", subject, text, age, charset=charset)
        yield DemoMessage("alice", "INBOX", age, (SEEN,) if place % 2 else (), message)
    age = timedelta(days=40)
    message = writer.write("alice", "bob", "Quittung für die Reise", "Anbei die Quittung.\n", age)
    yield DemoMessage("alice", "Reisen/Grüße", age, (SEEN,), message)


def _attachments(writer: _Writer) -> Iterator[DemoMessage]:
    noise = random.Random(5550)
    age = timedelta(days=9)
    message = writer.write("bob", "alice", "Photos of the garden", "The verbena is in flower.\n", age)
    writer.attach(message, _picture(96, 64), "image/png", "verbena.png")
    writer.attach(message, noise.randbytes(180_000), "image/jpeg", "garden.jpg")
    yield DemoMessage("alice", "INBOX", age, (SEEN, FLAGGED), message)

    age = timedelta(days=8)
    message = writer.write("alice", "bob", "Budget for next year", "The table is attached.\n", age)
    table = "item;2025;2026\r\nseeds;120;140\r\ntools;60;0\r\nwater;35;38\r\n"
    writer.attach(message, table.encode("ascii"), "text/csv", "Budget für 2026.csv")
    yield DemoMessage("bob", "INBOX", age, (), message)

    age = timedelta(days=7)
    message = writer.write("news@example.com", "alice", "This week's letter", "Read it with pictures.\n", age)
    page = "<html><body><h1>This week</h1><p>Mint, sage &amp; thyme.</p><img src='cid:leaf'></body></html>"
    message.add_alternative(page, subtype="html")
    picture = message.get_payload(1)
    if not isinstance(picture, EmailMessage):
        raise InternalError("a multipart/alternative without its second part")
    picture.add_related(_picture(32, 32), "image", "png", cid="<leaf>")
    writer.bound(message)
    yield DemoMessage("alice", "INBOX", age, (), message)

    age = timedelta(days=6)
    inner = writer.write("carol@example.net", "bob", "The original", "This letter is inside another one.\n", age)
    writer.attach(inner, noise.randbytes(3000), "application/pdf", "contract.pdf")
    outer = writer.write("bob", "alice", "Fwd: The original", "See the letter attached.\n", age)
    outer.add_attachment(inner)
    writer.bound(outer)
    yield DemoMessage("alice", "INBOX", age, (), outer)
    yield DemoMessage("bob", "Sent", age, (SEEN,), outer)
    yield DemoMessage("bob", "INBOX", age + timedelta(hours=3), (SEEN, FORWARDED), inner)

    age = timedelta(days=5)
    message = writer.write("bob", "alice", "Invitation: tea in the garden", "Please answer.\n", age)
    invitation = (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Verbena//Demo//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n"
        "UID:tea-1@example.org\r\nSUMMARY:Tea in the garden\r\nDTSTART:20260612T150000Z\r\nDTEND:20260612T160000Z\r\n"
        "END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    writer.attach(message, invitation.encode("ascii"), "text/calendar", "tea.ics")
    yield DemoMessage("alice", "INBOX", age, (FLAGGED,), message)


def _list_mail(writer: _Writer) -> Iterator[DemoMessage]:
    """A busy mailing list, filed in a mailbox of its own."""
    topics = ("Sowing dates", "Slugs", "Which soil?", "Re: Slugs", "Re: Which soil?", "Compost", "Re: Compost", "Frost")
    for place, topic in enumerate(topics * 2):
        age = timedelta(days=12, hours=-9 * place)
        sender = f"Member {place % 5 + 1} <member{place % 5 + 1}@lists.example.net>"
        text = f"On {topic.lower()}, number {place + 1}.\n\n" + "It depends on the weather, as always. \n" * (3 + place)
        message = writer.write(sender, "herbs@lists.example.net", f"[herbs] {topic}", text, age)
        message["List-Id"] = "Herb growers <herbs.lists.example.net>"
        message["List-Unsubscribe"] = "<mailto:herbs-leave@lists.example.net>"
        message["Precedence"] = "list"
        yield DemoMessage("alice", "Lists/Herbs", age, (SEEN,) if place < 10 else (), message)


def _odd_ones(writer: _Writer) -> Iterator[DemoMessage]:
    """What a server meets as well: a bounce, a message without a text, one that breaks the rules."""
    age = timedelta(days=4)
    report = (
        b"From: postmaster@example.net\r\nTo: alice@example.org\r\nSubject: Delivery Status Notification (Failure)\r\n"
        b"Date: "
        + format_datetime(datetime(2026, 1, 5, 10, 0)).encode()
        + b"\r\nMessage-ID: <bounce.1@example.net>\r\n"
        b'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="=_dsn"\r\n\r\n'
        b"--=_dsn\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n"
        b"--=_dsn\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.net\r\n\r\n"
        b"Final-Recipient: rfc822; nobody@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"--=_dsn\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: Are you there?\r\n\r\n--=_dsn--\r\n"
    )
    yield DemoMessage("alice", "INBOX", age, (), report)
    rough = (
        b"From: Caf\xe9 <cafe@example.com>\r\nTo: undisclosed-recipients:;\r\nSubject: \xc3\x9cberraschung, 8-bit\r\n"
        b"Date: yesterday\r\nContent-Type: multipart/mixed; boundary=never-closed\r\n\r\n--never-closed\r\n\r\n"
        b"This multipart is not closed, its header not encoded, its date no date.\r\n"
    )
    yield DemoMessage("alice", "Junk", age, (), rough)
    yield DemoMessage("bob", "INBOX", age, (SEEN,), b"From: bob@example.org\r\nSubject: Note to self\r\n\r\n")
    message = writer.write("alice", "bob", "Draft of a letter", "Dear Bob,\n\n", timedelta(days=1))
    yield DemoMessage("alice", "Drafts", timedelta(days=1), (Flag("\\Draft"), SEEN), message)


def _film(writer: _Writer) -> Iterator[DemoMessage]:
    """The attachment that nobody wants to download on a telephone, and send again."""
    age = timedelta(hours=5)
    message = writer.write("bob", "alice", "The film of our summer", "All of it, uncut.\n", age)
    film = random.Random(1550).randbytes(FILM_OCTETS)
    writer.attach(message, film, "video/quicktime", FILM_NAME)
    yield DemoMessage("alice", "INBOX", age, (), message)


def _picture(width: int, height: int) -> bytes:
    """A PNG with a colour that runs from green to violet."""
    rows = b"".join(
        b"\0" + bytes(octet for x in range(width) for octet in (x * 255 // width, 160 - y * 90 // height, 120))
        for y in range(height)
    )
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(octets)) + kind + octets + struct.pack(">I", zlib.crc32(kind + octets))
        for kind, octets in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
