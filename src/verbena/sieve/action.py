"""What a script decided, as values: the delivery agent carries them out (RFC 5228 §4, RFC 3894, 5232, 5490 …)."""

from dataclasses import dataclass, replace
from enum import IntEnum

from verbena.sieve.errors import Place


@dataclass(frozen=True, slots=True)
class Keep:
    """File into the default mailbox. ``flags`` None: the flags of the internal variable were not touched."""

    place: Place | None
    flags: tuple[bytes, ...] | None = None


@dataclass(frozen=True, slots=True)
class FileInto:
    """``mailbox`` is UTF-8, not yet known to exist. ``create``: make it when missing (RFC 5490 §3.2).
    ``special_use`` and ``mailbox_id`` name another target, that goes first where it exists (RFC 8579 §4,
    RFC 9042 §4)."""

    place: Place
    mailbox: bytes
    flags: tuple[bytes, ...] | None = None
    create: bool = False
    special_use: bytes | None = None
    mailbox_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class Redirect:
    """``address`` is a checked addr-spec; empty where the message goes to all addresses of the external list
    ``list_name`` (RFC 6134 §2.3), for which the delivery agent has a limit. ``notify`` (``NEVER``, or a list of the
    others) and ``ret`` are DSN parameters (RFC 6009 §3); ``by_time_s`` seconds from the delivery or ``by_absolute``
    (an ISO 8601 time), ``by_mode`` ``notify`` or ``return``, ``by_trace``: deliver-by parameters (RFC 6009 §5)."""

    place: Place
    address: bytes
    notify: bytes | None = None
    ret: bytes | None = None
    by_time_s: int | None = None
    by_absolute: bytes | None = None
    by_mode: bytes = b""
    by_trace: bool = False
    list_name: bytes | None = None


@dataclass(frozen=True, slots=True)
class Discard:
    place: Place


@dataclass(frozen=True, slots=True)
class Reject:
    """RFC 5429; ``at_protocol`` for ereject, which must not make a bounce."""

    place: Place
    reason: bytes
    at_protocol: bool


@dataclass(frozen=True, slots=True)
class Vacation:
    """RFC 5230 §4, RFC 6131 §2. ``interval_s`` 0 answers every message; ``mime``: ``reason`` is a MIME entity."""

    place: Place
    reason: bytes
    interval_s: int
    subject: bytes | None
    sender: bytes | None
    addresses: tuple[bytes, ...]
    mime: bool
    handle: bytes
    fcc: FileInto | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """RFC 5435 §3; ``importance`` is 1 to 3."""

    place: Place
    method: bytes
    sender: bytes | None
    importance: int
    options: tuple[bytes, ...]
    message: bytes | None
    fcc: FileInto | None = None


Action = Keep | FileInto | Redirect | Discard | Reject | Vacation | Notify


def describe(action: Action) -> str:
    """The action as a person would say it."""
    match action:
        case Keep():
            return "keep in the inbox" + _with_flags(action.flags)
        case FileInto():
            return "file into " + _filing(action)
        case Redirect():
            if action.list_name is not None:
                return f"redirect to all of the list {_shown(action.list_name)}"
            return f"redirect to {_shown(action.address)}"
        case Discard():
            return "discard"
        case Reject():
            return f"refuse with {_shown(action.reason)}"
        case Vacation():
            copy = "" if action.fcc is None else f", with a copy in {_filing(action.fcc)}"
            return f"answer with {_shown(action.reason)}, once in {action.interval_s} seconds{copy}"
        case Notify():
            copy = "" if action.fcc is None else f", with a copy in {_filing(action.fcc)}"
            return f"notify {_shown(action.method)}{copy}"


def _shown(text: bytes) -> str:
    told = " ".join(text[:200].decode("utf-8", "replace").split())
    return f"“{told}{'…' if len(text) > 200 else ''}”"


def _filing(action: FileInto) -> str:
    told = _shown(action.mailbox)
    if action.special_use is not None:
        told = f"the mailbox for {_shown(action.special_use)}, or else {told}"
    if action.mailbox_id is not None:
        told = f"the mailbox with the id {_shown(action.mailbox_id)}, or else {told}"
    return told + (", made if it is missing" if action.create else "") + _with_flags(action.flags)


def _with_flags(flags: tuple[bytes, ...] | None) -> str:
    return f" with the flags {b' '.join(flags).decode('utf-8', 'replace')}" if flags else ""


def conflict(one: Action, other: Action) -> str | None:
    """Why two actions can not both be taken (RFC 5429 §2.4, RFC 5230 §4.7), or None."""
    if isinstance(one, Vacation) and isinstance(other, Vacation):
        return "a message can be answered by one “vacation” only"
    if isinstance(one, Reject):
        return _reject_conflict(other)
    return _reject_conflict(one) if isinstance(other, Reject) else None


def _reject_conflict(other: Action) -> str | None:
    if isinstance(other, Reject):
        return "the message is rejected already"
    if isinstance(other, Vacation):
        return "a message can not be rejected and answered"
    if isinstance(other, Keep | FileInto | Redirect):
        return "a message can not be rejected and delivered"
    return None


def same(one: Action, other: Action) -> bool:
    """Whether two actions do the same, so that the second adds nothing (RFC 5228 §2.10.3)."""
    if isinstance(one, Keep):
        return isinstance(other, Keep)
    if isinstance(one, FileInto) and isinstance(other, FileInto):
        return (
            one.mailbox == other.mailbox and one.mailbox_id == other.mailbox_id and one.special_use == other.special_use
        )
    if isinstance(one, Redirect) and isinstance(other, Redirect):
        return one.address.lower() == other.address.lower() and one.list_name == other.list_name
    return isinstance(one, Discard) and isinstance(other, Discard)


def merged(old: Action, new: Action) -> Action:
    """What stands for two actions that are the ``same``: of flags the last win (RFC 5232 §3), ``create`` holds from
    either."""
    if isinstance(old, FileInto) and isinstance(new, FileInto):
        return replace(new, create=old.create or new.create)
    return new if isinstance(old, Keep) else old


@dataclass(frozen=True, slots=True)
class Span:
    """Octets of the message as it came: ``length_octets`` from ``start_octets``."""

    start_octets: int
    length_octets: int


@dataclass(frozen=True, slots=True)
class Edition:
    """A message as the script has changed it: ``header`` the whole block with its empty line, ``body`` the pieces that
    follow it, new octets and such of the message as it came; None where the body is as it came (RFC 5703 §5, §6)."""

    header: bytes
    body: tuple[bytes | Span, ...] | None = None


class Traced(IntEnum):
    """What a line of a trace is about."""

    COMMAND = 0
    TEST = 1
    VALUES = 2
    ACTION = 3
    VARIABLE = 4
    FAILURE = 5


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One thing that happened, for the author of the script: ``told`` says it in words, ``depth`` counts the blocks
    and tests around it; ``answer`` is a test's."""

    place: Place
    told: str
    kind: Traced = Traced.COMMAND
    depth: int = 0
    answer: bool | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a run came to. ``actions`` in order, without duplicates; an implicit keep is a ``Keep`` without a
    place. ``editions`` is as long: how the script had changed the message when the action was taken, None for not at
    all (RFC 5293 §4). ``failed`` is set when the script failed at run time: then ``actions`` is what is safe, the
    implicit keep alone."""

    actions: tuple[Action, ...]
    editions: tuple[Edition | None, ...] = ()
    failed: str | None = None
    failed_at: Place | None = None
    trace: tuple[TraceLine, ...] = ()
