"""What a spam or virus filter before us found: spamtest, spamtestplus and virustest (RFC 5235).

*full*. The filter tells its result in a header field; which and how is what ``Surroundings.environment`` answers for
``SPAM_ITEM`` and ``VIRUS_ITEM``, as a ``Source``:

    source = field-name SP ("score" / "stars" / "text") *(SP name "=" value)

    X-Spam-Score score max=10               a number, 0 or less clear, 10 or more certain
    X-Spam-Status score after=score= max=8  the number that follows "score=" in the field
    X-Spam-Level stars max=10               as many stars
    X-Spam-Flag text NO=0 YES=100           a word, with its percentage
    X-Virus-Status text Clean=1 Infected=5  a word, with its grade of §3.3

Only the topmost field of that name counts; the agent that takes mail in must remove such fields of strangers (§4).
Without an answer, a field or a number in it the message was not tested.
"""

from dataclasses import dataclass
from typing import Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place, refuse
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.program import Test, Text
from verbena.sieve.registry import Extension, Shape, Tag, Takes, TestRow
from verbena.sieve.run import Machine

SPAM_ITEM: Final = b"vnd.verbena.spamtest"
VIRUS_ITEM: Final = b"vnd.verbena.virustest"
_DEFAULT_MAX: Final = 10.0


@dataclass(frozen=True, slots=True)
class Source:
    """Where a filter's result stands. ``maximum`` is the score that is certainly spam; ``words`` have a grade."""

    field: bytes
    kind: bytes
    maximum: float
    after: bytes
    words: tuple[tuple[bytes, int], ...]


def parse_source(text: bytes) -> Source | None:
    """None for what is none."""
    words = text.split()
    if len(words) < 2 or words[1] not in (b"score", b"stars", b"text"):
        return None
    maximum, after = _DEFAULT_MAX, b""
    grades: list[tuple[bytes, int]] = []
    for word in words[2:]:
        name, equals, value = word.rpartition(b"=") if words[1] == b"text" else word.partition(b"=")
        if not equals:
            return None
        if words[1] != b"text" and name == b"after":
            after = value
            continue
        number = parse_score(value)
        if number is None:
            return None
        if words[1] == b"text":
            grades.append((name.lower(), int(number)))
        elif name == b"max" and number > 0:
            maximum = number
        else:
            return None
    return Source(words[0], words[1], maximum, after, tuple(grades))


def parse_score(text: bytes) -> float | None:
    """The decimal number that a text begins with."""
    at = 1 if text[:1] in (b"-", b"+") else 0
    start = at
    while at < len(text) and at < 12 and (48 <= text[at] <= 57 or text[at] == 46):
        at += 1
    digits = text[start:at]
    if not digits.strip(b".") or digits.count(b".") > 1:
        return None
    return -float(digits) if text[:1] == b"-" else float(digits)


def found(machine: Machine, item: bytes) -> tuple[Source, bytes] | None:
    """The source and the topmost field's value; None where there is not both."""
    answer = machine.surroundings.environment(item)
    source = parse_source(answer) if answer else None
    if source is None:
        return None
    fields = machine.message.named(source.field)
    return (source, fields[0].text()) if fields else None


def _grade(source: Source, value: bytes) -> int | None:
    """Of a word."""
    first = value.partition(b",")[0].partition(b" ")[0].lower()
    for word, grade in source.words:
        if word in (first, value.lower()):
            return grade
    return None


def percentage(source: Source, value: bytes) -> int | None:
    """0 for certainly no spam, 100 for certainly spam; None when the filter did not say."""
    if source.kind == b"text":
        grade = _grade(source, value)
        return None if grade is None else max(0, min(100, grade))
    if source.kind == b"stars":
        score: float | None = float(len(value) - len(value.lstrip(b"*")))
    else:
        if source.after:
            _, at, value = value.partition(source.after)
            if not at:
                return None
        score = parse_score(value.strip())
    if score is None:
        return None
    share = max(0.0, min(1.0, score / source.maximum))
    return 100 if share >= 1 else min(99, int(share * 100))


class SpamTest(Test):
    """``spamtest`` (§3.2)."""

    def __init__(self, place: Place, match: Matcher, key: Text, percent: bool) -> None:
        super().__init__(place)
        self.match = match
        self.key = key
        self.percent = percent

    def result(self, machine: Machine) -> int | None:
        """The normalized result; None when no test was done."""
        source = found(machine, SPAM_ITEM)
        share = percentage(source[0], source[1]) if source is not None else None
        if share is None or self.percent:
            return share
        return 10 if share == 100 else 1 + share * 9 // 100

    def holds(self, machine: Machine) -> bool:
        result = self.result(machine)
        if self.match.counts:
            values = [] if result is None else [b"%d" % result]
        else:
            values = [b"%d" % (result or 0)]
        return self.match.any(machine, values, (self.key,))


class VirusTest(SpamTest):
    """``virustest`` (§3.3)."""

    def result(self, machine: Machine) -> int | None:
        source = found(machine, VIRUS_ITEM)
        if source is None:
            return None
        value = source[1]
        grade = _grade(source[0], value) if source[0].kind == b"text" else parse_score(value)
        return int(grade) if grade is not None and 0 < grade <= 5 else None


def build_spamtest(checker: Checker, arguments: Arguments) -> Test:
    percent = arguments.has(b"percent")
    if percent and b"spamtestplus" not in checker.required:
        raise refuse(arguments.place, "“:percent” needs: require “spamtestplus”;")
    return SpamTest(arguments.place, matcher(checker, arguments), arguments.text(checker, 0), percent)


def build_virustest(checker: Checker, arguments: Arguments) -> Test:
    return VirusTest(arguments.place, matcher(checker, arguments), arguments.text(checker, 0), False)


SPAM: Final[Extension] = Extension(
    rfc=5235,
    capabilities=(b"spamtest", b"spamtestplus"),
    tests=(
        TestRow(
            b"spamtest",
            Shape((Takes.STRING,), tags=(*MATCH_TAGS, Tag(b"percent")), tag_groups=(GROUP,)),
            build_spamtest,
        ),
    ),
)

VIRUS: Final[Extension] = Extension(
    rfc=5235,
    capabilities=(b"virustest",),
    tests=(TestRow(b"virustest", Shape((Takes.STRING,), tags=MATCH_TAGS, tag_groups=(GROUP,)), build_virustest),),
)
