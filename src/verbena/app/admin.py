"""What the command line does to a store: opened for the length of one action, beside a running server or not."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from verbena.app.config import Config, ConfigError
from verbena.auth.password import make_credentials
from verbena.model.errors import Refused
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.store.api import AccountRef, QueueItem
from verbena.store.open import SqliteStore, open_store


@asynccontextmanager
async def opened_store(config: Config) -> AsyncIterator[SqliteStore]:
    """Raises ``ConfigError`` when ``verbena init`` was not run."""
    if not (config.data_path / "shards").is_dir():
        raise ConfigError(f"{config.data_path} has no store: make it with `verbena init {config.data}`")
    store = open_store(config.data_path)
    try:
        yield store
    finally:
        await store.close()


async def add_configured_domains(config: Config) -> None:
    """Make every domain of the configuration one of the directory, in their order."""
    async with opened_store(config) as store:
        known = set(store.directory.domains())
        for domain in config.domains:
            if domain.lower() not in known:
                await store.directory.add_domain(domain)


async def add_user(config: Config, login: str, password: Secret) -> AccountRef:
    """Raises as ``Directory.add_account``."""
    credentials = await asyncio.to_thread(make_credentials, password, secrets.token_bytes)
    async with opened_store(config) as store:
        return await store.directory.add_account(login, credentials)


async def set_password(config: Config, login: str, password: Secret) -> None:
    """Raises ``Refused(NONEXISTENT)``, ``Refused(CANNOT)`` for a password that can not be one."""
    credentials = await asyncio.to_thread(make_credentials, password, secrets.token_bytes)
    async with opened_store(config) as store:
        await store.directory.set_credentials(_account(store, login).account_id, credentials)


async def remove_user(config: Config, login: str) -> None:
    async with opened_store(config) as store:
        await store.directory.remove_account(_account(store, login).account_id)


async def set_enabled(config: Config, login: str, enabled: bool) -> None:
    async with opened_store(config) as store:
        await store.directory.set_enabled(_account(store, login).account_id, enabled)


async def users(config: Config) -> Sequence[AccountRef]:
    async with opened_store(config) as store:
        return store.directory.accounts()


async def add_alias(config: Config, address: str, login: str) -> None:
    async with opened_store(config) as store:
        await store.directory.add_alias(address, _account(store, login).account_id)


async def remove_alias(config: Config, address: str) -> None:
    async with opened_store(config) as store:
        await store.directory.remove_alias(address)


async def aliases(config: Config) -> Sequence[tuple[str, str]]:
    async with opened_store(config) as store:
        return store.directory.aliases()


async def add_domain(config: Config, domain: str) -> None:
    async with opened_store(config) as store:
        await store.directory.add_domain(domain)


async def domains(config: Config) -> Sequence[str]:
    async with opened_store(config) as store:
        return store.directory.domains()


async def unserved_domain(config: Config, address: str) -> str | None:
    """The domain of ``address``, when mail for it is not delivered here."""
    async with opened_store(config) as store:
        domain = address.rpartition("@")[2]
        known = store.directory.is_local_domain(domain) or domain.lower() in map(str.lower, config.domains)
        return None if known else domain


async def queue_items(config: Config, limit: int) -> Sequence[QueueItem]:
    async with opened_store(config) as store:
        return store.outbox.items(limit)


async def check(config: Config) -> list[str]:
    """What is wrong with the data, a sentence each."""
    async with opened_store(config) as store:
        return await store.check()


def _account(store: SqliteStore, login: str) -> AccountRef:
    ref = store.directory.find_login(login)
    if ref is None:
        raise Refused(Reason.NONEXISTENT, f"there is no account {login}: see `verbena user list`")
    return ref
