"""Puts the delivery agent together from ``[delivery]``."""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from verbena import __version__
from verbena.app.config import Config, ConfigError, parse_address
from verbena.app.meter import PrometheusMeter
from verbena.lmtp.agent import MAIL_SCHEMES
from verbena.lmtp.calls import Caller, PushIdentity
from verbena.lmtp.deliver import NO_NOTIFIER, Deliverer
from verbena.lmtp.https import HttpsPoster, Reach
from verbena.lmtp.programs import SUFFIX
from verbena.lmtp.settings import FilterSettings
from verbena.lmtp.xmpp import Component
from verbena.model.secret import Secret
from verbena.sieve.extensions import registry_with
from verbena.sieve.registry import Registry
from verbena.store.open import SqliteStore


def build_caller(config: Config, store: SqliteStore, clock: Callable[[], datetime]) -> Caller | None:
    """Sends notifications that are no mail; None where the configuration wants none."""
    delivery = config.delivery
    component = _component(config)
    if not delivery.webhooks:
        return None if component is None else Caller(store, None, None, clock, component)
    contact = config.contact or f"mailto:postmaster@{config.domains[0] if config.domains else config.hostname}"
    reach = Reach(tuple(host.lower() for host in delivery.webhook_hosts), delivery.webhook_private)
    identity = PushIdentity(store.directory.secret("webpush"), contact)
    return Caller(store, HttpsPoster(reach), identity, clock, component)


def try_delivery(config: Config) -> None:
    """Read what [delivery] names. Raises ``ConfigError``."""
    _component(config)
    folder = filter_settings(config).folder
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"delivery.global_scripts: there is no folder {str(folder)!r}")


def _component(config: Config) -> Component | None:
    """Raises ``ConfigError``."""
    delivery = config.delivery
    given = (delivery.xmpp, delivery.xmpp_name, delivery.xmpp_secret_file)
    if given == (None, None, None):
        return None
    if delivery.xmpp is None or delivery.xmpp_name is None or delivery.xmpp_secret_file is None:
        raise ConfigError("delivery.xmpp, xmpp_name and xmpp_secret_file come together: give all or none")
    host, port = parse_address(delivery.xmpp, "delivery.xmpp")
    secret = read_secret(config, delivery.xmpp_secret_file, "delivery.xmpp_secret_file")
    return Component(delivery.xmpp_name, host, port, secret)


def read_secret(config: Config, name: str, key: str) -> Secret:
    """The first line of a file beside the configuration. Raises ``ConfigError``."""
    try:
        first, _, _ = config.beside(name).read_bytes().partition(b"\n")
    except OSError as error:
        raise ConfigError(f"{key} can not be read: {error}") from error
    return Secret(first.rstrip(b"\r"))


def script_registry(config: Config) -> Registry:
    """What scripts may say on this server: with the notification methods that it has."""
    schemes = set(MAIL_SCHEMES)
    if config.delivery.webhooks:
        schemes |= {b"https", b"webpush"}
    if config.delivery.xmpp is not None:
        schemes.add(b"xmpp")
    return registry_with(frozenset(schemes))


def build_deliverer(
    config: Config,
    store: SqliteStore,
    meter: PrometheusMeter,
    registry: Registry,
    caller: Caller | None,
    woken: Callable[[], None],
    clock: Callable[[], datetime],
) -> Deliverer:
    """Raises ``ConfigError``."""
    return Deliverer(
        store,
        meter,
        clock,
        config.delivery.full_mailbox == "refuse",
        registry=registry,
        settings=filter_settings(config),
        notifier=caller if caller is not None else NO_NOTIFIER,
        woken=woken,
    )


def filter_settings(config: Config) -> FilterSettings:
    """Raises ``ConfigError``."""
    delivery = config.delivery
    return FilterSettings(
        hostname=config.hostname,
        version=__version__,
        zone=_zone(delivery.timezone),
        before=tuple(_scripts(config, delivery.before, "delivery.before")),
        after=tuple(_scripts(config, delivery.after, "delivery.after")),
        folder=None if delivery.global_scripts is None else config.beside(delivery.global_scripts),
        sent_an_hour=delivery.sent_per_hour,
        notifications_an_hour=delivery.notifications_per_hour,
    )


def _zone(name: str | None) -> tzinfo | None:
    """None: the machine's; looked up once, so that a delivery need not."""
    if name is None:
        return None if time.daylight else datetime.now().astimezone().tzinfo
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"delivery.timezone: there is no time zone {name!r}") from error


def _scripts(config: Config, names: tuple[str, ...], key: str) -> Iterator[Path]:
    for name in names:
        path = config.beside(name)
        if path.is_dir():
            yield from sorted(path.glob("*" + SUFFIX))
        elif path.is_file():
            yield path
        else:
            raise ConfigError(f"{key}: there is no file or folder {str(path)!r}")
