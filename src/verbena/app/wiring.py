"""Puts a worker together: store, logins, notifications and services, from the configuration.

The only place that knows every service. Whoever is made here gets the values it needs, never the configuration.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from verbena.app.config import Config
from verbena.app.log import SessionLog
from verbena.app.meter import PrometheusMeter
from verbena.auth.service import AuthService
from verbena.imap.extensions import REGISTRY
from verbena.imap.server import ImapService
from verbena.imap.session import Limits as ImapLimits
from verbena.model.link import Service
from verbena.notify.bus import Bus
from verbena.store.open import SqliteStore, open_store

REFUSALS = {
    "imap": b"* BYE [UNAVAILABLE] %s\r\n",
    "submission": b"421 4.7.0 %s\r\n",
    "lmtp": b"421 4.3.2 %s\r\n",
    "managesieve": b'BYE (TRYLATER) "%s"\r\n',
}
"""What a peer is told that is not let in, by service."""

LISTENERS = {
    "imap": ("imap", False),
    "imaps": ("imap", True),
    "submission": ("submission", False),
    "submissions": ("submission", True),
    "lmtp": ("lmtp", False),
    "managesieve": ("managesieve", False),
}
"""The keys of ``[listen]`` that a service answers: its name, and whether TLS comes first."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A worker's parts. ``close`` them when no session is left."""

    store: SqliteStore
    authenticator: AuthService
    bus: Bus
    services: dict[str, Service]

    async def close(self) -> None:
        self.bus.close()
        self.authenticator.close()
        await self.store.close()


def run_folder(config: Config) -> Path:
    """Where sockets, locks and metrics of the running server are."""
    return config.data_path / "run"


def build_parts(config: Config, worker: str, meter: PrometheusMeter, log: SessionLog) -> Parts:
    """On the worker's running loop. ``worker`` is unique among the workers. Raises ``Unavailable`` without a store."""
    store = open_store(config.data_path)
    bus = Bus(store.heard)
    bus.connect(run_folder(config), worker)
    store.listen(bus.told)
    authenticator = build_authenticator(config, store, meter, log)
    services: dict[str, Service] = {"imap": _imap(config, store, authenticator, bus, meter)}
    return Parts(store, authenticator, bus, services)


def build_authenticator(config: Config, store: SqliteStore, meter: PrometheusMeter, log: SessionLog) -> AuthService:
    auth = config.auth
    return AuthService(
        store.directory,
        store.directory.secret("scram-fake-salt"),
        allow_plaintext=auth.allow_plaintext,
        submit_users=config.submission.submit_users,
        stream_users=auth.stream_users,
        meter=meter,
        told=log.login,
        remembered_s=auth.cache_s,
        max_address_failures=auth.failures_per_address,
        max_account_failures=auth.failures_per_account,
    )


def _imap(
    config: Config, store: SqliteStore, authenticator: AuthService, bus: Bus, meter: PrometheusMeter
) -> ImapService:
    limits = ImapLimits(
        autologout_s=config.limits.imap_idle_s,
        login_timeout_s=config.limits.login_s,
        message_octets=config.limits.message_octets,
    )
    return ImapService(store, authenticator, bus, meter, config.hostname, REGISTRY, time.time, limits)
