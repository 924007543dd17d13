"""What a submitted message must be, and what is put right in it (RFC 6409 §3, §4, §6, §8).

- The sender is the login's own address or an alias of it (§6.1); the null sender is allowed, for notifications.
- Recipients are fully qualified (§4.2, §6.2); address literals are not served.
- Date, Message-ID and From are added where they are missing (§8.2, §8.3); Sender is set to the envelope's sender, or
  the login's address where that is null, where From or Sender names someone whom the login may not be (§8.1).
- Bcc and Return-Path are taken out: the one is for no other recipient's eyes (RFC 5322 §3.6.3), the other is written at
  delivery only (RFC 5321 §4.4).

The header is looked at whole, up to ``MAX_HEADER_OCTETS``; the body streams past.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from verbena.mime.address import parse_addresses
from verbena.mime.header import empty_line, split_fields, unfold
from verbena.model.errors import Refused
from verbena.model.reason import Reason
from verbena.smtp.codes import Answer
from verbena.smtp.receiver import Envelope, Recipient
from verbena.store.api import AccountRef, Directory
from verbena.wire.smtp.path import format_mailbox

MAX_HEADER_OCTETS = 1024 * 1024

DROPPED = (b"bcc", b"resent-bcc", b"return-path")


def check_sender(directory: Directory, account: AccountRef, envelope: Envelope) -> None:
    """Raises ``Refused(NO_PERMISSION)`` for an address that is not the account's."""
    sender = envelope.sender
    if sender is not None and not directory.may_send_as(account, sender.local_part, sender.domain):
        raise Refused(Reason.NO_PERMISSION, "Not one of your addresses")


def check_recipient(directory: Directory, recipient: Recipient) -> None:
    """Raises ``Answer`` or ``Refused`` for a recipient that can not be served."""
    domain = recipient.mailbox.domain
    if domain.startswith("["):
        raise Answer(550, "5.1.2", "Address literals are not served")
    if not is_local(directory, domain):
        if "." not in domain:
            raise Answer(550, "5.1.2", "Recipient needs a fully qualified domain")
        return
    accounts = local_accounts(directory, recipient)
    if not accounts:
        raise Refused(Reason.UNKNOWN_RECIPIENT, "No such mailbox here")
    if not any(account.enabled for account in accounts):
        raise Refused(Reason.ACCOUNT_DISABLED, "Mailbox disabled")


def is_local(directory: Directory, domain: str) -> bool:
    return not domain or directory.is_local_domain(domain)


def local_accounts(directory: Directory, recipient: Recipient) -> tuple[AccountRef, ...]:
    domain = recipient.mailbox.domain
    if not domain:
        domains = directory.domains()
        if not domains:
            return ()
        domain = domains[0]
    return directory.resolve_address(recipient.mailbox.local_part, domain)


@dataclass(frozen=True, slots=True)
class Fixer:
    """Puts one message's header right. ``now`` is aware; ``token`` unique; ``received`` the trace field to put
    first."""

    directory: Directory
    account: AccountRef
    envelope: Envelope
    hostname: str
    token: str
    now: datetime
    received: bytes

    def fix(self, header: bytes) -> bytes:
        """The new header for ``header``, both with the empty line at the end."""
        kept: list[bytes] = []
        names: set[bytes] = set()
        allowed = True
        end = 0
        for name, start, value, stop in split_fields(header):
            end = stop
            if name in DROPPED or (name == b"sender" and b"sender" in names):
                continue
            names.add(name)
            if name in (b"from", b"sender"):
                allowed = allowed and self._may_be(unfold(header[value:stop]))
            kept.append(header[start:stop])
        if kept and not kept[-1].endswith(b"\n"):
            kept.append(b"\r\n")
        if not allowed:
            kept = [field for field in kept if field[:7].lower().rstrip(b" \t:") != b"sender"]
            kept.append(b"Sender: <" + self._sender() + b">\r\n")
        return b"".join([self.received, *kept, *self._missing(names), empty_line(header, end) or b"\r\n"])

    def _missing(self, names: set[bytes]) -> list[bytes]:
        added: list[bytes] = []
        if b"date" not in names:
            added.append(b"Date: " + format_datetime(self.now).encode() + b"\r\n")
        if b"message-id" not in names:
            added.append(f"Message-ID: <{self.token}@{self.hostname}>\r\n".encode())
        if b"from" not in names:
            added.append(b"From: <" + self._sender() + b">\r\n")
        return added

    def _sender(self) -> bytes:
        sender = self.envelope.sender
        return self.account.login.encode() if sender is None else format_mailbox(sender)

    def _may_be(self, value: bytes) -> bool:
        """Whether all addresses in a From or Sender field are the login's; False where there is none to be seen."""
        addresses = [address for address in parse_addresses(value) if address.host is not None]
        for address in addresses:
            if address.mailbox is None or address.host is None:
                continue
            local_part, domain = address.mailbox.decode("utf-8", "replace"), address.host.decode("utf-8", "replace")
            if not self.directory.may_send_as(self.account, local_part, domain):
                return False
        return bool(addresses)


async def rewrite_header(source: AsyncIterator[bytes], fix: Callable[[bytes], bytes]) -> AsyncIterator[bytes]:
    """``source`` with its header replaced by what ``fix`` makes of it. Raises ``Answer`` for a header without end."""
    held = bytearray()
    search = HeaderEnd()
    whole = False
    async for piece in source:
        if whole:
            yield piece
            continue
        held += piece
        end = search.find(held)
        if end is None:
            if len(held) > MAX_HEADER_OCTETS:
                raise Answer(554, "5.6.0", "Message header is too long")
            continue
        whole = True
        yield fix(bytes(held[:end]))
        if end < len(held):
            yield bytes(held[end:])
    if not whole:
        end = len(held) if _is_field(bytes(held)) else 0
        yield fix(bytes(held[:end]))
        if end < len(held):
            yield bytes(held[end:])


class HeaderEnd:
    """Looks for the place where the body begins, in octets that grow: each is looked at once."""

    def __init__(self) -> None:
        self._searched = 0
        self._is_header = False

    def find(self, octets: bytearray) -> int | None:
        """The offset; None while it is not in ``octets``, which are those of the last call and more.

        A message whose first line is no field has no header: its body begins at 0.
        """
        if not self._is_header:
            first = octets.find(b"\n", self._searched)
            if first < 0:
                self._searched = len(octets)
                return None
            if first == 0 or octets.startswith(b"\r\n"):
                return first + 1
            if not _is_field(bytes(octets[: first + 1])):
                return 0
            self._is_header = True
            self._searched = first
        found = [
            place + len(mark) for mark in (b"\n\r\n", b"\n\n") if (place := octets.find(mark, self._searched)) >= 0
        ]
        self._searched = max(len(octets) - 2, self._searched)
        return min(found) if found else None


def _is_field(line: bytes) -> bool:
    name = line.partition(b":")[0]
    return b":" in line and bool(name) and all(33 <= octet <= 126 for octet in name.rstrip(b" \t"))
