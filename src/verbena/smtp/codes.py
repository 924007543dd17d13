"""From errors to replies: the one table of reasons and codes for SMTP and LMTP (RFC 5321 §4.2, RFC 3463, RFC 5248).

``5.7.14`` stands for what RFC 4468 §5 called ``X.7.8``, because RFC 4954 had taken that number (RFC 5248 §4 settled
it).
"""

from typing import Final

from verbena.model.errors import InternalError, PeerError, Refused, Unavailable, VerbenaError
from verbena.model.reason import Reason
from verbena.wire.smtp.reply import Reply, reply

CODES: Final[dict[Reason, tuple[int, str]]] = {
    Reason.AUTHENTICATION_FAILED: (535, "5.7.8"),
    Reason.AUTHORIZATION_FAILED: (535, "5.7.8"),
    Reason.EXPIRED: (535, "5.7.8"),
    Reason.PRIVACY_REQUIRED: (538, "5.7.11"),
    Reason.ENCRYPTION_NEEDED: (530, "5.7.0"),
    Reason.CONTACT_ADMIN: (550, "5.7.1"),
    Reason.NO_PERMISSION: (550, "5.7.1"),
    Reason.TOO_MANY_ATTEMPTS: (454, "4.7.0"),
    Reason.OVER_QUOTA: (552, "5.2.2"),
    Reason.TOO_BIG: (552, "5.3.4"),
    Reason.LIMIT: (452, "4.3.1"),
    Reason.UNKNOWN_CTE: (554, "5.6.3"),
    Reason.CORRUPTION: (554, "5.3.0"),
    Reason.BAD_URL: (554, "5.6.6"),
    Reason.BAD_SENDER: (553, "5.1.8"),
    Reason.BAD_RECIPIENT: (553, "5.1.3"),
    Reason.UNKNOWN_RECIPIENT: (550, "5.1.1"),
    Reason.RELAY_DENIED: (550, "5.7.1"),
    Reason.ACCOUNT_DISABLED: (550, "5.2.1"),
    Reason.TOO_MANY_RECIPIENTS: (452, "4.5.3"),
    Reason.ROUTING_LOOP: (554, "5.4.6"),
    Reason.NEEDS_UTF8: (553, "5.6.7"),
    Reason.CONVERSION_REQUIRED: (554, "5.6.3"),
    Reason.MESSAGE_CONTENT: (554, "5.6.0"),
    Reason.URL_FETCH_FAILED: (554, "5.6.6"),
    Reason.URL_NOT_TRUSTED: (554, "5.7.14"),
    Reason.UNAVAILABLE: (451, "4.3.0"),
    Reason.SERVER_BUG: (451, "4.3.0"),
}
"""A reason that is not here has no meaning to an SMTP client and is told as 554 5.3.0."""

INTERNAL: Final = reply(451, "4.3.0", "Internal error, try again later")


class Answer(VerbenaError):
    """A refusal whose reply is already known to the digit."""

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        super().__init__(text)
        self.reply = reply(code, enhanced, text)


def reply_to(error: VerbenaError) -> Reply:
    """What the peer is told of ``error``."""
    match error:
        case Answer():
            return error.reply
        case PeerError():
            return reply(501 if not error.fatal else 500, "5.5.2", error.told)
        case Refused():
            code, enhanced = CODES.get(error.reason, (554, "5.3.0"))
            return reply(code, enhanced, error.told)
        case Unavailable():
            code, enhanced = CODES.get(error.reason, (451, "4.3.0"))
            if code >= 500:
                code, enhanced = 451, "4" + enhanced[1:]
            return reply(code, enhanced, error.told)
        case InternalError():
            return INTERNAL
        case _:
            return INTERNAL
