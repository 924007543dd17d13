"""Every Sieve extension there is, and the one registry made of them.

The order is that of ManageSieve's SIEVE line, and the order in which modifiers change an action and string extensions
read a string: encoded-character before variables, fcc before what changes where its copy goes.
"""

from typing import Final

from verbena.sieve.core import CORE, FILEINTO
from verbena.sieve.ext import (
    body,
    comparators,
    copy,
    date,
    deliverby,
    dsn,
    duplicate,
    editheader,
    encodedcharacter,
    enotify,
    envelope,
    environment,
    extlists,
    fcc,
    ihave,
    imap4flags,
    include,
    mailbox,
    mailboxid,
    mailto,
    metadata,
    mime,
    regex,
    reject,
    relational,
    replace,
    spamtest,
    specialuse,
    subaddress,
    vacation,
    variables,
    webhook,
    webpush,
    xmpp,
)
from verbena.sieve.registry import Extension, Registry

EXTENSIONS: Final[tuple[Extension, ...]] = (
    CORE,
    FILEINTO,
    envelope.EXTENSION,
    comparators.ALWAYS,
    comparators.NUMERIC,
    comparators.CASEMAP,
    encodedcharacter.EXTENSION,
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
    vacation.EXTENSION,
    vacation.SECONDS,
    enotify.EXTENSION,
    mailto.EXTENSION,
    xmpp.EXTENSION,
    webhook.EXTENSION,
    webpush.EXTENSION,
    dsn.REDIRECT,
    dsn.ENVELOPE,
    deliverby.REDIRECT,
    deliverby.ENVELOPE,
    duplicate.EXTENSION,
    environment.EXTENSION,
    include.EXTENSION,
    ihave.EXTENSION,
    subaddress.EXTENSION,
    date.EXTENSION,
    date.INDEX,
    body.EXTENSION,
    regex.EXTENSION,
    extlists.EXTENSION,
    editheader.EXTENSION,
    mime.FOREVERYPART,
    mime.MIME,
    mime.EXTRACTTEXT,
    replace.REPLACE,
    replace.ENCLOSE,
    spamtest.SPAM,
    spamtest.VIRUS,
)

REGISTRY: Final = Registry(EXTENSIONS)


def registry_with(schemes: frozenset[bytes]) -> Registry:
    """The registry of a server whose notification methods are those of ``schemes``, and whose outbox has no time by
    which mail must be delivered."""
    usable = (each for each in EXTENSIONS if not each.methods or any(one.scheme in schemes for one in each.methods))
    return Registry(tuple(each for each in usable if each is not deliverby.REDIRECT))
