"""Drain the outbox: to the next hop, or into a mailbox here; retry, give up, and tell the sender (RFC 5321 §4.5.4.1,
RFC 3461).

One relay at a time works on a server. An entry is leased while it is tried and settled once. Its recipients are tried
domain by domain, at most ``MAX_RECIPIENTS`` at once; those who have the message are struck from it before anything else
happens, so that a crash doubles at most what was under way at that moment (RFC 5321 §4.5.4.1 knows no better). A
notification is durable before its recipients are struck: a crash between the two may notify twice, never not at all.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from verbena.mime.downgrade import downgrade
from verbena.mime.header import Fields
from verbena.mime.scan import Scanner
from verbena.model.errors import Unavailable, VerbenaError
from verbena.model.link import Meter
from verbena.store.api import Account, AccountRef, Content, OutRecipient, QueueItem, Store
from verbena.store.delivery import Failed, LocalDelivery, for_accounts
from verbena.submission.dsn import Action, Outcome
from verbena.submission.hop import Hop, HopFailed, HopLink, Login, Mail, Verdict
from verbena.submission.mx import Host, Hosts, NoHosts
from verbena.submission.notice import Notifier, Original
from verbena.wire.smtp.dsn import format_orcpt

log = logging.getLogger(__name__)

MAX_RECEIVED = 100
"""hosts that a message may have passed (RFC 5321 §6.3)"""
HEADER_OCTETS = 256 * 1024
MAX_RECIPIENTS = 100
"""in one transaction (RFC 5321 §4.5.3.1.8)"""

Dial = Callable[[Host], Awaitable[HopLink]]
"""Connects; raises ``Unavailable``."""


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """Times in seconds. A retry comes after ``first_retry_s``, then twice as late each time, up to ``max_retry_s``."""

    hostname: str
    use_tls: bool = True
    require_tls: bool = False
    login: Login | None = None
    lifetime_s: float = 5 * 86_400
    first_retry_s: float = 60
    max_retry_s: float = 4 * 3600
    lease_s: float = 3600
    attempt_s: float = 3300
    """longest attempt; below ``lease_s``"""
    entries_at_once: int = 20
    max_idle_s: float = 5
    """longest wait before the outbox is looked at again: other processes put entries into it too"""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one recipient in one attempt; ``outcome`` None is a failure that may pass, told by ``error``."""

    recipient: OutRecipient
    outcome: Outcome | None
    error: str = ""


class _Attempt:
    """One attempt at an entry: what it has come to so far. ``results`` are those still to be settled."""

    def __init__(self, item: QueueItem) -> None:
        self.item = item
        self.results: list[Result] = []
        self.remaining = list(item.envelope.recipients)
        self.untried = len(self.remaining)
        self.lock = asyncio.Lock()


class Relay:
    """``clock`` gives aware UTC, ``dial`` connections, ``hosts`` next hops."""

    def __init__(
        self,
        store: Store,
        delivery: LocalDelivery,
        hosts: Hosts,
        dial: Dial,
        meter: Meter,
        settings: RelaySettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._hosts = hosts
        self._dial = dial
        self._meter = meter
        self._settings = settings
        self._clock = clock
        self._notifier = Notifier(store, delivery, settings.hostname, clock)

    async def run_once(self) -> int:
        """Try what is due; the number of entries tried. Raises ``Unavailable`` when the outbox can not be read."""
        settings = self._settings
        items = await self._store.outbox.claim(self._clock(), settings.lease_s, settings.entries_at_once)
        await asyncio.gather(*(self._attempt(item) for item in items))
        return len(items)

    def idle_s(self) -> float:
        """How long there is nothing to do, at most ``max_idle_s``."""
        due = self._store.outbox.next_due()
        longest = self._settings.max_idle_s
        return longest if due is None else max(0.0, min(longest, (due - self._clock()).total_seconds()))

    async def _attempt(self, item: QueueItem) -> None:
        attempt = _Attempt(item)
        try:
            await self._try(attempt)
            await self._settle(item, attempt.results)
        except VerbenaError:
            log.exception("relay attempt not settled", extra={"queue_id": item.queue_id})
        except Exception:  # a bug must not stop all mail: the entry comes back when its lease is over
            log.exception("relay attempt failed", extra={"queue_id": item.queue_id})

    async def _try(self, attempt: _Attempt) -> None:
        item = attempt.item
        account = self._store.account(item.account)
        content = account.contents([item.content_id])[0]
        recipients = item.envelope.recipients
        if content is None:
            attempt.results = [_failed(one, "5.3.0", "Message content is gone") for one in recipients]
            return
        header = account.read(content.content_id, 0, min(content.header_octets, HEADER_OCTETS))
        if len(Fields(header).every(b"received")) > MAX_RECEIVED:
            attempt.results = [_failed(one, "5.4.6", "Routing loop detected") for one in recipients]
            return
        groups: dict[str, list[OutRecipient]] = {}
        for one in recipients:
            groups.setdefault(one.address.rpartition("@")[2].lower(), []).append(one)
        async with asyncio.TaskGroup() as tasks:
            for domain, group in groups.items():
                tasks.create_task(self._try_domain(attempt, account, content, header, domain, group))

    async def _try_domain(
        self,
        attempt: _Attempt,
        account: Account,
        content: Content,
        header: bytes,
        domain: str,
        group: list[OutRecipient],
    ) -> None:
        local = not domain or self._store.directory.is_local_domain(domain)
        for at in range(0, len(group), MAX_RECIPIENTS):
            chosen = group[at : at + MAX_RECIPIENTS]
            try:
                if local:
                    results = await self._local(attempt.item, account, content, chosen)
                else:
                    results = await self._remote(attempt.item, account, content, header, domain, chosen)
            except Unavailable as error:
                results = [Result(one, None, error.told) for one in chosen]
            await self._strike(attempt, chosen, results)

    async def _strike(self, attempt: _Attempt, tried: list[OutRecipient], results: list[Result]) -> None:
        """Make sure that who has the message will not get it again while others are still tried. Failures are kept for
        the end, to be told in one notification."""
        done = [result for result in results if result.outcome and result.outcome.action is not Action.FAILED]
        left = [result.recipient for result in results if result not in done]
        async with attempt.lock:
            attempt.remaining = [one for one in attempt.remaining if one not in tried] + left
            attempt.untried -= len(tried)
            if not done or not attempt.untried:
                attempt.results += results
                return
            attempt.results += [result for result in results if result not in done]
            outcomes = [result.outcome for result in done if result.outcome is not None]
            try:
                await self._notifier.notify(self._original(attempt.item), outcomes)
                await self._store.outbox.narrow(attempt.item, tuple(attempt.remaining))
            except Unavailable:
                log.exception("sent, and not struck from the outbox", extra={"queue_id": attempt.item.queue_id})
        self._tell(attempt.item, outcomes)

    # here

    async def _local(
        self, item: QueueItem, account: Account, content: Content, group: list[OutRecipient]
    ) -> list[Result]:
        source = account.stream(content.content_id, 0, content.size_octets)
        async with await self._store.stage(source, content.size_octets) as staged:
            results: list[Result] = []
            for one in group:
                local_part, _, domain = one.address.rpartition("@")
                failure = Failed(True, "5.1.1", "No such mailbox here")
                reached = False
                later: list[AccountRef] = []
                for ref in self._store.directory.resolve_address(local_part, domain):
                    told = await self._delivery.deliver(item.envelope.sender, one.address, ref, staged, b"")
                    if not isinstance(told, Failed):
                        reached = True
                        continue
                    if failure.permanent:
                        failure = told
                    if not told.permanent:
                        later.append(ref)
                if later:
                    error = f"450 {failure.enhanced} {failure.told}"
                    waiting = for_accounts(one, format_orcpt(one.address), later) if reached else (one,)
                    results += [Result(each, None, error) for each in waiting]
                elif reached:
                    results.append(Result(one, Outcome(one, Action.DELIVERED, "2.0.0")))
                else:
                    results.append(_failed(one, failure.enhanced, f"550 {failure.enhanced} {failure.told}"))
            return results

    # elsewhere

    async def _remote(
        self,
        item: QueueItem,
        account: Account,
        content: Content,
        header: bytes,
        domain: str,
        group: list[OutRecipient],
    ) -> list[Result]:
        try:
            hosts = await self._hosts.find(domain)
        except NoHosts as error:
            if error.permanent:
                return [_failed(one, error.status, error.told) for one in group]
            return [Result(one, None, error.told) for one in group]
        mail = Mail(
            replace(item.envelope, recipients=tuple(group)),
            content.size_octets,
            header.isascii(),
            lambda: account.stream(content.content_id, 0, content.size_octets),
            lambda eight_bit: _converted(account, content, eight_bit),
        )
        return await self._send(mail, hosts)

    async def _send(self, mail: Mail, hosts: list[Host]) -> list[Result]:
        """Try ``hosts`` in turn until one can be talked to."""
        error = "No host could be reached"
        try:
            async with asyncio.timeout(self._settings.attempt_s):
                for host in hosts:
                    try:
                        verdicts = await self._send_to(host, mail)
                    except (HopFailed, Unavailable) as failed:
                        error = f"{host.name}: {failed.told}"
                        if isinstance(failed, HopFailed) and failed.sent:
                            break
                        continue
                    pairs = zip(mail.envelope.recipients, verdicts, strict=True)
                    return [_judged(one, verdict, host) for one, verdict in pairs]
        except TimeoutError:
            error = "The next hop is too slow"
        return [Result(one, None, error) for one in mail.envelope.recipients]

    async def _send_to(self, host: Host, mail: Mail) -> list[Verdict]:
        settings = self._settings
        try:
            return await self._converse(host, mail, settings.use_tls)
        except HopFailed as failed:
            if not failed.plain_may_work or settings.require_tls or settings.login is not None:
                raise
        return await self._converse(host, mail, False)

    async def _converse(self, host: Host, mail: Mail, use_tls: bool) -> list[Verdict]:
        settings = self._settings
        link = await self._dial(host)
        try:
            return await Hop(link, settings.hostname).send(
                mail, use_tls=use_tls, require_tls=settings.require_tls, login=settings.login
            )
        finally:
            link.close()

    # after

    async def _settle(self, item: QueueItem, results: list[Result]) -> None:
        now = self._clock()
        settings = self._settings
        expired = (now - item.queued_at).total_seconds() > settings.lifetime_s
        outcomes: list[Outcome] = []
        remaining: list[OutRecipient] = []
        error: str | None = None
        for result in results:
            if result.outcome is not None:
                outcomes.append(result.outcome)
            elif expired:
                outcomes.append(Outcome(result.recipient, Action.FAILED, "4.4.7", f"Gave up: {result.error}"))
            else:
                remaining.append(result.recipient)
                error = result.error
        if outcomes:
            await self._notifier.notify(self._original(item), outcomes)
        delay_s = min(settings.first_retry_s * 2.0 ** min(item.attempts, 30), settings.max_retry_s)
        retry_at = now + timedelta(seconds=delay_s) if remaining else None
        await self._store.outbox.settle(item, tuple(remaining), retry_at, error)
        self._tell(item, outcomes)
        for one in remaining:
            self._meter.delivery("relay", "deferred")
            log.info("deferred", extra={"queue_id": item.queue_id, "recipient": one.address, "error": error})

    def _tell(self, item: QueueItem, outcomes: list[Outcome]) -> None:
        """The log and the meter."""
        for outcome in outcomes:
            word = "failed" if outcome.action is Action.FAILED else "sent"
            self._meter.delivery("relay", word)
            facts = {"recipient": outcome.recipient.address, "outcome": word, "status": outcome.status}
            log.info("relayed", extra={"queue_id": item.queue_id, "account": item.account.login, **facts})

    def _original(self, item: QueueItem) -> Original:
        account = self._store.account(item.account)
        content = account.contents([item.content_id])[0]
        header_octets = 0 if content is None else min(content.header_octets, HEADER_OCTETS)
        return Original(
            account=item.account,
            envelope=item.envelope,
            arrived=item.queued_at,
            header=account.read(item.content_id, 0, header_octets) if header_octets else b"",
            size_octets=item.size_octets,
            stream=lambda: account.stream(item.content_id, 0, item.size_octets),
        )


async def _converted(account: Account, content: Content, eight_bit: bool) -> AsyncIterator[bytes]:
    """The message for a hop that lacks BINARYMIME, or also 8BITMIME. Raises ``Refused(CONVERSION_REQUIRED)``."""
    scanner = Scanner()
    async for piece in account.stream(content.content_id, 0, content.size_octets):
        scanner.feed(piece)
    root = scanner.finish().root
    pieces = downgrade(root, lambda start, length: account.read(content.content_id, start, length), eight_bit)

    async def emit() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return emit()


def _failed(recipient: OutRecipient, status: str, diagnostic: str) -> Result:
    return Result(recipient, Outcome(recipient, Action.FAILED, status, diagnostic))


def _judged(recipient: OutRecipient, verdict: Verdict, host: Host) -> Result:
    """What a hop's verdict means. Where the hop has DSN, success is its to report (RFC 3461 §5.2.2)."""
    if verdict.accepted:
        reported = replace(recipient, notify=("NEVER",)) if verdict.notifies else recipient
        return Result(recipient, Outcome(reported, Action.RELAYED, verdict.status, verdict.told, host.name))
    if verdict.permanent:
        return Result(recipient, Outcome(recipient, Action.FAILED, verdict.status, verdict.told, host.name))
    return Result(recipient, None, f"{host.name}: {verdict.told}")
