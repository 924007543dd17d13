"""What a script decided, as values: the delivery agent carries them out (RFC 5228 §4, RFC 3894, 5232, 5490 …)."""

from dataclasses import dataclass

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
    """``notify``, ``ret``, ``by_time_s`` as RFC 6009; ``address`` is a checked addr-spec."""

    place: Place
    address: bytes
    notify: bytes | None = None
    ret: bytes | None = None


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


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One thing that happened, for the author of the script: ``told`` says it in words."""

    place: Place
    told: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a run came to. ``actions`` in order, without duplicates; an implicit keep is a ``Keep`` without a
    place. ``header`` is the edited message header where RFC 5293 changed it. ``failed`` is set when the script failed
    at run time: then ``actions`` is what is safe, the implicit keep among it."""

    actions: tuple[Action, ...]
    header: bytes | None = None
    failed: str | None = None
    failed_at: Place | None = None
    trace: tuple[TraceLine, ...] = ()
