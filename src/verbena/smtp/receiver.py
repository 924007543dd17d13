"""What a server does with mail: the protocol between the SMTP machine and the services that use it.

The machine knows grammar, order and transport; submission and LMTP implement ``Receiver`` and know policy and the
store.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from verbena.auth.api import Identity
from verbena.model.link import Peer, TlsState
from verbena.wire.smtp.eightbitmime import Body
from verbena.wire.smtp.path import Mailbox
from verbena.wire.smtp.reply import Reply


@dataclass(frozen=True, slots=True)
class Client:
    """Who is sending: ``helo`` is what it calls itself, empty before EHLO; ``extended`` after EHLO or LHLO."""

    peer: Peer
    tls: TlsState | None
    identity: Identity | None = None
    helo: str = ""
    extended: bool = False


@dataclass(frozen=True, slots=True)
class MailOptions:
    """Parameters of MAIL. ``size_octets`` as declared; ``envid`` decoded; ``ret`` FULL or HDRS."""

    size_octets: int | None = None
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str | None = None
    envid: bytes | None = None


@dataclass(frozen=True, slots=True)
class RcptOptions:
    """Parameters of RCPT; ``orcpt`` as written."""

    notify: tuple[str, ...] = ()
    orcpt: bytes | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    mailbox: Mailbox
    options: RcptOptions


@dataclass(frozen=True, slots=True)
class Envelope:
    """``sender`` None is the null return path. ``recipients`` are those accepted so far, in the order of RCPT."""

    client: Client
    sender: Mailbox | None
    options: MailOptions
    recipients: tuple[Recipient, ...] = ()


class Receiver(Protocol):
    """Policy and storage of one service. Refusals are raised: ``Answer``, ``Refused``, ``Unavailable``."""

    async def check_sender(self, envelope: Envelope) -> None:
        """MAIL: whether ``envelope.client`` may send from ``envelope.sender``."""

    async def check_recipient(self, envelope: Envelope, recipient: Recipient) -> None:
        """RCPT: whether the message may go to ``recipient``."""

    async def accept(self, envelope: Envelope, source: AsyncIterator[bytes]) -> tuple[Reply, ...]:
        """Take the message; responsibility is taken with the replies.

        Reads ``source`` to its end, or raises; what ``source`` raises must pass through, and then nothing may have been
        done. One reply, or in LMTP one for each recipient in order.
        """
