"""The states of an IMAP session, and which command is legal in which (RFC 3501 §3 and §6).

The table has the commands of RFC 3501 and of the extensions that this layer parses; other extensions bring their own.
"""

from enum import Enum
from typing import Final


class State(Enum):
    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"


ANY: Final = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
NOT_AUTHENTICATED: Final = frozenset({State.NOT_AUTHENTICATED})
AUTHENTICATED: Final = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED: Final = frozenset({State.SELECTED})

LEGAL_STATES: Final[dict[str, frozenset[State]]] = {
    "CAPABILITY": ANY,
    "NOOP": ANY,
    "LOGOUT": ANY,
    "ID": ANY,
    "STARTTLS": NOT_AUTHENTICATED,
    "AUTHENTICATE": NOT_AUTHENTICATED,
    "LOGIN": NOT_AUTHENTICATED,
    # RFC 5161 §3.1 has ENABLE before SELECT only; clients send it later too, and QRESYNC allows for it.
    "ENABLE": AUTHENTICATED,
    "SELECT": AUTHENTICATED,
    "EXAMINE": AUTHENTICATED,
    "CREATE": AUTHENTICATED,
    "DELETE": AUTHENTICATED,
    "RENAME": AUTHENTICATED,
    "SUBSCRIBE": AUTHENTICATED,
    "UNSUBSCRIBE": AUTHENTICATED,
    "LIST": AUTHENTICATED,
    "LSUB": AUTHENTICATED,
    "STATUS": AUTHENTICATED,
    "APPEND": AUTHENTICATED,
    "NAMESPACE": AUTHENTICATED,
    "IDLE": AUTHENTICATED,
    "COMPRESS": AUTHENTICATED,
    "CHECK": SELECTED,
    "CLOSE": SELECTED,
    "UNSELECT": SELECTED,
    "EXPUNGE": SELECTED,
    "UID EXPUNGE": SELECTED,
    "SEARCH": SELECTED,
    "UID SEARCH": SELECTED,
    "FETCH": SELECTED,
    "UID FETCH": SELECTED,
    "STORE": SELECTED,
    "UID STORE": SELECTED,
    "COPY": SELECTED,
    "UID COPY": SELECTED,
    "MOVE": SELECTED,
    "UID MOVE": SELECTED,
}
