"""What a server answered when it would not, as an exception with the server's own code and words."""

from collections.abc import Mapping
from typing import Final

from verbena.model.errors import Refused, Unavailable, VerbenaError
from verbena.model.reason import Reason

_IMAP_REASONS: Final[Mapping[bytes, Reason]] = {
    b"AUTHENTICATIONFAILED": Reason.AUTHENTICATION_FAILED,
    b"AUTHORIZATIONFAILED": Reason.AUTHORIZATION_FAILED,
    b"PRIVACYREQUIRED": Reason.PRIVACY_REQUIRED,
    b"NONEXISTENT": Reason.NONEXISTENT,
    b"TRYCREATE": Reason.TRY_CREATE,
    b"ALREADYEXISTS": Reason.ALREADY_EXISTS,
    b"OVERQUOTA": Reason.OVER_QUOTA,
    b"TOOBIG": Reason.TOO_BIG,
    b"LIMIT": Reason.LIMIT,
    b"BADURL": Reason.BAD_URL,
    b"NOPERM": Reason.NO_PERMISSION,
    b"EXPUNGEISSUED": Reason.EXPUNGE_ISSUED,
}


class ServerRefused(Refused):
    """NO, BAD or 5xx. ``code`` is the IMAP response code's name or the SMTP reply code; ``enhanced`` RFC 3463's."""

    def __init__(self, reason: Reason, told: str, code: str, enhanced: str = "") -> None:
        super().__init__(reason, told)
        self.code: Final = code
        self.enhanced: Final = enhanced


class ServerUnavailable(Unavailable):
    """NO [UNAVAILABLE], BYE or 4xx: try again later. Fields as ``ServerRefused``."""

    def __init__(self, told: str, code: str, enhanced: str = "") -> None:
        super().__init__(told)
        self.code: Final = code
        self.enhanced: Final = enhanced


def imap_error(status: bytes, code: bytes, text: bytes) -> VerbenaError:
    """The error for a tagged NO or BAD (RFC 3501 §7.1, RFC 5530)."""
    told = text.decode("utf-8", "replace")
    if code in (b"UNAVAILABLE", b"INUSE"):
        return ServerUnavailable(told, code.decode("ascii"))
    default = Reason.CLIENT_BUG if status == b"BAD" else Reason.CANNOT
    return ServerRefused(_IMAP_REASONS.get(code, default), told, code.decode("ascii", "replace"))


def smtp_error(code: int, enhanced: str, text: str) -> VerbenaError:
    """The error for a reply of 4xx or 5xx (RFC 5321 §4.2.1)."""
    if code < 500:
        return ServerUnavailable(text, str(code), enhanced)
    reason = Reason.AUTHENTICATION_FAILED if code == 535 else Reason.CANNOT
    return ServerRefused(reason, text, str(code), enhanced)
