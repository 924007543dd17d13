"""A message and a world for Sieve scripts under test, and what a script decides about them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from verbena.mime.scan import Scanner
from verbena.sieve.action import FileInto
from verbena.sieve.check import compile_script
from verbena.sieve.errors import ScriptError
from verbena.sieve.extensions import REGISTRY
from verbena.sieve.message import Message
from verbena.sieve.pieces import edition_octets
from verbena.sieve.program import Program
from verbena.sieve.run import Envelope, run

ENVELOPE = Envelope(b"sender@example.org", b"user@example.com")


@dataclass
class World:
    """Ready answers to all that a script may ask; ``script`` compiles the included ones."""

    now: datetime = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
    items: dict[bytes, bytes] = field(default_factory=dict)
    mailboxes: frozenset[bytes] = frozenset((b"INBOX",))
    lists: dict[bytes, frozenset[bytes]] = field(default_factory=dict)
    annotations: dict[tuple[bytes | None, bytes], bytes] = field(default_factory=dict)
    scripts: dict[tuple[bytes, bool], bytes] = field(default_factory=dict)
    noted: frozenset[bytes] = frozenset()
    special_uses: frozenset[tuple[bytes | None, bytes]] = frozenset()
    mailbox_ids: frozenset[bytes] = frozenset()

    def environment(self, name: bytes) -> bytes | None:
        return self.items.get(name)

    def mailbox_exists(self, name: bytes) -> bool:
        return name in self.mailboxes

    def special_use_exists(self, mailbox: bytes | None, attribute: bytes) -> bool:
        return (mailbox, attribute) in self.special_uses

    def mailbox_id_exists(self, mailbox_id: bytes) -> bool:
        return mailbox_id in self.mailbox_ids

    def metadata(self, mailbox: bytes | None, entry: bytes) -> bytes | None:
        return self.annotations.get((mailbox, entry))

    def seen(self, unique: bytes, seconds: int, last: bool) -> bool:
        return unique in self.noted

    def script(self, name: bytes, is_global: bool) -> Program | None:
        text = self.scripts.get((name, is_global))
        return compiled(text) if text is not None else None

    def notify_capability(self, method: bytes, capability: bytes) -> bytes | None:
        return b"maybe" if method.startswith((b"mailto:", b"xmpp:")) else None

    def has_list(self, name: bytes) -> bool:
        return name in self.lists

    def in_list(self, name: bytes, value: bytes) -> bool:
        return value in self.lists[name]


def crlf(text: str | bytes) -> bytes:
    octets = text.encode() if isinstance(text, str) else text
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def reader(octets: bytes) -> Callable[[int, int], bytes]:
    return lambda start, length: octets[start : start + length]


def message_of(octets: bytes) -> Message:
    scanner = Scanner()
    scanner.feed(octets)
    scanned = scanner.finish()
    return Message(scanned.header, scanned.size_octets, scanned.root, reader(octets))


def compiled(script: str | bytes) -> Program:
    program, _ = compile_script(crlf(script), REGISTRY)
    return program


def complaints(script: str | bytes) -> list[str]:
    """What is wrong with a script; nothing when it is right."""
    try:
        compiled(script)
    except ScriptError as error:
        return [str(each) for each in error.complaints]
    return []


def holds(
    test: str, message: str | bytes, world: World | None = None, require: str = "", envelope: Envelope = ENVELOPE
) -> bool:
    """Whether a test is true of a message; ``require`` lists capabilities, in quotes and with commas."""
    script = f'require [{require + ", " if require else ""}"fileinto"];\nif {test} {{ fileinto "yes"; }}'
    outcome = run(compiled(script), message_of(crlf(message)), envelope, world or World())
    assert outcome.failed is None, outcome.failed
    return any(isinstance(action, FileInto) for action in outcome.actions)


def delivered(script: str | bytes, message: str | bytes, world: World | None = None, at: int = -1) -> bytes:
    """The message as the action at ``at`` takes it."""
    octets = crlf(message)
    came = message_of(octets)
    outcome = run(compiled(script), came, ENVELOPE, world or World())
    assert outcome.failed is None, outcome.failed
    edition = outcome.editions[at]
    if edition is None:
        return octets
    body_start = message_of(octets).root.body_start
    return b"".join(edition_octets(edition, body_start, len(octets), reader(octets)))
