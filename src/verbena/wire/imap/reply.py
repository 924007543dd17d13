"""IMAP responses as values, and the octets a server sends for them (RFC 3501 §7).

Response codes: RFC 3501 §7.1, RFC 4315 (APPENDUID, COPYUID), RFC 4469 (BADURL, TOOBIG), RFC 4978 (COMPRESSIONACTIVE),
RFC 5530, RFC 6154 (USEATTR), RFC 7162 (HIGHESTMODSEQ, NOMODSEQ, MODIFIED, CLOSED). ``response`` reads the same values.

Every ``format_x`` gives a whole response with its CRLF, unless it says otherwise. FETCH is the hot one: items are
octets made by ``format_*_att`` and joined by ``format_fetch``; ``FlagText`` keeps the flags' octets by their bits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol, final

from verbena.model.date import InternalDate
from verbena.model.envelope import Envelope
from verbena.model.flags import RECENT, Flag, flag_names
from verbena.model.ids import ModSeq
from verbena.model.part import Part, PartialRange, Section
from verbena.model.uidset import NumberSet
from verbena.wire.imap.date import format_date_time
from verbena.wire.imap.flag import format_flag_list
from verbena.wire.imap.grammar import (
    format_astring,
    format_nstring,
    format_number_set,
    format_ordered_numbers,
    format_string,
    quote,
)
from verbena.wire.imap.mailbox import format_mailbox
from verbena.wire.imap.section import format_section_spec

# Values


class Condition(Enum):
    """The status a response tells (RFC 3501 §7.1)."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    PREAUTH = "PREAUTH"
    BYE = "BYE"


@dataclass(frozen=True, slots=True)
class Code:
    """A response code: ``name`` in capitals, ``arguments`` as they stand on the wire; the functions below make them."""

    name: str
    arguments: bytes = b""


@dataclass(frozen=True, slots=True)
class StatusReply:
    """A status response: tagged, or untagged where ``tag`` is None. ``text`` is for people."""

    condition: Condition
    text: str
    code: Code | None = None
    tag: bytes | None = None


@dataclass(frozen=True, slots=True)
class Continuation:
    """A continuation request; ``text`` is for people, or base64 in a SASL exchange."""

    text: bytes


@dataclass(frozen=True, slots=True)
class CapabilityReply:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EnabledReply:
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlagsReply:
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class ListReply:
    """LIST, or LSUB where ``subscribed`` is true. ``attributes`` with their backslashes."""

    attributes: tuple[str, ...]
    delimiter: str | None
    mailbox: str
    subscribed: bool = False


@dataclass(frozen=True, slots=True)
class MailboxStatusReply:
    """STATUS; figures by their names in capitals."""

    mailbox: str
    figures: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ExistsReply:
    count: int


@dataclass(frozen=True, slots=True)
class RecentReply:
    count: int


@dataclass(frozen=True, slots=True)
class ExpungeReply:
    seq: int


@dataclass(frozen=True, slots=True)
class VanishedReply:
    """``earlier``: expunged before this session saw them (RFC 7162 §3.2.10)."""

    uids: NumberSet
    earlier: bool


@dataclass(frozen=True, slots=True)
class IdReply:
    params: tuple[tuple[bytes, bytes | None], ...] | None


@dataclass(frozen=True, slots=True)
class NamespaceReply:
    """(prefix, delimiter) pairs of the personal, other users' and shared namespaces (RFC 2342 §5)."""

    personal: tuple[tuple[str, str | None], ...]
    others: tuple[tuple[str, str | None], ...]
    shared: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class SearchReply:
    """SEARCH: sequence numbers or UIDs in the order given; ``modseq`` the highest of them (RFC 7162 §3.1.5)."""

    numbers: tuple[int, ...]
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class FetchedSection:
    """``name`` is ``BODY``, ``BINARY``, ``RFC822`` …; ``octets`` None for NIL; ``offset_octets`` of a partial one."""

    name: str
    section: Section
    offset_octets: int | None
    octets: bytes | None


@dataclass(frozen=True, slots=True)
class FetchReply:
    """FETCH as a client reads it; what was not sent is None. ``body`` is BODYSTRUCTURE or BODY.

    ``binary_sizes`` are BINARY.SIZE items (RFC 3516 §4.3).
    """

    seq: int
    uid: int | None = None
    flags: tuple[Flag, ...] | None = None
    modseq: int | None = None
    internal_date: InternalDate | None = None
    size_octets: int | None = None
    envelope: Envelope | None = None
    body: Part | None = None
    sections: tuple[FetchedSection, ...] = ()
    binary_sizes: tuple[tuple[Section, int], ...] = ()


# Response codes

READ_ONLY: Final = Code("READ-ONLY")
READ_WRITE: Final = Code("READ-WRITE")
TRYCREATE: Final = Code("TRYCREATE")
TOOBIG: Final = Code("TOOBIG")
UNKNOWN_CTE: Final = Code("UNKNOWN-CTE")
COMPRESSIONACTIVE: Final = Code("COMPRESSIONACTIVE")
USEATTR: Final = Code("USEATTR")
CLOSED: Final = Code("CLOSED")
UNAVAILABLE: Final = Code("UNAVAILABLE")
AUTHENTICATIONFAILED: Final = Code("AUTHENTICATIONFAILED")
AUTHORIZATIONFAILED: Final = Code("AUTHORIZATIONFAILED")
EXPIRED: Final = Code("EXPIRED")
PRIVACYREQUIRED: Final = Code("PRIVACYREQUIRED")
CONTACTADMIN: Final = Code("CONTACTADMIN")
NOPERM: Final = Code("NOPERM")
INUSE: Final = Code("INUSE")
EXPUNGEISSUED: Final = Code("EXPUNGEISSUED")
CORRUPTION: Final = Code("CORRUPTION")
SERVERBUG: Final = Code("SERVERBUG")
CLIENTBUG: Final = Code("CLIENTBUG")
CANNOT: Final = Code("CANNOT")
LIMIT: Final = Code("LIMIT")
OVERQUOTA: Final = Code("OVERQUOTA")
ALREADYEXISTS: Final = Code("ALREADYEXISTS")
NONEXISTENT: Final = Code("NONEXISTENT")


def capability_code(names: Iterable[str]) -> Code:
    return Code("CAPABILITY", " ".join(names).encode("ascii"))


def permanentflags(flags: Iterable[Flag]) -> Code:
    return Code("PERMANENTFLAGS", format_flag_list(flags))


def number_code(name: str, number: int) -> Code:
    """UIDNEXT, UIDVALIDITY, UNSEEN, HIGHESTMODSEQ."""
    return Code(name, b"%d" % number)


def modified(numbers: NumberSet) -> Code:
    """Messages that UNCHANGEDSINCE kept from being changed; not empty (RFC 7162 §3.1.3)."""
    return Code("MODIFIED", format_number_set(numbers))


# resp-code-apnd = "APPENDUID" SP nz-number SP append-uid        (RFC 4315 §4)
def appenduid(uidvalidity: int, uids: Sequence[int]) -> Code:
    return Code("APPENDUID", b"%d %b" % (uidvalidity, format_ordered_numbers(uids)))


# resp-code-copy = "COPYUID" SP nz-number SP uid-set SP uid-set        (RFC 4315 §4)
def copyuid(uidvalidity: int, source_uids: Sequence[int], uids: Sequence[int]) -> Code:
    """Both lists not empty; ``source_uids[i]`` became ``uids[i]``."""
    arguments = (uidvalidity, format_ordered_numbers(source_uids), format_ordered_numbers(uids))
    return Code("COPYUID", b"%d %b %b" % arguments)


def badurl(url: bytes) -> Code:
    """``url`` as the client gave it, without what can not stand in a response code (RFC 4469 §4)."""
    return Code("BADURL", _code_text(url))


# "BADCHARSET" [SP "(" astring *(SP astring) ")"]
def badcharset(charsets: Sequence[str]) -> Code:
    names = b" ".join([format_astring(charset.encode("ascii")) for charset in charsets])
    return Code("BADCHARSET", b"(%b)" % names if charsets else b"")


def _code_text(octets: bytes) -> bytes:
    return octets.translate(None, _NOT_IN_CODE)[:1_000]


_NOT_IN_CODE: Final = b"\0\r\n]" + bytes(range(0x80, 0x100))
_TEXT_CHARS: Final = bytes(octet if octet in range(0x20, 0x7F) or octet == 9 else 0x3F for octet in range(256))


# Status responses


# resp-text = ["[" resp-text-code "]" SP] text
def format_status_reply(value: StatusReply) -> bytes:
    """Characters that can not stand in a response become ``?``; an empty text becomes the condition's name."""
    text = value.text.encode("ascii", "replace").translate(_TEXT_CHARS) or value.condition.value.encode("ascii")
    tag = b"*" if value.tag is None else value.tag
    condition = value.condition.value.encode("ascii")
    code = value.code
    if code is None:
        # A text in brackets would read as a response code.
        return b"%b %b %b\r\n" % (tag, condition, b" " + text if text.startswith(b"[") else text)
    return b"%b %b [%b] %b\r\n" % (tag, condition, format_code(code), text)


def format_code(code: Code) -> bytes:
    """Without brackets."""
    name = code.name.encode("ascii")
    return name + b" " + code.arguments if code.arguments else name


def format_continuation(value: Continuation) -> bytes:
    return b"+ %b\r\n" % value.text


# Data responses


def format_capability(names: Iterable[str]) -> bytes:
    return b"* CAPABILITY %b\r\n" % " ".join(names).encode("ascii")


def format_enabled(names: Iterable[str]) -> bytes:
    return b"* %b\r\n" % " ".join(("ENABLED", *names)).encode("ascii")


def format_flags(flags: Iterable[Flag]) -> bytes:
    return b"* FLAGS %b\r\n" % format_flag_list(flags)


# mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox
def format_list_reply(value: ListReply) -> bytes:
    return b"* %b (%b) %b %b\r\n" % (
        b"LSUB" if value.subscribed else b"LIST",
        " ".join(value.attributes).encode("ascii"),
        _format_delimiter(value.delimiter),
        format_mailbox(value.mailbox),
    )


def _format_delimiter(delimiter: str | None) -> bytes:
    return b"NIL" if delimiter is None else quote(delimiter.encode("ascii"))


# "STATUS" SP mailbox SP "(" [status-att-list] ")"
def format_mailbox_status(value: MailboxStatusReply) -> bytes:
    figures = b" ".join([b"%b %d" % (name.encode("ascii"), number) for name, number in value.figures])
    return b"* STATUS %b (%b)\r\n" % (format_mailbox(value.mailbox), figures)


def format_exists(count: int) -> bytes:
    return b"* %d EXISTS\r\n" % count


def format_recent(count: int) -> bytes:
    return b"* %d RECENT\r\n" % count


def format_expunges(seqs: Sequence[int]) -> bytes:
    """One response for each, in the order given."""
    return b"".join([b"* %d EXPUNGE\r\n" % seq for seq in seqs])


# expunged-resp = "VANISHED" [SP "(EARLIER)"] SP known-uids        (RFC 7162 §7)
def format_vanished(uids: NumberSet, earlier: bool) -> bytes:
    """``uids`` not empty."""
    return b"* VANISHED %b%b\r\n" % (b"(EARLIER) " if earlier else b"", format_number_set(uids))


# mailbox-data =/ "SEARCH" [1*(SP nz-number) SP search-sort-mod-seq]        (RFC 7162 §7)
def format_search(value: SearchReply) -> bytes:
    numbers = b"".join([b" %d" % number for number in value.numbers])
    modseq = b"" if value.modseq is None else b" (MODSEQ %d)" % value.modseq
    return b"* SEARCH%b%b\r\n" % (numbers, modseq)


def format_id_reply(params: Sequence[tuple[bytes, bytes | None]] | None) -> bytes:
    if params is None:
        return b"* ID NIL\r\n"
    return b"* ID (%b)\r\n" % b" ".join([format_string(name) + b" " + format_nstring(text) for name, text in params])


# Namespace = nil / "(" 1*Namespace-Descr ")"        (RFC 4466 §3)
def format_namespace(value: NamespaceReply) -> bytes:
    parts = [_format_namespaces(pairs) for pairs in (value.personal, value.others, value.shared)]
    return b"* NAMESPACE %b\r\n" % b" ".join(parts)


def _format_namespaces(pairs: tuple[tuple[str, str | None], ...]) -> bytes:
    if not pairs:
        return b"NIL"
    return b"(%b)" % b"".join(
        [b"(%b %b)" % (quote(prefix.encode("ascii")), _format_delimiter(delimiter)) for prefix, delimiter in pairs]
    )


# FETCH


class Keyworded(Protocol):
    """What has a mailbox's keywords, to which others may add at any time; ``store.api.Columns`` is such."""

    @property
    def keywords(self) -> tuple[Flag, ...]: ...


@final
class FlagText:
    """The octets of FLAGS lists in one mailbox, made once for each set of bits (as ``model.flags`` has them)."""

    __slots__ = ("_known", "_known_recent", "_mailbox")

    def __init__(self, mailbox: Keyworded) -> None:
        self._mailbox = mailbox
        self._known: dict[int, bytes] = {}
        self._known_recent: dict[int, bytes] = {}

    def plain(self, bits: int) -> bytes:
        """``FLAGS (…)`` for ``bits``."""
        result = self._known.get(bits)
        if result is None:
            result = format_flags_att(flag_names(bits, self._mailbox.keywords))
            if len(self._known) < _MOST_KNOWN:
                self._known[bits] = result
        return result

    def recent(self, bits: int) -> bytes:
        """The same with ``\\Recent``."""
        result = self._known_recent.get(bits)
        if result is None:
            result = format_flags_att((*flag_names(bits, self._mailbox.keywords), RECENT))
            if len(self._known_recent) < _MOST_KNOWN:
                self._known_recent[bits] = result
        return result


_MOST_KNOWN: Final = 4_096


def format_flags_att(flags: Iterable[Flag]) -> bytes:
    return b"FLAGS " + format_flag_list(flags)


def format_internaldate_att(value: InternalDate) -> bytes:
    return b"INTERNALDATE " + format_date_time(value)


UID_ATT: Final = b"UID %d"
SIZE_ATT: Final = b"RFC822.SIZE %d"
# fetch-mod-resp = "MODSEQ" SP "(" permsg-modsequence ")"
MODSEQ_ATT: Final = b"MODSEQ (%d)"


def format_modseq_att(modseq: ModSeq) -> bytes:
    return MODSEQ_ATT % modseq


# message-data = nz-number SP "FETCH" SP msg-att
def format_fetch(seq: int, items: Sequence[bytes]) -> bytes:
    return b"* %d FETCH (%b)\r\n" % (seq, b" ".join(items))


def format_fetch_lines(seqs: Sequence[int], columns: Sequence[tuple[bytes, Sequence[int] | Sequence[bytes]]]) -> bytes:
    """A FETCH response for each of ``seqs``. A column is a template such as ``UID_ATT`` or ``%b``, and its values."""
    line = b"* %%d FETCH (%b)\r\n" % b" ".join([template for template, _values in columns])
    values = [values for _template, values in columns]
    return b"".join([line % each for each in zip(seqs, *values, strict=True)])


# "BODY" section ["<" number ">"]
def format_body_label(section: Section, partial: PartialRange | None) -> bytes:
    """How a FETCH response names a section: ``BODY[1.MIME]<0>``."""
    label = b"BODY[%b]" % format_section_spec(section)
    return label if partial is None else b"%b<%d>" % (label, partial.offset_octets)


def format_literal_start(size_octets: int, binary: bool = False) -> bytes:
    """What comes before the octets of a literal that a server streams."""
    return (b"~{%d}\r\n" if binary else b"{%d}\r\n") % size_octets
