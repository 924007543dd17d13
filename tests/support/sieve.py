"""Running scripts in tests: a world made of dictionaries, and outcomes in words."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from verbena.mime.scan import Scanner
from verbena.sieve.action import Action, FileInto, Keep, Notify, Outcome, Redirect, Reject, Vacation
from verbena.sieve.check import compile_script
from verbena.sieve.errors import ScriptError
from verbena.sieve.extensions import REGISTRY
from verbena.sieve.message import Message
from verbena.sieve.program import Program
from verbena.sieve.run import DEFAULT_RUN_LIMITS, Envelope, RunLimits, run

ENVELOPE = Envelope(b"sender@example.org", b"user@example.com")


@dataclass
class World:
    """``Surroundings`` whose answers a test writes down."""

    now: datetime = datetime(2026, 11, 24, 9, 30, 15, tzinfo=UTC)
    items: dict[bytes, bytes] = field(default_factory=lambda: {b"name": b"Verbena", b"domain": b"example.com"})
    mailboxes: dict[bytes, tuple[bytes, ...]] = field(default_factory=lambda: {b"INBOX": ()})
    """special-use attributes by name"""
    mailbox_ids: set[bytes] = field(default_factory=set)
    annotations: dict[tuple[bytes | None, bytes], bytes] = field(default_factory=dict)
    noted: set[bytes] = field(default_factory=set)
    asked: list[tuple[bytes, int, bool]] = field(default_factory=list)
    scripts: dict[tuple[bytes, bool], bytes] = field(default_factory=dict)
    online: dict[bytes, bytes | None] = field(default_factory=dict)
    lists: dict[bytes, set[bytes]] = field(default_factory=dict)

    def environment(self, name: bytes) -> bytes | None:
        return self.items.get(name)

    def mailbox_exists(self, name: bytes) -> bool:
        return name in self.mailboxes

    def special_use_exists(self, mailbox: bytes | None, attribute: bytes) -> bool:
        found = self.mailboxes.items() if mailbox is None else [(mailbox, self.mailboxes.get(mailbox, ()))]
        return any(attribute.lower() == each.lower() for _, uses in found for each in uses)

    def mailbox_id_exists(self, mailbox_id: bytes) -> bool:
        return mailbox_id in self.mailbox_ids

    def metadata(self, mailbox: bytes | None, entry: bytes) -> bytes | None:
        return self.annotations.get((mailbox, entry))

    def seen(self, unique: bytes, seconds: int, last: bool) -> bool:
        self.asked.append((unique, seconds, last))
        return unique in self.noted

    def script(self, name: bytes, is_global: bool) -> Program | None:
        text = self.scripts.get((name, is_global))
        return None if text is None else program(text)

    def notify_capability(self, method: bytes, capability: bytes) -> bytes | None:
        if capability != b"online":
            return None
        return self.online.get(method, b"maybe")

    def in_list(self, name: bytes, value: bytes) -> bool:
        return value in self.lists.get(name, set())


def message(text: str | bytes) -> Message:
    """A message from text with bare line feeds."""
    octets = (text.encode() if isinstance(text, str) else text).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    scanner = Scanner()
    scanner.feed(octets)
    scanned = scanner.finish()
    return Message(scanned.header, len(octets), scanned.root, lambda start, length: octets[start : start + length])


def program(script: str | bytes) -> Program:
    return compile_script(script.encode() if isinstance(script, str) else script, REGISTRY)[0]


def complaints(script: str | bytes) -> list[str]:
    """What is wrong with a script, as its author reads it; nothing for one that is right."""
    try:
        program(script)
    except ScriptError as error:
        return [str(each) for each in error.complaints]
    return []


def outcome(
    script: str | bytes,
    text: str | bytes = "Subject: x\n\nbody\n",
    envelope: Envelope = ENVELOPE,
    world: World | None = None,
    limits: RunLimits = DEFAULT_RUN_LIMITS,
    tracing: bool = False,
) -> Outcome:
    return run(program(script), message(text), envelope, world or World(), limits, tracing)


def actions(
    script: str | bytes,
    text: str | bytes = "Subject: x\n\nbody\n",
    envelope: Envelope = ENVELOPE,
    world: World | None = None,
) -> list[str]:
    """What a script does, in words; ``failed: …`` in front where it failed."""
    result = outcome(script, text, envelope, world)
    told = [in_words(each) for each in result.actions]
    return told if result.failed is None else [f"failed: {result.failed}", *told]


def in_words(action: Action) -> str:
    match action:
        case Keep(place, flags):
            return ("implicit keep" if place is None else "keep") + _flags(flags)
        case FileInto():
            words = f"fileinto {action.mailbox.decode()}{_flags(action.flags)}"
            words += " create" if action.create else ""
            words += f" use={action.special_use.decode()}" if action.special_use is not None else ""
            return words + (f" id={action.mailbox_id.decode()}" if action.mailbox_id is not None else "")
        case Redirect():
            words = f"redirect {action.address.decode()}"
            words += f" notify={action.notify.decode()}" if action.notify is not None else ""
            words += f" ret={action.ret.decode()}" if action.ret is not None else ""
            if action.by_time_s is not None:
                words += f" by={action.by_time_s};{action.by_mode.decode()}{';trace' if action.by_trace else ''}"
            return words
        case Reject():
            return f"{'ereject' if action.at_protocol else 'reject'} {action.reason.decode()}"
        case Vacation():
            subject = "" if action.subject is None else f" [{action.subject.decode()}]"
            return f"vacation {action.interval_s} s{subject}: {action.reason.decode()}{_copy(action.fcc)}"
        case Notify():
            text = "" if action.message is None else f": {action.message.decode()}"
            return f"notify {action.importance} {action.method.decode()}{text}{_copy(action.fcc)}"
        case _:
            return type(action).__name__.lower()


def _flags(flags: tuple[bytes, ...] | None) -> str:
    return "" if flags is None else f" ({b' '.join(flags).decode()})"


def _copy(fcc: FileInto | None) -> str:
    return "" if fcc is None else f" + {in_words(fcc)}"
