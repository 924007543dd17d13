"""Opens what an IMAP URL names, for whoever may have it: the one place under CATENATE, URLFETCH and BURL.

RFC 4467 §3, §5 and §6 with RFC 5092 §6.1 and RFC 5593 §3: full, for the INTERNAL mechanism. RFC 5550 §5.7.1 (PARTIAL).

``resolve`` checks, in this order: the URL's form, its host, its owner and token, its date, its access identifier;
only then is the message looked at. Up to there every failure is the same ``Refused(BAD_URL)``, and takes the
same time, whether the account or the mailbox is unknown, the token wrong or the date past. Where the URL's own
text settles it for this caller, whoever owns it: ``Refused(URL_NOT_TRUSTED)`` for a host that is not this server's,
``Refused(AUTHORIZATION_FAILED)`` for a ``submit+`` of another user than the one the submission service acts for.
After it: ``Refused(URL_FETCH_FAILED)`` for a message or part that is not there.

Names of users compare with and without the domain part, since clients send both.
"""

from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import Final

from verbena.mime.body import PartIndex, PartSpan, locate
from verbena.mime.header import select_fields
from verbena.model.errors import PeerError, Refused
from verbena.model.ids import ContentId, Uid
from verbena.model.part import PartialRange, Section, SectionText
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.model.url import Access, ImapUrl
from verbena.store.api import Account, AccountRef, Content, Store
from verbena.urlauth.keys import MECHANISM, make_token, verify_token
from verbena.wire.imap.url import parse_url

MAX_HEADER_OCTETS: Final = 1 << 20
"""Of a header whose fields are picked; a longer one is cut there."""
_DEFAULT_PORT: Final = 143
_FIELD_TEXTS: Final = (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT)


class Role(Enum):
    """In what capacity a URL is to be opened."""

    SESSION = auto()
    """an IMAP session logged in as the account"""
    SUBMISSION = auto()
    """this server's submission service, acting for the account that logged in to it (RFC 4468 §3.3)"""


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks. ``applications`` are the application names that a session's identity may act as, such as ``submit``
    and ``stream`` (RFC 5593 §3.3). ``plain`` allows URLs without URLAUTH, of the account itself: in CATENATE, and in
    BURL under ``imap://HOST``."""

    account: AccountRef
    role: Role = Role.SESSION
    applications: frozenset[str] = field(default_factory=frozenset)
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """The server that URLs are judged for. ``hosts`` are its names in lower case, each ``host`` (any port) or
    ``host:port``; the domains it has mail for count too. ``now`` is aware UTC."""

    store: Store
    hosts: frozenset[str]
    now: datetime


@dataclass(frozen=True, slots=True)
class Picks:
    """Header fields to be picked out of the octets ``[start, end)`` of a message, by a HEADER.FIELDS section."""

    start: int
    end: int
    section: Section

    def read(self, account: Account, content_id: ContentId) -> bytes:
        header = account.read(content_id, self.start, min(self.end - self.start, MAX_HEADER_OCTETS))
        return select_fields(header, self.section.fields, self.section.text is SectionText.HEADER_FIELDS_NOT)


@dataclass(frozen=True, slots=True)
class Slice:
    """Octets of a message, not yet read: small enough that a command may hold thousands. ``start`` counts from the
    first octet of the message or, with ``picks``, of what they pick."""

    account: Account
    content_id: ContentId
    start: int
    size_octets: int
    picks: Picks | None = None

    async def stream(self) -> AsyncIterator[bytes]:
        """Exactly ``size_octets`` octets, in pieces of at most 1 MiB; may be called again."""
        if self.picks is not None:
            yield self.picks.read(self.account, self.content_id)[self.start : self.start + self.size_octets]
        elif self.size_octets:
            async for piece in self.account.stream(self.content_id, self.start, self.size_octets):
                yield piece


@dataclass(frozen=True, slots=True)
class Opened:
    """What a URL names. ``span`` is the part it belongs to, ``content`` the message's facts; ``whole`` are the offsets
    ``[start, end)`` in the message of all that the section names, before ``partial`` cut it (of a HEADER.FIELDS section
    the whole header)."""

    account: Account
    content: Content
    section: Section
    span: PartSpan
    whole: tuple[int, int]
    partial: PartialRange | None
    slice: Slice

    @property
    def size_octets(self) -> int:
        return self.slice.size_octets

    def stream(self) -> AsyncIterator[bytes]:
        return self.slice.stream()


def is_own_host(place: Place, url: ImapUrl) -> bool:
    """Whether ``url`` is one of this server's, or relative."""
    if url.host is None:
        return True
    host = url.host.lower()
    port = url.port or _DEFAULT_PORT
    return host in place.hosts or f"{host}:{port}" in place.hosts or place.store.directory.is_local_domain(host)


def is_named(place: Place, name: str, host: str | None, account: AccountRef) -> bool:
    """Whether ``name``, as a URL with ``host`` writes it, is ``account``'s login name."""
    return any(ref.account_id == account.account_id for ref in _candidates(place, name, host))


def _candidates(place: Place, name: str, host: str | None) -> Iterable[AccountRef]:
    """The accounts that ``name`` may mean: as a login name, or in the domain that is the URL's host."""
    directory = place.store.directory
    found = directory.find_login(name)
    if found is not None:
        yield found
    if "@" not in name and host is not None:
        other = directory.find_login(f"{name}@{host}")
        if other is not None and other != found:
            yield other


# --- generating -----------------------------------------------------------------------------


async def generate(place: Place, octets: bytes, mechanism: str, owner: AccountRef) -> bytes:
    """The URL ``octets``, which ends with its access identifier, signed by ``owner`` (RFC 4467 §7, GENURLAUTH).

    Raises ``PeerError`` for every URL that RFC 4467 says is BAD.
    """
    url = parse_url(octets)
    if mechanism.upper() != MECHANISM:
        raise PeerError("Only the INTERNAL mechanism is known here")
    if url.urlauth is None or url.rump is None:
        raise PeerError("The URL has no access identifier")
    if url.urlauth.mechanism is not None:
        raise PeerError("The URL is signed already")
    if url.host is None or url.user is None:
        raise PeerError("The URL does not say whose it is")
    if not is_own_host(place, url):
        raise PeerError("The URL names another server")
    _check_known(url.urlauth.access)
    if not is_named(place, url.user, url.host, owner):
        raise PeerError("The URL names a mailbox of another user")
    account = place.store.account(owner)
    mailbox = account.find(url.mailbox or "")
    if mailbox is None or not mailbox.selectable or url.uidvalidity not in (None, mailbox.uidvalidity):
        raise PeerError("The URL names no mailbox that there is")
    token = make_token(await account.urlauth_key(mailbox.mailbox_id), url.rump)
    return url.rump + b":" + MECHANISM.lower().encode("ascii") + b":" + token.reveal()


def _check_known(access: Access) -> None:
    """Raises ``PeerError`` for an access identifier that nobody here could ever use."""
    with_user = access.kind in ("submit", "user")
    without = access.kind in ("authuser", "anonymous", "stream")
    if not (with_user and access.user is not None) and not (without and access.user is None):
        raise PeerError("The URL has an access identifier that is not known")


# --- resolving ------------------------------------------------------------------------------


def _bad_url() -> Refused:
    return Refused(Reason.BAD_URL, "The URL can not be opened")


def _gone() -> Refused:
    return Refused(Reason.URL_FETCH_FAILED, "The message or part that the URL names is not there")


async def resolve(place: Place, url: ImapUrl | bytes, who: Who, selected: str | None = None) -> Opened:
    """Open ``url`` for ``who``. ``selected`` is the mailbox that a URL without one is relative to (RFC 4469 §3).

    Raises ``Refused`` as the module says; nothing else for any octets.
    """
    if isinstance(url, bytes):
        try:
            url = parse_url(url)
        except PeerError as error:
            raise _bad_url() from error
    if url.uid is None or url.search is not None:
        raise _bad_url()
    if not is_own_host(place, url):
        raise Refused(Reason.URL_NOT_TRUSTED, "The URL is on a server that is not trusted")
    account, mailbox = _authorize(place, url, who, selected)
    return await _open(account, mailbox, url.uid, url.section or Section(), url.partial)


def _authorize(place: Place, url: ImapUrl, who: Who, selected: str | None) -> tuple[Account, str]:
    """The account and mailbox that ``url`` may be opened in."""
    mailbox = url.mailbox if url.mailbox is not None else selected
    if mailbox is None:
        raise _bad_url()
    if url.urlauth is None:
        if not who.plain or (url.host is not None and not _is_own(place, url, who.account)):
            raise _bad_url()
        account = place.store.account(who.account)
        if not _is_there(account, mailbox, url):
            raise _bad_url()
        return account, mailbox
    _check_acting_for(place, url, who)
    owner = _verified_owner(place, url, mailbox)
    expired = url.expires_at is not None and url.expires_at < place.now
    if owner is None or expired or not _is_open_to(place, url, who):
        raise _bad_url()
    return owner, mailbox


def _is_own(place: Place, url: ImapUrl, account: AccountRef) -> bool:
    return url.user is not None and is_named(place, url.user, url.host, account)


def _is_there(account: Account, name: str, url: ImapUrl) -> bool:
    mailbox = account.find(name)
    return mailbox is not None and mailbox.selectable and url.uidvalidity in (None, mailbox.uidvalidity)


def _check_acting_for(place: Place, url: ImapUrl, who: Who) -> None:
    """The submission service acts for one user only (RFC 4468 §3.3, RFC 4467 §3)."""
    access = url.urlauth.access if url.urlauth is not None else None
    if who.role is not Role.SUBMISSION or access is None or access.kind != "submit" or access.user is None:
        return
    if not is_named(place, access.user, url.host, who.account):
        raise Refused(Reason.AUTHORIZATION_FAILED, "The URL is for the submissions of another user")


def _verified_owner(place: Place, url: ImapUrl, mailbox: str) -> Account | None:
    """The account whose key for ``mailbox`` made the URL's token; tries one key at least, real or plausible."""
    urlauth, rump = url.urlauth, url.rump
    if urlauth is None or rump is None or urlauth.token is None or urlauth.mechanism is None:
        return None
    known = urlauth.mechanism.upper() == MECHANISM and url.host is not None
    owner: Account | None = None
    tried = False
    for ref in _candidates(place, url.user or "", url.host):
        account = place.store.account(ref)
        key = _key_of(account, mailbox, url) if ref.enabled else None
        tried = True
        if verify_token(key, rump, urlauth.token) and known:
            owner = account
    if not tried:
        verify_token(None, rump, urlauth.token)
    return owner


def _key_of(account: Account, name: str, url: ImapUrl) -> Secret | None:
    if not _is_there(account, name, url):
        return None
    mailbox = account.find(name)
    return None if mailbox is None else account.existing_urlauth_key(mailbox.mailbox_id)


def _is_open_to(place: Place, url: ImapUrl, who: Who) -> bool:
    """Whether the access identifier lets ``who`` in (RFC 5092 §6.1.2, RFC 5593 §3)."""
    if url.urlauth is None:
        return False
    access = url.urlauth.access
    match access.kind:
        case "anonymous" | "authuser":
            # There are no anonymous sessions here: everybody who gets this far has logged in.
            return access.user is None
        case "user":
            is_session = who.role is Role.SESSION and access.user is not None
            return is_session and is_named(place, access.user or "", url.host, who.account)
        case "submit":
            # For the submission service the user was compared before; a session's is its own business (RFC 4467 §3).
            is_service = who.role is Role.SUBMISSION or "submit" in who.applications
            return access.user is not None and is_service
        case kind:
            return kind in who.applications


# --- opening --------------------------------------------------------------------------------


async def _open(account: Account, name: str, uid: Uid, section: Section, partial: PartialRange | None) -> Opened:
    mailbox = account.find(name)
    if mailbox is None:
        raise _gone()
    columns = await account.open(mailbox.mailbox_id)
    row = bisect_left(columns.uids, uid)
    if row == len(columns.uids) or columns.uids[row] != uid:
        raise _gone()
    content = account.contents([ContentId(columns.contents[row])])[0]
    if content is None:
        raise _gone()
    index = PartIndex(content.parts)
    span = index.find(section.path)
    found = locate(index, section)
    if span is None or found is None:
        raise _gone()
    piece = _slice(account, content.content_id, found, section, partial)
    return Opened(account, content, section, span, found, partial, piece)


def _slice(
    account: Account,
    content_id: ContentId,
    found: tuple[int, int],
    section: Section,
    partial: PartialRange | None,
) -> Slice:
    start, end = found
    picks: Picks | None = None
    if section.text in _FIELD_TEXTS:
        picks = Picks(start, end, section)
        start, end = 0, len(picks.read(account, content_id))
    start, end = _cut(start, end, partial)
    return Slice(account, content_id, start, end - start, picks)


def _cut(start: int, end: int, partial: PartialRange | None) -> tuple[int, int]:
    """``[start, end)`` cut to ``partial``; what lies beyond the end is left out (RFC 3501 §6.4.5)."""
    if partial is None:
        return start, end
    first = min(start + partial.offset_octets, end)
    return first, end if partial.length_octets is None else min(first + partial.length_octets, end)
