"""``duplicate``: whether a message was here before (RFC 7352).

*full*. Only earlier runs count: ``Surroundings.seen`` looks at what they noted, and notes this one when the delivery is
done. Ids are hashed with their handle. Limit: at most ``MAX_SECONDS`` are remembered.
"""

from hashlib import sha256
from typing import Final

from verbena.sieve.action import Traced
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place
from verbena.sieve.program import Test, Text
from verbena.sieve.registry import Extension, Shape, Tag, Takes, TestRow
from verbena.sieve.run import Machine

DEFAULT_SECONDS: Final = 7 * 86_400
MAX_SECONDS: Final = 30 * 86_400


class DuplicateTest(Test):
    """``header`` and ``unique`` exclude each other; without both it is the Message-ID."""

    def __init__(
        self, place: Place, handle: Text | None, header: Text | None, unique: Text | None, seconds: int, last: bool
    ) -> None:
        super().__init__(place)
        self.handle = handle
        self.header = header
        self.unique = unique
        self.seconds = seconds
        self.last = last

    def holds(self, machine: Machine) -> bool:
        if self.seconds == 0:
            return False
        if self.unique is not None:
            unique = self.unique.value(machine)
        else:
            found = machine.message.values(self.header.value(machine) if self.header is not None else b"message-id")
            if not found:
                return False
            unique = found[0]
        if machine.tracing:
            machine.tell(self.place, f"the id is “{unique[:200].decode('utf-8', 'replace')}”", Traced.VALUES)
        handle = b"" if self.handle is None else self.handle.value(machine)
        digest = sha256(b"%d:%b%b" % (len(handle), handle, unique)).digest()
        return machine.surroundings.seen(digest, self.seconds, self.last)


def build_duplicate(checker: Checker, arguments: Arguments) -> Test:
    seconds = arguments.tag_number(b"seconds")
    return DuplicateTest(
        arguments.place,
        arguments.tag_text(checker, b"handle"),
        arguments.tag_text(checker, b"header"),
        arguments.tag_text(checker, b"uniqueid"),
        DEFAULT_SECONDS if seconds is None else min(seconds, MAX_SECONDS),
        arguments.has(b"last"),
    )


_TAGS: Final = (
    Tag(b"handle", Takes.STRING),
    Tag(b"header", Takes.STRING, b"unique"),
    Tag(b"uniqueid", Takes.STRING, b"unique"),
    Tag(b"seconds", Takes.NUMBER),
    Tag(b"last"),
)

EXTENSION: Final[Extension] = Extension(
    rfc=7352, capabilities=(b"duplicate",), tests=(TestRow(b"duplicate", Shape(tags=_TAGS), build_duplicate),)
)
