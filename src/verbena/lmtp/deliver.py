"""Local delivery: a message into an account's mailbox, with the fields that final delivery adds (RFC 5321 §4.4).

``Deliverer`` keeps ``store.delivery.LocalDelivery`` for LMTP, submission and the relay. Where scripts are run for an
account, ``agent.Agent`` decides what becomes of the message; else it goes to INBOX. A message that has been here before
(its ``Delivered-To``), or through more than ``MAX_RECEIVED`` hosts, is refused (RFC 5321 §6.3).
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from verbena.lmtp.agent import Agent
from verbena.lmtp.notification import NoNotifier, Notifier
from verbena.lmtp.settings import DEFAULT_FILTER_SETTINGS, FilterSettings
from verbena.mime.header import Fields
from verbena.model.date import InternalDate
from verbena.model.errors import InternalError, Refused, Unavailable
from verbena.model.link import Meter
from verbena.model.mailbox import INBOX
from verbena.model.reason import Reason
from verbena.sieve.extensions import REGISTRY
from verbena.sieve.registry import Registry
from verbena.sieve.run import Envelope
from verbena.store.api import Account, AccountRef, NewMessage, Staged, Store
from verbena.store.delivery import Delivered, Failed

log = logging.getLogger(__name__)

MAX_RECEIVED = 100
HEADER_OCTETS = 256 * 1024
"""of the header looked at for loops"""
HEAD_OCTETS = 64 * 1024
"""room that a delivered message may need for added fields"""
PIECE_OCTETS = 256 * 1024
NO_NOTIFIER = NoNotifier()


def nobody() -> None:
    """Wakes nobody: for a process without a relay."""


class Deliverer:
    """``clock`` gives aware times. ``over_quota_permanent``: a full mailbox is told 5.2.2, else 4.2.2. ``woken`` is
    called when something went into the outbox. ``registry`` None: no scripts are run."""

    def __init__(
        self,
        store: Store,
        meter: Meter,
        clock: Callable[[], datetime],
        over_quota_permanent: bool = False,
        *,
        registry: Registry | None = REGISTRY,
        settings: FilterSettings = DEFAULT_FILTER_SETTINGS,
        notifier: Notifier = NO_NOTIFIER,
        woken: Callable[[], None] = nobody,
    ) -> None:
        self._store = store
        self._meter = meter
        self._clock = clock
        self._over_quota_permanent = over_quota_permanent
        self._agent: Agent | None = None
        if registry is not None:
            self._agent = Agent(store, registry, settings, notifier, clock, woken)

    def head(self, sender: str, recipients: Sequence[str]) -> bytes:
        """The fields to stage in front of a message that ``deliver_prepared`` gets: Return-Path, and for one recipient
        Delivered-To. With several it would tell each of the others."""
        fields = [b"Return-Path: <" + _clean(sender) + b">\r\n"]
        if len(recipients) == 1:
            fields.append(b"Delivered-To: " + _clean(recipients[0]) + b"\r\n")
        return b"".join(fields)

    async def deliver(
        self, sender: str, recipient: str, account: AccountRef, staged: Staged, trace: bytes
    ) -> Delivered | Failed:
        head = self.head(sender, (recipient,)) + trace
        try:
            source = prepend(head, staged)
            async with await self._store.stage(source, staged.size_octets + len(head)) as prepared:
                return await self.deliver_prepared(sender, recipient, account, prepared, len(head))
        except Unavailable as error:
            return self._told(recipient, account, Failed(False, "4.3.0", error.told))

    async def deliver_prepared(
        self,
        sender: str,
        recipient: str,
        account: AccountRef,
        staged: Staged,
        head_octets: int,
        more: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Delivered | Failed:
        """Deliver ``staged``, whose first ``head_octets`` octets are ``head`` and trace fields of ours."""
        envelope = Envelope(sender.encode(), recipient.encode(), more=more)
        return self._told(recipient, account, await self._deliver(envelope, account, staged, head_octets))

    async def _deliver(
        self, envelope: Envelope, account: AccountRef, staged: Staged, head_octets: int
    ) -> Delivered | Failed:
        if not account.enabled:
            return Failed(True, "5.2.1", "Mailbox disabled")
        if is_looping(staged.read(head_octets, HEADER_OCTETS), envelope.recipient):
            return Failed(True, "5.4.6", "Routing loop detected")
        to = self._store.account(account)
        try:
            if self._agent is not None:
                scripts = self._agent.scripts(to)
                if scripts:
                    return await self._agent.deliver(to, scripts, envelope, staged)
            await self._keep(to, staged)
        except Refused as error:
            return self._failure(error)
        except Unavailable as error:
            return Failed(False, "4.3.0", error.told)
        except InternalError:
            log.exception("delivery failed", extra={"account": account.login})
            return Failed(False, "4.3.0", "Internal error, try again later")
        return Delivered()

    async def _keep(self, account: Account, staged: Staged) -> None:
        """Into INBOX. Raises ``Refused(UNKNOWN_RECIPIENT)`` for an account that is gone."""
        inbox = account.find(INBOX)
        if inbox is None:
            raise Refused(Reason.UNKNOWN_RECIPIENT, "No such mailbox")
        date = InternalDate(int(self._clock().timestamp()))
        await account.append(inbox.mailbox_id, [NewMessage(staged, (), date)])

    def _failure(self, error: Refused) -> Failed:
        match error.reason:
            case Reason.OVER_QUOTA:
                permanent = self._over_quota_permanent
                return Failed(permanent, "5.2.2" if permanent else "4.2.2", "Mailbox full")
            case Reason.UNKNOWN_RECIPIENT | Reason.NONEXISTENT:
                return Failed(True, "5.1.1", "No such mailbox")
            case Reason.TOO_BIG:
                return Failed(True, "5.2.3", "Message too big for the mailbox")
            case _:
                return Failed(True, "5.2.0", error.told)

    def _told(self, recipient: str, account: AccountRef, result: Delivered | Failed) -> Delivered | Failed:
        outcome = "delivered"
        if isinstance(result, Failed):
            outcome = "failed" if result.permanent else "deferred"
        self._meter.delivery("local", outcome)
        log.info("local delivery", extra={"account": account.login, "recipient": recipient, "outcome": outcome})
        return result


async def prepend(head: bytes, staged: Staged, skip_octets: int = 0) -> AsyncIterator[bytes]:
    """``head`` and the octets of ``staged`` from ``skip_octets`` on."""
    if head:
        yield head
    position = skip_octets
    while position < staged.size_octets:
        piece = staged.read(position, PIECE_OCTETS)
        yield piece
        position += len(piece)


def is_looping(header: bytes, recipient: bytes) -> bool:
    """Whether a message with this header has been delivered to ``recipient`` before, or has come too long a way."""
    fields = Fields(header)
    if len(fields.every(b"received")) > MAX_RECEIVED:
        return True
    name = _without_controls(recipient).lower()
    return any(value.lower() == name for value in fields.every(b"delivered-to"))


def _clean(address: str) -> bytes:
    return _without_controls(address.encode())


def _without_controls(address: bytes) -> bytes:
    """An address as a field value, whatever it was parsed from."""
    return bytes(octet for octet in address if octet >= 32 and octet != 127)
