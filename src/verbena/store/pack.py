"""Sets of numbers as octets in a database column, little-endian on every machine."""

import sys
from array import array
from collections.abc import Iterable
from typing import Final

from verbena.model.uidset import EMPTY, NumberSet

_SWAPS: Final = sys.byteorder == "big"


def octets(numbers: "array[int]") -> bytes:
    """An array as little-endian octets."""
    if not _SWAPS:
        return numbers.tobytes()
    turned = numbers[:]
    turned.byteswap()
    return turned.tobytes()


def numbers(typecode: str, packed: bytes | memoryview) -> "array[int]":
    """The inverse of ``octets``."""
    result: array[int] = array(typecode)
    result.frombytes(packed)
    if _SWAPS:
        result.byteswap()
    return result


def pack_set(uids: NumberSet) -> bytes:
    flat: array[int] = array("I")
    for low, high in uids.ranges:
        flat.append(low)
        flat.append(high)
    return octets(flat)


def unpack_set(packed: bytes | None) -> NumberSet:
    if not packed:
        return EMPTY
    flat = numbers("I", packed)
    return NumberSet(tuple(zip(flat[::2], flat[1::2], strict=True)))


def pack_ids(ids: Iterable[int]) -> bytes:
    return octets(array("Q", ids))


def unpack_ids(packed: bytes) -> "array[int]":
    return numbers("Q", packed)
