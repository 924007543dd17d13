"""Rate limits of logins, with a clock of the test's own."""

import pytest

from verbena.auth.limit import KNOWN_S, MAX_DELAY_S, WINDOW_S, LoginLimit, address_key
from verbena.model.errors import Refused

KEYS = [
    ("192.0.2.1", "192.0.2.1"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
    ("fe80::1%eth0", "fe80::/64"),
    ("unix", "unix"),
]


@pytest.mark.parametrize(("address", "key"), KEYS)
def test_address_key(address: str, key: str) -> None:
    assert address_key(address) == key


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_delays_double_up_to_a_bound_and_are_forgotten() -> None:
    clock = Clock()
    limit = LoginLimit(clock)
    assert [limit.failed("192.0.2.1", "bob") for _ in range(8)] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert limit.failed("192.0.2.1", "carol") == MAX_DELAY_S
    assert limit.failed("192.0.2.2", "dave") == 0.25
    clock.now_s += WINDOW_S
    assert limit.failed("192.0.2.1", "bob") == 0.25


def test_an_address_is_refused_after_too_many_failures() -> None:
    clock = Clock()
    limit = LoginLimit(clock, max_address_failures=3)
    for name in ("a", "b", "c"):
        limit.check("2001:db8::1", name)
        limit.failed("2001:db8::1", name)
    with pytest.raises(Refused):
        limit.check("2001:db8::2", "")
    limit.check("2001:db8:0:1::1", "d")
    clock.now_s += WINDOW_S
    limit.check("2001:db8::1", "d")


def test_an_account_under_attack_still_lets_its_owner_in() -> None:
    clock = Clock()
    limit = LoginLimit(clock, max_account_failures=2)
    limit.succeeded("192.0.2.1", "bob")
    for last in (7, 8):
        limit.failed(f"192.0.2.{last}", "bob")
    with pytest.raises(Refused):
        limit.check("192.0.2.9", "bob")
    limit.check("192.0.2.1", "bob")
    limit.check("192.0.2.9", "carol")
    limit.succeeded("192.0.2.1", "bob")
    limit.check("192.0.2.9", "bob")
    clock.now_s += KNOWN_S
    for last in (7, 8):
        limit.failed(f"192.0.2.{last}", "bob")
    with pytest.raises(Refused):
        limit.check("192.0.2.1", "bob")
