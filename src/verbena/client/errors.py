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


_MANAGESIEVE_REASONS: Final[Mapping[bytes, Reason]] = {
    b"ENCRYPT-NEEDED": Reason.ENCRYPTION_NEEDED,
    b"AUTH-TOO-WEAK": Reason.AUTHENTICATION_FAILED,
    b"QUOTA/MAXSCRIPTS": Reason.LIMIT,
    b"QUOTA/MAXSIZE": Reason.TOO_BIG,
    b"QUOTA": Reason.OVER_QUOTA,
    b"ACTIVE": Reason.IN_USE,
    b"NONEXISTENT": Reason.NONEXISTENT,
    b"ALREADYEXISTS": Reason.ALREADY_EXISTS,
}


def managesieve_error(status: bytes, code: bytes, text: str, default: Reason) -> VerbenaError:
    """The error for NO or BYE (RFC 5804 §1.3); a code's unknown details are passed over. ``default``: without a code
    that we know."""
    name = code.decode("ascii", "replace")
    if status == b"BYE" or code.split(b"/")[0] == b"TRYLATER":
        return ServerUnavailable(text, name or "BYE")
    reason = _MANAGESIEVE_REASONS.get(code) or _MANAGESIEVE_REASONS.get(code.split(b"/")[0])
    return ServerRefused(default if reason is None else reason, text, name)
