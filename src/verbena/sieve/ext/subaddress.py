"""The address parts :user and :detail (RFC 5233).

*full*. The detail follows the first separator in the local part. The separator is what ``Surroundings.environment``
answers for ``SEPARATOR_ITEM``: one or more octets, ``+`` without an answer.
"""

from typing import Final

from verbena.sieve.core import ADDRESS_PART, address_part
from verbena.sieve.registry import AddedTags, Extension, Tag
from verbena.sieve.run import Machine

SEPARATOR_ITEM: Final = b"vnd.verbena.detail-separator"


def take(machine: Machine, address: bytes, part: bytes) -> bytes | None:
    """``user`` or ``detail`` of an addr-spec; None where it has no such part (§4)."""
    local = address_part(address, b"localpart")
    if local is None:
        return None
    separator = machine.surroundings.environment(SEPARATOR_ITEM) or b"+"
    user, found, detail = local.partition(separator)
    if part == b"user":
        return user
    return detail if found else None


EXTENSION: Final[Extension] = Extension(
    rfc=5233,
    capabilities=(b"subaddress",),
    added=(AddedTags((ADDRESS_PART,), (Tag(b"user", group=ADDRESS_PART), Tag(b"detail", group=ADDRESS_PART))),),
    address_parts=((b"user", take), (b"detail", take)),
)
