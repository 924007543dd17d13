"""The Received field (RFC 5321 §4.4, RFC 3848, RFC 6531 §4.3): who gave us a message, how and when.

It names no login and no secret; ``for`` only where there is one recipient, so that nobody learns of another (RFC 5321
§7.6).
"""

from datetime import datetime
from email.utils import format_datetime

from verbena.smtp.receiver import Client, Envelope
from verbena.wire.smtp.path import format_path


def with_keyword(envelope: Envelope, lmtp: bool) -> str:
    """``SMTP``, ``ESMTPSA``, ``LMTP``, ``UTF8SMTPS``: the transmission type (RFC 3848)."""
    client = envelope.client
    if not client.extended:
        return "SMTP"
    secure = ("S" if client.tls is not None else "") + ("A" if client.identity is not None else "")
    if envelope.options.smtputf8:
        return ("UTF8LMTP" if lmtp else "UTF8SMTP") + secure
    return ("LMTP" if lmtp else "ESMTP") + secure


def format_received(envelope: Envelope, hostname: str, queue_token: str, now: datetime, lmtp: bool = False) -> bytes:
    """The whole field with its CRLFs. ``queue_token`` is what the log calls this message; ``now`` is aware."""
    lines = [f"Received: from {_from(envelope.client)}", f"\tby {hostname} with {with_keyword(envelope, lmtp)}"]
    if envelope.client.tls is not None:
        lines[-1] += f" ({envelope.client.tls.version} {envelope.client.tls.cipher})"
    lines.append(f"\tid {queue_token}")
    field = "\r\n".join(lines).encode("ascii", "replace")
    if len(envelope.recipients) == 1:
        field += b"\r\n\tfor " + format_path(envelope.recipients[0].mailbox)
    return field + b";\r\n\t" + format_datetime(now).encode() + b"\r\n"


def _from(client: Client) -> str:
    address = client.peer.address
    if address == "unix":
        return f"{client.helo or 'unknown'} (local)"
    literal = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
    return f"{client.helo or 'unknown'} ({literal})"
