"""The delivery agent with scripts: decide, plan, carry out (RFC 5228 §2.10, RFC 5429).

All that comes of a message for one account is one transaction of the store. Notifications that are no mail are sent
after it. A message that another process took as a first one in the same moment (``duplicate``) is decided on again.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime
from typing import Final
from urllib.parse import quote

from verbena.lmtp.filter import Filter, Stage, message_of
from verbena.lmtp.notification import Notifier
from verbena.lmtp.plan import Arrived, Plan, Planner
from verbena.lmtp.programs import Programs
from verbena.lmtp.settings import FilterSettings
from verbena.lmtp.surroundings import Methods
from verbena.model.errors import InternalError, Refused, Unavailable
from verbena.sieve.registry import Registry
from verbena.sieve.run import Envelope
from verbena.store.api import Account, DeliveryDone, Staged, Store
from verbena.store.delivery import Delivered, Failed

log = logging.getLogger(__name__)

TRIES: Final = 3
"""at a message whose ids others note meanwhile"""
MAIL_SCHEMES: Final = frozenset((b"mailto",))
REFUSED: Final = "The recipient's mail filter refused the message"
MAX_REASON_CHARACTERS: Final = 8000


class Agent:
    """``woken`` is called when something went into the outbox; ``clock`` gives aware times."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        settings: FilterSettings,
        notifier: Notifier,
        clock: Callable[[], datetime],
        woken: Callable[[], None],
    ) -> None:
        self._store = store
        self._settings = settings
        self._notifier = notifier
        self._clock = clock
        self._woken = woken
        methods = Methods(MAIL_SCHEMES | notifier.schemes)
        self._filter = Filter(Programs(registry, settings.folder), settings, methods, clock)

    def scripts(self, account: Account) -> list[Stage]:
        """What a message for the account goes through; often nothing."""
        return self._filter.stages(account)

    async def deliver(
        self, account: Account, scripts: Sequence[Stage], envelope: Envelope, staged: Staged
    ) -> Delivered | Failed:
        """Raises ``Refused``, ``Unavailable``, ``InternalError``: then nothing was done."""
        for _ in range(TRIES):
            arrived = Arrived(account, staged, envelope, self._clock())
            decided = self._filter.decide(account, scripts, message_of(staged), envelope)
            async with AsyncExitStack() as stack:
                planner = Planner(self._store, self._settings, self._filter, arrived, stack)
                plan = await planner.plan(decided)
                done = DeliveryDone(False) if plan.is_empty else await account.deliver(plan.delivery())
                if any(filed.elsewhere for filed in done.filed):
                    await self._apologize(account, planner)
            if not done.overtaken:
                return self._after(account, plan, done)
        raise InternalError("a message was overtaken again and again")

    def _url(self, account: Account, done: DeliveryDone) -> str:
        """Where the message can be read (RFC 5092); empty where it is in no mailbox, or in one that is gone."""
        if not done.filed:
            return ""
        try:
            status = account.status(done.filed[0].mailbox_id)
        except Refused:
            return ""
        user, mailbox = quote(account.ref.login, safe=""), quote(status.name)
        place = f"{mailbox};UIDVALIDITY={status.uidvalidity}/;UID={done.filed[0].uid}"
        return f"imap://{user}@{self._settings.hostname}/{place}"

    async def _apologize(self, account: Account, planner: Planner) -> None:
        """Tell the user why a message is in INBOX. The message itself is safe: whether this works changes nothing."""
        try:
            await account.deliver(await planner.apology())
        except (Refused, Unavailable) as error:
            log.warning("a user could not be told of a mailbox that is not there", exc_info=error)

    def _after(self, account: Account, plan: Plan, done: DeliveryDone) -> Delivered | Failed:
        if done.queued:
            self._woken()
        if plan.calls:
            url = self._url(account, done)
            for call in plan.calls:
                self._notifier.put(replace(call, url=url))
        if plan.refused is None:
            return Delivered()
        return Failed(True, "5.7.1", plan.refused[:MAX_REASON_CHARACTERS] if plan.refused.isascii() else REFUSED)
