"""The ManageSieve service: what its sessions share, and their end when the server goes down (RFC 5804 §1.2)."""

from typing import final

from verbena.auth.api import Authenticator
from verbena.managesieve.conversation import Conversation
from verbena.managesieve.extensions import REGISTRY
from verbena.managesieve.session import Language, Limits, Services
from verbena.model.link import Link, Meter
from verbena.store.api import Store


@final
class ManageSieveService:
    """``model.link.Service`` for RFC 5804. ``language`` is what the delivery agent runs scripts with."""

    def __init__(
        self,
        store: Store,
        authenticator: Authenticator,
        meter: Meter,
        language: Language,
        limits: Limits | None = None,
    ) -> None:
        self._services = Services(
            store, authenticator, meter, REGISTRY, language, limits if limits is not None else Limits()
        )
        self._conversations: set[Conversation] = set()
        self._closing = False

    @property
    def name(self) -> str:
        return "managesieve"

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
