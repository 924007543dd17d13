"""Rate limits of logins, with a clock of the test's own; in one process, and over several."""

from pathlib import Path

import pytest

from verbena.auth.limit import KNOWN_S, MAX_DELAY_S, WINDOW_S, LoginLimit
from verbena.auth.shared_counter import SETS, WAYS, SharedCounter, shared_in
from verbena.model.errors import Refused
from verbena.model.link import address_key

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


def test_users_of_a_local_socket_do_not_shut_each_other_out() -> None:
    limit = LoginLimit(Clock(), max_address_failures=3, max_account_failures=5)
    for _ in range(5):
        limit.check("unix", "bob")
        limit.failed("unix", "bob")
    limit.check("unix", "carol")
    with pytest.raises(Refused):
        limit.check("unix", "bob")


@pytest.mark.rfc("4954 §9")
def test_workers_count_together(tmp_path: Path) -> None:
    clock = Clock()
    one, other = (LoginLimit(clock, 4, 3, shared_in(tmp_path)) for _ in range(2))
    one.succeeded("192.0.2.1", "bob")
    assert [limit.failed("192.0.2.7", "bob") for limit in (one, other, one)] == [0.25, 0.5, 1.0]
    for limit in (one, other):
        with pytest.raises(Refused):
            limit.check("192.0.2.9", "bob")
        limit.check("192.0.2.1", "bob")
        limit.check("192.0.2.7", "carol")
    other.failed("192.0.2.7", "carol")
    for limit in (one, other):
        with pytest.raises(Refused):
            limit.check("192.0.2.7", "")
    other.succeeded("192.0.2.1", "bob")
    one.check("192.0.2.9", "bob")
    clock.now_s += WINDOW_S
    one.check("192.0.2.7", "bob")
    assert (tmp_path / "logins-addresses").stat().st_mode & 0o777 == 0o600


def test_a_full_table_gives_up_the_oldest(tmp_path: Path) -> None:
    counter = SharedCounter(tmp_path / "table", WINDOW_S)
    try:
        counter.add("first", 0.0)
        for number in range(4 * SETS * WAYS):
            counter.add(f"key {number}", 1.0 + number / 1000)
        assert counter.count("first", 133.0) == 0
        last = [counter.count(f"key {4 * SETS * WAYS - 1 - number}", 133.0) for number in range(1000)]
        assert last == [1] * 1000
        assert counter.count("key 9", 133.0 + WINDOW_S) == 0
    finally:
        counter.close()


def test_what_a_reboot_left_counts_for_nothing(tmp_path: Path) -> None:
    counter = SharedCounter(tmp_path / "table", WINDOW_S)
    counter.add("bob", 90_000.0)
    assert counter.count("bob", 10.0) == 0
    counter.add("bob", 10.0)
    assert counter.count("bob", 11.0) == 1
    counter.forget("bob")
    assert counter.count("bob", 11.0) == 0
    counter.close()
    (tmp_path / "table").write_bytes(b"torn")
    counter = SharedCounter(tmp_path / "table", WINDOW_S)
    counter.add("bob", 10.0)
    assert counter.count("bob", 11.0) == 1
    counter.close()
