"""The list of what this server speaks: the core and every extension, in the order of CAPABILITY."""

from typing import Final

from verbena.imap.core import CORE
from verbena.imap.ext import (
    appendlimit,
    binary,
    catenate,
    children,
    compress,
    condstore,
    enable,
    id,
    idle,
    literal,
    metadata,
    move,
    multiappend,
    namespace,
    qresync,
    specialuse,
    uidplus,
    unselect,
    urlauth,
    urlpartial,
)
from verbena.imap.registry import Registry, build_registry

REGISTRY: Final[Registry] = build_registry(
    (
        CORE,
        literal.EXTENSION,
        enable.EXTENSION,
        id.EXTENSION,
        idle.EXTENSION,
        namespace.EXTENSION,
        children.EXTENSION,
        specialuse.EXTENSION,
        unselect.EXTENSION,
        uidplus.EXTENSION,
        multiappend.EXTENSION,
        move.EXTENSION,
        condstore.EXTENSION,
        qresync.EXTENSION,
        binary.EXTENSION,
        catenate.EXTENSION,
        urlauth.EXTENSION,
        urlpartial.EXTENSION,
        appendlimit.EXTENSION,
        metadata.EXTENSION,
        compress.EXTENSION,
    )
)
