"""The states of an IMAP session (RFC 3501 §3). Which command is legal in which is in the server's registry."""

from enum import Enum


class State(Enum):
    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"
