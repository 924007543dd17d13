"""Where the URLs of BURL are opened (RFC 4468 §3.3, RFC 5550 §8.4).

A URL of this server is opened in process by ``urlauth.resolve``, the submission service acting for the user who logged
in: ``submit+user`` must name that user, with or without the domain, and plain URLs reach that user's own mailboxes.
A URL of a trusted other server is fetched over IMAP with the submission server's own identity. Any other host is
refused and never connected to.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import Protocol

from verbena.auth.api import Identity
from verbena.client.connect import Endpoint
from verbena.client.urlfetch import RemoteImap
from verbena.model.errors import PeerError, Refused
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.model.url import ImapUrl
from verbena.store.api import Store
from verbena.urlauth.resolve import Place, Role, Who, is_own_host, resolve
from verbena.wire.imap.url import parse_url

IMAP_PORT = 143


class RemoteFetch(Protocol):
    """A trusted IMAP server."""

    def fetch(self, url: str) -> AsyncIterator[bytes]:
        """The octets of an absolute URL. Raises ``Refused``: URL_FETCH_FAILED, URL_NOT_TRUSTED; ``Unavailable``."""


class ImapFetch:
    """Fetches by a connection of its own for each URL."""

    def __init__(self, endpoint: Endpoint, user: str, password: Secret) -> None:
        self._endpoint = endpoint
        self._user = user
        self._password = password

    async def fetch(self, url: str) -> AsyncIterator[bytes]:
        async with RemoteImap(self._endpoint, self._user, self._password) as remote:
            async for piece in remote.fetch(url):
                yield piece


class BurlUrls:
    """``smtp.ext.burl.UrlSource``. ``hosts`` are this server's names, ``remotes`` trusted servers by ``host`` or
    ``host:port``, all in lower case; ``clock`` gives aware UTC."""

    def __init__(
        self, store: Store, hosts: frozenset[str], remotes: Mapping[str, RemoteFetch], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._hosts = hosts
        self._remotes = remotes
        self._clock = clock

    async def open(self, url: bytes, identity: Identity) -> AsyncIterator[bytes]:
        parsed = parse_url(url)
        if parsed.host is None:
            raise PeerError("The URL is not absolute")
        place = Place(self._store, self._hosts, self._clock())
        if is_own_host(place, parsed):
            opened = await resolve(place, parsed, Who(identity.account, Role.SUBMISSION, plain=True))
            async for piece in opened.stream():
                yield piece
            return
        remote = self._trusted(parsed)
        _check_access(parsed, identity)
        async for piece in remote.fetch(url.decode("ascii")):
            yield piece

    def _trusted(self, url: ImapUrl) -> RemoteFetch:
        host = (url.host or "").lower()
        port = url.port or IMAP_PORT
        remote = self._remotes.get(f"{host}:{port}")
        if remote is None and port == IMAP_PORT:
            remote = self._remotes.get(host)
        if remote is None:
            raise Refused(Reason.URL_NOT_TRUSTED, "No trust relationship with that IMAP server")
        return remote


def _check_access(url: ImapUrl, identity: Identity) -> None:
    """Whether the user may have us fetch ``url`` elsewhere: only what is signed for submission by that user, or for
    all."""
    if url.urlauth is None:
        raise Refused(Reason.URL_NOT_TRUSTED, "Only URLAUTH URLs are fetched from other servers")
    access = url.urlauth.access
    if access.kind == "submit" and _same_user(access.user or "", identity.account.login):
        return
    if access.kind not in ("anonymous", "authuser"):
        raise Refused(Reason.AUTHORIZATION_FAILED, "The URL is not for this user's submissions")


def _same_user(name: str, login: str) -> bool:
    name, login = name.lower(), login.lower()
    return name == login or ("@" not in name and name == login.partition("@")[0])
