"""Puts a worker together: store, logins, notifications and services, from the configuration.

The only place that knows every service. Whoever is made here gets the values it needs, never the configuration.
"""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from verbena.app.config import Config, ConfigError, Trusted, parse_address
from verbena.app.log import SessionLog
from verbena.app.meter import PrometheusMeter
from verbena.app.tls import configured_tls
from verbena.app.wiring_delivery import build_caller, build_deliverer, read_secret, script_registry, try_delivery
from verbena.auth.service import AuthService
from verbena.auth.shared_counter import shared_in
from verbena.client.connect import Endpoint
from verbena.imap.extensions import REGISTRY
from verbena.imap.server import ImapService
from verbena.imap.session import Limits as ImapLimits
from verbena.lmtp.calls import Caller
from verbena.lmtp.deliver import Deliverer
from verbena.lmtp.server import lmtp_service
from verbena.managesieve.server import ManageSieveService
from verbena.managesieve.session import Language
from verbena.managesieve.session import Limits as ManageSieveLimits
from verbena.model.link import Service
from verbena.model.metadata import ADMIN_ENTRY
from verbena.model.secret import Secret
from verbena.notify.bus import Bus
from verbena.sieve.registry import Registry as ScriptRegistry
from verbena.smtp.service import SmtpService
from verbena.store.open import SqliteStore, open_store
from verbena.submission.burl import IMAP_PORT, BurlUrls, ImapFetch, RemoteFetch
from verbena.submission.dial import Dialer, opportunistic_context
from verbena.submission.hop import Login
from verbena.submission.mx import SMTP_PORT, Host, Hosts, MxHosts, Smarthost
from verbena.submission.relay import Relay, RelaySettings
from verbena.submission.server import submission_service

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


IMAPS_PORT = 993
RELAY_IDLE_S = 2.0
"""How late mail that another worker took can be seen by the relay."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A worker's parts. ``close`` them when no session is left."""

    store: SqliteStore
    authenticator: AuthService
    bus: Bus
    services: dict[str, Service]
    relay: Relay
    mail_waits: asyncio.Event
    """set when this worker put something into the outbox"""
    caller: Caller | None

    async def close(self) -> None:
        self.bus.close()
        if self.caller is not None:
            self.caller.close()
        self.authenticator.close()
        await self.store.close()


def run_folder(config: Config) -> Path:
    """Where sockets, locks and metrics of the running server are."""
    return config.data_path / "run"


def metrics_folder(config: Config) -> Path:
    return run_folder(config) / "metrics"


def try_config(config: Config) -> None:
    """Read what the configuration names outside itself, as a start does. Raises ``ConfigError``."""
    if config.tls.certificate is not None:
        configured_tls(config)
    try_delivery(config)
    _trusted_servers(config)
    _next_hop(config)


def build_parts(config: Config, worker: str, meter: PrometheusMeter, log: SessionLog) -> Parts:
    """On the worker's running loop. ``worker`` is unique among the workers. Raises ``Unavailable`` without a store."""
    contact = {ADMIN_ENTRY: config.contact.encode()} if config.contact else {}
    store = open_store(config.data_path, fixed_annotations=contact)
    bus = Bus(store.heard)
    bus.connect(run_folder(config), worker)
    store.listen(bus.told)
    authenticator = build_authenticator(config, store, meter, log)
    mail_waits = asyncio.Event()
    caller = build_caller(config, store, _now)
    scripts = script_registry(config)
    deliverer = build_deliverer(config, store, meter, scripts, caller, mail_waits.set, _now)
    services: dict[str, Service] = {
        "imap": _imap(config, store, authenticator, bus, meter),
        "submission": _submission(config, store, authenticator, deliverer, meter, mail_waits.set),
        "lmtp": lmtp_service(
            store,
            deliverer,
            meter,
            hostname=config.hostname,
            clock=_now,
            max_message_octets=config.limits.message_octets,
            max_recipients=config.limits.recipients,
            command_timeout_s=config.limits.smtp_idle_s,
            wake=mail_waits.set,
        ),
        "managesieve": _managesieve(config, store, authenticator, meter, scripts),
    }
    return Parts(store, authenticator, bus, services, _relay(config, store, deliverer, meter), mail_waits, caller)


def build_authenticator(config: Config, store: SqliteStore, meter: PrometheusMeter, log: SessionLog) -> AuthService:
    auth = config.auth
    return AuthService(
        store.directory,
        store.directory.secret("scram-fake-salt"),
        allow_plaintext=auth.allow_plaintext,
        submit_users=config.submission.submit_users,
        stream_users=auth.stream_users,
        administrators=auth.administrators,
        meter=meter,
        told=log.login,
        remembered_s=auth.cache_s,
        max_address_failures=auth.failures_per_address,
        max_account_failures=auth.failures_per_account,
        counters=shared_in(run_folder(config)),
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


def _managesieve(
    config: Config, store: SqliteStore, authenticator: AuthService, meter: PrometheusMeter, scripts: ScriptRegistry
) -> ManageSieveService:
    limits = ManageSieveLimits(autologout_s=config.limits.imap_idle_s, login_timeout_s=config.limits.login_s)
    return ManageSieveService(store, authenticator, meter, Language(scripts), limits)


def _submission(
    config: Config,
    store: SqliteStore,
    authenticator: AuthService,
    deliverer: Deliverer,
    meter: PrometheusMeter,
    wake: Callable[[], None],
) -> SmtpService:
    urls = BurlUrls(store, frozenset({config.hostname.lower()}), _trusted_servers(config), _now)
    return submission_service(
        store,
        authenticator,
        deliverer,
        urls,
        meter,
        hostname=config.hostname,
        clock=_now,
        wake=wake,
        burl_hosts=(own_imap(config),),
        max_message_octets=config.limits.message_octets,
        max_recipients=config.limits.recipients,
        login_timeout_s=config.limits.login_s,
        command_timeout_s=config.limits.smtp_idle_s,
    )


def own_imap(config: Config) -> str:
    """Where plain URLs of BURL may point, as EHLO tells it: this server's IMAP, with its port where that is not the
    usual one. Other servers are not told: of them only URLAUTH URLs are fetched (RFC 4468 §3.3)."""
    ports = [port for _, port in (parse_address(text, "listen.imap") for text in config.listen.imap) if port]
    if not ports or IMAP_PORT in ports:
        return config.hostname
    return f"{config.hostname}:{ports[0]}"


def _next_hop(config: Config) -> tuple[Hosts, Login | None]:
    """Raises ``ConfigError``."""
    relay = config.relay
    hosts: Hosts = MxHosts()
    if relay.smarthost is not None:
        name, port = parse_address(relay.smarthost, "relay.smarthost")
        hosts = Smarthost(Host(name, port or SMTP_PORT))
    if (relay.smarthost_login is None) != (relay.smarthost_password_file is None):
        raise ConfigError("relay.smarthost_login and smarthost_password_file come together: give both or neither")
    if relay.smarthost_login is None or relay.smarthost_password_file is None:
        return hosts, None
    password = read_secret(config, relay.smarthost_password_file, "relay.smarthost_password_file")
    return hosts, Login(relay.smarthost_login, password)


def _relay(config: Config, store: SqliteStore, deliverer: Deliverer, meter: PrometheusMeter) -> Relay:
    relay = config.relay
    hosts, login = _next_hop(config)
    settings = RelaySettings(
        hostname=config.hostname,
        use_tls=relay.tls != "none",
        require_tls=relay.tls == "require",
        login=login,
        lifetime_s=relay.lifetime_s,
        max_idle_s=RELAY_IDLE_S,
    )
    return Relay(store, deliverer, hosts, Dialer(hop_context(relay.tls, login is not None)), meter, settings, _now)


def hop_context(tls: str, login: bool) -> ssl.SSLContext | None:
    """For TLS towards next hops, as ``relay.tls`` says. A ``login`` is for the one whom the certificate names, never
    for somebody in between."""
    if tls == "none":
        return None
    return ssl.create_default_context() if login or tls == "require" else opportunistic_context()


def _trusted_servers(config: Config) -> dict[str, RemoteFetch]:
    """The other IMAP servers that BURL may fetch from, by ``host`` or ``host:port``."""
    remotes: dict[str, RemoteFetch] = {}
    for trusted in config.submission.trusted:
        host, _, port = trusted.name.partition(":")
        where = parse_address(trusted.connect, "connect") if trusted.connect else (host, int(port or IMAP_PORT))
        endpoint = Endpoint(*where, _trust(config, trusted), implicit_tls=where[1] == IMAPS_PORT, name=host)
        remotes[trusted.name.lower()] = ImapFetch(endpoint, trusted.user, _trusted_password(config, trusted))
    return remotes


def _trusted_password(config: Config, trusted: Trusted) -> Secret:
    if trusted.password_file is not None:
        return read_secret(config, trusted.password_file, f'submission.trusted."{trusted.name}".password_file')
    return Secret((trusted.password or "").encode())


def _trust(config: Config, trusted: Trusted) -> ssl.SSLContext:
    try:
        authorities = None if trusted.ca is None else str(config.beside(trusted.ca))
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise ConfigError(f'submission.trusted."{trusted.name}".ca can not be used: {error}') from error


def _now() -> datetime:
    return datetime.now(UTC)
