"""TLS as a connection needs it: the context, and what RFC 5929 binds logins to.

``app.tls`` makes the context; this module reads the outcome of a handshake. ``tls-unique`` is told for
TLS 1.2 only (RFC 9266 §3: it is not defined for 1.3).
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from verbena.model.link import TlsState
from verbena.model.secret import Secret


@dataclass(frozen=True, slots=True)
class TlsSetting:
    """``end_point`` is the certificate's hash as RFC 5929 §4.1 makes it; None when its signature names no hash."""

    context: ssl.SSLContext
    end_point: Secret | None
    handshake_s: float = 30.0


class TlsKeeper:
    """The setting for new handshakes; ``current`` is replaced when certificates are reloaded."""

    __slots__ = ("current",)

    def __init__(self, current: TlsSetting) -> None:
        self.current = current


def tls_state(ssl_object: ssl.SSLObject, end_point: Secret | None) -> TlsState:
    """What a finished handshake agreed on."""
    version = ssl_object.version() or ""
    cipher = ssl_object.cipher()
    bindings: list[tuple[str, Secret]] = []
    if end_point is not None:
        bindings.append(("tls-server-end-point", end_point))
    if version != "TLSv1.3":
        unique = ssl_object.get_channel_binding("tls-unique")
        if unique:
            bindings.append(("tls-unique", Secret(unique)))
    certificate = cast(Mapping[str, object], ssl_object.getpeercert() or {})
    return TlsState(version, cipher[0] if cipher else "", certificate_identity(certificate), tuple(bindings))


def certificate_identity(certificate: Mapping[str, object]) -> str | None:
    """Who a verified certificate is for: its first e-mail subjectAltName, else the subject's e-mail or common name.

    ``certificate`` has the form of ``ssl.SSLSocket.getpeercert``; it is empty when none was verified.
    """
    for kind, value in cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ())):
        if kind == "email":
            return value
    subject: dict[str, str] = {}
    for names in cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("subject", ())):
        for kind, value in names:
            subject.setdefault(kind, value)
    return subject.get("emailAddress") or subject.get("commonName")
