"""Which hosts take mail for a domain (RFC 5321 §5.1, RFC 7505)."""

import random
from dataclasses import dataclass
from typing import Protocol

import dns.asyncresolver
import dns.exception
import dns.resolver
from dns.rdtypes.ANY.MX import MX

from verbena.model.errors import VerbenaError

SMTP_PORT = 25
MAX_HOSTS = 10
LOOKUP_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    port: int = SMTP_PORT


class NoHosts(VerbenaError):
    """There is none, for good or for now; ``status`` is the enhanced code (RFC 3463)."""

    def __init__(self, status: str, told: str) -> None:
        super().__init__(told)
        self.status = status
        self.told = told

    @property
    def permanent(self) -> bool:
        return self.status.startswith("5")


class Hosts(Protocol):
    """Where mail for a domain goes."""

    async def find(self, domain: str) -> list[Host]:
        """At least one, in the order to try them. Raises ``NoHosts``."""


@dataclass(frozen=True, slots=True)
class Smarthost:
    """All mail goes to one host."""

    host: Host

    async def find(self, domain: str) -> list[Host]:
        return [self.host]


class MxHosts:
    """By MX records, from the system's resolver."""

    async def find(self, domain: str) -> list[Host]:
        try:
            name = domain if domain.isascii() else domain.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise NoHosts("5.1.2", "Not a domain name") from error
        try:
            answer = await dns.asyncresolver.resolve(name, "MX", lifetime=LOOKUP_TIMEOUT_S, search=False)
        except dns.resolver.NXDOMAIN as error:
            raise NoHosts("5.1.2", "Domain does not exist") from error
        except dns.resolver.NoAnswer:
            return [Host(name)]
        except dns.exception.DNSException as error:
            raise NoHosts("4.4.3", "Domain lookup failed") from error
        return order_hosts(
            [
                (record.preference, record.exchange.to_text(omit_final_dot=True))
                for record in answer
                if isinstance(record, MX)
            ]
        )


def order_hosts(records: list[tuple[int, str]]) -> list[Host]:
    """By preference, those of the same at random (RFC 5321 §5.1). Raises ``NoHosts`` for the null MX (RFC 7505)."""
    names = [
        name for _, name in sorted(records, key=lambda record: (record[0], random.random())) if name not in ("", ".")
    ]
    if not names:
        raise NoHosts("5.1.10", "Domain takes no mail")
    return [Host(name) for name in names[:MAX_HOSTS]]
