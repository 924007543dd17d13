"""The exception tree. What a protocol tells its peer is made from these in one place per protocol."""

from verbena.model.reason import Reason


class VerbenaError(Exception):
    """Root of every error of ours."""


class PeerError(VerbenaError):
    """The peer's bytes break the grammar or the order of things: BAD, 500, 501, 503.

    ``told`` is safe to show the peer. ``fatal`` says that the stream can not be followed any further.
    """

    def __init__(self, told: str, fatal: bool = False) -> None:
        super().__init__(told)
        self.told = told
        self.fatal = fatal


class Refused(VerbenaError):
    """We understood and will not: NO, 5xx. ``told`` is safe for the peer; the cause is chained for the log."""

    def __init__(self, reason: Reason, told: str) -> None:
        super().__init__(told)
        self.reason = reason
        self.told = told


class Unavailable(VerbenaError):
    """Not now, perhaps later: NO [UNAVAILABLE], 4xx. ``told`` is safe for the peer."""

    def __init__(self, told: str, reason: Reason = Reason.UNAVAILABLE) -> None:
        super().__init__(told)
        self.reason = reason
        self.told = told


class InternalError(VerbenaError):
    """A bug of ours: the peer is told one fixed sentence, the log everything."""


class LinkClosed(VerbenaError):
    """The peer has gone, or was too slow; nothing can be written any more."""


class LinkTimeout(LinkClosed):
    """The peer sent nothing, or read nothing, for the time allowed."""
