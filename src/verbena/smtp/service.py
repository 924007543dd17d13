"""A service over the SMTP machine: one session per link, and an orderly end (``model.link.Service``)."""

from verbena.model.link import Link, Meter
from verbena.smtp.dispatch import converse
from verbena.smtp.receiver import Receiver
from verbena.smtp.registry import Registry
from verbena.smtp.session import Session, Settings


class SmtpService:
    """``settings.protocol`` is its name. All values are shared by its sessions and not changed."""

    def __init__(self, settings: Settings, registry: Registry, receiver: Receiver, meter: Meter) -> None:
        self._settings = settings
        self._registry = registry
        self._receiver = receiver
        self._meter = meter
        self._sessions: set[Session] = set()
        self._closing = False

    @property
    def name(self) -> str:
        return self._settings.protocol

    async def serve(self, link: Link) -> None:
        session = Session(link, self._settings, self._receiver, self._meter)
        session.idle.closing = self._closing
        self._sessions.add(session)
        try:
            kind = "LMTP" if self._settings.per_recipient else "ESMTP"
            await converse(session, self._registry, f"{self._settings.hostname} {kind} Verbena ready")
        finally:
            self._sessions.discard(session)

    def shut_down(self) -> None:
        self._closing = True
        for session in self._sessions:
            session.idle.close()
