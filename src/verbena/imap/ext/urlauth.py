"""GENURLAUTH, RESETKEY, URLFETCH: signed IMAP URLs (RFC 4467), and what else of them can be fetched (RFC 5524).

Full for the INTERNAL mechanism, but: the sessions of a user are not told when another one resets a key, and nothing is
converted yet (RFC 5524 has no more to convert without RFC 5259). What a URL opens is ``urlauth.resolve``'s business.

A URL that can not be opened is answered with NIL whatever the cause (RFC 4467 §7, URLFETCH).
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from verbena.imap.ext.binary import Decoding, encoding_of
from verbena.imap.outcome import Ok, Reply
from verbena.imap.registry import LOGGED_IN, Extension, command
from verbena.imap.session import Session
from verbena.model.errors import PeerError, Refused
from verbena.model.part import SectionText
from verbena.model.reason import Reason
from verbena.urlauth.keys import MECHANISM
from verbena.urlauth.resolve import Opened, Place, Who, generate, resolve
from verbena.wire.imap.bodypart import decoded_structure, find_structure
from verbena.wire.imap.urlauth import (
    ResetKey,
    UrlFetch,
    format_genurlauth_data,
    format_urlfetch_head,
    parse_genurlauth,
    parse_resetkey,
    parse_urlfetch,
)


def place_of(session: Session) -> Place:
    """The server, as the URLs of this session's client may name it."""
    services, peer = session.services, session.talk.peer
    address = f"[{peer.local_address}]" if ":" in peer.local_address else peer.local_address
    hosts = frozenset((services.hostname.lower(), f"{address}:{peer.local_port}"))
    return Place(services.store, hosts, datetime.fromtimestamp(services.now(), UTC))


def who_of(session: Session, *, plain: bool) -> Who:
    identity = session.identity
    roles = (("submit", identity.submit_server), ("stream", identity.stream_server))
    applications = frozenset(name for name, granted in roles if granted)
    return Who(identity.account, applications=applications, plain=plain)


async def genurlauth(session: Session, pairs: tuple[tuple[bytes, str], ...]) -> AsyncIterator[Reply]:
    place, owner = place_of(session), session.identity.account
    urls: list[bytes] = []
    for url, mechanism in pairs:
        urls.append(await generate(place, url, mechanism, owner))
    yield format_genurlauth_data(urls)


async def resetkey(session: Session, arguments: ResetKey) -> AsyncIterator[Reply]:
    if any(mechanism != MECHANISM for mechanism in arguments.mechanisms):
        raise PeerError("Only the INTERNAL mechanism is known here")
    if arguments.mailbox is None:
        await session.account.reset_urlauth_keys(None)
        if session.selected is not None:
            yield urlmech(session)
        yield Ok(b"All keys removed")
        return
    mailbox = session.account.find(arguments.mailbox)
    if mailbox is None:
        raise Refused(Reason.NONEXISTENT, "There is no such mailbox")
    await session.account.reset_urlauth_keys(mailbox.mailbox_id)
    yield Ok(b"Key reset", b"URLMECH INTERNAL")


def urlmech(session: Session) -> bytes:
    """What keys of the mailbox can sign with (RFC 4467 §7.1). INTERNAL has no data, so it may be told without TLS."""
    return b"* OK [URLMECH INTERNAL] URLs of this mailbox can be signed\r\n"


async def urlfetch(session: Session, fetches: tuple[UrlFetch, ...]) -> AsyncIterator[Reply]:
    place, who = place_of(session), who_of(session, plain=False)
    for fetch in fetches:
        head = format_urlfetch_head(fetch.url)
        try:
            opened = await resolve(place, fetch.url, who)
        except Refused:
            yield head + b" NIL\r\n"
            continue
        answer = _extended(head, opened, fetch) if fetch.extended else _plain(head, opened)
        async for piece in answer:
            yield piece


async def _plain(head: bytes, opened: Opened) -> AsyncIterator[bytes]:
    async for piece in _literal(head, opened):
        yield piece
    yield b"\r\n"


async def _literal(head: bytes, opened: Opened) -> AsyncIterator[bytes]:
    yield b"%b {%d}\r\n" % (head, opened.size_octets)
    async for piece in opened.stream():
        yield piece


async def _extended(head: bytes, opened: Opened, fetch: UrlFetch) -> AsyncIterator[bytes]:
    """Metadata in the order of the RFC's examples, each in parentheses of its own."""
    decoding = _decoding(opened) if fetch.binary else None
    measure = None if decoding is None else await decoding.measure()
    yield head
    if fetch.structure:
        structure = _structure(opened)
        if measure is not None and opened.section.path and opened.section.text is SectionText.ALL:
            structure = decoded_structure(structure, measure.size_octets, measure.lines, measure.has_nul)
        yield b" (BODYPARTSTRUCTURE " + structure + b")"
    if decoding is not None and measure is not None:
        async for piece in decoding.literal(b" (BINARY", measure):
            yield piece
        yield b")"
    elif fetch.binary and opened.slice.picks is None:
        yield b" (BINARY NIL)"
    elif fetch.binary:
        async for piece in _fields(b" (BINARY", opened):
            yield piece
        yield b")"
    elif fetch.body:
        async for piece in _literal(b" (BODY", opened):
            yield piece
        yield b")"
    yield b"\r\n"


async def _fields(head: bytes, opened: Opened) -> AsyncIterator[bytes]:
    """Picked header fields as BINARY gives them: literal8 where there is an octet 0 in them."""
    octets = b"".join([piece async for piece in opened.stream()])
    opening = b"%b ~{%d}\r\n" if b"\0" in octets else b"%b {%d}\r\n"
    yield opening % (head, len(octets)) + octets


def _decoding(opened: Opened) -> Decoding | None:
    """What BINARY gives, a range counting decoded octets as in RFC 3516 §4.2; None for a part whose encoding nobody
    knows, and for picked fields, which have none."""
    if opened.slice.picks is not None:
        return None
    section = opened.section
    encoding = encoding_of(opened.span, section.path if section.text is SectionText.ALL else ())
    start, end = opened.whole
    try:
        return Decoding(opened.account, opened.content.content_id, start, end, encoding, opened.partial)
    except Refused:
        return None


def _structure(opened: Opened) -> bytes:
    """The structure of the part that the URL names or, for a header or text, belongs to."""
    found = find_structure(opened.content.bodystructure, opened.section.path)
    return b"NIL" if found is None else found


EXTENSION = Extension(
    rfc=4467,
    capability="URLAUTH URLAUTH=BINARY",
    commands=(
        command("GENURLAUTH", parse_genurlauth, genurlauth, LOGGED_IN),
        command("RESETKEY", parse_resetkey, resetkey, LOGGED_IN),
        command("URLFETCH", parse_urlfetch, urlfetch, LOGGED_IN),
    ),
    select_teller=urlmech,
)
