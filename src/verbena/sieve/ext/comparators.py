"""Comparators as capabilities (RFC 5228 §6.1, RFC 4790, RFC 5051); ``compare`` has what they do."""

from typing import Final

from verbena.sieve.compare import AsciiNumeric, UnicodeCasemap
from verbena.sieve.registry import Extension

ALWAYS: Final[Extension] = Extension(rfc=5228, capabilities=(b"comparator-i;octet", b"comparator-i;ascii-casemap"))
"""There without a require, and may be required all the same (RFC 5228 §6.1)."""

NUMERIC: Final[Extension] = Extension(
    rfc=4790, capabilities=(b"comparator-i;ascii-numeric",), comparators=(AsciiNumeric(),)
)

CASEMAP: Final[Extension] = Extension(
    rfc=5051, capabilities=(b"comparator-i;unicode-casemap",), comparators=(UnicodeCasemap(),)
)
