"""Every Sieve extension there is, and the one registry made of them.

The order is that of ManageSieve's SIEVE line, and the order in which modifiers change an action and string extensions
read a string: encoded-character before variables, fcc before what changes where its copy goes.
"""

from typing import Final

from verbena.sieve.core import ALWAYS_COMPARATORS, CASEMAP, CORE, ENVELOPE, FILEINTO, NUMERIC
from verbena.sieve.ext import copy, imap4flags, include, relational, variables
from verbena.sieve.registry import Extension, Registry

EXTENSIONS: Final[tuple[Extension, ...]] = (
    CORE,
    FILEINTO,
    ENVELOPE,
    ALWAYS_COMPARATORS,
    NUMERIC,
    CASEMAP,
    variables.EXTENSION,
    relational.EXTENSION,
    copy.EXTENSION,
    imap4flags.EXTENSION,
    include.EXTENSION,
)

REGISTRY: Final = Registry(EXTENSIONS)
