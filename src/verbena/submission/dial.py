"""Connections to next hops."""

import ssl

from verbena.client.connect import Connection, Endpoint, connect
from verbena.submission.mx import Host

CONNECT_TIMEOUT_S = 60.0


SUBMISSIONS_PORT = 465
"""where TLS comes first (RFC 8314 §3.3)"""


class Dialer:
    """``context`` is used for STARTTLS, and at once at ``SUBMISSIONS_PORT``; ``opportunistic_context`` makes one for
    hops that may have any certificate."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context

    async def __call__(self, host: Host) -> Connection:
        """Raises ``Unavailable``."""
        tls_first = self._context is not None and host.port == SUBMISSIONS_PORT
        return await connect(Endpoint(host.name, host.port, self._context, tls_first, timeout_s=CONNECT_TIMEOUT_S))


def opportunistic_context() -> ssl.SSLContext:
    """TLS against listeners on the way, not against impostors: better than none, which is the alternative (RFC
    7435)."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
