"""What scripts decide, in words that a table can hold."""

from dataclasses import dataclass, field

from support import sieve
from support.sieve import ENVELOPE, compiled, complaints, crlf, message_of
from verbena.sieve.action import Action, FileInto, Keep, Notify, Outcome, Redirect, Reject, Vacation
from verbena.sieve.run import DEFAULT_RUN_LIMITS, Envelope, RunLimits, run

__all__ = ["ENVELOPE", "World", "actions", "complaints", "in_words", "outcome"]
PLAIN = "Subject: x\n\nbody\n"


@dataclass
class World(sieve.World):
    """A world that remembers what ``duplicate`` asked, and knows who can be notified."""

    asked: list[tuple[bytes, int, bool]] = field(default_factory=list)
    online: dict[bytes, bytes | None] = field(default_factory=dict)

    def seen(self, unique: bytes, seconds: int, last: bool) -> bool:
        self.asked.append((unique, seconds, last))
        return super().seen(unique, seconds, last)

    def notify_capability(self, method: bytes, capability: bytes) -> bytes | None:
        return self.online.get(method, b"maybe") if capability == b"online" else None


def outcome(
    script: str | bytes,
    text: str | bytes = PLAIN,
    envelope: Envelope = ENVELOPE,
    world: World | None = None,
    limits: RunLimits = DEFAULT_RUN_LIMITS,
    tracing: bool = False,
) -> Outcome:
    return run(compiled(script), message_of(crlf(text)), envelope, world or World(), limits, tracing)


def actions(
    script: str | bytes,
    text: str | bytes = PLAIN,
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
