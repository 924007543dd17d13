"""Forward without download: the two flows of RFC 5550 §8.4, and the same by download and upload to compare with.

All take a logged-in IMAP and a logged-in submission client and forward one part of one message, as an attachment of a
new one. The message that was forwarded gets ``$Forwarded`` (RFC 5550 §5.9).
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from verbena.client.imap import ImapClient, Piece, Selected
from verbena.client.response import Leaf, leaves
from verbena.client.smtp import MessagePiece, SmtpClient, Url
from verbena.model.errors import PeerError, Refused
from verbena.model.flags import DRAFT, FORWARDED, MDN_SENT, SEEN, FlagOp
from verbena.model.ids import Uid, UidValidity
from verbena.model.part import Section, SectionText
from verbena.model.reason import Reason
from verbena.model.url import Access, ImapUrl, UrlAuth
from verbena.wire.imap.section import format_section_spec
from verbena.wire.imap.url import format_url

SENT: Final = "Sent"


@dataclass(frozen=True, slots=True)
class Letter:
    """The new message. ``subject`` and ``text`` are ASCII, lines of ``text`` end with CRLF; ``token`` is random letters
    and digits, for the message-id and the boundary. ``date`` is aware; ``expires_at`` (aware UTC) ends the URLs."""

    sender: str
    recipient: str
    subject: str
    text: str
    date: datetime
    expires_at: datetime
    token: str

    def start(self) -> bytes:
        """All before the attachment's own header."""
        boundary = f"forward-{self.token}"
        domain = self.sender.rpartition("@")[2]
        return (
            f"Message-ID: <{self.token}@{domain}>\r\nDate: {format_datetime(self.date)}\r\nFrom: <{self.sender}>\r\n"
            f"MIME-Version: 1.0\r\nTo: <{self.recipient}>\r\nSubject: {self.subject}\r\n"
            f'Content-Type: multipart/mixed;\r\n boundary="{boundary}"\r\n\r\n'
            f"--{boundary}\r\nContent-Type: text/plain; format=flowed\r\n\r\n{self.text}\r\n--{boundary}\r\n"
        ).encode("ascii")

    def end(self) -> bytes:
        """All behind the attachment."""
        return f"\r\n--forward-{self.token}--\r\n".encode("ascii")


@dataclass(frozen=True, slots=True)
class Source:
    """What is forwarded: a part of a message in ``mailbox``. ``host`` and ``user`` are what signed URLs name."""

    host: str
    user: str
    mailbox: str
    uidvalidity: UidValidity
    uid: Uid
    part: Leaf

    def section(self, text: SectionText) -> Section:
        return Section(self.part.path, text)


async def find_source(imap: ImapClient, host: str, user: str, mailbox: str, uid: Uid) -> Source:
    """Select ``mailbox`` and pick the message's largest part that has a file name, by its BODYSTRUCTURE.

    Raises ``Refused(NONEXISTENT)`` when there is no such message or no such part.
    """
    selected: Selected = await imap.select(mailbox)
    fetched = await imap.fetch(b"%d" % uid, b"(UID BODYSTRUCTURE)")
    for message in fetched:
        if message.number(b"UID") == uid:
            named = [leaf for leaf in leaves(message.items.get(b"BODYSTRUCTURE")) if leaf.name is not None]
            if named:
                part = max(named, key=lambda leaf: leaf.size_octets)
                return Source(host, user, mailbox, selected.uidvalidity, uid, part)
    raise Refused(Reason.NONEXISTENT, "There is no such attachment")


def relative_url(source: Source, text: SectionText) -> str:
    """As CATENATE takes it: ``/INBOX;UIDVALIDITY=1/;UID=2/;SECTION=2.MIME``."""
    section = source.section(text)
    url = ImapUrl(
        None, None, None, None, source.mailbox, source.uidvalidity, source.uid, section, None, None, None, None
    )
    return format_url(url).decode("ascii")


def submit_rump(
    source: Source, expires_at: datetime, mailbox: str, uidvalidity: UidValidity, uid: Uid, section: Section | None
) -> str:
    """A URL for GENURLAUTH, to be opened by the submission server for ``source.user`` (RFC 4467 §3)."""
    access = UrlAuth(Access("submit", source.user), None, None)
    url = ImapUrl(
        source.host, None, source.user, None, mailbox, uidvalidity, uid, section, None, expires_at, access, None
    )
    return format_url(url).decode("ascii")


async def forward_by_catenate(imap: ImapClient, smtp: SmtpClient, source: Source, letter: Letter) -> None:
    """RFC 5550 §8.4.1: the IMAP server assembles the message in Sent, the submission server fetches it from there."""
    parts: list[Piece | str] = [
        letter.start(),
        relative_url(source, SectionText.MIME),
        relative_url(source, SectionText.ALL),
        letter.end(),
    ]
    sent = await imap.catenate(SENT, parts, (DRAFT, SEEN, MDN_SENT))
    if sent is None:
        raise PeerError("the server did not tell the new message's UID")
    rump = submit_rump(source, letter.expires_at, SENT, sent.uidvalidity, sent.uid, None)
    (url,) = await imap.generate_urlauth([rump])
    await smtp.send(letter.sender, [letter.recipient], [Url(url)])
    await mark_forwarded(imap, source)


async def forward_by_burl(imap: ImapClient, smtp: SmtpClient, source: Source, letter: Letter) -> None:
    """RFC 5550 §8.4.2: the submission server assembles the message, from BDAT chunks and URLs."""
    rumps = [
        submit_rump(
            source, letter.expires_at, source.mailbox, source.uidvalidity, source.uid, source.section(section_text)
        )
        for section_text in (SectionText.MIME, SectionText.ALL)
    ]
    header, body = await imap.generate_urlauth(rumps)
    pieces: list[MessagePiece] = [letter.start(), Url(header), Url(body), letter.end()]
    await smtp.send(letter.sender, [letter.recipient], pieces, body="BINARYMIME")
    await mark_forwarded(imap, source)


async def forward_by_download(
    imap: ImapClient, smtp: SmtpClient, source: Source, letter: Letter, keep_copy: bool
) -> None:
    """What a client does without Lemonade: fetch the part, send it with the message, and once more for the copy in
    Sent where one is kept. Holds the part in memory."""
    header = await _collect(imap.download(source.uid, format_section_spec(source.section(SectionText.MIME))))
    body = await _collect(imap.download(source.uid, format_section_spec(source.section(SectionText.ALL))))
    message = letter.start() + header + body + letter.end()
    await smtp.send(letter.sender, [letter.recipient], [message])
    if keep_copy:
        await imap.append(SENT, message, (SEEN, MDN_SENT))
    await mark_forwarded(imap, source)


async def mark_forwarded(imap: ImapClient, source: Source) -> None:
    """The mailbox of ``source`` is the selected one."""
    await imap.store(b"%d" % source.uid, FlagOp.ADD, (FORWARDED,))


async def _collect(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])
