"""The directory on SQLite: domains, accounts, aliases, credentials and the server's own keys, in ``server.db``.

``SqliteDirectory`` keeps ``store.api.Directory``. Several processes share the file; answers are cached in memory and
dropped as soon as ``PRAGMA data_version`` says that anyone wrote, so a read costs some µs and is never stale.
Writes are rare: one transaction each, in a thread, durable when they return.

What an account has in its shard (its row, INBOX and the special-use mailboxes) is made by ``AccountRows`` before the
account is named here and removed after it is gone here: a crash in between leaves rows that nobody can reach.
"""

import asyncio
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Final, Protocol, TypeVar

import apsw

from verbena.model.errors import InternalError, Refused, Unavailable
from verbena.model.ids import AccountId
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.store import server_metadata
from verbena.store.address import canonical_domain, canonical_local, checked_address, checked_domain, split_address
from verbena.store.api import AccountRef, Credentials, ScramKeys

MAX_CACHED_ANSWERS: Final = 20_000
"""Answers kept in memory per process; when full, all are dropped."""
BUSY_TIMEOUT_MS: Final = 10_000
SECRET_OCTETS: Final = 32
PURPOSES: Final = ("scram-fake-salt", "webpush")
"""The keys made with the file, for ``SqliteDirectory.secret``."""

_Answer = TypeVar("_Answer")
SqlValue = None | int | float | str | bytes

_ACCOUNT: Final = "SELECT account_id, local_part || '@' || domain, shard, enabled FROM account "
_BY_ID: Final = _ACCOUNT + "WHERE account_id = ?"
_BY_ADDRESS: Final = _ACCOUNT + "WHERE local_part = ? AND domain = ?"
_BY_NAME: Final = (
    "SELECT a.account_id, a.local_part || '@' || a.domain, a.shard, a.enabled FROM account a "
    "LEFT JOIN domain d ON d.domain = a.domain WHERE a.local_part = ? "
    "ORDER BY d.position IS NULL, d.position, a.account_id LIMIT 1"
)
_BY_ALIAS: Final = (
    "SELECT a.account_id, a.local_part || '@' || a.domain, a.shard, a.enabled FROM alias s "
    "JOIN account a ON a.account_id = s.account_id WHERE s.domain = ? AND s.local_part = ? ORDER BY a.account_id"
)
_ALL: Final = _ACCOUNT + "ORDER BY domain, local_part"
_ALIASES: Final = (
    "SELECT s.local_part || '@' || s.domain, a.local_part || '@' || a.domain FROM alias s "
    "JOIN account a ON a.account_id = s.account_id ORDER BY s.domain, s.local_part, a.account_id"
)
_SCRAM: Final = (
    "SELECT hash_name, salt, iterations, stored_key, server_key FROM scram WHERE account_id = ? ORDER BY hash_name DESC"
)


class AccountRows(Protocol):
    """What an account has in its shard: the rest of the store makes and removes it."""

    async def create_account_rows(self, ref: AccountRef) -> None:
        """The account's row, INBOX and the special-use mailboxes. Durable when it returns."""

    async def remove_account_rows(self, ref: AccountRef) -> None:
        """Everything the account has; nothing happens when there is none."""


class SqliteDirectory:
    """Raises ``Unavailable`` from any call when the file can not be read or written.

    ``fixed_annotations`` are shared entries of the server that nobody can change. ``told`` is called, on the loop,
    when what all accounts see has changed.
    """

    def __init__(
        self,
        path: Path,
        rows: AccountRows,
        shards: int,
        fixed_annotations: Mapping[str, bytes] | None = None,
        told: Callable[[], None] | None = None,
    ) -> None:
        self._fixed_annotations: Final = dict(fixed_annotations or {})
        self._told: Final = told
        self._path: Final = path
        self._rows: Final = rows
        self._shards: Final = shards
        self._reader: Final = _connect(path)
        self._writer: Final = _connect(path)
        self._write_lock: Final = threading.Lock()
        self._cache: dict[tuple[str, ...], object] = {}
        self._version = -1
        self._write_now(_create)

    def close(self) -> None:
        with self._write_lock:
            self._writer.close()
        self._reader.close()

    def secret(self, purpose: str) -> Secret:
        """A random key of this server that stays the same for good; ``purpose`` is one of ``PURPOSES``."""
        for (octets,) in self._reader.execute("SELECT octets FROM secret WHERE purpose = ?", (purpose,)).fetchall():
            return Secret(_blob(octets))
        raise InternalError(f"no server secret for {purpose}")

    # reads

    def find_login(self, login: str) -> AccountRef | None:
        local_part, domain = split_address(login)
        return self._cached(("login", local_part, domain), lambda: self._read_login(local_part, domain))

    def by_id(self, account_id: AccountId) -> AccountRef | None:
        return self._cached(("id", str(account_id)), lambda: self._one(_BY_ID, (account_id,)))

    def credentials(self, account_id: AccountId) -> Credentials | None:
        return self._cached(("credentials", str(account_id)), lambda: self._read_credentials(account_id))

    def is_local_domain(self, domain: str) -> bool:
        return canonical_domain(domain) in self._cached(("domains",), self._read_domains)

    def resolve_address(self, local_part: str, domain: str) -> tuple[AccountRef, ...]:
        if not self.is_local_domain(domain):
            return ()
        local, host = canonical_local(local_part), canonical_domain(domain)
        return self._cached(("address", local, host), lambda: self._read_address(local, host))

    def may_send_as(self, account: AccountRef, local_part: str, domain: str) -> bool:
        """Also any address that a catch-all of the account gets the mail of."""
        local, host = canonical_local(local_part), canonical_domain(domain)
        if account.login in (f"{local}@{host}", f"{local.partition('+')[0]}@{host}"):
            return True
        return any(ref.account_id == account.account_id for ref in self.resolve_address(local, host))

    def accounts(self) -> Sequence[AccountRef]:
        return self._refs(_ALL, ())

    def domains(self) -> Sequence[str]:
        return self._cached(("domains",), self._read_domains)

    def aliases(self) -> Sequence[tuple[str, str]]:
        return [(_text(alias), _text(login)) for alias, login in self._rows_of(_ALIASES, ())]

    def annotations(self) -> Mapping[str, bytes]:
        return self._cached(("annotations",), self._read_annotations)

    def check(self) -> list[str]:
        """Every invariant of this file that does not hold, as a sentence each."""
        wrong = [
            f"account {ref.login} names shard {ref.shard} of {self._shards}"
            for ref in self.accounts()
            if not 0 <= ref.shard < self._shards
        ]
        for table in ("alias", "credential", "scram"):
            orphans = f"SELECT account_id FROM {table} WHERE account_id NOT IN (SELECT account_id FROM account)"
            wrong += [
                f"{table} of account {_int(found)}, which is not there" for (found,) in self._rows_of(orphans, ())
            ]
        highest = "SELECT 1 FROM counter WHERE next <= (SELECT max(account_id) FROM account)"
        if self._rows_of(highest, ()):
            wrong.append("the account counter is behind the accounts")
        wrong += server_metadata.check_annotations(
            server_metadata.annotations_of(self._rows_of(server_metadata.ALL, ()))
        )
        return wrong

    # writes

    async def add_domain(self, domain: str) -> None:
        """Raises ``Refused(BAD_RECIPIENT)`` for what can be no domain; nothing happens when it is there."""
        name = checked_domain(domain)
        insert = "INSERT OR IGNORE INTO domain SELECT ?, coalesce(max(position) + 1, 0) FROM domain"
        await self._write(lambda db: _run(db, insert, (name,)))

    async def add_account(self, login: str, credentials: Credentials | None) -> AccountRef:
        """The domain need not be a local one: mail for it is then not delivered here, but the login works."""
        local_part, domain = checked_address(login)
        account_id = await self._write(lambda db: _reserve(db, local_part, domain))
        ref = AccountRef(account_id, f"{local_part}@{domain}", account_id % self._shards)
        await self._rows.create_account_rows(ref)
        try:
            await self._write(lambda db: _insert_account(db, ref, credentials))
        except Refused:
            await self._rows.remove_account_rows(ref)
            raise
        return ref

    async def remove_account(self, account_id: AccountId) -> None:
        """Raises ``Refused(NONEXISTENT)``."""
        ref = self._existing(account_id)
        await self._write(lambda db: _delete_account(db, account_id))
        await self._rows.remove_account_rows(ref)

    async def set_credentials(self, account_id: AccountId, credentials: Credentials) -> None:
        """Raises ``Refused(NONEXISTENT)``."""
        self._existing(account_id)
        await self._write(lambda db: _put_credentials(db, account_id, credentials))

    async def set_enabled(self, account_id: AccountId, enabled: bool) -> None:
        """Raises ``Refused(NONEXISTENT)``."""
        self._existing(account_id)
        update = "UPDATE account SET enabled = ? WHERE account_id = ?"
        await self._write(lambda db: _run(db, update, (int(enabled), account_id)))

    async def add_alias(self, address: str, account_id: AccountId) -> None:
        """``@domain`` is a catch-all. Raises ``Refused``: BAD_RECIPIENT, NONEXISTENT, ALREADY_EXISTS (an account's
        name).
        """
        self._existing(account_id)
        if address.startswith("@"):
            local_part, domain = "", checked_domain(address[1:])
        else:
            local_part, domain = checked_address(address)
        await self._write(lambda db: _insert_alias(db, local_part, domain, account_id))

    async def remove_alias(self, address: str) -> None:
        """For all accounts that have it. Raises ``Refused(NONEXISTENT)``."""
        local_part, domain = split_address(address)
        await self._write(lambda db: _delete_alias(db, local_part, domain))

    async def set_annotations(self, values: Mapping[str, bytes | None]) -> None:
        await self._write(lambda db: server_metadata.write_annotations(db, values))
        if self._told is not None:
            self._told()

    # inside

    def _existing(self, account_id: AccountId) -> AccountRef:
        ref = self.by_id(account_id)
        if ref is None:
            raise Refused(Reason.NONEXISTENT, "No such account")
        return ref

    def _cached(self, question: tuple[str, ...], read: Callable[[], _Answer]) -> _Answer:
        """The answer to ``question``, from memory while no one has written."""
        version = _int(self._rows_of("PRAGMA data_version", ())[0][0])
        if version != self._version or len(self._cache) >= MAX_CACHED_ANSWERS:
            self._cache.clear()
            self._version = version
        if question in self._cache:
            # one question always has the same reader, so the type is that reader's
            return self._cache[question]  # type: ignore[return-value]
        answer = read()
        self._cache[question] = answer
        return answer

    def _rows_of(self, sql: str, bound: tuple[SqlValue, ...]) -> list[tuple[SqlValue, ...]]:
        try:
            return self._reader.execute(sql, bound).fetchall()
        except (apsw.BusyError, apsw.IOError, apsw.CantOpenError) as error:
            raise Unavailable("The directory can not be read now") from error

    def _refs(self, sql: str, bound: tuple[SqlValue, ...]) -> tuple[AccountRef, ...]:
        return tuple(
            AccountRef(AccountId(_int(number)), _text(login), _int(shard), bool(enabled))
            for number, login, shard, enabled in self._rows_of(sql, bound)
        )

    def _one(self, sql: str, bound: tuple[SqlValue, ...]) -> AccountRef | None:
        found = self._refs(sql, bound)
        return found[0] if found else None

    def _read_login(self, local_part: str, domain: str) -> AccountRef | None:
        if domain:
            return self._one(_BY_ADDRESS, (local_part, domain))
        return self._one(_BY_NAME, (local_part,))

    def _read_domains(self) -> tuple[str, ...]:
        return tuple(_text(row[0]) for row in self._rows_of("SELECT domain FROM domain ORDER BY position", ()))

    def _read_address(self, local_part: str, domain: str) -> tuple[AccountRef, ...]:
        plain = local_part.partition("+")[0]
        for name in dict.fromkeys((local_part, plain)):
            found = self._refs(_BY_ADDRESS, (name, domain)) if name else ()
            found = found or (self._refs(_BY_ALIAS, (domain, name)) if name else ())
            if found:
                return found
        return self._refs(_BY_ALIAS, (domain, ""))

    def _read_annotations(self) -> dict[str, bytes]:
        kept = server_metadata.annotations_of(self._rows_of(server_metadata.ALL, ()))
        return {**kept, **self._fixed_annotations}

    def _read_credentials(self, account_id: AccountId) -> Credentials | None:
        kept = self._rows_of("SELECT argon2 FROM credential WHERE account_id = ?", (account_id,))
        if not kept:
            return None
        scram = tuple(
            ScramKeys(_text(name), _blob(salt), _int(iterations), Secret(_blob(stored)), Secret(_blob(server)))
            for name, salt, iterations, stored, server in self._rows_of(_SCRAM, (account_id,))
        )
        return Credentials(Secret(_text(kept[0][0]).encode("ascii")), scram)

    async def _write(self, change: Callable[[apsw.Connection], _Answer]) -> _Answer:
        return await asyncio.to_thread(self._write_now, change)

    def _write_now(self, change: Callable[[apsw.Connection], _Answer]) -> _Answer:
        """One transaction, committed and on disk when it returns."""
        try:
            with self._write_lock:
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    answer = change(self._writer)
                except BaseException:
                    self._writer.execute("ROLLBACK")
                    raise
                self._writer.execute("COMMIT")
                return answer
        except (apsw.BusyError, apsw.IOError, apsw.FullError, apsw.ReadOnlyError) as error:
            raise Unavailable("The directory can not be written now") from error


def _connect(path: Path) -> apsw.Connection:
    # Before the first octet, and by its path: to close a descriptor of the file would end SQLite's locks on it.
    path.touch(mode=0o600)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_TIMEOUT_MS)
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").fetchall()
    return connection


def _create(db: apsw.Connection) -> None:
    """The tables and keys that are not there yet."""
    schema = resources.files("verbena.store").joinpath("server.sql").read_text(encoding="utf-8")
    db.execute(schema).fetchall()
    for purpose in PURPOSES:
        _run(db, "INSERT OR IGNORE INTO secret VALUES (?, ?)", (purpose, secrets.token_bytes(SECRET_OCTETS)))


def _run(db: apsw.Connection, sql: str, bound: tuple[SqlValue, ...]) -> None:
    db.execute(sql, bound).fetchall()


def _reserve(db: apsw.Connection, local_part: str, domain: str) -> AccountId:
    """A number for a new account, given out once; nothing else is written."""
    _refuse_taken(db, local_part, domain)
    given = db.execute("UPDATE counter SET next = next + 1 WHERE name = 'account_id' RETURNING next - 1").fetchall()
    return AccountId(_int(given[0][0]))


def _refuse_taken(db: apsw.Connection, local_part: str, domain: str) -> None:
    taken = "SELECT 1 FROM account WHERE local_part = ?1 AND domain = ?2 UNION ALL "
    taken += "SELECT 1 FROM alias WHERE local_part = ?1 AND domain = ?2"
    if db.execute(taken, (local_part, domain)).fetchall():
        raise Refused(Reason.ALREADY_EXISTS, f"{local_part}@{domain} is taken, by an account or an alias")


def _insert_account(db: apsw.Connection, ref: AccountRef, credentials: Credentials | None) -> None:
    local_part, domain = split_address(ref.login)
    _refuse_taken(db, local_part, domain)
    _run(db, "INSERT INTO account VALUES (?, ?, ?, ?, 1)", (ref.account_id, local_part, domain, ref.shard))
    if credentials is not None:
        _put_credentials(db, ref.account_id, credentials)


def _delete_account(db: apsw.Connection, account_id: AccountId) -> None:
    for table in ("alias", "credential", "scram", "account"):
        _run(db, f"DELETE FROM {table} WHERE account_id = ?", (account_id,))


def _put_credentials(db: apsw.Connection, account_id: AccountId, credentials: Credentials) -> None:
    argon2 = credentials.argon2.reveal().decode("ascii")
    _run(db, "INSERT OR REPLACE INTO credential VALUES (?, ?)", (account_id, argon2))
    _run(db, "DELETE FROM scram WHERE account_id = ?", (account_id,))
    for keys in credentials.scram:
        bound = (account_id, keys.hash_name, keys.salt, keys.iterations)
        secret = (keys.stored_key.reveal(), keys.server_key.reveal())
        _run(db, "INSERT INTO scram VALUES (?, ?, ?, ?, ?, ?)", bound + secret)


def _insert_alias(db: apsw.Connection, local_part: str, domain: str, account_id: AccountId) -> None:
    name = "SELECT 1 FROM account WHERE local_part = ? AND domain = ?"
    if db.execute(name, (local_part, domain)).fetchall():
        raise Refused(Reason.ALREADY_EXISTS, f"{local_part}@{domain} is the name of an account")
    _run(db, "INSERT OR IGNORE INTO alias VALUES (?, ?, ?)", (local_part, domain, account_id))


def _delete_alias(db: apsw.Connection, local_part: str, domain: str) -> None:
    _run(db, "DELETE FROM alias WHERE local_part = ? AND domain = ?", (local_part, domain))
    if not db.changes():
        raise Refused(Reason.NONEXISTENT, f"There is no alias {local_part}@{domain}")


def _int(value: SqlValue) -> int:
    if not isinstance(value, int):
        raise InternalError("server.db has a value of the wrong type")
    return value


def _text(value: SqlValue) -> str:
    if not isinstance(value, str):
        raise InternalError("server.db has a value of the wrong type")
    return value


def _blob(value: SqlValue) -> bytes:
    if not isinstance(value, bytes):
        raise InternalError("server.db has a value of the wrong type")
    return value
