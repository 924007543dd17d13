"""The match type :regex, and :quoteregex of set (draft-murchison-sieve-regex-07; draft-ietf-sieve-regex-01 §5).

*full*, as ``ere`` says. Match variables: ``${0}`` is what the pattern matched, ``${1}`` and so on its groups. A match
counts as steps of the run by its bound of text × pattern, so that it ends with an error and not after a while.
"""

from typing import Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.compare import Comparator
from verbena.sieve.ere import Ere
from verbena.sieve.ereparse import PatternError
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.match import GROUP, Matcher
from verbena.sieve.program import Modifier, TextModifier
from verbena.sieve.registry import DRAFT, AddedTags, Extension, MatchRow, Tag
from verbena.sieve.run import Machine

MAX_PATTERNS: Final = 64
"""Compiled patterns that a test keeps."""

_SPECIAL: Final = frozenset(b"\\^$.[]|()*+?{}")


class Regex(Matcher):
    """``:regex``."""

    def __init__(self, place: Place, comparator: Comparator) -> None:
        super().__init__(place, comparator, "matches the pattern")
        self._fold = comparator.name != b"i;octet"
        self._patterns: dict[bytes, Ere] = {}

    def compile(self, pattern: bytes) -> Ere:
        """Raises ``PatternError``."""
        found = self._patterns.get(pattern)
        if found is None:
            if len(self._patterns) >= MAX_PATTERNS:
                self._patterns.clear()
            found = self._patterns[pattern] = Ere(pattern, self._fold)
        return found

    def one(self, machine: Machine, value: bytes, key: bytes) -> bool:
        try:
            pattern = self.compile(key)
        except PatternError as error:
            raise RunError(self.place, f"the regular expression is wrong: {error}") from None
        machine.tick(self.place, len(value) * pattern.size >> 8)
        found = pattern.search(value)
        if found is None:
            return False
        machine.matched = found
        return True


def make(checker: Checker, arguments: Arguments, comparator: Comparator) -> Matcher:
    """Refuses comparators of other kinds, and constant patterns that are wrong."""
    if comparator.name not in (b"i;octet", b"i;ascii-casemap"):
        name = comparator.name.decode()
        raise refuse(arguments.tag_place(b"comparator"), f"“{name}” can not be used with “:regex”")
    match = Regex(arguments.place, comparator)
    keys = len(arguments.positional) - 1
    for key in arguments.texts(checker, keys):
        if key.is_constant:
            try:
                match.compile(key.octets)
            except PatternError as error:
                raise refuse(arguments.place_of(keys), f"the regular expression is wrong: {error}") from None
    return match


class QuoteRegex(TextModifier):
    """Puts a backslash before what means something in a pattern."""

    def change(self, value: bytes) -> bytes:
        result = bytearray()
        for octet in value:
            if octet in _SPECIAL:
                result.append(92)
            result.append(octet)
        return bytes(result)


def modify(checker: Checker, arguments: Arguments) -> Modifier:
    return QuoteRegex(arguments.place, 20)


EXTENSION: Final[Extension] = Extension(
    rfc=DRAFT,
    capabilities=(b"regex",),
    matches=(MatchRow(Tag(b"regex", group=GROUP), make),),
    added=(AddedTags((b"set",), (Tag(b"quoteregex", group=b"precedence-20"),), modify),),
)
