"""The submission server (RFC 6409): 8BITMIME, AUTH, BINARYMIME, BURL, CHUNKING, DSN, ENHANCEDSTATUSCODES, PIPELINING,
SIZE, SMTPUTF8 and STARTTLS. Full.

250 means: in the mailboxes of the recipients here, and in the outbox for those elsewhere. What stands in the way of a
recipient only for now is retried from the outbox; what never can be delivered is told at once when nobody else got the
message, and in a notification to the sender otherwise.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from verbena.auth.api import Authenticator
from verbena.mime.transfer import body_of
from verbena.model.errors import InternalError
from verbena.model.link import Meter
from verbena.smtp.codes import Answer
from verbena.smtp.content import DATA
from verbena.smtp.ext import (
    auth,
    burl,
    chunking,
    dsn,
    eightbitmime,
    enhancedcodes,
    pipelining,
    size,
    smtputf8,
    starttls,
)
from verbena.smtp.ext.burl import UrlSource
from verbena.smtp.receiver import Envelope, Recipient
from verbena.smtp.registry import Registry
from verbena.smtp.service import SmtpService
from verbena.smtp.session import Settings
from verbena.smtp.trace import format_received
from verbena.smtp.verb import SMTP
from verbena.store.api import AccountRef, OutEnvelope, OutRecipient, Staged, Store
from verbena.store.delivery import Delivered, Failed, LocalDelivery, for_accounts
from verbena.submission import policy
from verbena.submission.dsn import Action, Outcome
from verbena.submission.notice import Notifier, Original
from verbena.wire.smtp.dsn import format_orcpt
from verbena.wire.smtp.eightbitmime import Body
from verbena.wire.smtp.reply import Reply, reply

log = logging.getLogger(__name__)

ADDED_OCTETS = 64 * 1024
"""room for what is added to a header"""
PIECE_OCTETS = 256 * 1024
MAX_DELIVERIES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Submitted:
    """A message on its way in. ``head`` are the first octets of ``staged`` that only final delivery adds."""

    account: AccountRef
    envelope: Envelope
    sender: str
    token: str
    now: datetime
    head: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """A recipient for whom delivery failed for now, at all of its accounts or at ``accounts`` only."""

    failure: Failed
    accounts: tuple[AccountRef, ...] = ()


class SubmissionReceiver:
    """``smtp.receiver.Receiver`` of the submission server. ``wake`` tells the relay that there is something to send."""

    def __init__(
        self,
        store: Store,
        delivery: LocalDelivery,
        notifier: Notifier,
        hostname: str,
        max_message_octets: int,
        clock: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._notifier = notifier
        self._hostname = hostname
        self._limit_octets = max_message_octets + ADDED_OCTETS
        self._clock = clock
        self._wake = wake

    async def check_sender(self, envelope: Envelope) -> None:
        policy.check_sender(self._store.directory, _account(envelope), envelope)

    async def check_recipient(self, envelope: Envelope, recipient: Recipient) -> None:
        policy.check_recipient(self._store.directory, recipient)

    async def accept(self, envelope: Envelope, source: AsyncIterator[bytes]) -> tuple[Reply, ...]:
        account, token, now = _account(envelope), secrets.token_hex(8), self._clock()
        received = format_received(envelope, self._hostname, token, now)
        directory = self._store.directory
        envelope = replace(envelope, recipients=each_once(envelope.recipients))
        fixer = policy.Fixer(directory, account, envelope, self._hostname, token, now, received)
        local = [one for one in envelope.recipients if policy.is_local(directory, one.mailbox.domain)]
        remote = [one for one in envelope.recipients if not policy.is_local(directory, one.mailbox.domain)]
        sender = str(envelope.sender) if envelope.sender is not None else ""
        head = b"" if remote else self._delivery.head(sender, [str(one.mailbox) for one in local])
        submitted = Submitted(account, envelope, sender, token, now, head)
        message = _join(head, policy.rewrite_header(source, fixer.fix))
        async with await self._store.stage(message, self._limit_octets) as staged:
            if remote:
                await self._enqueue(submitted, [_out(one) for one in remote], staged)
            failures = await self._deliver_here(submitted, local, staged, bool(remote))
            await self._settle(submitted, local, failures, staged, bool(remote))
            counts = {"local": len(local) - len(failures), "queued": len(remote), "failed": len(failures)}
            facts = {"message_id": token, "account": account.login, "octets": staged.size_octets, **counts}
            log.info("submission accepted", extra=facts)
        return (reply(250, "2.6.0", f"Message accepted, id {token}"),)

    async def _deliver_here(
        self, submitted: Submitted, local: Sequence[Recipient], staged: Staged, mixed: bool
    ) -> dict[Recipient, Failed | Waiting]:
        """Deliver to the recipients here; those that failed. ``mixed``: ``staged`` has no fields of final delivery
        yet."""
        if not local:
            return {}
        if not mixed:
            return await self._deliver_all(submitted, local, staged, len(submitted.head))
        head = self._delivery.head(submitted.sender, [str(one.mailbox) for one in local])
        async with await self._store.stage(_from_staged(head, staged, 0), self._limit_octets + len(head)) as copy:
            return await self._deliver_all(submitted, local, copy, len(head))

    async def _deliver_all(
        self, submitted: Submitted, local: Sequence[Recipient], staged: Staged, head_octets: int
    ) -> dict[Recipient, Failed | Waiting]:
        gate = asyncio.Semaphore(MAX_DELIVERIES_AT_ONCE)
        results = await asyncio.gather(*(self._deliver(gate, submitted, one, staged, head_octets) for one in local))
        return {one: result for one, result in zip(local, results, strict=True) if not isinstance(result, Delivered)}

    async def _deliver(
        self, gate: asyncio.Semaphore, submitted: Submitted, recipient: Recipient, staged: Staged, head_octets: int
    ) -> Delivered | Failed | Waiting:
        failure = Failed(True, "5.1.1", "No such mailbox here")
        reached = False
        later: list[AccountRef] = []
        async with gate:
            for account in policy.local_accounts(self._store.directory, recipient):
                result = await self._delivery.deliver_prepared(
                    submitted.sender, str(recipient.mailbox), account, staged, head_octets
                )
                if isinstance(result, Delivered):
                    reached = True
                    continue
                if failure.permanent:
                    failure = result
                if not result.permanent:
                    later.append(account)
        if later:
            return Waiting(failure, tuple(later) if reached else ())
        return Delivered() if reached else failure

    async def _settle(
        self,
        submitted: Submitted,
        local: Sequence[Recipient],
        failures: dict[Recipient, Failed | Waiting],
        staged: Staged,
        mixed: bool,
    ) -> None:
        """Keep what can be tried again; tell the sender of the rest. Raises ``Answer`` when nobody got the message."""
        later: list[OutRecipient] = []
        never: list[tuple[Recipient, Failed]] = []
        for one, failed in failures.items():
            if isinstance(failed, Failed):
                never.append((one, failed))
            elif failed.accounts:
                later += for_accounts(_out(one), format_orcpt(str(one.mailbox)), failed.accounts)
            else:
                later.append(_out(one))
        if never and len(never) == len(local) and not mixed:
            failure = never[0][1]
            raise Answer(554 if len(never) > 1 else 550, failure.enhanced, " ".join(failure.told.split()))
        if later:
            await self._keep(submitted, later, staged)
        outcomes = [
            Outcome(_out(one), Action.FAILED, failure.enhanced, f"550 {failure.enhanced} {failure.told}")
            for one, failure in never
        ]
        outcomes += [Outcome(_out(one), Action.DELIVERED, "2.0.0") for one in local if one not in failures]
        if outcomes:
            await self._notifier.notify(self._original(submitted, staged), outcomes)

    async def _keep(self, submitted: Submitted, later: Sequence[OutRecipient], staged: Staged) -> None:
        """Queue for recipients here, without the fields of final delivery: they are put there when it happens."""
        if not submitted.head:
            await self._enqueue(submitted, later, staged)
            return
        source = _from_staged(b"", staged, len(submitted.head))
        async with await self._store.stage(source, staged.size_octets) as bare:
            await self._enqueue(submitted, later, bare)

    async def _enqueue(self, submitted: Submitted, recipients: Sequence[OutRecipient], staged: Staged) -> None:
        await self._store.outbox.enqueue(submitted.account, _out_envelope(submitted, recipients, staged), staged)
        self._wake()

    def _original(self, submitted: Submitted, staged: Staged) -> Original:
        skip = len(submitted.head)
        return Original(
            account=submitted.account,
            envelope=_out_envelope(submitted, [_out(one) for one in submitted.envelope.recipients], staged),
            arrived=submitted.now,
            header=staged.scanned.header[skip:],
            size_octets=staged.size_octets,
            stream=lambda: _from_staged(b"", staged, skip),
        )


def _account(envelope: Envelope) -> AccountRef:
    identity = envelope.client.identity
    if identity is None:
        raise InternalError("a submission without a login")
    return identity.account


def _out_envelope(submitted: Submitted, recipients: Sequence[OutRecipient], staged: Staged) -> OutEnvelope:
    options = submitted.envelope.options
    found = body_of(staged.scanned)
    bodies = [body.value for body in (Body.SEVEN_BIT, Body.EIGHT_BIT, Body.BINARY)]
    body = max(found, options.body.value, key=bodies.index)
    return OutEnvelope(
        sender=submitted.sender,
        recipients=tuple(recipients),
        body=body,
        smtputf8=options.smtputf8,
        ret=options.ret,
        envid=options.envid,
    )


def each_once(recipients: tuple[Recipient, ...]) -> tuple[Recipient, ...]:
    """An address that was given twice gets the message once, as the first RCPT asked for it."""
    found: dict[tuple[str, str], Recipient] = {}
    for one in recipients:
        found.setdefault((one.mailbox.local_part, one.mailbox.domain.lower()), one)
    return tuple(found.values())


def _out(recipient: Recipient) -> OutRecipient:
    return OutRecipient(str(recipient.mailbox), recipient.options.notify, recipient.options.orcpt)


async def _join(head: bytes, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if head:
        yield head
    async for piece in source:
        yield piece


async def _from_staged(head: bytes, staged: Staged, skip_octets: int) -> AsyncIterator[bytes]:
    if head:
        yield head
    position = skip_octets
    while position < staged.size_octets:
        piece = staged.read(position, PIECE_OCTETS)
        yield piece
        position += len(piece)


def _nobody() -> None:
    """Wakes nobody: for a process without a relay."""


def submission_service(
    store: Store,
    authenticator: Authenticator,
    delivery: LocalDelivery,
    urls: UrlSource,
    meter: Meter,
    *,
    hostname: str,
    clock: Callable[[], datetime],
    wake: Callable[[], None] = _nobody,
    burl_hosts: Sequence[str] = (),
    max_message_octets: int = 64 * 1024 * 1024,
    max_recipients: int = 1000,
    login_timeout_s: float = 60.0,
    command_timeout_s: float = 300.0,
) -> SmtpService:
    """The service. ``clock`` gives aware times; ``burl_hosts`` are told in EHLO after a login, as ``imap://HOST``."""
    settings = Settings(
        protocol="submission",
        hostname=hostname,
        auth_required=True,
        max_message_octets=max_message_octets,
        max_recipients=max_recipients,
        login_timeout_s=login_timeout_s,
        command_timeout_s=command_timeout_s,
    )
    registry = Registry(
        (*SMTP, DATA),
        (
            eightbitmime.EXTENSION,
            chunking.BINARYMIME,
            pipelining.EXTENSION,
            burl.extension(urls, burl_hosts),
            chunking.CHUNKING,
            auth.extension(authenticator),
            dsn.EXTENSION,
            size.EXTENSION,
            starttls.EXTENSION,
            enhancedcodes.EXTENSION,
            smtputf8.EXTENSION,
        ),
    )
    notifier = Notifier(store, delivery, hostname, clock)
    receiver = SubmissionReceiver(store, delivery, notifier, hostname, max_message_octets, clock, wake)
    return SmtpService(settings, registry, receiver, meter)
