"""How many failed logins an address and an account may have, and how long each has to wait (RFC 4422 §6, RFC 4954 §6).

Failures are counted per address (an IPv6 /64, the smallest thing that one user owns) and per account, and forgotten
``WINDOW_S`` after the last one. Over its limit an address is refused unheard. An account over its limit refuses
only addresses that never logged in to it before, so that a stranger who guesses can not lock the owner out.
A refused answer is held back for a time that doubles with each failure. Users of a local socket have no address of
their own: there the account's limit is the only one. All memory is bounded; counts are of this process, or of all
workers where ``auth.shared_counter`` keeps them.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from verbena.model.errors import Refused
from verbena.model.link import address_key
from verbena.model.reason import Reason

WINDOW_S: Final = 600.0
MAX_ADDRESS_FAILURES: Final = 50
"""A whole office may sit behind one address."""
MAX_ACCOUNT_FAILURES: Final = 20
FIRST_DELAY_S: Final = 0.25
MAX_DELAY_S: Final = 8.0
KNOWN_S: Final = 30 * 86_400.0
MAX_ENTRIES: Final = 50_000
"""Of each kind; the oldest are dropped first."""
LOCAL: Final = "unix"
"""The address of all who come over a local socket."""


class Counter(Protocol):
    """Counts per key, forgotten some time after the last one. ``now_s`` is a clock that never goes back."""

    def count(self, key: str, now_s: float) -> int: ...

    def add(self, key: str, now_s: float) -> None: ...

    def forget(self, key: str) -> None: ...


CounterMaker = Callable[[str, float], Counter]
"""Makes the counter of a name, whose counts are kept for so many seconds."""


class MemoryCounter:
    """``Counter`` of one process."""

    def __init__(self, kept_s: float) -> None:
        self._kept_s: Final = kept_s
        self._entries: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def count(self, key: str, now_s: float) -> int:
        count, at_s = self._entries.get(key, (0, now_s))
        return count if now_s - at_s < self._kept_s else 0

    def add(self, key: str, now_s: float) -> None:
        self._entries[key] = (self.count(key, now_s) + 1, now_s)
        self._entries.move_to_end(key)
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)

    def forget(self, key: str) -> None:
        self._entries.pop(key, None)


def in_memory(name: str, kept_s: float) -> Counter:
    """``CounterMaker`` of counters that nobody shares."""
    return MemoryCounter(kept_s)


class LoginLimit:
    """``clock`` gives seconds of a clock that never goes back."""

    def __init__(
        self,
        clock: Callable[[], float],
        max_address_failures: int = MAX_ADDRESS_FAILURES,
        max_account_failures: int = MAX_ACCOUNT_FAILURES,
        counters: CounterMaker = in_memory,
    ) -> None:
        self._clock: Final = clock
        self._max_address: Final = max_address_failures
        self._max_account: Final = max_account_failures
        self._addresses: Final = counters("addresses", WINDOW_S)
        self._accounts: Final = counters("accounts", WINDOW_S)
        self._known: Final = counters("known", KNOWN_S)

    def check(self, address: str, account: str) -> None:
        """Raises ``Refused(TOO_MANY_ATTEMPTS)``. ``account`` is the name that is tried, empty while unknown."""
        now_s = self._clock()
        origin = address_key(address)
        if origin != LOCAL and self._addresses.count(origin, now_s) >= self._max_address:
            raise Refused(Reason.TOO_MANY_ATTEMPTS, "Too many failed logins, try again later")
        if not account or self._accounts.count(account, now_s) < self._max_account:
            return
        if not self._known.count(f"{account} {origin}", now_s):
            raise Refused(Reason.TOO_MANY_ATTEMPTS, "Too many failed logins, try again later")

    def failed(self, address: str, account: str) -> float:
        """Count a failure; seconds to hold the answer back."""
        now_s = self._clock()
        origin = address_key(address)
        failures = 1
        if origin != LOCAL:
            self._addresses.add(origin, now_s)
            failures = self._addresses.count(origin, now_s)
        if account:
            self._accounts.add(account, now_s)
            failures = max(failures, self._accounts.count(account, now_s))
        return float(min(FIRST_DELAY_S * 2.0 ** min(failures - 1, 10), MAX_DELAY_S))

    def succeeded(self, address: str, account: str) -> None:
        """The owner has come in: the account's failures are over, the address is known to be the owner's."""
        origin = address_key(address)
        self._accounts.forget(account)
        self._known.add(f"{account} {origin}", self._clock())
