"""Comparators and match types (RFC 5228 §2.7, RFC 4790, RFC 5051, RFC 5231's ordering).

A comparator folds both sides to octets or characters that are then compared plainly, so a match type is written once.
``:matches`` runs in time bounded by value × pattern, never exponential; a pattern is folded once and kept.
"""

from typing import Final

from verbena.mime.casemap import casemap

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
        return casemap(characters).encode()


def _leading_number(text: bytes) -> int:
    number, digits = 0, 0
    for octet in text:
        if octet < 48 or octet > 57:
            break
        digits += 1
        if number < MAX_NUMERIC:
            number = number * 10 + octet - 48
    return number if digits else MAX_NUMERIC * 16


_ANY: Final = -1
_ONE: Final = -2
_BACKSLASH: Final = 92
_STAR: Final = 42
_MARK: Final = 63


class Glob:
    """A pattern of ``*``, ``?`` and backslash under a comparator (RFC 5228 §2.7.1).

    ``?`` stands for one octet, or for one character under a comparator of characters.
    """

    def __init__(self, pattern: bytes, comparator: Comparator) -> None:
        self.pattern = pattern
        self.comparator = comparator
        self._plain = pattern.isascii() or not comparator.by_character
        self._tokens = _octet_tokens(pattern, comparator) if self._plain else []

    def match(self, value: bytes) -> list[bytes] | None:
        """None when ``value`` does not match. The list has what each wildcard stood for, in order, as written in
        ``value`` (RFC 5229 §3.2); a ``*`` takes as little as it can."""
        if self._plain and (value.isascii() or not self.comparator.by_character):
            spans = _match(self._tokens, list(self.comparator.fold(value)))
            return None if spans is None else [value[start:end] for start, end in spans]
        return self._match_characters(value)

    def _match_characters(self, value: bytes) -> list[bytes] | None:
        """As ``match``, each folded character numbered so that the same loop compares them."""
        units = _units(value)
        numbers: dict[bytes, int] = {}
        tokens = [
            token if token < 0 else numbers.setdefault(self.comparator.fold(unit), len(numbers))
            for token, unit in _read_pattern(_units(self.pattern))
        ]
        folded = [numbers.setdefault(self.comparator.fold(unit), len(numbers)) for unit in units]
        spans = _match(tokens, folded)
        return None if spans is None else [b"".join(units[start:end]) for start, end in spans]


def _octet_tokens(pattern: bytes, comparator: Comparator) -> list[int]:
    units = [pattern[at : at + 1] for at in range(len(pattern))]
    return [token if token < 0 else comparator.fold(unit)[0] for token, unit in _read_pattern(units)]


def _units(text: bytes) -> list[bytes]:
    """Characters, or octets where it is no UTF-8."""
    try:
        return [each.encode() for each in text.decode("utf-8")]
    except UnicodeDecodeError:
        return [text[at : at + 1] for at in range(len(text))]


def _read_pattern(units: list[bytes]) -> list[tuple[int, bytes]]:
    """(a wildcard, or 0 for the unit beside it); a backslash at the end stands for nothing."""
    result: list[tuple[int, bytes]] = []
    escaped = False
    for unit in units:
        octet = unit[0]
        if escaped:
            result.append((0, unit))
            escaped = False
        elif octet == _BACKSLASH:
            escaped = True
        elif octet == _STAR:
            result.append((_ANY, unit))
        elif octet == _MARK:
            result.append((_ONE, unit))
        else:
            result.append((0, unit))
    return result


def _match(tokens: list[int], units: list[int]) -> list[tuple[int, int]] | None:
    """Greedy from the left with one place to come back to, the last ``*``: at worst tokens × units compares."""
    spans: list[tuple[int, int]] = []
    token, unit = 0, 0
    token_count, unit_count = len(tokens), len(units)
    star, star_from, star_unit, star_spans = -1, 0, 0, 0
    while True:
        if token < token_count:
            wanted = tokens[token]
            if wanted == _ANY:
                star, star_from, star_unit, star_spans = token, unit, unit, len(spans)
                if token + 1 == token_count:
                    spans.append((unit, unit_count))
                    return spans
                spans.append((unit, unit))
                token += 1
                continue
            if unit < unit_count and (wanted == _ONE or wanted == units[unit]):
                if wanted == _ONE:
                    spans.append((unit, unit + 1))
                token += 1
                unit += 1
                continue
        elif unit == unit_count:
            return spans
        if star < 0 or star_unit >= unit_count:
            return None
        star_unit += 1
        del spans[star_spans:]
        spans.append((star_from, star_unit))
        token, unit = star + 1, star_unit
