"""Server responses as a client reads them, into the values of ``reply`` (RFC 3501 §7 and §9, RFC 7162 §7).

Framing is ``frame.FrameReader(responses=True)``. What has no value here (ESEARCH, URLFETCH, GENURLAUTH, METADATA …)
becomes an ``OtherReply``, whose rest the extension's own module reads.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from verbena.model.date import InternalDate
from verbena.model.envelope import Envelope
from verbena.model.flags import Flag
from verbena.model.part import Part, Section, SectionText
from verbena.wire.imap import mutf7
from verbena.wire.imap.body import parse_body, parse_envelope
from verbena.wire.imap.command import parse_id_params
from verbena.wire.imap.date import parse_date_time
from verbena.wire.imap.flag import parse_flag_list_shown
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import (
    ASTRING,
    BACKSLASH,
    DQUOTE,
    GREATER,
    LBRACKET,
    LESS,
    LPAREN,
    RBRACKET,
    RPAREN,
    SP,
    STAR_CHAR,
    Cursor,
    cursor_of,
)
from verbena.wire.imap.mailbox import parse_mailbox
from verbena.wire.imap.reply import (
    CapabilityReply,
    Code,
    Condition,
    Continuation,
    EnabledReply,
    ExistsReply,
    ExpungeReply,
    FetchedSection,
    FetchReply,
    FlagsReply,
    IdReply,
    ListReply,
    MailboxStatusReply,
    NamespaceReply,
    RecentReply,
    SearchReply,
    StatusReply,
    VanishedReply,
)
from verbena.wire.imap.section import parse_section

MAX_NUMBERS: Final = 1_000_000
"""Numbers in one SEARCH response or COPYUID."""
MAX_NAMES: Final = 1_000
_PLUS: Final = 0x2B


@dataclass(frozen=True, slots=True)
class OtherReply:
    """A data response read elsewhere: its name in capitals, the number before it if any, and what follows the name."""

    name: str
    number: int | None
    rest: Frame


Response = (
    StatusReply
    | Continuation
    | CapabilityReply
    | EnabledReply
    | FlagsReply
    | ListReply
    | MailboxStatusReply
    | ExistsReply
    | RecentReply
    | ExpungeReply
    | VanishedReply
    | IdReply
    | NamespaceReply
    | SearchReply
    | FetchReply
    | OtherReply
)

_CONDITIONS: Final = {condition.value: condition for condition in Condition}


# response = *(continue-req / response-data) response-done
def parse_response(frame: Frame) -> Response:
    """Any response, the greeting included. Raises ``PeerError``."""
    cursor = cursor_of(frame)
    if cursor.skip(_PLUS):
        cursor.skip(SP)
        return Continuation(cursor.text[cursor.pos :])
    if cursor.skip(STAR_CHAR):
        cursor.sp()
        return _untagged(cursor)
    tag = cursor.tag()
    cursor.sp()
    condition = _CONDITIONS.get(cursor.keyword())
    if condition is None:
        raise cursor.error("OK, NO or BAD is expected")
    return _status(cursor, condition, tag)


# response-data = "*" SP (resp-cond-state / resp-cond-bye / mailbox-data / message-data / capability-data) CRLF
def _untagged(cursor: Cursor) -> Response:
    if cursor.peek() - 0x30 in range(10):
        number = cursor.number()
        cursor.sp()
        return _numbered(cursor, number)
    name = cursor.keyword()
    condition = _CONDITIONS.get(name)
    if condition is not None:
        return _status(cursor, condition, None)
    parse = _PARSERS.get(name)
    if parse is None:
        cursor.skip(SP)
        return OtherReply(name, None, cursor.rest())
    result = parse(cursor)
    cursor.skip(SP)
    cursor.end()
    return result


def _numbered(cursor: Cursor, number: int) -> Response:
    name = cursor.keyword()
    if name == "FETCH":
        cursor.sp()
        return _FetchParser(cursor, number).parse()
    if name == "EXISTS":
        return ExistsReply(number)
    if name == "RECENT":
        return RecentReply(number)
    if name == "EXPUNGE":
        return ExpungeReply(number)
    cursor.skip(SP)
    return OtherReply(name, number, cursor.rest())


# resp-text = ["[" resp-text-code "]" SP] text
def _status(cursor: Cursor, condition: Condition, tag: bytes | None) -> StatusReply:
    """Servers that send no text at all are understood."""
    cursor.skip(SP)
    code: Code | None = None
    if cursor.skip(LBRACKET):
        code = _code(cursor)
        cursor.skip(SP)
    text = cursor.text[cursor.pos :].lstrip(b" ").decode("utf-8", "replace")
    return StatusReply(condition, text, code, tag)


# resp-text-code = … / atom [SP 1*<any TEXT-CHAR except "]">]
def _code(cursor: Cursor) -> Code:
    """A quoted string in the arguments may hold a bracket."""
    name = cursor.keyword()
    start = cursor.pos
    text = cursor.text
    quoted = False
    at = start
    while at < len(text) and (quoted or text[at] != RBRACKET):
        if text[at] == DQUOTE:
            quoted = not quoted
        elif quoted and text[at] == BACKSLASH:
            at += 1
        at += 1
    cursor.pos = min(at, len(text))
    cursor.expect(RBRACKET)
    return Code(name, text[start:at].lstrip(b" "))


def _names(cursor: Cursor) -> tuple[str, ...]:
    names: list[str] = []
    while cursor.skip(SP):
        word = cursor.run(ASTRING)
        if word:
            names.append(word.decode("ascii").upper())
        if len(names) > MAX_NAMES:
            raise cursor.error("there are too many names")
    return tuple(names)


def _capability(cursor: Cursor) -> Response:
    return CapabilityReply(_names(cursor))


def _enabled(cursor: Cursor) -> Response:
    return EnabledReply(_names(cursor))


def _flags(cursor: Cursor) -> Response:
    cursor.sp()
    return FlagsReply(parse_flag_list_shown(cursor))


def _list(cursor: Cursor) -> Response:
    return _mailbox_list(cursor, False)


def _lsub(cursor: Cursor) -> Response:
    return _mailbox_list(cursor, True)


# mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox
def _mailbox_list(cursor: Cursor, subscribed: bool) -> Response:
    """What LIST-EXTENDED puts behind the name is passed over (RFC 5258 §6)."""
    cursor.sp()
    cursor.expect(LPAREN)
    attributes: list[str] = []
    while not cursor.skip(RPAREN):
        if attributes:
            cursor.sp()
        cursor.expect(BACKSLASH)
        attributes.append("\\" + cursor.atom().decode("ascii"))
        if len(attributes) > MAX_NAMES:
            raise cursor.error("there are too many attributes")
    cursor.sp()
    delimiter = _delimiter(cursor)
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    if cursor.skip(SP):
        cursor.skip_value()
    return ListReply(tuple(attributes), delimiter, mailbox, subscribed)


def _delimiter(cursor: Cursor) -> str | None:
    octets = cursor.nstring()
    if octets is None:
        return None
    if len(octets) != 1 or not octets.isascii():
        raise cursor.error("a hierarchy delimiter is one character")
    return octets.decode("ascii")


# "STATUS" SP mailbox SP "(" [status-att-list] ")"
def _mailbox_status(cursor: Cursor) -> Response:
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    cursor.sp()
    cursor.expect(LPAREN)
    figures: list[tuple[str, int]] = []
    while not cursor.skip(RPAREN):
        if figures and not cursor.skip(SP):
            raise cursor.error("a space is expected")
        if cursor.skip(RPAREN):
            break
        name = cursor.keyword()
        cursor.sp()
        figures.append((name, cursor.number64()))
        if len(figures) > MAX_NAMES:
            raise cursor.error("there are too many figures")
    return MailboxStatusReply(mailbox, tuple(figures))


# expunged-resp = "VANISHED" [SP "(EARLIER)"] SP known-uids
def _vanished(cursor: Cursor) -> Response:
    cursor.sp()
    earlier = False
    if cursor.skip(LPAREN):
        if cursor.keyword() != "EARLIER":
            raise cursor.error("EARLIER is expected")
        cursor.expect(RPAREN)
        cursor.sp()
        earlier = True
    return VanishedReply(cursor.number_set(), earlier)


def _id(cursor: Cursor) -> Response:
    cursor.sp()
    return IdReply(parse_id_params(cursor))


# Namespace-Response = "NAMESPACE" SP Namespace SP Namespace SP Namespace        (RFC 4466 §3)
def _namespace(cursor: Cursor) -> Response:
    cursor.sp()
    personal = _namespaces(cursor)
    cursor.sp()
    others = _namespaces(cursor)
    cursor.sp()
    return NamespaceReply(personal, others, _namespaces(cursor))


def _namespaces(cursor: Cursor) -> tuple[tuple[str, str | None], ...]:
    if cursor.skip_word(b"NIL"):
        return ()
    cursor.expect(LPAREN)
    result: list[tuple[str, str | None]] = []
    while not cursor.skip(RPAREN):
        cursor.expect(LPAREN)
        prefix = mutf7.decode(cursor.string())
        cursor.sp()
        result.append((prefix, _delimiter(cursor)))
        while cursor.skip(SP):
            cursor.skip_value()
        cursor.expect(RPAREN)
        if len(result) > MAX_NAMES:
            raise cursor.error("there are too many namespaces")
    return tuple(result)


# "SEARCH" *(SP nz-number) [SP "(" "MODSEQ" SP mod-sequence-value ")"]
def _search(cursor: Cursor) -> Response:
    numbers: list[int] = []
    modseq: int | None = None
    while cursor.skip(SP):
        if cursor.skip(LPAREN):
            if cursor.keyword() != "MODSEQ":
                raise cursor.error("MODSEQ is expected")
            cursor.sp()
            modseq = cursor.modseq()
            cursor.expect(RPAREN)
            break
        if cursor.at_end():
            break
        numbers.append(cursor.nz_number())
        if len(numbers) > MAX_NUMBERS:
            raise cursor.error("there are too many numbers")
    return SearchReply(tuple(numbers), modseq)


_PARSERS: Final[dict[str, Callable[[Cursor], Response]]] = {
    "CAPABILITY": _capability,
    "ENABLED": _enabled,
    "FLAGS": _flags,
    "LIST": _list,
    "LSUB": _lsub,
    "STATUS": _mailbox_status,
    "VANISHED": _vanished,
    "ID": _id,
    "NAMESPACE": _namespace,
    "SEARCH": _search,
}


@final
class _FetchParser:
    """Reads one FETCH response; unknown items are passed over when their value has a plain form (RFC 4466 §3)."""

    def __init__(self, cursor: Cursor, seq: int) -> None:
        self._cursor = cursor
        self._seq = seq
        self._uid: int | None = None
        self._flags: tuple[Flag, ...] | None = None
        self._modseq: int | None = None
        self._internal_date: InternalDate | None = None
        self._size_octets: int | None = None
        self._envelope: Envelope | None = None
        self._body: Part | None = None
        self._sections: list[FetchedSection] = []
        self._sizes: list[tuple[Section, int]] = []

    # msg-att = "(" (msg-att-dynamic / msg-att-static) *(SP (msg-att-dynamic / msg-att-static)) ")"
    def parse(self) -> FetchReply:
        cursor = self._cursor
        cursor.expect(LPAREN)
        while True:
            self._item()
            if cursor.skip(RPAREN):
                break
            cursor.sp()
        cursor.end()
        return FetchReply(
            self._seq,
            self._uid,
            self._flags,
            self._modseq,
            self._internal_date,
            self._size_octets,
            self._envelope,
            self._body,
            tuple(self._sections),
            tuple(self._sizes),
        )

    def _item(self) -> None:
        cursor = self._cursor
        name = cursor.keyword()
        if cursor.peek() == LBRACKET:
            self._section(name)
            return
        cursor.sp()
        if name == "UID":
            self._uid = cursor.nz_number()
        elif name == "FLAGS":
            self._flags = parse_flag_list_shown(cursor)
        elif name == "MODSEQ":
            cursor.expect(LPAREN)
            self._modseq = cursor.modseq()
            cursor.expect(RPAREN)
        elif name == "INTERNALDATE":
            self._internal_date = parse_date_time(cursor)
        elif name == "RFC822.SIZE":
            self._size_octets = cursor.number64()
        elif name == "ENVELOPE":
            self._envelope = parse_envelope(cursor)
        elif name in ("BODY", "BODYSTRUCTURE"):
            self._body = parse_body(cursor)
        elif name in _RFC822_SECTIONS:
            self._sections.append(FetchedSection(name, _RFC822_SECTIONS[name], None, cursor.nstring()))
        else:
            cursor.skip_value()

    # "BODY" section ["<" number ">"] SP nstring
    # "BINARY" section-binary ["<" number ">"] SP (nstring / literal8); "BINARY.SIZE" section-binary SP number
    def _section(self, name: str) -> None:
        cursor = self._cursor
        section = parse_section(cursor)
        offset: int | None = None
        if cursor.skip(LESS):
            offset = cursor.number64()
            cursor.expect(GREATER)
        cursor.sp()
        if name == "BINARY.SIZE":
            self._sizes.append((section, cursor.number64()))
        else:
            self._sections.append(FetchedSection(name, section, offset, cursor.nstring8()))


_RFC822_SECTIONS: Final = {
    "RFC822": Section(),
    "RFC822.HEADER": Section((), SectionText.HEADER),
    "RFC822.TEXT": Section((), SectionText.TEXT),
}


# Response codes with numbers


def parse_number_code(code: Code) -> int:
    """UIDNEXT, UIDVALIDITY, UNSEEN, HIGHESTMODSEQ. Raises ``PeerError``."""
    cursor = Cursor(code.arguments)
    result = cursor.number64()
    cursor.end()
    return result


# resp-code-apnd = "APPENDUID" SP nz-number SP append-uid
def parse_appenduid(code: Code) -> tuple[int, tuple[int, ...]]:
    """UIDVALIDITY, and the UIDs in the order of the messages. Raises ``PeerError``."""
    cursor = Cursor(code.arguments)
    uidvalidity = cursor.nz_number()
    cursor.sp()
    uids = cursor.ordered_numbers(MAX_NUMBERS)
    cursor.end()
    return uidvalidity, tuple(uids)


# resp-code-copy = "COPYUID" SP nz-number SP uid-set SP uid-set
def parse_copyuid(code: Code) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """UIDVALIDITY of the target, and the UIDs there and here, pair by pair. Raises ``PeerError``."""
    cursor = Cursor(code.arguments)
    uidvalidity = cursor.nz_number()
    cursor.sp()
    source = cursor.ordered_numbers(MAX_NUMBERS)
    cursor.sp()
    uids = cursor.ordered_numbers(MAX_NUMBERS)
    cursor.end()
    if len(source) != len(uids):
        raise cursor.error("the two sets must have as many numbers")
    return uidvalidity, tuple(source), tuple(uids)


def parse_capability_code(code: Code) -> tuple[str, ...]:
    """The names of a CAPABILITY code, in capitals."""
    return tuple(code.arguments.decode("ascii", "replace").upper().split())
