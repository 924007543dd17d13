"""One account's Sieve scripts, as ``store.api.Scripts`` promises them: reads inline, writes through the engine."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Final, Protocol, TypeVar, final

from verbena.model.ids import AccountId, ModSeq
from verbena.store import scripts
from verbena.store.engine import Db
from verbena.store.script_api import Script, ScriptEntry
from verbena.store.transaction import Transaction

T = TypeVar("T")


class Write(Protocol):
    """Runs an operation as a transaction of the account, and tells of what it changed."""

    def __call__(self, operation: Callable[[Transaction], T], /) -> Coroutine[None, None, T]: ...


@final
class StoredScripts:
    """``store.api.Scripts``."""

    __slots__ = ("_account_id", "_db", "_write")

    def __init__(self, db: Db, account_id: AccountId, write: Write) -> None:
        self._db: Final = db
        self._account_id: Final = account_id
        self._write: Final = write

    def all(self) -> Sequence[ScriptEntry]:
        return scripts.list_scripts(self._db, self._account_id)

    def get(self, name: str) -> Script | None:
        return scripts.find_script(self._db, self._account_id, name)

    def active(self) -> Script | None:
        return scripts.active_script(self._db, self._account_id)

    def check_space(self, name: str, size_octets: int) -> None:
        scripts.check_space(self._db, self._account_id, name, size_octets)

    async def put(self, name: str, octets: bytes) -> ModSeq:
        return await self._write(lambda transaction: scripts.put_script(transaction, name, octets))

    async def delete(self, name: str) -> None:
        await self._write(lambda transaction: scripts.delete_script(transaction, name))

    async def rename(self, old_name: str, name: str) -> None:
        await self._write(lambda transaction: scripts.rename_script(transaction, old_name, name))

    async def activate(self, name: str | None) -> None:
        await self._write(lambda transaction: scripts.activate_script(transaction, name))
