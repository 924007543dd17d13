"""Where mail is handed over for a local account: one promise, kept by the delivery agent.

Submission and the relay know only this; ``app`` plugs the delivery agent (``lmtp.deliver``) in.
"""

from dataclasses import dataclass
from typing import Protocol

from verbena.store.api import AccountRef, Staged


@dataclass(frozen=True, slots=True)
class Delivered:
    """The message is on disk in the recipient's mailbox."""


@dataclass(frozen=True, slots=True)
class Failed:
    """``permanent`` 5xx else 4xx; ``enhanced`` such as ``5.2.2``; ``told`` is safe for the peer."""

    permanent: bool
    enhanced: str
    told: str


class LocalDelivery(Protocol):
    """The delivery agent, as submission and the relay see it."""

    async def deliver(
        self, sender: str, recipient: str, account: AccountRef, staged: Staged, trace: bytes
    ) -> Delivered | Failed:
        """Deliver one message to one account; ``trace`` are the Received fields to put before it, CRLF-ended.

        ``sender`` is the return path, empty when null. Never raises for what a peer or a mailbox is at fault for.
        """
