"""Every Sieve extension there is, and the one registry made of them.

The order is that of ManageSieve's SIEVE line, and the order in which modifiers change an action and string extensions
read a string: encoded-character before variables, fcc before what changes where its copy goes.
"""

from typing import Final

from verbena.sieve.core import CORE, FILEINTO
from verbena.sieve.ext import (
    comparators,
    copy,
    duplicate,
    envelope,
    environment,
    fcc,
    ihave,
    imap4flags,
    include,
    mailbox,
    mailboxid,
    metadata,
    reject,
    relational,
    specialuse,
    variables,
)
from verbena.sieve.registry import Extension, Registry

EXTENSIONS: Final[tuple[Extension, ...]] = (
    CORE,
    FILEINTO,
    envelope.EXTENSION,
    comparators.ALWAYS,
    comparators.NUMERIC,
    comparators.CASEMAP,
    variables.EXTENSION,
    relational.EXTENSION,
    copy.EXTENSION,
    fcc.EXTENSION,
    imap4flags.EXTENSION,
    mailbox.EXTENSION,
    metadata.MAILBOX,
    metadata.SERVER,
    specialuse.EXTENSION,
    mailboxid.EXTENSION,
    reject.REJECT,
    reject.EREJECT,
    duplicate.EXTENSION,
    environment.EXTENSION,
    include.EXTENSION,
    ihave.EXTENSION,
)

REGISTRY: Final = Registry(EXTENSIONS)
