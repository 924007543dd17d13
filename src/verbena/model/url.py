"""An IMAP URL as a value (RFC 5092, RFC 4467 §3, RFC 5593)."""

from dataclasses import dataclass
from datetime import datetime

from verbena.model.ids import Uid, UidValidity
from verbena.model.part import PartialRange, Section
from verbena.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Access:
    """An access identifier: ``kind`` is ``submit``, ``user``, ``authuser``, ``anonymous`` or ``stream``."""

    kind: str
    user: str | None


@dataclass(frozen=True, slots=True)
class UrlAuth:
    """``;URLAUTH=<access>`` and, once it is signed, ``:<mechanism>:<token>``."""

    access: Access
    mechanism: str | None
    token: Secret | None


@dataclass(frozen=True, slots=True)
class ImapUrl:
    """``imap://user@host:port/mailbox;UIDVALIDITY=n/;UID=n/;SECTION=s/;PARTIAL=o.l;EXPIRE=t;URLAUTH=…``.

    A relative URL has no ``host``. ``section`` None is the whole message. ``rump`` is the URL text
    up to and with the access identifier, exactly as written: it is what a token signs (RFC 4467 §7).
    """

    host: str | None
    port: int | None
    user: str | None
    auth_mechanism: str | None
    mailbox: str | None
    uidvalidity: UidValidity | None
    uid: Uid | None
    section: Section | None
    partial: PartialRange | None
    expires_at: datetime | None
    urlauth: UrlAuth | None
    rump: bytes | None = None
    search: bytes | None = None
    """``?enc-search`` decoded: the URL is a list of messages"""
