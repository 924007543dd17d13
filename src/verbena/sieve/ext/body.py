"""The test body (RFC 5173).

*full*, within the limits of ``parttext``; ``:raw`` looks at the first ``MAX_RAW_OCTETS``. ``:text`` is all text/*
parts, HTML as a reader sees it. Wildcards and patterns set no match variables (§6).
"""

from typing import Final

from verbena.model.part import Part, PartKind
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.message import Message
from verbena.sieve.parttext import MAX_PART_OCTETS, MAX_TOTAL_OCTETS, octets_of, text_of
from verbena.sieve.program import Test, Text
from verbena.sieve.registry import Extension, Shape, Tag, Takes, TestRow
from verbena.sieve.run import Machine

MAX_RAW_OCTETS: Final = MAX_TOTAL_OCTETS
_TRANSFORM: Final = b"body-transform"
_RAW: Final = b"raw"
_CONTENT: Final = b"content"
_TEXT: Final = b"text"


class BodyTest(Test):
    def __init__(
        self, place: Place, match: Matcher, transform: bytes, types: tuple[Text, ...], keys: tuple[Text, ...]
    ) -> None:
        super().__init__(place)
        self.match = match
        self.transform = transform
        self.types = types
        self.keys = keys

    def holds(self, machine: Machine) -> bool:
        values = self._values(machine)
        matched = machine.matched
        answer = self.match.any(machine, values, self.keys)
        machine.matched = matched
        return answer

    def _values(self, machine: Machine) -> list[bytes]:
        types = [text.value(machine).lower() for text in self.types]
        key = self.transform + b" " + b" ".join(types)
        message = machine.message
        values = message.kept.get(key)
        if values is None:
            values = message.kept[key] = extract(message, self.transform, types)
            machine.tick(self.place, 1 + (sum(len(value) for value in values) >> 11))
        return values


def extract(message: Message, transform: bytes, types: list[bytes]) -> list[bytes]:
    """The strings to match against (§5); ``types`` in lower case."""
    if not _has_body(message):
        return []
    root = message.root
    if transform == _RAW:
        return [message.read(root.body_start, min(message.size_octets - root.body_start, MAX_RAW_OCTETS))]
    result: list[bytes] = []
    room = MAX_TOTAL_OCTETS
    waiting = [root]
    while waiting and room > 0:
        part = waiting.pop()
        waiting.extend(reversed(part.children))
        if transform == _TEXT:
            found = [text_of(message, part)] if part.kind == PartKind.LEAF and part.media_type == b"text" else []
        else:
            found = _content(message, part) if any(_is_type(part, each) for each in types) else []
        result.extend(found)
        room -= sum(len(each) for each in found)
    return result


def _has_body(message: Message) -> bool:
    """Whether an empty line ends the header (§4)."""
    start = message.root.body_start
    if start < message.size_octets:
        return True
    end = message.read(max(0, start - 4), min(4, start))
    return end.endswith((b"\n\r\n", b"\n\n")) or end in (b"\r\n", b"\n")


def _is_type(part: Part, wanted: bytes) -> bool:
    """Whether ``wanted`` of :content names the part's type (§5.2)."""
    if not wanted:
        return True
    media, slash, subtype = wanted.partition(b"/")
    if not slash:
        return part.media_type == media
    return bool(media and subtype) and b"/" not in subtype and part.media_type == media and part.subtype == subtype


def _content(message: Message, part: Part) -> list[bytes]:
    """What :content looks at in a part (§5.2)."""
    if part.kind == PartKind.MESSAGE:
        inner = part.children[0]
        return [message.read(inner.header_start, min(inner.body_start - inner.header_start, MAX_PART_OCTETS))]
    if part.kind == PartKind.MULTIPART:
        return [_prologue(message, part), _epilogue(message, part)]
    return [octets_of(message, part)]


def _prologue(message: Message, part: Part) -> bytes:
    """What stands before the first boundary."""
    end = part.children[0].header_start if part.children else part.end
    octets = message.read(part.body_start, min(end - part.body_start, MAX_PART_OCTETS))
    if not part.children:
        return octets
    # The boundary is the last line; the line end before it is its own.
    line = octets.rfind(b"\n", 0, len(octets) - 1)
    return octets[: line + 1] if line >= 0 else b""


def _epilogue(message: Message, part: Part) -> bytes:
    """What stands behind the last boundary."""
    if not part.children:
        return b""
    start = part.children[-1].end
    octets = message.read(start, min(part.end - start, MAX_PART_OCTETS))
    boundary = octets.find(b"--")
    line = octets.find(b"\n", boundary) if boundary >= 0 else -1
    return octets[line + 1 :] if line >= 0 else b""


def build_body(checker: Checker, arguments: Arguments) -> Test:
    transform = arguments.chosen(_TRANSFORM, _TEXT)
    types = arguments.tag_texts(checker, _CONTENT)
    match = matcher(checker, arguments)
    return BodyTest(arguments.place, match, transform, types, arguments.texts(checker, 0))


_TAGS: Final = (
    Tag(_RAW, group=_TRANSFORM),
    Tag(_TEXT, group=_TRANSFORM),
    Tag(_CONTENT, Takes.STRINGS, _TRANSFORM),
)

EXTENSION: Final[Extension] = Extension(
    rfc=5173,
    capabilities=(b"body",),
    tests=(TestRow(b"body", Shape((Takes.STRINGS,), tags=(*MATCH_TAGS, *_TAGS), tag_groups=(GROUP,)), build_body),),
)
