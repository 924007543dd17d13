"""Why a request is refused: one closed list, neutral to protocols.

Each protocol has one table from these to its own codes: RFC 5530 response codes in IMAP,
RFC 3463 enhanced status codes in SMTP and LMTP, RFC 5804 codes in ManageSieve.
"""

from enum import Enum, auto


class Reason(Enum):
    # who you are, what you may
    AUTHENTICATION_FAILED = auto()
    AUTHORIZATION_FAILED = auto()
    EXPIRED = auto()
    PRIVACY_REQUIRED = auto()
    ENCRYPTION_NEEDED = auto()
    CONTACT_ADMIN = auto()
    NO_PERMISSION = auto()
    TOO_MANY_ATTEMPTS = auto()
    # mailboxes
    NONEXISTENT = auto()
    ALREADY_EXISTS = auto()
    TRY_CREATE = auto()
    CANNOT = auto()
    IN_USE = auto()
    HAS_CHILDREN = auto()
    READ_ONLY = auto()
    USE_ATTRIBUTE = auto()
    NOT_EMPTY = auto()
    # limits
    OVER_QUOTA = auto()
    TOO_BIG = auto()
    LIMIT = auto()
    # messages and parts
    EXPUNGE_ISSUED = auto()
    UNKNOWN_CTE = auto()
    BAD_CHARSET = auto()
    BAD_URL = auto()
    BAD_COMPARATOR = auto()
    CORRUPTION = auto()
    # envelopes and routing
    BAD_SENDER = auto()
    BAD_RECIPIENT = auto()
    UNKNOWN_RECIPIENT = auto()
    RELAY_DENIED = auto()
    ACCOUNT_DISABLED = auto()
    TOO_MANY_RECIPIENTS = auto()
    ROUTING_LOOP = auto()
    NEEDS_UTF8 = auto()
    CONVERSION_REQUIRED = auto()
    MESSAGE_CONTENT = auto()
    URL_FETCH_FAILED = auto()
    URL_NOT_TRUSTED = auto()
    # everything else
    CLIENT_BUG = auto()
    UNAVAILABLE = auto()
    SERVER_BUG = auto()
