"""The registry: no name has two owners, and what the tables promise is answered by someone."""

import pytest

from verbena.imap.dispatch import CODES
from verbena.imap.extensions import REGISTRY
from verbena.imap.registry import Extension, StatusItemRow, build_registry
from verbena.imap.session import Session
from verbena.model.errors import InternalError
from verbena.model.mailbox import Status
from verbena.model.reason import Reason
from verbena.wire.imap.states import State


def _figure(session: Session, figures: Status) -> int:
    return 0


def test_a_name_has_one_owner() -> None:
    one = Extension(rfc=1, status_items=(StatusItemRow("SIZE", _figure),))
    other = Extension(rfc=2, status_items=(StatusItemRow("SIZE", _figure),))
    build_registry([one])
    with pytest.raises(InternalError):
        build_registry([one, other])


def test_an_enable_name_has_one_owner() -> None:
    with pytest.raises(InternalError):
        build_registry([Extension(rfc=1, enables=("X",)), Extension(rfc=2, enables=("X",))])


def test_names_are_upper_case() -> None:
    with pytest.raises(InternalError):
        build_registry([Extension(rfc=1, status_items=(StatusItemRow("Size", _figure),))])


def test_every_reason_has_its_code() -> None:
    assert set(CODES) == set(Reason)


@pytest.mark.rfc("3501 §3")
def test_commands_are_legal_where_the_rfc_has_them() -> None:
    states = {name: row.states for name, row in REGISTRY.commands.items()}
    assert states["NOOP"] == {State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED}
    assert states["LOGIN"] == {State.NOT_AUTHENTICATED}
    assert states["SELECT"] == {State.AUTHENTICATED, State.SELECTED}
    assert states["FETCH"] == {State.SELECTED}
    assert State.LOGOUT not in frozenset().union(*states.values())


def test_prefixes_come_from_the_rows() -> None:
    assert REGISTRY.prefixes == {"UID"}


def test_commands_that_use_numbers_tell_no_expunges_when_they_answer_by_number() -> None:
    """RFC 3501 §7.4.1: FETCH, STORE and SEARCH by number."""
    silent = {name for name, row in REGISTRY.commands.items() if not row.may_tell_expunges}
    assert {"FETCH", "STORE"} <= silent <= {"FETCH", "STORE", "SEARCH", "SORT", "THREAD"}
