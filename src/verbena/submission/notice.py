"""Bring a delivery status notification to the sender: into the mailbox here, or into the outbox."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from verbena.mime.transfer import body_of
from verbena.store.api import AccountRef, OutEnvelope, OutRecipient, Staged, Store
from verbena.store.delivery import Delivered, Failed, LocalDelivery
from verbena.submission.dsn import Outcome, Subject, format_report, is_wanted, wants_whole

HEADER_OCTETS = 256 * 1024
"""of the header returned in a report"""
SPARE_OCTETS = 4 * 1024 * 1024
"""room that a report needs beside the message it returns"""


@dataclass(frozen=True, slots=True)
class Original:
    """The message that a report is about. ``stream`` gives all its octets and may be called once for each report."""

    account: AccountRef
    envelope: OutEnvelope
    arrived: datetime
    header: bytes
    size_octets: int
    stream: Callable[[], AsyncIterator[bytes]]


class Notifier:
    """``hostname`` is the reporting MTA; ``clock`` gives aware times."""

    def __init__(self, store: Store, delivery: LocalDelivery, hostname: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._delivery = delivery
        self._hostname = hostname
        self._clock = clock

    async def notify(self, original: Original, outcomes: Sequence[Outcome]) -> None:
        """Send the sender one report on those of ``outcomes`` that the recipients' NOTIFY asks for; durable on return.

        Nothing is sent to a null sender (RFC 3461 §5.2). Raises ``Unavailable``.
        """
        wanted = [outcome for outcome in outcomes if is_wanted(outcome)]
        sender = original.envelope.sender
        if not wanted or not sender:
            return
        whole = original.stream() if wants_whole(original.envelope, wanted) else None
        transfer = {"7BIT": "7bit", "8BITMIME": "8bit"}.get(original.envelope.body, "binary")
        header = original.header[:HEADER_OCTETS]
        subject = Subject(original.envelope, original.arrived, header, transfer, whole)
        report = format_report(self._hostname, secrets.token_hex(12), self._clock(), subject, wanted)
        async with await self._store.stage(report, original.size_octets + SPARE_OCTETS) as staged:
            if not await self._delivered_here(sender, staged):
                await self._enqueue(original, sender, staged)

    async def _delivered_here(self, sender: str, staged: Staged) -> bool:
        """Whether the report is in the sender's mailbox, or can never be because there is none (RFC 3461 §5.2)."""
        local_part, _, domain = sender.rpartition("@")
        directory = self._store.directory
        if not directory.is_local_domain(domain):
            return False
        results: list[Delivered | Failed] = []
        for account in directory.resolve_address(local_part, domain):
            results.append(await self._delivery.deliver("", sender, account, staged, b""))
        return all(isinstance(result, Delivered) or result.permanent for result in results)

    async def _enqueue(self, original: Original, sender: str, staged: Staged) -> None:
        body = body_of(staged.scanned)
        utf8 = not (sender.isascii() and staged.scanned.header.isascii()) or original.envelope.smtputf8
        recipient = OutRecipient(sender, ("NEVER",))
        await self._store.outbox.enqueue(original.account, OutEnvelope("", (recipient,), body, utf8), staged)
