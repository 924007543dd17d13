"""What is kept of passwords, and how a given one is checked against it: argon2id (RFC 9106) and SCRAM keys (RFC 5802
§3).

Hashing takes some 25 ms and 19 MiB (the least that OWASP's password storage advice allows), so it runs in a few
threads and never on the loop. What was verified a short while ago is remembered by an HMAC under a random key of this
process, so that a storm of logins does not hash each time; the kept hash goes into that HMAC, so a changed
password ends what is remembered at once.
"""

import asyncio
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from verbena.model.errors import PeerError, Refused
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.store.api import Credentials, ScramKeys
from verbena.wire.sasl.prep import prepare_octets
from verbena.wire.sasl.scram_message import derive_verifier

HASH_THREADS: Final = 2
MAX_WAITING: Final = 500
"""Logins that may wait for a hash at once; more are told to come again."""
REMEMBERED_S: Final = 300.0
MAX_REMEMBERED: Final = 10_000
SCRAM_ITERATIONS: Final = 10_000
SALT_OCTETS: Final = 16
SCRAM_HASHES: Final = ("SHA-256", "SHA-1")

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, hash_len=32, salt_len=16)


def make_credentials(password: Secret, random: Callable[[int], bytes]) -> Credentials:
    """What to keep of ``password``; ``random`` gives so many random octets. CPU: some 40 ms, run it off the loop.

    Raises ``Refused(CANNOT)`` for an empty password or one that SASLprep does not allow in a stored string (RFC 4013).
    """
    try:
        prepared = Secret(prepare_octets(password.reveal(), stored=True).encode("utf-8"))
    except PeerError as error:
        raise Refused(Reason.CANNOT, "The password has characters that can not be in one") from error
    if not prepared.reveal():
        raise Refused(Reason.CANNOT, "The password is empty")
    argon2 = _HASHER.hash(prepared.reveal(), salt=random(SALT_OCTETS))
    scram: list[ScramKeys] = []
    for hash_name in SCRAM_HASHES:
        keys = derive_verifier(hash_name, prepared, random(SALT_OCTETS), SCRAM_ITERATIONS)
        scram.append(ScramKeys(hash_name, keys.salt, keys.iterations, keys.stored_key, keys.server_key))
    return Credentials(Secret(argon2.encode("ascii")), tuple(scram))


def _matches(argon2: bytes, password: Secret) -> bool:
    try:
        return _HASHER.verify(argon2, password.reveal())
    except (VerificationError, InvalidHashError):
        return False


class PasswordChecker:
    """Checks passwords off the loop. One per process; ``close`` it. ``random`` and ``clock`` as ``AuthService``.

    ``remembered_s`` 0: nothing is remembered.
    """

    def __init__(
        self, clock: Callable[[], float], random: Callable[[int], bytes], remembered_s: float = REMEMBERED_S
    ) -> None:
        self._clock: Final = clock
        self._remembered_s: Final = remembered_s
        self._key: Final = random(32)
        self._pool: Final = ThreadPoolExecutor(HASH_THREADS, thread_name_prefix="argon2")
        self._slots: Final = asyncio.Semaphore(HASH_THREADS)
        self._waiting = 0
        self._remembered: OrderedDict[bytes, float] = OrderedDict()
        self._nobody: Final = random(32).hex().encode("ascii")
        self._dummy: bytes | None = None

    def close(self) -> None:
        self._pool.shutdown(wait=False)

    async def check(self, credentials: Credentials | None, password: Secret) -> bool:
        """Whether ``password``, prepared with SASLprep, is the one kept.

        Without ``credentials`` the answer is False after as long a time, so that nobody learns who has an account.
        Raises ``Refused(TOO_MANY_ATTEMPTS)`` when too many wait already.
        """
        kept = credentials.argon2.reveal() if credentials is not None else b""
        tag = self._tag(kept, password)
        if self._is_remembered(tag):
            return True
        if self._waiting >= MAX_WAITING:
            raise Refused(Reason.TOO_MANY_ATTEMPTS, "Too many logins at once, try again")
        self._waiting += 1
        try:
            async with self._slots:
                return await self._check_now(kept, password, tag)
        finally:
            self._waiting -= 1

    async def _check_now(self, kept: bytes, password: Secret, tag: bytes) -> bool:
        # the same login may have been verified while this one waited
        if self._is_remembered(tag):
            return True
        loop = asyncio.get_running_loop()
        if self._dummy is None:
            dummy = await loop.run_in_executor(self._pool, _HASHER.hash, self._nobody)
            self._dummy = dummy.encode("ascii")
        good = await loop.run_in_executor(self._pool, _matches, kept or self._dummy, password) and bool(kept)
        if good:
            self._remembered[tag] = self._clock()
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        return good

    def _tag(self, kept: bytes, password: Secret) -> bytes:
        return hmac.digest(self._key, hashlib.sha256(kept).digest() + password.reveal(), "sha256")

    def _is_remembered(self, tag: bytes) -> bool:
        at_s = self._remembered.get(tag)
        if at_s is None:
            return False
        if self._clock() - at_s < self._remembered_s:
            return True
        del self._remembered[tag]
        return False
