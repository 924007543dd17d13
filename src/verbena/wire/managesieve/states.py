"""The states of a ManageSieve session, and the sets of them in which commands are legal (RFC 5804 §2)."""

from enum import Enum, auto
from typing import Final


class State(Enum):
    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()


ANY_STATE: Final = frozenset(State)
LOGGED_OUT: Final = frozenset({State.NOT_AUTHENTICATED})
LOGGED_IN: Final = frozenset({State.AUTHENTICATED})
