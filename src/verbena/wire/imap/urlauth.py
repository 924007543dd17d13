"""GENURLAUTH, RESETKEY and URLFETCH on the wire (RFC 4467 §7 to §9, RFC 5524 §3 and §5): full.

URLs stay octets here, as they were written: what they say is ``wire.imap.url``'s business, and a URL that is none is
an answer of NIL, not a syntax error. Responses are formatted one URL at a time; a server streams what is long.

Limits: 100 URLs a command.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from verbena.wire.imap.grammar import LITERAL, LPAREN, RPAREN, Cursor, FrameWriter, format_string
from verbena.wire.imap.mailbox import parse_mailbox, write_mailbox

MAX_URLS: Final = 100


@dataclass(frozen=True, slots=True)
class UrlFetch:
    """One URL of URLFETCH. ``extended`` when any metadata is asked for; then what (RFC 5524 §3.1)."""

    url: bytes
    structure: bool = False
    binary: bool = False
    body: bool = False

    @property
    def extended(self) -> bool:
        return self.structure or self.binary or self.body


@dataclass(frozen=True, slots=True)
class UrlFetched:
    """One URL's answer as a client reads it: all None when the server answered NIL. ``octets`` is what BODY, BINARY or
    the plain form gave; ``structure`` the octets of BODYPARTSTRUCTURE."""

    url: bytes
    octets: bytes | None
    structure: bytes | None = None


@dataclass(frozen=True, slots=True)
class ResetKey:
    """``mailbox`` None: all keys."""

    mailbox: str | None
    mechanisms: tuple[str, ...]


# --- commands -------------------------------------------------------------------------------


# genurlauth = "GENURLAUTH" 1*(SP url-rump SP mechanism)
def parse_genurlauth(cursor: Cursor) -> tuple[tuple[bytes, str], ...]:
    """Pairs of rump URL and mechanism."""
    pairs: list[tuple[bytes, str]] = []
    while not pairs or not cursor.at_end():
        cursor.sp()
        url = cursor.astring()
        cursor.sp()
        pairs.append((url, _mechanism(cursor)))
        if len(pairs) > MAX_URLS:
            raise cursor.error("there are too many URLs")
    return tuple(pairs)


# mechanism = "INTERNAL" / 1*(ALPHA / DIGIT / "-" / ".")
def _mechanism(cursor: Cursor) -> str:
    name = cursor.keyword()
    if "_" in name:
        raise cursor.error("a mechanism has no underscore")
    return name


def write_genurlauth(out: FrameWriter, pairs: Iterable[tuple[bytes, str]]) -> None:
    out.text(b"GENURLAUTH")
    for url, mechanism in pairs:
        out.text(b" ")
        out.string(url)
        out.text(b" " + mechanism.encode("ascii"))


# resetkey = "RESETKEY" [SP mailbox *(SP mechanism)]
def parse_resetkey(cursor: Cursor) -> ResetKey:
    if cursor.at_end():
        return ResetKey(None, ())
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    mechanisms: list[str] = []
    while not cursor.at_end():
        cursor.sp()
        mechanisms.append(_mechanism(cursor))
    return ResetKey(mailbox, tuple(mechanisms))


def write_resetkey(out: FrameWriter, command: ResetKey) -> None:
    out.text(b"RESETKEY")
    if command.mailbox is None:
        return
    out.text(b" ")
    write_mailbox(out, command.mailbox)
    for mechanism in command.mechanisms:
        out.text(b" " + mechanism.encode("ascii"))


# urlfetch = "URLFETCH" 1*(SP url-fetch-arg)
def parse_urlfetch(cursor: Cursor) -> tuple[UrlFetch, ...]:
    fetches: list[UrlFetch] = []
    while not fetches or not cursor.at_end():
        cursor.sp()
        fetches.append(_url_fetch_ext(cursor) if cursor.skip(LPAREN) else UrlFetch(cursor.astring()))
        if len(fetches) > MAX_URLS:
            raise cursor.error("there are too many URLs")
    return tuple(fetches)


# url-fetch-ext   = "(" url-full *(SP url-fetch-param) ")"
# url-fetch-param = "BODY" / "BINARY" / "BODYPARTSTRUCTURE" / atom
def _url_fetch_ext(cursor: Cursor) -> UrlFetch:
    url = cursor.astring()
    asked: list[str] = []
    while not cursor.skip(RPAREN):
        cursor.sp()
        name = cursor.keyword()
        if name not in ("BODY", "BINARY", "BODYPARTSTRUCTURE"):
            raise cursor.error("the parameter before is not known")
        if name in asked:
            raise cursor.error("the parameter before is there twice")
        asked.append(name)
    if "BODY" in asked and "BINARY" in asked:
        raise cursor.error("BODY and BINARY exclude each other")
    return UrlFetch(url, "BODYPARTSTRUCTURE" in asked, "BINARY" in asked, "BODY" in asked)


def write_urlfetch(out: FrameWriter, fetches: Iterable[UrlFetch]) -> None:
    out.text(b"URLFETCH")
    for fetch in fetches:
        out.text(b" (" if fetch.extended else b" ")
        out.string(fetch.url)
        if fetch.structure:
            out.text(b" BODYPARTSTRUCTURE")
        if fetch.binary:
            out.text(b" BINARY")
        if fetch.body:
            out.text(b" BODY")
        if fetch.extended:
            out.text(b")")


# --- responses ------------------------------------------------------------------------------


# genurlauth-data = "*" SP "GENURLAUTH" 1*(SP url-full)
def format_genurlauth_data(urls: Sequence[bytes]) -> bytes:
    return b"* GENURLAUTH" + b"".join([b" " + format_string(url) for url in urls]) + b"\r\n"


def parse_genurlauth_data(cursor: Cursor) -> tuple[bytes, ...]:
    """What follows ``* GENURLAUTH``."""
    urls: list[bytes] = []
    while not urls or not cursor.at_end():
        cursor.sp()
        urls.append(cursor.astring())
    return tuple(urls)


# urlfetch-data = "*" SP "URLFETCH" 1*(SP (urldata-simple / urldata-ext / urldata-error))
def format_urlfetch_head(url: bytes) -> bytes:
    """The start of a response; what follows is a space and NIL, a string, or metadata in parentheses."""
    return b"* URLFETCH " + format_string(url)


def parse_urlfetch_data(cursor: Cursor) -> tuple[UrlFetched, ...]:
    """What follows ``* URLFETCH``."""
    answers: list[UrlFetched] = []
    while not answers or not cursor.at_end():
        cursor.sp()
        url = cursor.astring()
        cursor.sp()
        if cursor.peek() != LPAREN:
            answers.append(UrlFetched(url, _nstring8(cursor)))
            continue
        answers.append(_metadata(cursor, url))
    return tuple(answers)


# url-metadata = 1*(SP "(" url-metadata-el ")")
def _metadata(cursor: Cursor, url: bytes) -> UrlFetched:
    octets: bytes | None = None
    structure: bytes | None = None
    while cursor.skip(LPAREN):
        name = cursor.keyword()
        cursor.sp()
        if name == "BODYPARTSTRUCTURE":
            text, start = cursor.text, cursor.pos
            cursor.skip_value()
            structure = text[start : cursor.pos] if cursor.text is text else b""
        else:
            octets = _nstring8(cursor)
        cursor.expect(RPAREN)
        if cursor.text[cursor.pos : cursor.pos + 2] == b" (":
            cursor.pos += 1
    return UrlFetched(url, octets, structure)


def _nstring8(cursor: Cursor) -> bytes | None:
    return cursor.literal8() if cursor.peek() == LITERAL else cursor.nstring()
