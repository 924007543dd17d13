"""Delivery status notifications in scripts: ``redirect-dsn`` and ``envelope-dsn`` (RFC 6009 §4, §6).

*full*. The envelope's values come in ``Envelope.more`` under ``notify`` (once for each condition), ``orcpt``, ``ret``
and ``envid``, decoded. Where ``notify`` or ``ret`` of a ``Redirect`` is set, the sender becomes the owner of the script
(§6.1); that is the delivery agent's.
"""

from dataclasses import replace
from typing import Final

from verbena.sieve.action import Action, Redirect
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.program import Modifier, Text
from verbena.sieve.registry import AddedTags, EnvelopePart, EnvelopeSource, Extension, Tag, Takes
from verbena.sieve.run import Machine


class MoreSource(EnvelopeSource):
    """What ``Envelope.more`` has under a name."""

    def __init__(self, name: bytes) -> None:
        self.name = name

    def values(self, machine: Machine) -> list[bytes]:
        return [value for name, value in machine.envelope.more if name == self.name]


class Notified(Modifier):
    """``:notify``."""

    def __init__(self, place: Place, notify: Text) -> None:
        super().__init__(place)
        self.notify = notify

    def apply(self, machine: Machine, action: Action) -> Action:
        notify = self.notify.value(machine).upper()
        if not is_notify(notify):
            raise RunError(self.place, "“:notify” is “NEVER”, or a list of “SUCCESS”, “FAILURE” and “DELAY”")
        return replace(action, notify=notify) if isinstance(action, Redirect) else action


def is_notify(value: bytes) -> bool:
    """``NEVER``, or some of the conditions with commas (RFC 3461 §4.1), in upper case."""
    if value == b"NEVER":
        return True
    words = value.split(b",")
    return len(set(words)) == len(words) and all(word in (b"SUCCESS", b"FAILURE", b"DELAY") for word in words)


class Returned(Modifier):
    """``:ret``."""

    def __init__(self, place: Place, ret: Text) -> None:
        super().__init__(place)
        self.ret = ret

    def apply(self, machine: Machine, action: Action) -> Action:
        ret = self.ret.value(machine).upper()
        if ret not in (b"FULL", b"HDRS"):
            raise RunError(self.place, "“:ret” is “FULL” or “HDRS”")
        return replace(action, ret=ret) if isinstance(action, Redirect) else action


def modify_notify(checker: Checker, arguments: Arguments) -> Modifier | None:
    text = arguments.tag_text(checker, b"notify")
    if text is None:
        return None
    if text.is_constant and not is_notify(text.octets.upper()):
        told = "“:notify” is “NEVER”, or a list of “SUCCESS”, “FAILURE” and “DELAY”"
        raise refuse(arguments.tag_place(b"notify"), told)
    return Notified(arguments.place, text)


def modify_ret(checker: Checker, arguments: Arguments) -> Modifier | None:
    text = arguments.tag_text(checker, b"ret")
    if text is None:
        return None
    if text.is_constant and text.octets.upper() not in (b"FULL", b"HDRS"):
        raise refuse(arguments.tag_place(b"ret"), "“:ret” is “FULL” or “HDRS”")
    return Returned(arguments.place, text)


REDIRECT: Final[Extension] = Extension(
    rfc=6009,
    capabilities=(b"redirect-dsn",),
    added=(
        AddedTags((b"redirect",), (Tag(b"notify", Takes.STRING),), modify_notify),
        AddedTags((b"redirect",), (Tag(b"ret", Takes.STRING),), modify_ret),
    ),
)

ENVELOPE: Final[Extension] = Extension(
    rfc=6009,
    capabilities=(b"envelope-dsn",),
    envelope_parts=(
        EnvelopePart(b"notify", False, lambda checker, arguments: MoreSource(b"notify")),
        EnvelopePart(b"orcpt", False, lambda checker, arguments: MoreSource(b"orcpt")),
        EnvelopePart(b"ret", False, lambda checker, arguments: MoreSource(b"ret")),
        EnvelopePart(b"envid", False, lambda checker, arguments: MoreSource(b"envid")),
    ),
)
