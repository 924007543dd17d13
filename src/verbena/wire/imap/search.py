"""The SEARCH command (RFC 3501 §6.4.4 and §9; MODSEQ of RFC 7162 §3.1.5): full. Its response is in ``reply``.

Keys that extensions add are read by the parsers they register. Strings are decoded from the command's charset on
the way; which charsets there are is the caller's knowledge (``FindCharset``). A nested OR in second place does not
count as depth: clients chain hundreds of them.

Limits: ``MAX_KEYS`` keys, ``MAX_SEARCH_DEPTH`` levels of parentheses, NOT and OR.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, final

from verbena.model.errors import InternalError, PeerError
from verbena.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from verbena.model.query import (
    EVERYTHING,
    And,
    BodyHas,
    DateField,
    DateIs,
    DateTest,
    EnvelopeField,
    EnvelopeHas,
    HasFlag,
    HeaderHas,
    InNumbers,
    InUids,
    IsRecent,
    ModSeqFrom,
    Not,
    Or,
    Query,
    SizeAbove,
    SizeBelow,
    TextHas,
)
from verbena.wire.imap.date import format_date, parse_date
from verbena.wire.imap.flag import parse_flag
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import DQUOTE, LPAREN, RPAREN, STAR_CHAR, Cursor, FrameWriter, format_sequence_set

MAX_KEYS: Final = 2_000
MAX_SEARCH_DEPTH: Final = 64
MAX_CHARSET_OCTETS: Final = 64

_ZERO: Final = 0x30
_NINE: Final = 0x39

Decode = Callable[[bytes], str]
"""Octets of one charset as text; raises ``UnicodeError``."""

FindCharset = Callable[[bytes], Decode | None]
"""A charset's decoder by its name, any case; None when it is not known."""

KeyParser = Callable[[Cursor], object]
"""Reads what follows a key's name and gives a ``Query``; raises ``PeerError``."""


@dataclass(frozen=True, slots=True)
class Search:
    """``charset`` as it was given, None for none. When it is unknown, ``query`` means nothing and must not be run."""

    by_uid: bool
    query: Query
    charset: bytes | None = None
    charset_known: bool = True


_FLAG_KEYS: Final[Mapping[str, Query]] = {
    "ALL": EVERYTHING,
    "ANSWERED": HasFlag(ANSWERED),
    "DELETED": HasFlag(DELETED),
    "DRAFT": HasFlag(DRAFT),
    "FLAGGED": HasFlag(FLAGGED),
    "SEEN": HasFlag(SEEN),
    "UNANSWERED": Not(HasFlag(ANSWERED)),
    "UNDELETED": Not(HasFlag(DELETED)),
    "UNDRAFT": Not(HasFlag(DRAFT)),
    "UNFLAGGED": Not(HasFlag(FLAGGED)),
    "UNSEEN": Not(HasFlag(SEEN)),
    "RECENT": IsRecent(),
    "OLD": Not(IsRecent()),
    "NEW": And((IsRecent(), Not(HasFlag(SEEN)))),
}
"""Keys without arguments."""

_DATE_KEYS: Final[Mapping[str, tuple[DateField, DateTest]]] = {
    "BEFORE": (DateField.INTERNAL, DateTest.BEFORE),
    "ON": (DateField.INTERNAL, DateTest.ON),
    "SINCE": (DateField.INTERNAL, DateTest.SINCE),
    "SENTBEFORE": (DateField.SENT, DateTest.BEFORE),
    "SENTON": (DateField.SENT, DateTest.ON),
    "SENTSINCE": (DateField.SENT, DateTest.SINCE),
}

_ENVELOPE_KEYS: Final[Mapping[str, EnvelopeField]] = {field.value: field for field in EnvelopeField}

# Parsing ------------------------------------------------------------------------------------------


def _decode_ascii(octets: bytes) -> str:
    """Text of a search without CHARSET: US-ASCII, and UTF-8 from the many clients that send it without a word."""
    return octets.decode("utf-8")


def _decode_nothing(octets: bytes) -> str:
    return ""


# search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)
def parse_search(cursor: Cursor, by_uid: bool, find_charset: FindCharset, keys: Mapping[str, KeyParser]) -> Search:
    """The arguments of SEARCH, from behind its name to the end of the command. ``keys`` are the extensions'."""
    cursor.sp()
    charset: bytes | None = None
    decode: Decode | None = _decode_ascii
    if cursor.skip_word(b"CHARSET"):
        cursor.sp()
        charset = cursor.astring()
        if len(charset) > MAX_CHARSET_OCTETS:
            raise cursor.error("the charset's name is too long")
        if charset.upper() != b"US-ASCII":
            decode = find_charset(charset)
        cursor.sp()
    query = parse_keys(cursor, decode or _decode_nothing, keys)
    cursor.end()
    return Search(by_uid, query, charset, decode is not None)


def parse_keys(cursor: Cursor, decode: Decode, keys: Mapping[str, KeyParser]) -> Query:
    """``search-key *(SP search-key)`` up to the end of the command, as SORT, THREAD and others have it too."""
    parts = _Parser(cursor, decode, keys).keys(0, top=True)
    return parts[0] if len(parts) == 1 else And(tuple(parts))


@final
class _Parser:
    def __init__(self, cursor: Cursor, decode: Decode, keys: Mapping[str, KeyParser]) -> None:
        self._cursor = cursor
        self._decode = decode
        self._keys = keys
        self._count = 0

    def keys(self, depth: int, top: bool) -> list[Query]:
        """Keys up to the closing parenthesis, or, at the ``top``, the end."""
        cursor = self._cursor
        parts = [self.key(depth)]
        while True:
            if top:
                if cursor.at_end():
                    return parts
                cursor.sp()
                if cursor.at_end():
                    # Some clients leave a space at the end.
                    return parts
            else:
                if cursor.skip(RPAREN):
                    return parts
                cursor.sp()
            parts.append(self.key(depth))

    # search-key = … / sequence-set / "(" search-key *(SP search-key) ")"
    def key(self, depth: int) -> Query:
        cursor = self._cursor
        self._count += 1
        if self._count > MAX_KEYS:
            raise cursor.error("there are too many search keys")
        if depth > MAX_SEARCH_DEPTH:
            raise cursor.error("the search keys are nested too deeply")
        octet = cursor.peek()
        if octet == LPAREN:
            cursor.pos += 1
            parts = self.keys(depth + 1, top=False)
            return parts[0] if len(parts) == 1 else And(tuple(parts))
        if octet == STAR_CHAR or _ZERO <= octet <= _NINE:
            return InNumbers(cursor.sequence_set())
        name = cursor.keyword()
        if name == "NOT":
            cursor.sp()
            return Not(self.key(depth + 1))
        if name == "OR":
            return self._or(depth)
        plain = _FLAG_KEYS.get(name)
        return plain if plain is not None else self._key_with_argument(name)

    # "OR" SP search-key SP search-key
    def _or(self, depth: int) -> Query:
        """``OR a OR b c`` is one Or of three."""
        cursor = self._cursor
        parts: list[Query] = []
        while True:
            cursor.sp()
            parts.append(self.key(depth + 1))
            cursor.sp()
            if not cursor.skip_word(b"OR"):
                parts.append(self.key(depth + 1))
                return Or(tuple(parts))
            self._count += 1

    def _key_with_argument(self, name: str) -> Query:
        cursor = self._cursor
        date_key = _DATE_KEYS.get(name)
        if date_key is not None:
            cursor.sp()
            return DateIs(date_key[0], date_key[1], parse_date(cursor))
        field = _ENVELOPE_KEYS.get(name)
        if field is not None:
            return EnvelopeHas(field, self._text())
        parse = _ARGUMENT_KEYS.get(name)
        if parse is not None:
            return parse(self)
        extension = self._keys.get(name)
        if extension is None:
            raise PeerError(f"Unknown search key {name[:64]}")
        found = extension(cursor)
        assert isinstance(found, Query)
        return found

    def _text(self) -> str:
        """SP astring, decoded."""
        self._cursor.sp()
        octets = self._cursor.astring()
        try:
            return self._decode(octets)
        except (UnicodeError, ValueError):
            raise self._cursor.error("the string is not in the charset of the search") from None

    def body(self) -> Query:
        return BodyHas(self._text())

    def text(self) -> Query:
        return TextHas(self._text())

    # "HEADER" SP header-fld-name SP astring
    def header(self) -> Query:
        self._cursor.sp()
        name = self._cursor.astring()
        if not name.isascii():
            raise self._cursor.error("a header field's name is ASCII")
        return HeaderHas(name.decode("ascii").lower(), self._text())

    def keyword(self) -> Query:
        self._cursor.sp()
        return HasFlag(parse_flag(self._cursor))

    def unkeyword(self) -> Query:
        return Not(self.keyword())

    def larger(self) -> Query:
        self._cursor.sp()
        return SizeAbove(self._cursor.number64())

    def smaller(self) -> Query:
        self._cursor.sp()
        return SizeBelow(self._cursor.number64())

    def uid(self) -> Query:
        self._cursor.sp()
        return InUids(self._cursor.sequence_set())

    # search-modsequence = "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer
    def modseq(self) -> Query:
        cursor = self._cursor
        cursor.sp()
        if cursor.peek() != DQUOTE:
            return ModSeqFrom(cursor.modseq_or_zero())
        entry = cursor.quoted()
        cursor.sp()
        entry_type = cursor.keyword().lower()
        if entry_type not in ("priv", "shared", "all"):
            raise cursor.error("priv, shared or all is expected")
        cursor.sp()
        return ModSeqFrom(cursor.modseq_or_zero(), entry, entry_type)


_ARGUMENT_KEYS: Final[Mapping[str, Callable[[_Parser], Query]]] = {
    "BODY": _Parser.body,
    "TEXT": _Parser.text,
    "HEADER": _Parser.header,
    "KEYWORD": _Parser.keyword,
    "UNKEYWORD": _Parser.unkeyword,
    "LARGER": _Parser.larger,
    "SMALLER": _Parser.smaller,
    "UID": _Parser.uid,
    "MODSEQ": _Parser.modseq,
}


# Formatting ---------------------------------------------------------------------------------------


def format_search(value: Search) -> Frame:
    """The command. Without a ``charset`` of its own a search for text that is not ASCII is sent in UTF-8.

    ``Among`` and keys of extensions have no form here.
    """
    body = _Writer("utf-8" if value.charset is None else _codec(value.charset))
    if isinstance(value.query, And) and value.query.parts:
        body.keys(value.query.parts)
    else:
        body.key(value.query)
    charset = value.charset
    if charset is None and not body.ascii:
        charset = b"UTF-8"
    head = b"UID SEARCH " if value.by_uid else b"SEARCH "
    out = FrameWriter(head)
    if charset is not None:
        out.text(b"CHARSET ")
        out.astring(charset)
        out.text(b" ")
    body.write(out)
    return out.frame()


def _codec(charset: bytes) -> str:
    return charset.decode("ascii")


_PLAIN_NAMES: Final[Mapping[Query, bytes]] = {
    query: name.encode("ascii") for name, query in _FLAG_KEYS.items() if name not in ("NEW", "ALL")
}


@final
class _Writer:
    """Writes keys, noting whether all text was ASCII."""

    def __init__(self, codec: str) -> None:
        self.ascii = True
        self._codec = codec
        # Octets of the grammar, and strings, which are marked by a leading True.
        self._pieces: list[tuple[bool, bytes]] = []

    def write(self, out: FrameWriter) -> None:
        for is_string, octets in self._pieces:
            if is_string:
                out.string(octets)
            else:
                out.text(octets)

    def _put(self, octets: bytes) -> None:
        self._pieces.append((False, octets))

    def _put_string(self, text: str) -> None:
        self.ascii = self.ascii and text.isascii()
        self._pieces.append((True, text.encode(self._codec)))

    def keys(self, parts: tuple[Query, ...]) -> None:
        separator = b""
        for part in parts:
            self._put(separator)
            self.key(part)
            separator = b" "

    def key(self, query: Query) -> None:
        name = _PLAIN_NAMES.get(query)
        if name is not None:
            self._put(name)
        elif isinstance(query, And):
            self._and(query)
        elif isinstance(query, Or):
            self._or(query)
        elif isinstance(query, Not):
            if isinstance(query.part, HasFlag):
                self._put(b"UNKEYWORD " + query.part.flag.encode("ascii"))
            else:
                self._put(b"NOT ")
                self.key(query.part)
        else:
            self._leaf(query)

    def _and(self, query: And) -> None:
        if not query.parts:
            self._put(b"ALL")
            return
        self._put(b"(")
        self.keys(query.parts)
        self._put(b")")

    def _or(self, query: Or) -> None:
        """OR takes two keys: more are chained; one stands alone; none at all is what NOT ALL finds."""
        if not query.parts:
            self._put(b"NOT ALL")
            return
        for part in query.parts[:-1]:
            self._put(b"OR ")
            self.key(part)
            self._put(b" ")
        self.key(query.parts[-1])

    def _leaf(self, query: Query) -> None:
        if isinstance(query, InNumbers):
            self._put(format_sequence_set(query.numbers))
        elif isinstance(query, InUids):
            self._put(b"UID " + format_sequence_set(query.uids))
        elif isinstance(query, HasFlag):
            self._put(b"KEYWORD " + query.flag.encode("ascii"))
        elif isinstance(query, SizeAbove):
            self._put(b"LARGER %d" % query.octets)
        elif isinstance(query, SizeBelow):
            self._put(b"SMALLER %d" % query.octets)
        elif isinstance(query, DateIs):
            prefix = b"SENT" if query.field is DateField.SENT else b""
            self._put(prefix + query.test.value.encode("ascii") + b" " + format_date(query.day))
        elif isinstance(query, ModSeqFrom):
            self._modseq(query)
        else:
            self._text_leaf(query)

    def _modseq(self, query: ModSeqFrom) -> None:
        self._put(b"MODSEQ ")
        if query.entry is not None and query.entry_type is not None:
            self._pieces.append((True, query.entry))
            self._put(b" " + query.entry_type.encode("ascii") + b" ")
        self._put(b"%d" % query.modseq)

    def _text_leaf(self, query: Query) -> None:
        if isinstance(query, EnvelopeHas):
            self._put(query.field.value.encode("ascii") + b" ")
            self._put_string(query.text)
        elif isinstance(query, HeaderHas):
            self._put(b"HEADER ")
            self._put_string(query.name)
            self._put(b" ")
            self._put_string(query.text)
        elif isinstance(query, BodyHas):
            self._put(b"BODY ")
            self._put_string(query.text)
        elif isinstance(query, TextHas):
            self._put(b"TEXT ")
            self._put_string(query.text)
        else:
            raise InternalError("this search key has no form on the wire")
