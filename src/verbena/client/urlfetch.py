"""Fetch what a URL names from another IMAP server, as a submission server does it for BURL (RFC 4468 §3.3, RFC 5550
§8.4).

Logs in with the submission server's own identity, over TLS wherever the endpoint has a context (RFC 5550 §8, §10), and
streams the octets. One connection for one message: the URLs of several BURL commands may share it.
"""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final

from verbena.client.connect import Endpoint
from verbena.client.imap import ImapClient, open_imap
from verbena.model.errors import LinkClosed, PeerError, Refused, Unavailable
from verbena.model.reason import Reason
from verbena.model.secret import Secret

_TRUST_REASONS: Final = (Reason.AUTHENTICATION_FAILED, Reason.AUTHORIZATION_FAILED, Reason.PRIVACY_REQUIRED)


class RemoteImap:
    """An IMAP server that trusts us, connected to at first need; ``async with`` it."""

    def __init__(self, endpoint: Endpoint, user: str, password: Secret) -> None:
        self._session: Final = open_imap(endpoint, user, password)
        self._client: ImapClient | None = None

    async def __aenter__(self) -> "RemoteImap":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._session.__aexit__(kind, error, trace)

    async def fetch(self, url: str) -> AsyncIterator[bytes]:
        """The octets that the absolute ``url`` names. Read them to their end before the next call.

        Raises ``Refused(URL_FETCH_FAILED)`` when the server does not give them, ``Refused(URL_NOT_TRUSTED)`` when it
        does not know us, ``Unavailable`` when it can not be reached, breaks off, or answers nonsense.
        """
        try:
            if self._client is None:
                self._client = await self._session.__aenter__()
            async for piece in self._client.fetch_url(url):
                yield piece
        except Refused as refused:
            trusted = refused.reason not in _TRUST_REASONS
            reason = Reason.URL_FETCH_FAILED if trusted else Reason.URL_NOT_TRUSTED
            raise Refused(reason, "The IMAP server does not give what the URL names") from refused
        except (LinkClosed, PeerError) as error:
            raise Unavailable("The IMAP server of the URL can not be used now") from error
