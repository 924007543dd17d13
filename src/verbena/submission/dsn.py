"""Delivery status notifications (RFC 3464), sent where RFC 3461 §5.2 and §6 ask for them; RFC 6533 for addresses
outside ASCII.

A report is a stream of octets: three parts, for people, for machines, and the message's header or (RET=FULL, after a
failure) the whole message. It goes out with a null return path, and is never made for a message that had one.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from enum import Enum

from verbena.store.api import OutEnvelope, OutRecipient
from verbena.wire.smtp.dsn import original_recipient


class Action(Enum):
    """What became of a recipient (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELIVERED = "delivered"
    RELAYED = "relayed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``status`` such as ``5.1.1`` (RFC 3463); ``diagnostic`` the reply that said so, ``remote`` the host that gave
    it."""

    recipient: OutRecipient
    action: Action
    status: str
    diagnostic: str = ""
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """The message that is reported on: ``header`` with its empty line, ``whole`` a stream of all of it.

    ``transfer`` is ``7bit``, ``8bit`` or ``binary``.
    """

    envelope: OutEnvelope
    arrived: datetime
    header: bytes
    transfer: str
    whole: AsyncIterator[bytes] | None


def is_wanted(outcome: Outcome) -> bool:
    """Whether the recipient's NOTIFY asks for this (RFC 3461 §5.2.3, §5.2.6)."""
    notify = outcome.recipient.notify
    if outcome.action is Action.FAILED:
        return not notify or "FAILURE" in notify
    return "SUCCESS" in notify


def wants_whole(envelope: OutEnvelope, outcomes: Sequence[Outcome]) -> bool:
    """Whether the report has the whole message (RFC 3461 §4.3)."""
    return envelope.ret == "FULL" and any(outcome.action is Action.FAILED for outcome in outcomes)


async def format_report(
    hostname: str, token: str, now: datetime, subject: Subject, outcomes: Sequence[Outcome]
) -> AsyncIterator[bytes]:
    """The notification. ``token`` is unique and random: it makes the boundary and the Message-ID."""
    boundary = f"report-{token}"
    wide = not (subject.header.isascii() and all(_is_ascii(outcome) for outcome in outcomes))
    wide = wide or not subject.envelope.sender.isascii()
    failed = any(outcome.action is Action.FAILED for outcome in outcomes)
    title = "Undelivered Mail" if failed else "Delivery Report"
    lines = [
        f"From: Mail Delivery System <MAILER-DAEMON@{hostname}>",
        f"To: <{subject.envelope.sender}>",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{token}@{hostname}>",
        f"Subject: {title}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f"Content-Type: multipart/report; report-type={'global-' if wide else ''}delivery-status;",
        f'\tboundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Transfer-Encoding: {'8bit' if wide else '7bit'}",
        "",
        *_explanation(hostname, outcomes),
        "",
        f"--{boundary}",
        f"Content-Type: message/{'global-' if wide else ''}delivery-status",
        *(["Content-Transfer-Encoding: 8bit"] if wide else []),
        "",
        *_fields(hostname, subject, outcomes),
        f"--{boundary}",
    ]
    yield _joined(lines)
    async for piece in _returned(subject, wide):
        yield piece
    yield f"\r\n--{boundary}--\r\n".encode()


async def _returned(subject: Subject, wide: bool) -> AsyncIterator[bytes]:
    whole = subject.whole
    if whole is None:
        kind = "message/global-headers" if wide else "text/rfc822-headers"
        encoding = "7bit" if subject.header.isascii() else "8bit"
        yield _joined([f"Content-Type: {kind}", f"Content-Transfer-Encoding: {encoding}", ""])
        yield subject.header
        return
    kind = "message/global" if wide else "message/rfc822"
    encoding = "8bit" if wide and subject.transfer == "7bit" else subject.transfer
    yield _joined([f"Content-Type: {kind}", f"Content-Transfer-Encoding: {encoding}", ""])
    async for piece in whole:
        yield piece


def _explanation(hostname: str, outcomes: Sequence[Outcome]) -> list[str]:
    lines = [f"This is the mail system at {hostname}.", ""]
    told = {
        Action.FAILED: "Your message could not be delivered to:",
        Action.DELIVERED: "Your message was delivered to:",
        Action.RELAYED: "Your message was handed on, to a system that sends no reports, for:",
    }
    for action, introduction in told.items():
        chosen = [outcome for outcome in outcomes if outcome.action is action]
        if chosen:
            lines += [introduction, ""]
            lines += [
                f"  <{_line(outcome.recipient.address)}> {_line(outcome.diagnostic)}".rstrip() for outcome in chosen
            ]
            lines.append("")
    return lines


def _fields(hostname: str, subject: Subject, outcomes: Sequence[Outcome]) -> list[str]:
    lines: list[str] = []
    if subject.envelope.envid is not None:
        lines.append(f"Original-Envelope-Id: {_line(subject.envelope.envid.decode('ascii', 'replace'))}")
    lines += [f"Reporting-MTA: dns; {hostname}", f"Arrival-Date: {format_datetime(subject.arrived)}", ""]
    for outcome in outcomes:
        recipient = outcome.recipient
        if recipient.orcpt is not None:
            kind, address = original_recipient(recipient.orcpt)
            lines.append(f"Original-Recipient: {_text(kind)}; {_text(address)}")
        address_type = "rfc822" if recipient.address.isascii() else "utf-8"
        lines.append(f"Final-Recipient: {address_type}; {_line(recipient.address)}")
        lines += [f"Action: {outcome.action.value}", f"Status: {outcome.status}"]
        if outcome.remote:
            lines.append(f"Remote-MTA: dns; {_line(outcome.remote)}")
        if outcome.diagnostic:
            lines.append(f"Diagnostic-Code: smtp; {_line(outcome.diagnostic)}")
        lines.append("")
    return lines


def _is_ascii(outcome: Outcome) -> bool:
    orcpt = outcome.recipient.orcpt
    return outcome.recipient.address.isascii() and (orcpt is None or original_recipient(orcpt)[1].isascii())


def _text(octets: bytes) -> str:
    return _line(octets.decode("utf-8", "replace"))


def _line(text: str) -> str:
    """``text`` without anything that could end its line, and not longer than a line may be."""
    return "".join(char if char >= " " and char != "\x7f" else " " for char in text)[:800]


def _joined(lines: Sequence[str]) -> bytes:
    return "".join(line + "\r\n" for line in lines).encode()
