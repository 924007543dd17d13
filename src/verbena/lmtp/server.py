"""The LMTP server (RFC 2033): mail from an MTA, one reply for each recipient, each told when its delivery is on disk.

Full, with 8BITMIME, BINARYMIME, CHUNKING, DSN, ENHANCEDSTATUSCODES, PIPELINING, SIZE, SMTPUTF8 and STARTTLS; no AUTH
and no BURL. DSN parameters are read; an MTA that hands mail to LMTP notifies by itself from the replies (RFC 3461
§5.2.3), so nothing more is done. A message to several recipients is staged once. Where an address means several
accounts and some of them have to wait, these are served from the outbox: an MTA that tries again would give the others
a second copy.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from verbena.lmtp.deliver import HEAD_OCTETS, Deliverer, nobody, prepend
from verbena.mime.transfer import body_of
from verbena.model.errors import Refused, Unavailable
from verbena.model.link import Meter
from verbena.model.reason import Reason
from verbena.smtp.codes import Answer
from verbena.smtp.content import DATA
from verbena.smtp.ext import chunking, dsn, eightbitmime, enhancedcodes, pipelining, size, smtputf8, starttls
from verbena.smtp.receiver import Envelope, MailOptions, Recipient
from verbena.smtp.registry import Registry
from verbena.smtp.service import SmtpService
from verbena.smtp.session import Settings
from verbena.smtp.trace import format_received
from verbena.smtp.verb import LMTP
from verbena.store.api import AccountRef, OutEnvelope, OutRecipient, Staged, Store
from verbena.store.delivery import Delivered, Failed, for_accounts
from verbena.wire.smtp.dsn import format_orcpt, original_recipient
from verbena.wire.smtp.path import Mailbox
from verbena.wire.smtp.reply import Reply, reply, reply_text

log = logging.getLogger(__name__)

MAX_DELIVERIES_AT_ONCE = 16
MAX_LINES = 50
MAX_LINE_CHARACTERS = 400
"""of a reply that tells why a script refused a message"""


class LmtpReceiver:
    """``smtp.receiver.Receiver`` of the LMTP server. ``wake`` tells the relay that there is something to do."""

    def __init__(
        self,
        store: Store,
        deliverer: Deliverer,
        hostname: str,
        max_message_octets: int,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._deliverer = deliverer
        self._hostname = hostname
        self._max_message_octets = max_message_octets
        self._clock = clock
        self._wake = wake

    async def check_sender(self, envelope: Envelope) -> None:
        """Any: the MTA has decided (RFC 2033 §5)."""

    async def check_recipient(self, envelope: Envelope, recipient: Recipient) -> None:
        accounts = self._resolve(recipient.mailbox)
        if not accounts:
            raise Refused(Reason.UNKNOWN_RECIPIENT, "No such mailbox here")
        if not any(account.enabled for account in accounts):
            raise Refused(Reason.ACCOUNT_DISABLED, "Mailbox disabled")

    async def accept(self, envelope: Envelope, source: AsyncIterator[bytes]) -> tuple[Reply, ...]:
        sender = str(envelope.sender) if envelope.sender is not None else ""
        addresses = [str(recipient.mailbox) for recipient in envelope.recipients]
        token = secrets.token_hex(8)
        added = self._deliverer.head(sender, addresses)
        head = added + format_received(envelope, self._hostname, token, self._clock(), lmtp=True)
        async with await self._store.stage(_join(head, source), self._max_message_octets + HEAD_OCTETS) as staged:
            gate = asyncio.Semaphore(MAX_DELIVERIES_AT_ONCE)
            job = _Job(sender, envelope.options, staged, len(added), len(head), token, gate)
            if len(addresses) == 1:
                return (await self._deliver(job, envelope.recipients[0]),)
            return tuple(await asyncio.gather(*(self._deliver(job, one) for one in envelope.recipients)))

    async def _deliver(self, job: "_Job", recipient: Recipient) -> Reply:
        """One recipient's reply."""
        failures: list[Failed] = []
        reached: list[AccountRef] = []
        later: list[AccountRef] = []
        more = dsn_values(recipient, job.options)
        async with job.gate:
            for account in self._resolve(recipient.mailbox):
                result = await self._deliverer.deliver_prepared(
                    job.sender, str(recipient.mailbox), account, job.staged, job.head_octets, more
                )
                if isinstance(result, Delivered):
                    reached.append(account)
                    continue
                failures.append(result)
                if not result.permanent:
                    later.append(account)
            deferred = [failure for failure in failures if not failure.permanent]
            if not reached or (later and not await self._queued(job, recipient, reached[0], later)):
                return _failure(deferred[0] if deferred else failures[0] if failures else GONE)
        return reply(250, "2.1.5", f"Delivered, id {job.token}")

    async def _queued(self, job: "_Job", recipient: Recipient, owner: AccountRef, later: list[AccountRef]) -> bool:
        """Whether the message is in the outbox for the accounts that have to wait, as one of ``owner``'s: it is there
        where the store works."""
        options = recipient.options
        out = OutRecipient(str(recipient.mailbox), options.notify, options.orcpt)
        waiting = for_accounts(out, format_orcpt(out.address), later)
        body, asked = body_of(job.staged.scanned), job.options
        envelope = OutEnvelope(job.sender, waiting, body, asked.smtputf8, asked.ret, asked.envid)
        source = prepend(b"", job.staged, job.added_octets)
        try:
            async with await self._store.stage(source, job.staged.size_octets) as bare:
                await self._store.outbox.enqueue(owner, envelope, bare)
        except Unavailable:
            log.exception("could not queue for accounts that wait", extra={"account": owner.login})
            return False
        self._wake()
        return True

    def _resolve(self, mailbox: Mailbox) -> tuple[AccountRef, ...]:
        """Raises ``Answer`` for a domain that is not ours."""
        directory = self._store.directory
        if not mailbox.domain:
            domains = directory.domains()
            return directory.resolve_address(mailbox.local_part, domains[0]) if domains else ()
        if not directory.is_local_domain(mailbox.domain):
            raise Answer(550, "5.1.2", "Domain is not served here")
        return directory.resolve_address(mailbox.local_part, mailbox.domain)


@dataclass(frozen=True, slots=True)
class _Job:
    """A message for several recipients. The first ``added_octets`` of ``staged`` are those of final delivery, the
    first ``head_octets`` all that is ours."""

    sender: str
    options: MailOptions
    staged: Staged
    added_octets: int
    head_octets: int
    token: str
    gate: asyncio.Semaphore


def dsn_values(recipient: Recipient, options: MailOptions) -> tuple[tuple[bytes, bytes], ...]:
    """What a script may ask of the parameters of RFC 3461 (RFC 6009 §4), decoded."""
    result = [(b"notify", word.encode()) for word in recipient.options.notify]
    if recipient.options.orcpt is not None:
        result.append((b"orcpt", b";".join(original_recipient(recipient.options.orcpt))))
    if options.ret is not None:
        result.append((b"ret", options.ret.encode()))
    if options.envid is not None:
        result.append((b"envid", options.envid))
    return tuple(result)


GONE = Failed(True, "5.1.1", "No such mailbox here")


def _failure(failure: Failed) -> Reply:
    """With as many lines as a script's reason has (RFC 5429 §2.1.1)."""
    lines = [line[:MAX_LINE_CHARACTERS] for line in failure.told.splitlines()[:MAX_LINES]]
    texts = tuple(reply_text(line) for line in lines) or (b"",)
    return Reply(550 if failure.permanent else 450, failure.enhanced, texts)


async def _join(head: bytes, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for piece in source:
        yield piece


def lmtp_service(
    store: Store,
    deliverer: Deliverer,
    meter: Meter,
    *,
    hostname: str,
    clock: Callable[[], datetime],
    max_message_octets: int = 64 * 1024 * 1024,
    max_recipients: int = 1000,
    command_timeout_s: float = 300.0,
    wake: Callable[[], None] = nobody,
) -> SmtpService:
    """The service. ``clock`` gives aware times."""
    settings = Settings(
        protocol="lmtp",
        hostname=hostname,
        per_recipient=True,
        max_message_octets=max_message_octets,
        max_recipients=max_recipients,
        command_timeout_s=command_timeout_s,
    )
    registry = Registry(
        (*LMTP, DATA),
        (
            eightbitmime.EXTENSION,
            chunking.BINARYMIME,
            pipelining.EXTENSION,
            chunking.CHUNKING,
            dsn.EXTENSION,
            size.EXTENSION,
            starttls.EXTENSION,
            enhancedcodes.EXTENSION,
            smtputf8.EXTENSION,
        ),
    )
    receiver = LmtpReceiver(store, deliverer, hostname, max_message_octets, clock, wake)
    return SmtpService(settings, registry, receiver, meter)
