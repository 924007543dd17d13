"""The mechanisms on offer and what comes of an exchange: accounts, rights, limits (RFC 4422, RFC 4954 §4, RFC 5550 §8).

``AuthService`` keeps ``auth.api.Authenticator`` for IMAP, submission and ManageSieve alike.

- Without TLS nothing is offered, unless the configuration allows it or the peer sits on a local socket: SCRAM hides the
  password there too, but not from whoever has time to guess, and the session after it could be taken over.
- An authorization identity must mean the account that logs in: nobody acts for others.
- Whoever has no account gets a made-up SCRAM salt that stays the same, and as long a wait, as one who has.
- Channel bindings are those that ``net`` has from TLS: ``tls-server-end-point``, and ``tls-unique`` up to TLS 1.2.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, assert_never

from verbena.auth.api import Challenge, Exchange, Identity, Success
from verbena.auth.limit import MAX_ACCOUNT_FAILURES, MAX_ADDRESS_FAILURES, CounterMaker, LoginLimit, in_memory
from verbena.auth.password import REMEMBERED_S, SCRAM_ITERATIONS, PasswordChecker
from verbena.model.errors import PeerError, Refused
from verbena.model.link import Meter, Peer, TlsState
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.store.api import AccountRef, Directory
from verbena.wire.sasl.coding import encode_base64
from verbena.wire.sasl.machine import (
    NeedIdentity,
    NeedPasswordCheck,
    NeedScramKeys,
    ScramVerifier,
    SendChallenge,
    ServerStep,
    Verified,
)
from verbena.wire.sasl.mechanism import MECHANISMS, Mechanism, find_mechanism, server_machine
from verbena.wire.sasl.prep import prepare_octets, saslprep
from verbena.wire.sasl.scram_message import hash_octets

NONCE_OCTETS: Final = 18


@dataclass(frozen=True, slots=True)
class LoginEvent:
    """One attempt, for the log. ``user`` is the name as tried, cut to 200 characters; ``account`` its login if it has
    one.

    ``result`` is ``ok`` or the name of a ``Reason`` in lower case, ``syntax`` for broken octets.
    """

    protocol: str
    mechanism: str
    user: str
    account: str
    address: str
    result: str


def _ignore(event: LoginEvent) -> None:
    """The callback of a service whose logins nobody follows."""


def _failed() -> Refused:
    return Refused(Reason.AUTHENTICATION_FAILED, "Authentication failed")


class AuthService:
    """``fake_salt_key`` is the directory's secret ``scram-fake-salt``; ``submit_users``, ``stream_users`` and
    ``administrators`` are logins, with or without domain.

    ``clock`` gives seconds of a clock that never goes back, ``random`` so many random octets. ``close`` it at the end.
    """

    def __init__(
        self,
        directory: Directory,
        fake_salt_key: Secret,
        *,
        allow_plaintext: bool = False,
        submit_users: Iterable[str] = (),
        stream_users: Iterable[str] = (),
        administrators: Iterable[str] = (),
        meter: Meter | None = None,
        told: Callable[[LoginEvent], None] = _ignore,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[int], bytes] = secrets.token_bytes,
        remembered_s: float = REMEMBERED_S,
        max_address_failures: int = MAX_ADDRESS_FAILURES,
        max_account_failures: int = MAX_ACCOUNT_FAILURES,
        counters: CounterMaker = in_memory,
    ) -> None:
        self._directory: Final = directory
        self._fake_salt_key: Final = fake_salt_key
        self._allow_plaintext: Final = allow_plaintext
        self._submit_users: Final = tuple(submit_users)
        self._stream_users: Final = tuple(stream_users)
        self._administrators: Final = tuple(administrators)
        self._passwords: Final = PasswordChecker(clock, random, remembered_s)
        self._limit: Final = LoginLimit(clock, max_address_failures, max_account_failures, counters)
        self._sleep: Final = sleep
        self._random: Final = random
        self._report: Final = _Report(meter, told)

    def close(self) -> None:
        self._passwords.close()

    def login_allowed(self, tls: TlsState | None, peer: Peer) -> bool:
        return tls is not None or self._allow_plaintext or peer.address == "unix"

    def mechanisms(self, tls: TlsState | None, peer: Peer) -> tuple[str, ...]:
        if not self.login_allowed(tls, peer):
            return ()
        return tuple(mechanism.name for mechanism in MECHANISMS if _is_possible(mechanism, tls))

    def start(self, mechanism: str, tls: TlsState | None, peer: Peer, protocol: str) -> Exchange:
        found = find_mechanism(mechanism)
        if found is None:
            raise Refused(Reason.AUTHENTICATION_FAILED, "Unsupported authentication mechanism")
        if not self.login_allowed(tls, peer):
            raise Refused(Reason.PRIVACY_REQUIRED, "Start TLS first")
        if not _is_possible(found, tls):
            raise Refused(Reason.AUTHENTICATION_FAILED, "Unsupported authentication mechanism")
        return _SaslExchange(self, found, tls, peer, protocol, self._random)

    async def login(self, user: str, password: Secret, tls: TlsState | None, peer: Peer, protocol: str) -> Identity:
        if not self.login_allowed(tls, peer):
            raise Refused(Reason.PRIVACY_REQUIRED, "Start TLS first")
        attempt = Attempt(protocol, "LOGIN", peer, user)
        try:
            prepared = Secret(prepare_octets(password.reveal()).encode("utf-8"))
            check = NeedPasswordCheck(saslprep(user), prepared, "")
        except PeerError as error:
            await self.fail(attempt, _failed())
            raise _failed() from error
        return await self.check_password(attempt, check)

    # steps of an exchange, for ``_SaslExchange``

    async def check_password(self, attempt: "Attempt", check: NeedPasswordCheck) -> Identity:
        """Raises as ``Exchange.step``."""
        ref = self.begin(attempt, check.user)
        credentials = self._directory.credentials(ref.account_id) if ref is not None else None
        if not await self._passwords.check(credentials, check.password) or ref is None:
            raise await self.fail(attempt, _failed())
        return await self.admit(attempt, ref, check.user, check.authzid)

    def begin(self, attempt: "Attempt", user: str) -> AccountRef | None:
        """The account that ``user`` means, once the limits allow to try. Raises ``Refused(TOO_MANY_ATTEMPTS)``."""
        ref = self._directory.find_login(user)
        attempt.user = user
        attempt.account = ref.login if ref is not None else ""
        attempt.counted_as = attempt.account or user.lower()
        try:
            self._limit.check(attempt.peer.address, attempt.counted_as)
        except Refused as refused:
            self._report.tell(attempt, refused.reason.name.lower())
            raise
        return ref

    async def admit(self, attempt: "Attempt", ref: AccountRef, user: str, authzid: str) -> Identity:
        """The session's user, who has proved to be ``user``. Raises ``Refused``: AUTHORIZATION_FAILED,
        ACCOUNT_DISABLED.
        """
        acting = self._directory.find_login(authzid) if authzid else ref
        if acting is None or acting.account_id != ref.account_id:
            raise await self.fail(attempt, Refused(Reason.AUTHORIZATION_FAILED, "No right to act for another user"))
        if not ref.enabled:
            raise await self.fail(attempt, Refused(Reason.ACCOUNT_DISABLED, "This account is disabled"))
        self._limit.succeeded(attempt.peer.address, attempt.counted_as)
        self._report.tell(attempt, "ok")
        return Identity(
            ref,
            user,
            attempt.mechanism,
            self._is_one_of(self._submit_users, ref),
            self._is_one_of(self._stream_users, ref),
            self._is_one_of(self._administrators, ref),
        )

    async def fail(self, attempt: "Attempt", refused: Refused) -> Refused:
        """Count and report a failure, wait as long as it deserves, and give ``refused`` back to be raised."""
        delay_s = self._limit.failed(attempt.peer.address, attempt.counted_as)
        self._report.tell(attempt, refused.reason.name.lower())
        await self._sleep(delay_s)
        return refused

    def check_address(self, attempt: "Attempt") -> None:
        """Raises ``Refused(TOO_MANY_ATTEMPTS)`` for an address that may not even say a name."""
        self._limit.check(attempt.peer.address, "")

    def scram_keys(self, ref: AccountRef | None, need: NeedScramKeys) -> ScramVerifier:
        """The account's keys, or for nobody such as no password has, with a salt that stays the same (RFC 5802 §9)."""
        credentials = self._directory.credentials(ref.account_id) if ref is not None else None
        for keys in credentials.scram if credentials is not None else ():
            if keys.hash_name == need.hash_name:
                return ScramVerifier(keys.hash_name, keys.salt, keys.iterations, keys.stored_key, keys.server_key)
        named = ref.login if ref is not None else self._in_full(need.user)
        salt = hmac.digest(self._fake_salt_key.reveal(), f"{need.hash_name} {named}".encode(), "sha256")[:16]
        length = hash_octets(need.hash_name)
        stored, server = Secret(self._random(length)), Secret(self._random(length))
        return ScramVerifier(need.hash_name, salt, SCRAM_ITERATIONS, stored, server)

    def _in_full(self, user: str) -> str:
        """A name that nobody has as it would be told with its domain: whoever is there is one under both names."""
        domains = self._directory.domains()
        return user.lower() if "@" in user or not domains else f"{user}@{domains[0]}".lower()

    def _is_one_of(self, names: tuple[str, ...], ref: AccountRef) -> bool:
        for name in names:
            named = self._directory.find_login(name)
            if named is not None and named.account_id == ref.account_id:
                return True
        return False


def _is_possible(mechanism: Mechanism, tls: TlsState | None) -> bool:
    if mechanism.needs_binding:
        return tls is not None and bool(tls.channel_bindings)
    if mechanism.needs_certificate:
        return tls is not None and tls.client_identity is not None
    return True


class Attempt:
    """One attempt to log in, as far as it has come."""

    __slots__ = ("account", "counted_as", "mechanism", "peer", "protocol", "user")

    def __init__(self, protocol: str, mechanism: str, peer: Peer, user: str = "") -> None:
        self.protocol: Final = protocol
        self.mechanism: Final = mechanism
        self.peer: Final = peer
        self.user = user
        self.account = ""
        self.counted_as = user.lower()


class _Report:
    """Tells the log and the meter of attempts."""

    def __init__(self, meter: Meter | None, told: Callable[[LoginEvent], None]) -> None:
        self._meter: Final = meter
        self._told: Final = told

    def tell(self, attempt: Attempt, result: str) -> None:
        if self._meter is not None:
            self._meter.login(attempt.protocol, attempt.mechanism, result)
        user = attempt.user[:200]
        address = attempt.peer.address
        self._told(LoginEvent(attempt.protocol, attempt.mechanism, user, attempt.account, address, result))


class _SaslExchange:
    """Runs one server machine and answers what it asks."""

    def __init__(
        self,
        service: AuthService,
        mechanism: Mechanism,
        tls: TlsState | None,
        peer: Peer,
        protocol: str,
        random: Callable[[int], bytes],
    ) -> None:
        self._service: Final = service
        self._tls: Final = tls
        self._attempt: Final = Attempt(protocol, mechanism.name, peer)
        self._account: AccountRef | None = None
        bindings = tls.channel_bindings if tls is not None else ()
        nonce = encode_base64(random(NONCE_OCTETS))
        self._machine: Final = server_machine(mechanism, bindings, nonce)

    async def step(self, response: bytes | None) -> Challenge | Success:
        self._service.check_address(self._attempt)
        try:
            step = self._machine.receive(response)
        except Refused as refused:
            raise await self._service.fail(self._attempt, refused) from refused
        except PeerError:
            await self._service.fail(self._attempt, _failed())
            raise
        return await self._answer(step)

    async def _answer(self, step: ServerStep) -> Challenge | Success:
        service, attempt = self._service, self._attempt
        match step:
            case SendChallenge(octets):
                return Challenge(octets)
            case NeedScramKeys(user):
                self._account = service.begin(attempt, user)
                return Challenge(self._machine.keys_found(service.scram_keys(self._account, step)).octets)
            case NeedPasswordCheck():
                return Success(await service.check_password(attempt, step), None)
            case NeedIdentity(authzid):
                return Success(await self._external(authzid), None)
            case Verified(user, authzid, final):
                if self._account is None:
                    raise await service.fail(attempt, _failed())
                return Success(await service.admit(attempt, self._account, user, authzid), final)
            case _:
                assert_never(step)

    async def _external(self, authzid: str) -> Identity:
        """Whom the client's certificate names (RFC 4422 Appendix A)."""
        named = self._tls.client_identity if self._tls is not None else None
        ref = self._service.begin(self._attempt, named) if named else None
        if ref is None or named is None:
            raise await self._service.fail(self._attempt, _failed())
        return await self._service.admit(self._attempt, ref, named, authzid)
