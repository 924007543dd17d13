"""Comparators and match types (RFC 5228 §2.7, RFC 4790, RFC 5051, RFC 5231's ordering).

A comparator folds both sides to octets or characters that are then compared plainly, so a match type is written once.
``:matches`` runs in time bounded by value × pattern, never exponential.
"""

import unicodedata
from typing import Final

ASCII_UPPER: Final = bytes(each - 32 if 97 <= each <= 122 else each for each in range(256))
MAX_NUMERIC: Final = 1 << 64


class Comparator:
    """``i;octet``; the others derive from it. ``substring`` says whether :contains and :matches may use it."""

    name: bytes = b"i;octet"
    substring: bool = True
    by_character: bool = False

    def fold(self, text: bytes) -> bytes:
        """The form in which equal texts are equal octets."""
        return text

    def equal(self, left: bytes, right: bytes) -> bool:
        return self.fold(left) == self.fold(right)

    def order(self, left: bytes, right: bytes) -> int:
        """Negative, 0 or positive."""
        left, right = self.fold(left), self.fold(right)
        return (left > right) - (left < right)


class AsciiCasemap(Comparator):
    """``i;ascii-casemap`` (RFC 4790 §9.2)."""

    name = b"i;ascii-casemap"

    def fold(self, text: bytes) -> bytes:
        return text.translate(ASCII_UPPER)


class AsciiNumeric(Comparator):
    """``i;ascii-numeric`` (RFC 4790 §9.1): leading digits as a number; without any, positive infinity."""

    name = b"i;ascii-numeric"
    substring = False

    def equal(self, left: bytes, right: bytes) -> bool:
        return self.order(left, right) == 0

    def order(self, left: bytes, right: bytes) -> int:
        one, two = _leading_number(left), _leading_number(right)
        return (one > two) - (one < two)


class UnicodeCasemap(Comparator):
    """``i;unicode-casemap`` (RFC 5051): titlecase of each character, then compatibility decomposition.

    Octets that are no UTF-8 compare as themselves.
    """

    name = b"i;unicode-casemap"
    by_character = True

    def fold(self, text: bytes) -> bytes:
        if text.isascii():
            return text.translate(ASCII_UPPER)
        try:
            characters = text.decode("utf-8")
        except UnicodeDecodeError:
            return text
        titled = "".join(_title(each) for each in characters)
        return unicodedata.normalize("NFKD", titled).encode("utf-8", "surrogatepass")


def _title(character: str) -> str:
    """The simple titlecase mapping: one character to one (UnicodeData.txt, not SpecialCasing)."""
    titled = character.title()
    return titled if len(titled) == 1 else character


def _leading_number(text: bytes) -> int:
    number, digits = 0, 0
    for octet in text:
        if octet < 48 or octet > 57:
            break
        digits += 1
        if number < MAX_NUMERIC:
            number = number * 10 + octet - 48
    return number if digits else MAX_NUMERIC * 16


def glob(pattern: bytes, value: bytes, comparator: Comparator) -> list[bytes] | None:
    """Match ``value`` against ``*``, ``?`` and backslash (RFC 5228 §2.7.1); None when it does not.

    The list has what each wildcard stood for, in order, as written in ``value`` (RFC 5229 §3.2); a ``*`` takes as
    little as it can.
    """
    units = _units(value, comparator.by_character)
    folded = [comparator.fold(unit) for unit in units]
    tokens = _tokens(pattern, comparator)
    spans = _match(tokens, folded)
    if spans is None:
        return None
    return [b"".join(units[start:end]) for start, end in spans]


def _units(text: bytes, by_character: bool) -> list[bytes]:
    if by_character:
        try:
            return [each.encode() for each in text.decode("utf-8")]
        except UnicodeDecodeError:
            pass
    return [text[at : at + 1] for at in range(len(text))]


_ONE: Final = b"?"
_ANY: Final = b"*"


def _tokens(pattern: bytes, comparator: Comparator) -> list[tuple[bool, bytes]]:
    """(is wildcard, ``*`` or ``?`` or a folded unit)."""
    result: list[tuple[bool, bytes]] = []
    escaped = False
    for unit in _units(pattern, comparator.by_character):
        if escaped:
            result.append((False, comparator.fold(unit)))
            escaped = False
        elif unit == b"\\":
            escaped = True
        elif unit in (_ONE, _ANY):
            result.append((True, unit))
        else:
            result.append((False, comparator.fold(unit)))
    return result


def _match(tokens: list[tuple[bool, bytes]], units: list[bytes]) -> list[tuple[int, int]] | None:
    """Greedy from the left with one place to come back to, the last ``*``: linear in tokens × units at worst."""
    spans: list[tuple[int, int]] = []
    token, unit = 0, 0
    star, star_from, star_unit, star_spans = -1, 0, 0, 0
    while True:
        if token < len(tokens):
            wild, text = tokens[token]
            if wild and text == _ANY:
                star, star_from, star_unit, star_spans = token, unit, unit, len(spans)
                spans.append((unit, unit))
                token += 1
                continue
            if unit < len(units) and (wild or text == units[unit]):
                if wild:
                    spans.append((unit, unit + 1))
                token += 1
                unit += 1
                continue
        elif unit == len(units):
            return spans
        if star < 0 or star_unit >= len(units):
            return None
        star_unit += 1
        del spans[star_spans:]
        spans.append((star_from, star_unit))
        token, unit = star + 1, star_unit
