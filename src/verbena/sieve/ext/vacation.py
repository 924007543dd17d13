"""``vacation``: answering that one is away (RFC 5230), ``:seconds`` (RFC 6131), and when not to (RFC 3834).

*full*. The action says what to answer; the delivery agent asks ``may_answer`` whether it may, looks the handle and the
sender up among the answers it has given, and makes the message (§5).
Limits: an interval is 1 day (0 seconds) to ``MAX_DAYS``; a subject is one line of ``MAX_SUBJECT_OCTETS``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from verbena.mime.address import parse_addresses
from verbena.sieve.action import Vacation
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.core import is_addr_spec
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.filing import FCC
from verbena.sieve.message import Message
from verbena.sieve.program import Block, Modifier, Step, Text
from verbena.sieve.registry import AddedTags, CommandRow, Extension, Shape, Tag, Takes
from verbena.sieve.run import Envelope, Machine

DAY_S: Final = 86_400
MIN_DAYS: Final = 1
DEFAULT_DAYS: Final = 7
MAX_DAYS: Final = 365
MAX_SECONDS: Final = 1 << 31
MAX_SUBJECT_OCTETS: Final = 998
INTERVAL: Final = b"interval"
"""The group of ``:days`` and ``:seconds``."""


class VacationStep(Step):
    def __init__(self, place: Place, reason: Text, interval_s: int, mime: bool, handle: bytes) -> None:
        super().__init__(place)
        self.reason = reason
        self.interval_s = interval_s
        self.mime = mime
        self.synthetic = handle
        """stands for the response where no ``:handle`` was given (§4.2)"""
        self.subject: Text | None = None
        self.sender: Text | None = None
        self.handle: Text | None = None
        self.addresses: tuple[Text, ...] = ()
        self.modifiers: tuple[Modifier, ...] = ()

    def run(self, machine: Machine) -> None:
        reason = self.reason.value(machine)
        if self.mime and not is_seven_bit_header(reason):
            raise RunError(self.place, "the header of a “:mime” reason must be ASCII")
        sender = None if self.sender is None else self.sender.value(machine)
        if sender is not None and not is_mailbox_list(sender):
            raise RunError(self.place, f"“:from” is no mail address: “{sender[:200].decode('utf-8', 'replace')}”")
        action = Vacation(
            self.place,
            reason,
            self.interval_s,
            None if self.subject is None else one_line(self.subject.value(machine)),
            sender,
            tuple(machine.texts(self.addresses)),
            self.mime,
            self.synthetic if self.handle is None else b"h:" + self.handle.value(machine),
        )
        machine.perform(self.place, action, self.modifiers, cancels_keep=False)


def one_line(text: bytes) -> bytes:
    """``text`` as a header field can have it: controls become blanks, what is too long is cut."""
    result = bytearray()
    for octet in text[:MAX_SUBJECT_OCTETS]:
        result.append(32 if octet < 32 or octet == 127 else octet)
    return bytes(result).decode("utf-8", "ignore").encode()


def is_mailbox_list(text: bytes) -> bool:
    """Whether it is one or more mail addresses, without controls that could begin another field."""
    if any(octet < 32 or octet == 127 for octet in text):
        return False
    found = parse_addresses(text)
    for address in found:
        if not address.mailbox or not address.host or not is_addr_spec(address.mailbox + b"@" + address.host):
            return False
    return bool(found)


def is_seven_bit_header(entity: bytes) -> bool:
    """Whether the header of a MIME entity is ASCII (§5)."""
    return entity.startswith(b"\r\n") or entity.partition(b"\r\n\r\n")[0].isascii()


def synthetic_handle(texts: Sequence[Text | None], mime: bool) -> bytes:
    """A name for a response made of what it says, as the script has it, variables not expanded (§4.2)."""
    digest = sha256(b"mime" if mime else b"text")
    for text in texts:
        digest.update(b"-" if text is None else b"%d:%b" % (len(text.octets), text.octets))
    return b"s:" + digest.hexdigest().encode()


def interval_of(arguments: Arguments) -> int:
    """Seconds within which one correspondent gets one answer."""
    seconds = arguments.tag_number(b"seconds")
    if seconds is not None:
        if seconds > MAX_SECONDS:
            raise refuse(arguments.tag_place(b"seconds"), "“:seconds” is less than 2**31")
        return min(seconds, MAX_DAYS * DAY_S)
    days = arguments.tag_number(b"days")
    return min(max(DEFAULT_DAYS if days is None else days, MIN_DAYS), MAX_DAYS) * DAY_S


def build_vacation(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    reason, subject = arguments.text(checker, 0), arguments.tag_text(checker, b"subject")
    sender, mime = arguments.tag_text(checker, b"from"), arguments.has(b"mime")
    if mime and reason.is_constant and not is_seven_bit_header(reason.octets):
        raise refuse(arguments.place_of(0), "the header of a “:mime” reason must be ASCII")
    if sender is not None and sender.is_constant and not is_mailbox_list(sender.octets):
        raise refuse(arguments.tag_place(b"from"), "“:from” needs a mail address")
    handle = synthetic_handle((subject, sender, reason), mime)
    step = VacationStep(arguments.place, reason, interval_of(arguments), mime, handle)
    step.subject = subject
    step.sender = sender
    step.handle = arguments.tag_text(checker, b"handle")
    step.addresses = arguments.tag_texts(checker, b"addresses")
    step.modifiers = arguments.modifiers
    return step


@dataclass(frozen=True, slots=True)
class Answering:
    """Whether a message may be answered by a machine, and why; ``reason`` is for the owner of the script."""

    may: bool
    reason: str


_LIST_FIELDS: Final = (
    b"list-id",
    b"list-help",
    b"list-subscribe",
    b"list-unsubscribe",
    b"list-post",
    b"list-owner",
    b"list-archive",
)
_RECIPIENT_FIELDS: Final = (b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc")
_SYSTEM_ADDRESSES: Final = frozenset(
    b"mailer-daemon listserv majordomo mailman listproc sympa ecartis bounce bounces noreply no-reply no_reply "
    b"donotreply do-not-reply do_not_reply nobody www-data daemon uucp news usenet".split()
)


def may_answer(message: Message, envelope: Envelope, addresses: Sequence[bytes]) -> Answering:
    """Whether vacation may answer (RFC 5230 §4.5, §4.6, RFC 3834 §2).

    ``addresses`` are the recipient's: those the server knows, and those of ``:addresses``; the envelope's recipient is
    one without being named.
    """
    mine = {each.lower() for each in addresses}
    mine.add(envelope.recipient.lower())
    why = _sender_refusal(envelope.sender, mine) or _automatic_refusal(message) or _stranger_refusal(message, mine)
    return Answering(why is None, why or "it was sent to the recipient by a person")


def _sender_refusal(sender: bytes, mine: set[bytes]) -> str | None:
    if not sender:
        return "it has no sender: it is a report"
    if not is_addr_spec(sender):
        return "its sender is no mail address"
    if sender.lower() in mine:
        return "its sender is the recipient"
    local = sender.lower().rpartition(b"@")[0]
    base = local.partition(b"+")[0]
    automatic = base in _SYSTEM_ADDRESSES or local.startswith((b"owner-", b"bounce-", b"bounces-", b"bounces+"))
    if automatic or local.endswith((b"-request", b"-owner", b"-bounces", b"-bounce")):
        return "its sender is a program"
    return None


def _automatic_refusal(message: Message) -> str | None:
    for value in message.values(b"auto-submitted"):
        if value.partition(b";")[0].strip().lower() != b"no":
            return "it was made by a program (Auto-Submitted)"
    for name in _LIST_FIELDS:
        if message.named(name):
            return "it is of a mailing list"
    for value in message.values(b"precedence"):
        if value.lower() in (b"bulk", b"list", b"junk"):
            return "it is bulk mail (Precedence)"
    for value in message.values(b"x-auto-response-suppress"):
        words = {word.strip().lower() for word in value.split(b",")}
        if words & {b"all", b"oof", b"autoreply"}:
            return "its sender wants no automatic answer"
    if message.values(b"return-path")[:1] == [b"<>"]:
        return "it has no sender: it is a report"
    if message.root.media_type.lower() == b"multipart" and message.root.subtype.lower() == b"report":
        return "it is a report"
    return None


def _stranger_refusal(message: Message, mine: set[bytes]) -> str | None:
    for name in _RECIPIENT_FIELDS:
        for address in message.addresses(name):
            if address.lower() in mine:
                return None
    return "the recipient is not among its addressees"


EXTENSION: Final[Extension] = Extension(
    rfc=5230,
    capabilities=(b"vacation",),
    implied_by=(b"vacation-seconds",),
    commands=(
        CommandRow(
            b"vacation",
            Shape(
                (Takes.STRING,),
                tags=(
                    Tag(b"days", Takes.NUMBER, INTERVAL),
                    Tag(b"subject", Takes.STRING),
                    Tag(b"from", Takes.STRING),
                    Tag(b"addresses", Takes.STRINGS),
                    Tag(b"mime"),
                    Tag(b"handle", Takes.STRING),
                ),
                tag_groups=(FCC,),
            ),
            build_vacation,
        ),
    ),
)

SECONDS: Final[Extension] = Extension(
    rfc=6131,
    capabilities=(b"vacation-seconds",),
    added=(AddedTags((b"vacation",), (Tag(b"seconds", Takes.NUMBER, INTERVAL),)),),
)
