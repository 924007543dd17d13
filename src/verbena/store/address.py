"""Addresses and domains in the one form in which the directory compares them (RFC 5321 §2.4, RFC 6531 §3.3).

Case does not matter here, in the domain (as everywhere) and in the local part (our choice, as nearly all servers).
Domains with other letters than ASCII are kept as A-labels (RFC 5890), local parts in NFC.
"""

import unicodedata
from typing import Final

from verbena.model.errors import Refused
from verbena.model.reason import Reason

MAX_LOCAL_OCTETS: Final = 64
MAX_DOMAIN_OCTETS: Final = 253
MAX_LABEL_OCTETS: Final = 63
_ATEXT: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~")
_LABEL: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def canonical_local(local_part: str) -> str:
    return unicodedata.normalize("NFC", local_part).lower()


def canonical_domain(domain: str) -> str:
    """Lower case, A-labels, no dot at the end. A domain that has no such form comes back in lower case."""
    lowered = domain.lower().removesuffix(".")
    if lowered.isascii():
        return lowered
    try:
        return lowered.encode("idna").decode("ascii")
    except UnicodeError:
        return lowered


def split_address(address: str) -> tuple[str, str]:
    """Canonical local part and domain; the domain is empty where ``address`` has none."""
    local_part, at, domain = address.rpartition("@")
    if not at:
        return canonical_local(domain), ""
    return canonical_local(local_part), canonical_domain(domain)


def checked_domain(domain: str) -> str:
    """Canonical. Raises ``Refused(BAD_RECIPIENT)`` for what can be no domain."""
    name = canonical_domain(domain)
    labels = name.split(".")
    good = 0 < len(name) <= MAX_DOMAIN_OCTETS
    for label in labels:
        good = good and 0 < len(label) <= MAX_LABEL_OCTETS and _LABEL.issuperset(label)
        good = good and not label.startswith("-") and not label.endswith("-")
    if not good:
        raise Refused(Reason.BAD_RECIPIENT, f"{domain or 'That'} is no domain name: write one such as example.org")
    return name


def checked_address(address: str) -> tuple[str, str]:
    """Canonical ``Dot-string`` local part and domain. Raises ``Refused(BAD_RECIPIENT)``."""
    local_part, domain = split_address(address)
    if not domain:
        raise Refused(Reason.BAD_RECIPIENT, f"{address or 'That'} is no address: write NAME@DOMAIN")
    checked_domain(domain)
    good = 0 < len(local_part.encode("utf-8", "replace")) <= MAX_LOCAL_OCTETS
    for atom in local_part.split("."):
        good = good and bool(atom) and all(char in _ATEXT or _is_letter_beyond_ascii(char) for char in atom)
    if not good:
        raise Refused(Reason.BAD_RECIPIENT, f"{local_part or 'That'} is no name of a mailbox")
    return local_part, domain


def _is_letter_beyond_ascii(char: str) -> bool:
    return char > "\x9f" and unicodedata.category(char)[0] in "LMNPS"
