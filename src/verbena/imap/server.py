"""The IMAP service: what its sessions share, and their end when the server goes down (RFC 3501 §7.1.5)."""

from collections.abc import Callable
from typing import final

from verbena.auth.api import Authenticator
from verbena.imap.conversation import Conversation
from verbena.imap.registry import Registry
from verbena.imap.session import Limits, Services
from verbena.model.link import Link, Meter
from verbena.notify.bus import Bus
from verbena.store.api import Store


@final
class ImapService:
    """``model.link.Service`` for IMAP4rev1 and its extensions. ``now`` gives seconds since the epoch."""

    def __init__(
        self,
        store: Store,
        authenticator: Authenticator,
        bus: Bus,
        meter: Meter,
        hostname: str,
        registry: Registry,
        now: Callable[[], float],
        limits: Limits | None = None,
    ) -> None:
        self._services = Services(
            store, authenticator, bus, meter, hostname, registry, limits if limits is not None else Limits(), now
        )
        self._conversations: set[Conversation] = set()
        self._closing = False

    @property
    def name(self) -> str:
        return "imap"

    async def serve(self, link: Link) -> None:
        conversation = Conversation(self._services, link, self._closing)
        self._conversations.add(conversation)
        try:
            await conversation.run()
        finally:
            self._conversations.discard(conversation)

    def shut_down(self) -> None:
        self._closing = True
        for conversation in tuple(self._conversations):
            conversation.stop()
