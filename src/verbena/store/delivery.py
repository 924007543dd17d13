"""Where mail is handed over for a local account: one promise, kept by the delivery agent.

Submission and the relay know only this; ``app`` plugs the delivery agent (``lmtp.deliver``) in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from verbena.store.api import AccountRef, OutRecipient, Staged


@dataclass(frozen=True, slots=True)
class Delivered:
    """The message is on disk in the recipient's mailbox."""


@dataclass(frozen=True, slots=True)
class Failed:
    """``permanent`` 5xx else 4xx; ``enhanced`` such as ``5.2.2``; ``told`` is safe for the peer."""

    permanent: bool
    enhanced: str
    told: str


def for_accounts(recipient: OutRecipient, orcpt: bytes, accounts: Iterable[AccountRef]) -> tuple[OutRecipient, ...]:
    """``recipient``, whose address means several accounts, as a recipient for each of ``accounts``, because the others
    have the message already. ``orcpt`` is the address, by which reports speak of it unless the sender named another."""
    kept = recipient.orcpt or orcpt
    return tuple(OutRecipient(account.login, recipient.notify, kept) for account in accounts)


class LocalDelivery(Protocol):
    """The delivery agent, as submission and the relay see it.

    Whoever stages a message anew puts ``head`` before it and calls ``deliver_prepared``, for any number of recipients
    of the one staged message; ``deliver`` is for a message that is staged without, and stages it again.
    """

    def head(self, sender: str, recipients: Sequence[str]) -> bytes:
        """The fields that final delivery to ``recipients`` puts before the message, CRLF-ended."""

    async def deliver(
        self, sender: str, recipient: str, account: AccountRef, staged: Staged, trace: bytes
    ) -> Delivered | Failed:
        """Deliver one message to one account; ``trace`` are the Received fields to put before it, CRLF-ended.

        ``sender`` is the return path, empty when null. Never raises for what a peer or a mailbox is at fault for.
        """

    async def deliver_prepared(
        self, sender: str, recipient: str, account: AccountRef, staged: Staged, head_octets: int
    ) -> Delivered | Failed:
        """As ``deliver``, of a message whose first ``head_octets`` octets are ``head`` and Received fields of ours."""
