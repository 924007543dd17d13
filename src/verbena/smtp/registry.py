"""Verbs and extensions of a server: who handles what, and the EHLO lines computed from it (RFC 5321 §2.2, §4.1.1.1).

An extension is one module in ``ext`` that ends in its record. A registry is built once per service and is immutable; it
refuses two owners for one verb or parameter, and a verb that ``wire.smtp.states`` does not know.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from verbena.model.errors import InternalError
from verbena.smtp.receiver import MailOptions, RcptOptions
from verbena.smtp.session import Session
from verbena.wire.smtp.states import LEGAL, State

T = TypeVar("T")

COMMAND_OCTETS = 2048
"""Longest command line of a verb that says nothing else: 512 (RFC 5321 §4.5.3.1.4) and what the extensions add to
it."""

Handler = Callable[[Session, "Registry", bytes], Awaitable[State | None]]
"""Acts on a command's argument; the state to go to, or None for what ``wire.smtp.states.AFTER`` says. Raises for
refusals."""

Discard = Callable[[Session, bytes], Awaitable[bool]]
"""Takes what belongs to a refused command off the link; whether the refusal is to be told."""

MailParameter = Callable[[MailOptions, bytes | None], MailOptions]
RcptParameter = Callable[[RcptOptions, bytes | None], RcptOptions]


@dataclass(frozen=True, slots=True)
class Verb:
    """``before_auth`` verbs work where authentication is required and not done (RFC 4954 §6). ``content`` marks a verb
    whose failure fails the transaction. ``discard`` takes content that follows the line of a refused verb, so that it
    is not read as commands."""

    name: str
    run: Handler
    line_octets: int = COMMAND_OCTETS
    before_auth: bool = False
    content: bool = False
    discard: Discard | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """``keyword`` gives the EHLO line for a session, None where it is not offered now."""

    rfc: int
    keyword: Callable[[Session], bytes | None]
    verbs: tuple[Verb, ...] = ()
    mail_parameters: Mapping[str, MailParameter] = field(default_factory=dict)
    rcpt_parameters: Mapping[str, RcptParameter] = field(default_factory=dict)


class Registry:
    """What one service speaks."""

    def __init__(self, verbs: Sequence[Verb], extensions: Sequence[Extension]) -> None:
        all_verbs: dict[str, Verb] = {}
        mail: dict[str, MailParameter] = {}
        rcpt: dict[str, RcptParameter] = {}
        for verb in [*verbs, *(verb for extension in extensions for verb in extension.verbs)]:
            if verb.name not in LEGAL:
                raise InternalError(f"verb {verb.name} is in no state")
            _own(all_verbs, verb.name, verb)
        for extension in extensions:
            for name, mail_parameter in extension.mail_parameters.items():
                _own(mail, name, mail_parameter)
            for name, rcpt_parameter in extension.rcpt_parameters.items():
                _own(rcpt, name, rcpt_parameter)
        self.verbs: Mapping[str, Verb] = MappingProxyType(all_verbs)
        self.mail_parameters: Mapping[str, MailParameter] = MappingProxyType(mail)
        self.rcpt_parameters: Mapping[str, RcptParameter] = MappingProxyType(rcpt)
        self._extensions = tuple(extensions)

    def keywords(self, session: Session) -> tuple[bytes, ...]:
        """The lines of EHLO's reply after the first."""
        lines = [extension.keyword(session) for extension in self._extensions]
        return tuple(line for line in lines if line is not None)


def always(line: bytes) -> Callable[[Session], bytes | None]:
    """A keyword that does not depend on the session."""

    def keyword(_session: Session) -> bytes | None:
        return line

    return keyword


def _own(owners: dict[str, T], name: str, owner: T) -> None:
    if name in owners:
        raise InternalError(f"{name} has two owners")
    owners[name] = owner
