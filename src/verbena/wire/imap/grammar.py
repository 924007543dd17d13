"""Stage two of IMAP: a cursor over one command's text and literals, and the terminals of the grammar.

RFC 3501 §9, RFC 4466 §3, RFC 7162 §7 (mod-sequences). Each method of ``Cursor`` reads one ABNF rule, leaves the cursor
behind it, or raises ``PeerError`` with the place. ``FrameWriter`` and the ``format_*`` functions write the same rules.
Composite rules are in their own modules: ``date``, ``flag``, ``mailbox``, ``section``.

A literal stands between two texts of the frame; within a text a cursor never sees ``{n}``.
Tolerance: ``quoted_8bit`` accepts octets above 127 in quoted strings (clients that send UTF-8 without literals).
"""

from collections.abc import Iterable, Sequence
from typing import Final, final

from verbena.model.errors import PeerError
from verbena.model.ids import MAX_MODSEQ, MAX_UID, ModSeq
from verbena.model.uidset import STAR, NumberSet, SequenceSet, range_set
from verbena.wire.imap.frame import Frame, Literal

MAX_DEPTH: Final = 32
"""Deepest nesting of parentheses in a command."""

END: Final = -1
"""``peek`` at the end of the command."""
LITERAL: Final = -2
"""``peek`` where a literal comes next."""

SP: Final = 0x20
DQUOTE: Final = 0x22
LPAREN: Final = 0x28
RPAREN: Final = 0x29
STAR_CHAR: Final = 0x2A
COMMA: Final = 0x2C
DOT: Final = 0x2E
COLON: Final = 0x3A
LESS: Final = 0x3C
GREATER: Final = 0x3E
LBRACKET: Final = 0x5B
BACKSLASH: Final = 0x5C
RBRACKET: Final = 0x5D
_ZERO: Final = 0x30
_NINE: Final = 0x39

ATOM: Final = 1
ASTRING: Final = 2
TAG: Final = 4
LIST_CHAR: Final = 8
QUOTABLE: Final = 16
KEYWORD: Final = 32
"""The characters of command names, data items and search keys: letters, digits, ``- . _``"""


def _char_classes() -> bytes:
    result = bytearray(256)
    for octet in range(1, 256):
        bits = 0
        special = octet <= SP or octet >= 0x7F or octet in b'(){%*"\\]'
        if not special:
            bits |= ATOM
        if not special or octet == RBRACKET:
            bits |= ASTRING | LIST_CHAR
            if octet != 0x2B:
                bits |= TAG
        if octet in b"%*":
            bits |= LIST_CHAR
        if octet not in b'\r\n"\\':
            bits |= QUOTABLE
        if (octet < 0x80 and chr(octet).isalnum()) or octet in b"-._":
            bits |= KEYWORD
        result[octet] = bits
    return bytes(result)


CLASSES: Final = _char_classes()
"""For each octet the bits ``ATOM`` … ``KEYWORD`` of the classes it is in."""

_ASTRING_CHARS: Final = bytes(octet for octet in range(256) if CLASSES[octet] & ASTRING)
_SAFE_QUOTED_CHARS: Final = bytes(octet for octet in range(128) if CLASSES[octet] & QUOTABLE)
_MOST_QUOTED: Final = 1_000


@final
class Cursor:
    """A place in a command. ``text`` and ``pos`` are the current text and the place in it; extensions may read both."""

    def __init__(self, text: bytes, literals: tuple[Literal, ...] = (), texts: tuple[bytes, ...] = ()) -> None:
        self.text = text
        self.pos = 0
        self._literals = literals
        self._texts = texts
        self._at = 0
        self.quoted_8bit = True

    # looking

    def peek(self) -> int:
        """The next octet; ``END`` at the end of the command, ``LITERAL`` where a literal is next."""
        if self.pos < len(self.text):
            return self.text[self.pos]
        return LITERAL if self._at < len(self._literals) else END

    def at_end(self) -> bool:
        return self.pos >= len(self.text) and self._at >= len(self._literals)

    def end(self) -> None:
        """Nothing may follow."""
        if not self.at_end():
            raise self.error("the command should end")

    def rest(self) -> Frame:
        """What is left, to be read by someone else; the cursor is at the end then."""
        result = Frame(self.text[self.pos :], self._literals[self._at :], self._texts[self._at :])
        self.pos = len(self.text)
        self._at = len(self._literals)
        return result

    def error(self, expected: str) -> PeerError:
        """The error to raise here: ``expected`` completes a sentence such as "a number is expected"."""
        literals = f" after literal {self._at}" if self._at else ""
        return PeerError(f"At octet {self.pos + 1}{literals}: {expected}")

    # single octets

    def skip(self, octet: int) -> bool:
        """Step over ``octet`` if it is next."""
        if self.pos < len(self.text) and self.text[self.pos] == octet:
            self.pos += 1
            return True
        return False

    def expect(self, octet: int) -> None:
        if self.pos < len(self.text) and self.text[self.pos] == octet:
            self.pos += 1
            return
        raise self.error(f'"{chr(octet)}" is expected')

    def sp(self) -> None:
        """Exactly one space."""
        if self.pos < len(self.text) and self.text[self.pos] == SP:
            self.pos += 1
            return
        raise self.error("a space is expected")

    def skip_word(self, word: bytes) -> bool:
        """Step over ``word`` (given in capitals, matched without case) if a whole word of it is next."""
        end = self.pos + len(word)
        if self.text[self.pos : end].upper() != word:
            return False
        if end < len(self.text) and CLASSES[self.text[end]] & ATOM and CLASSES[self.text[end - 1]] & ATOM:
            return False
        self.pos = end
        return True

    # words

    def run(self, char_class: int) -> bytes:
        """The longest run of octets of ``char_class``; may be empty."""
        text = self.text
        start = self.pos
        at = start
        size = len(text)
        while at < size and CLASSES[text[at]] & char_class:
            at += 1
        self.pos = at
        return text[start:at]

    # tag = 1*<any ASTRING-CHAR except "+">
    def tag(self) -> bytes:
        result = self.run(TAG)
        if not result:
            raise self.error("a tag is expected")
        return result

    def keyword(self) -> str:
        """A name of the grammar's own, such as a command or data item, in capitals."""
        result = self.run(KEYWORD)
        if not result:
            raise self.error("a name is expected")
        return result.decode("ascii").upper()

    # atom = 1*ATOM-CHAR
    def atom(self) -> bytes:
        result = self.run(ATOM)
        if not result:
            raise self.error("an atom is expected")
        return result

    # astring = 1*ASTRING-CHAR / string
    def astring(self) -> bytes:
        result = self.run(ASTRING)
        return result if result else self.string()

    # strings

    # string = quoted / literal
    def string(self) -> bytes:
        octet = self.peek()
        if octet == DQUOTE:
            return self.quoted()
        if octet == LITERAL:
            return self.literal()
        raise self.error("a string is expected")

    # nstring = string / nil
    def nstring(self) -> bytes | None:
        octet = self.peek()
        if octet == DQUOTE:
            return self.quoted()
        if octet == LITERAL:
            return self.literal()
        if self.skip_word(b"NIL"):
            return None
        raise self.error("a string or NIL is expected")

    # nstring / literal8        (RFC 3516 §7)
    def nstring8(self) -> bytes | None:
        """As ``nstring``, and a literal8 too."""
        return self.literal8() if self.peek() == LITERAL else self.nstring()

    # quoted = DQUOTE *QUOTED-CHAR DQUOTE
    def quoted(self) -> bytes:
        self.expect(DQUOTE)
        text = self.text
        start = self.pos
        at = start
        size = len(text)
        while at < size and CLASSES[text[at]] & QUOTABLE:
            at += 1
        if at < size and text[at] == DQUOTE:
            self.pos = at + 1
            return self._quoted_checked(text[start:at])
        return self._quoted_escaped(start)

    def _quoted_escaped(self, start: int) -> bytes:
        """As ``quoted``, for one with backslashes in it."""
        text = self.text
        at = start
        size = len(text)
        result = bytearray()
        while at < size:
            octet = text[at]
            if octet == DQUOTE:
                self.pos = at + 1
                return self._quoted_checked(bytes(result))
            if octet == BACKSLASH:
                at += 1
                if at >= size or (text[at] != DQUOTE and text[at] != BACKSLASH):
                    break
                octet = text[at]
            elif not CLASSES[octet] & QUOTABLE:
                break
            result.append(octet)
            at += 1
        self.pos = at
        raise self.error("the quoted string is not well formed")

    def _quoted_checked(self, octets: bytes) -> bytes:
        if not self.quoted_8bit and not octets.isascii():
            raise self.error("a quoted string is ASCII")
        return octets

    # literal = "{" number ["+"] "}" CRLF *CHAR8
    def literal(self) -> bytes:
        """A literal that is no literal8."""
        if self.peek() != LITERAL or self._literals[self._at].binary:
            raise self.error("a literal is expected")
        return self._literal().octets

    def literal8(self) -> bytes:
        """A literal of either kind (RFC 4466 §3, RFC 3516 §4.4)."""
        if self.peek() != LITERAL:
            raise self.error("a literal is expected")
        return self._literal().octets

    def _literal(self) -> Literal:
        result = self._literals[self._at]
        self.text = self._texts[self._at] if self._at < len(self._texts) else b""
        self.pos = 0
        self._at += 1
        return result

    # numbers

    def _digits(self, most: int, what: str) -> int:
        text = self.text
        start = self.pos
        at = start
        size = len(text)
        while at < size and _ZERO <= text[at] <= _NINE:
            at += 1
        if at == start:
            raise self.error(f"{what} is expected")
        if at - start > 19:
            raise self.error(f"{what} is too large")
        value = int(text[start:at])
        if value > most:
            raise self.error(f"{what} is too large")
        self.pos = at
        return value

    # number = 1*DIGIT, below 2**32
    def number(self) -> int:
        return self._digits(MAX_UID, "a number")

    # nz-number = digit-nz *DIGIT
    def nz_number(self) -> int:
        if self.peek() == _ZERO:
            raise self.error("a number above zero is expected")
        return self._digits(MAX_UID, "a number")

    def number64(self) -> int:
        """A number up to 2**63-1 (RFC 9051 §9, ``number64``)."""
        return self._digits(MAX_MODSEQ, "a number")

    # mod-sequence-value = 1*DIGIT, 1 to 2**63-1
    def modseq(self) -> ModSeq:
        value = self._digits(MAX_MODSEQ, "a mod-sequence")
        if value == 0:
            raise self.error("a mod-sequence above zero is expected")
        return ModSeq(value)

    # mod-sequence-valzer = "0" / mod-sequence-value
    def modseq_or_zero(self) -> ModSeq:
        return ModSeq(self._digits(MAX_MODSEQ, "a mod-sequence"))

    # sequence-set = (seq-number / seq-range) *("," sequence-set)
    def sequence_set(self) -> SequenceSet:
        pairs: list[tuple[int, int]] = []
        while True:
            first = self._seq_number()
            last = self._seq_number() if self.skip(COLON) else first
            pairs.append((first, last))
            if not self.skip(COMMA):
                return SequenceSet(tuple(pairs))

    # seq-number = nz-number / "*"
    def _seq_number(self) -> int:
        if self.skip(STAR_CHAR):
            return STAR
        if self.peek() == _ZERO:
            raise self.error("a message number above zero is expected")
        return self._digits(MAX_UID, "a message number")

    # known-uids = sequence-set, "*" is not allowed (RFC 7162 §7)
    def number_set(self) -> NumberSet:
        """A set without ``*``."""
        pairs = self.sequence_set().pairs
        for first, last in pairs:
            if first == STAR or last == STAR:
                raise self.error('"*" is not allowed in this set')
        return range_set([(first, last) if first <= last else (last, first) for first, last in pairs])

    def ordered_numbers(self, most: int) -> list[int]:
        """A set's numbers in the order written, ranges spread out, at most ``most`` (COPYUID, RFC 7162 §3.2.5.2)."""
        result: list[int] = []
        for first, last in self.sequence_set().pairs:
            if first == STAR or last == STAR:
                raise self.error('"*" is not allowed in this set')
            low, high = (first, last) if first <= last else (last, first)
            if len(result) + high - low + 1 > most:
                raise self.error("the set is too large")
            result.extend(range(low, high + 1))
        return result

    # anything

    # tagged-ext-val = tagged-ext-simple / "(" [tagged-ext-comp] ")"
    def skip_value(self, depth: int = 0) -> None:
        """Step over one value of any form, parenthesised or not (RFC 4466 §3)."""
        if depth > MAX_DEPTH:
            raise self.error("parentheses are nested too deeply")
        octet = self.peek()
        if octet == LITERAL:
            self.literal8()
        elif octet == DQUOTE:
            self.quoted()
        elif octet == LPAREN:
            self.pos += 1
            while not self.skip(RPAREN):
                self.skip_value(depth + 1)
                if self.peek() != RPAREN:
                    self.sp()
        elif octet == BACKSLASH:
            self.pos += 1
            self.atom()
        elif not self.run(ASTRING | LIST_CHAR):
            raise self.error("a value is expected")


def cursor_of(frame: Frame) -> Cursor:
    """A cursor at the start of a whole command."""
    return Cursor(frame.text, frame.literals, frame.texts)


def find_tag(text: bytes) -> bytes | None:
    """The tag at the start of a command that may be broken, to answer it with; None when there is none."""
    tag = Cursor(text).run(TAG)
    return tag if tag and len(tag) <= 256 else None


# Formatting


def is_atom(octets: bytes) -> bool:
    """Whether ``octets`` can stand as they are where the grammar says atom."""
    return bool(octets) and not octets.translate(None, _ASTRING_CHARS) and RBRACKET not in octets


def is_quotable(octets: bytes) -> bool:
    """Whether ``octets`` can stand in double quotes: short ASCII without line ends and NUL."""
    return len(octets) <= _MOST_QUOTED and not octets.translate(None, _SAFE_QUOTED_CHARS + b'"\\')


def quote(octets: bytes) -> bytes:
    """``octets``, which are quotable, in double quotes."""
    if b"\\" in octets or b'"' in octets:
        octets = octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"%b"' % octets


def format_string(octets: bytes) -> bytes:
    """A ``string`` in a response: quoted where possible, else a literal (which a server sends at once)."""
    return quote(octets) if is_quotable(octets) else b"{%d}\r\n%b" % (len(octets), octets)


def format_nstring(octets: bytes | None) -> bytes:
    return b"NIL" if octets is None else format_string(octets)


def format_astring(octets: bytes) -> bytes:
    """An ``astring`` in a response: bare where possible; never bare ``NIL``, which clients misread."""
    if octets and not octets.translate(None, _ASTRING_CHARS) and octets.upper() != b"NIL":
        return octets
    return format_string(octets)


def format_ranges(ranges: Iterable[tuple[int, int]]) -> bytes:
    """Ranges of known numbers as a ``sequence-set``."""
    return b",".join([b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in ranges])


def format_number_set(numbers: NumberSet) -> bytes:
    """A ``sequence-set`` without ``*``; empty for the empty set, which the grammar can not say."""
    return format_ranges(numbers.ranges)


def format_sequence_set(numbers: SequenceSet) -> bytes:
    result: list[bytes] = []
    for first, last in numbers.pairs:
        low = b"*" if first == STAR else b"%d" % first
        high = b"*" if last == STAR else b"%d" % last
        result.append(low if first == last else low + b":" + high)
    return b",".join(result)


def format_ordered_numbers(numbers: Sequence[int]) -> bytes:
    """Numbers in the order given, ascending runs joined to ranges (COPYUID, APPENDUID: RFC 4315 §3)."""
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return format_ranges(ranges)


@final
class FrameWriter:
    """Builds a command as a ``Frame``, putting strings as atoms, in quotes or as literals."""

    def __init__(self, text: bytes = b"") -> None:
        self._parts: list[bytes] = [text]
        self._text = b""
        self._literals: list[Literal] = []
        self._texts: list[bytes] = []

    def text(self, octets: bytes) -> None:
        """Octets of the grammar itself, as they are."""
        self._parts.append(octets)

    def astring(self, octets: bytes) -> None:
        if octets and not octets.translate(None, _ASTRING_CHARS):
            self._parts.append(octets)
        else:
            self.string(octets)

    def string(self, octets: bytes) -> None:
        if is_quotable(octets):
            self._parts.append(quote(octets))
        else:
            self.literal(octets, b"\0" in octets)

    def nstring(self, octets: bytes | None) -> None:
        if octets is None:
            self._parts.append(b"NIL")
        else:
            self.string(octets)

    def literal(self, octets: bytes, binary: bool = False) -> None:
        self._end_text()
        self._literals.append(Literal(octets, binary))

    def frame(self) -> Frame:
        """The command so far; the writer is used up."""
        self._end_text()
        return Frame(self._text, tuple(self._literals), tuple(self._texts))

    def _end_text(self) -> None:
        text = b"".join(self._parts)
        self._parts.clear()
        if self._literals:
            self._texts.append(text)
        else:
            self._text = text
