"""Address lists of header fields (RFC 5322 §3.4 and §4.4, RFC 6532 §3.2): full, and never failing.

Groups become the marker addresses of ``model.envelope.Address``. Quoting is removed from local parts and
display names, encoded words are left alone. A comment serves as the display name where there is no
phrase. An address without a domain gets the host ``b""``: None there would mean a group (RFC 3501 §7.4.2).

Limits: at most ``MAX_ADDRESSES`` of a list are read; the caller bounds the octets.
"""

from typing import Final

from verbena.model.envelope import Address

MAX_ADDRESSES: Final = 20_000

_QUOTE: Final = 0x22
_OPEN: Final = 0x28
_CLOSE: Final = 0x29
_COMMA: Final = 0x2C
_COLON: Final = 0x3A
_SEMICOLON: Final = 0x3B
_LESS: Final = 0x3C
_GREATER: Final = 0x3E
_AT: Final = 0x40
_LEFT: Final = 0x5B
_BACKSLASH: Final = 0x5C

_AT_SIGN: Final = b"@"
_END_OF_GROUP: Final = Address(None, None, None, None)
_SPECIALS: Final = frozenset(b'"(),:;<>@[\\')
_SPACE: Final = b" \t\r\n"


def parse_addresses(value: bytes) -> tuple[Address, ...]:
    """The addresses in a field's value, folded or not; what is no address is passed over or kept as a mailbox name."""
    if len(value.translate(None, b'"(\\:;[)')) == len(value):
        return _parse_plain(value)
    return _Parser(value).parse()


def _parse_plain(value: bytes) -> tuple[Address, ...]:
    """The list where nothing is quoted, commented or grouped: it can be cut at its commas."""
    result: list[Address] = []
    for piece in value.split(b",", MAX_ADDRESSES):
        if len(result) >= MAX_ADDRESSES:
            break
        less = piece.find(b"<")
        if less < 0:
            words = piece.replace(b"@", b" @ ").split()
            if words:
                result.append(_bare(words, None))
        else:
            greater = piece.find(b">", less)
            inner = piece[less + 1 :] if greater < 0 else piece[less + 1 : greater]
            local, at, host = b"".join(inner.split()).rpartition(b"@")
            name = b" ".join(piece[:less].split()) or None
            result.append(Address(name, None, local, host) if at else Address(name, None, host, b""))
    return tuple(result)


def _bare(words: list[bytes], comment: bytes | None) -> Address:
    """An address without angle brackets, ``@`` a word of its own.

    White space about dots is obsolete syntax and goes. Of what is left of the ``@`` only the run next to
    it is the local part; words before that serve as the name.
    """
    if _AT_SIGN not in words:
        return Address(comment, None, b" ".join(words), b"")
    place = words.index(_AT_SIGN)
    start = place - 1
    while start > 0 and (words[start][:1] == b"." or words[start - 1][-1:] == b"."):
        start -= 1
    start = max(start, 0)
    end = place + 2
    while end < len(words) and (words[end][:1] == b"." or words[end - 1][-1:] == b"."):
        end += 1
    name = b" ".join(words[:start]) or comment
    return Address(name, None, b"".join(words[start:place]), b"".join(words[place + 1 : end]))


class _Parser:
    """One pass over a list with quotes, comments or groups."""

    def __init__(self, value: bytes) -> None:
        self._value = value
        self._at = 0
        self._result: list[Address] = []
        self._in_group = False
        self._words: list[bytes] = []
        # Whether each word stands right behind the one before it.
        self._glued: list[bool] = []
        self._word_end = -1
        self._comment: bytes | None = None
        self._angle: Address | None = None

    def parse(self) -> tuple[Address, ...]:
        value = self._value
        size = len(value)
        while self._at < size and len(self._result) < MAX_ADDRESSES:
            octet = value[self._at]
            if octet in _SPECIALS:
                self._special(octet)
            elif octet in _SPACE:
                self._at += 1
            else:
                self._take_word()
        self._end_address()
        if self._in_group:
            self._result.append(_END_OF_GROUP)
        return tuple(self._result)

    def _push(self, word: bytes, start: int) -> None:
        self._words.append(word)
        self._glued.append(start == self._word_end)
        self._word_end = self._at

    def _take_word(self) -> None:
        """A run of anything but specials and white space."""
        value = self._value
        size = len(value)
        start = self._at
        at = start + 1
        while at < size and value[at] not in _SPECIALS and value[at] not in _SPACE:
            at += 1
        self._at = at
        self._push(value[start:at], start)

    def _special(self, octet: int) -> None:
        start = self._at
        if octet == _QUOTE:
            self._push(self._take_quoted(), start)
        elif octet == _OPEN:
            self._comment = self._take_comment() or self._comment
        elif octet == _LEFT:
            end = self._value.find(b"]", start)
            self._at = len(self._value) if end < 0 else end + 1
            self._push(self._value[start : self._at], start)
        elif octet == _LESS:
            self._at = start + 1
            self._take_angle()
        elif octet == _BACKSLASH:
            # A quoted pair outside quotes is obsolete syntax: the octet behind it stands for itself.
            self._at = start + 2
            self._push(self._value[start + 1 : start + 2], start)
        else:
            self._at = start + 1
            self._separator(octet)

    def _separator(self, octet: int) -> None:
        if octet == _COMMA:
            self._end_address()
        elif octet == _AT:
            self._push(_AT_SIGN, self._at - 1)
        elif octet == _SEMICOLON:
            self._end_address()
            if self._in_group:
                self._result.append(_END_OF_GROUP)
                self._in_group = False
        elif octet == _COLON and self._angle is None and not self._in_group and _AT_SIGN not in self._words:
            self._result.append(Address(None, None, self._phrase(), None))
            self._in_group = True
            self._forget()

    def _phrase(self) -> bytes:
        """The words as they stood, runs of white space made one space."""
        pieces: list[bytes] = []
        for place, word in enumerate(self._words):
            if place and not self._glued[place]:
                pieces.append(b" ")
            pieces.append(word)
        return b"".join(pieces)

    def _end_address(self) -> None:
        if self._angle is not None:
            found = self._angle
            self._result.append(Address(self._phrase() or self._comment, found.route, found.mailbox, found.host))
        elif self._words:
            self._result.append(_bare(self._words, self._comment))
        self._forget()

    def _forget(self) -> None:
        self._words = []
        self._glued = []
        self._word_end = -1
        self._comment = None
        self._angle = None

    def _take_quoted(self) -> bytes:
        """The content of the quoted string that begins here, quoted pairs resolved, line ends gone."""
        value = self._value
        size = len(value)
        result = bytearray()
        at = self._at + 1
        while at < size and value[at] != _QUOTE:
            octet = value[at]
            if octet == _BACKSLASH and at + 1 < size:
                at += 1
                octet = value[at]
                result.append(octet)
            elif octet != 0x0D and octet != 0x0A:
                result.append(octet)
            at += 1
        self._at = at + 1
        return bytes(result)

    def _take_comment(self) -> bytes:
        """The content of the comment that begins here; inner comments keep their brackets."""
        value = self._value
        size = len(value)
        result = bytearray()
        depth = 1
        at = self._at + 1
        while at < size:
            octet = value[at]
            if octet == _BACKSLASH and at + 1 < size:
                at += 1
                octet = value[at]
            elif octet == _OPEN:
                depth += 1
            elif octet == _CLOSE:
                depth -= 1
                if depth == 0:
                    break
            if octet != 0x0D and octet != 0x0A:
                result.append(octet)
            at += 1
        self._at = at + 1
        return bytes(result).strip(b" \t")

    def _take_angle(self) -> None:
        """angle-addr = "<" [route ":"] addr-spec ">", from behind its first bracket."""
        value = self._value
        size = len(value)
        route = self._take_route()
        pieces: list[bytes] = []
        last_at = -1
        while self._at < size and value[self._at] != _GREATER:
            octet = value[self._at]
            if octet == _QUOTE:
                pieces.append(self._take_quoted())
                continue
            if octet == _OPEN:
                self._take_comment()
                continue
            if octet == _AT:
                last_at = len(pieces)
            if octet not in _SPACE:
                pieces.append(value[self._at : self._at + 1])
            self._at += 1
        self._at += 1
        if last_at < 0:
            self._angle = Address(None, route, b"".join(pieces), b"")
        else:
            self._angle = Address(None, route, b"".join(pieces[:last_at]), b"".join(pieces[last_at + 1 :]))

    def _take_route(self) -> bytes | None:
        """obs-route = obs-domain-list ":", such as ``@a.example,@b.example:``."""
        value = self._value
        start = self._at
        while start < len(value) and value[start] in _SPACE:
            start += 1
        if value[start : start + 1] != _AT_SIGN:
            return None
        colon = value.find(b":", start)
        greater = value.find(b">", start)
        if colon < 0 or 0 <= greater < colon:
            return None
        self._at = colon + 1
        return b"".join(value[start:colon].split())
