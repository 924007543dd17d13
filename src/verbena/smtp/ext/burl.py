"""BURL (RFC 4468). Full.

The URL's octets become a part of the message, in any order with BDAT; 8-bit and binary data are taken as they are, and
converted when a next hop needs it (RFC 4468 §4). What the message needs is judged on its octets, whatever BODY said.
``UrlSource`` is where URLs are opened: the service knows how.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from verbena.auth.api import Identity
from verbena.model.errors import PeerError, Refused, Unavailable
from verbena.model.reason import Reason
from verbena.smtp.codes import Answer
from verbena.smtp.content import add_chunk
from verbena.smtp.registry import Extension, Registry, Verb
from verbena.smtp.session import Session
from verbena.wire.smtp.burl import MAX_URL_OCTETS, parse_burl
from verbena.wire.smtp.states import State

URL_CODES: Final[dict[Reason, tuple[str, str]]] = {
    Reason.BAD_URL: ("5.7.8", "IMAP URL authorization failed"),
    Reason.AUTHORIZATION_FAILED: ("5.7.8", "IMAP URL authorization failed"),
    Reason.EXPIRED: ("5.7.8", "IMAP URL authorization failed"),
    Reason.URL_NOT_TRUSTED: ("5.7.14", "URL resolution requires trust relationship"),
    Reason.TOO_BIG: ("5.3.4", "Message too big for system"),
    Reason.CONVERSION_REQUIRED: ("5.6.3", "Conversion required but not supported"),
}
"""What a URL that can not be opened is told as, always with 554 (RFC 4468 §6); any other reason is 5.6.6.

BAD_URL is ``urlauth``'s one answer to a wrong token, a date past, and a mailbox that there is not.
"""


class UrlSource(Protocol):
    """Opens URLs for the user of a session."""

    def open(self, url: bytes, identity: Identity) -> AsyncIterator[bytes]:
        """The octets that ``url`` names. The iterator raises ``Refused`` where it can not be opened, ``Unavailable``
        where its server can not be reached now; never after the first octet for a reason that could be known before
        it."""


@dataclass(frozen=True, slots=True)
class BurlExtension:
    """``hosts`` are the IMAP servers whose plain URLs are opened for their user, as ``host`` or ``host:port``."""

    urls: UrlSource
    hosts: tuple[str, ...]

    def keyword(self, session: Session) -> bytes | None:
        words = [b"BURL imap"]
        if session.client.identity is not None:
            words += [b"imap://" + host.encode() for host in self.hosts]
        return b" ".join(words)

    async def run(self, session: Session, _registry: Registry, argument: bytes) -> State | None:
        identity = session.client.identity
        if identity is None:
            raise Answer(530, "5.7.0", "Authentication required")
        url, last = parse_burl(argument)
        return await add_chunk(session, self._source(session, url, identity), last)

    async def _source(self, session: Session, url: bytes, identity: Identity) -> AsyncGenerator[bytes, None]:
        try:
            async for piece in self.urls.open(url, identity):
                session.count_content(len(piece), code=554)
                yield piece
        except Refused as error:
            enhanced, text = URL_CODES.get(error.reason, ("5.6.6", "IMAP URL resolution failed"))
            raise Answer(554, enhanced, text) from error
        except Unavailable as error:
            raise Answer(451, "4.4.1", "IMAP server unavailable") from error


async def _refused_burl(session: Session, argument: bytes) -> bool:
    """A BURL after a failure ends the transaction when it is the last of its content."""
    try:
        _url, last = parse_burl(argument)
    except PeerError:
        return True
    if last and session.state is State.FAILED:
        await session.end_transaction()
    return True


def extension(urls: UrlSource, hosts: Sequence[str]) -> Extension:
    burl = BurlExtension(urls, tuple(hosts))
    line_octets = MAX_URL_OCTETS + len("BURL  LAST")
    return Extension(
        rfc=4468,
        keyword=burl.keyword,
        verbs=(Verb("BURL", burl.run, line_octets=line_octets, content=True, discard=_refused_burl),),
    )
