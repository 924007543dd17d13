"""SIZE (RFC 1870). Full; the declaration is checked at MAIL, the size at the content, with every URL expanded."""

from dataclasses import replace

from verbena.smtp.receiver import MailOptions
from verbena.smtp.registry import Extension
from verbena.smtp.session import Session
from verbena.wire.smtp.size import format_size, parse_size


def _keyword(session: Session) -> bytes | None:
    return b"SIZE " + format_size(session.settings.max_message_octets)


def _size(options: MailOptions, value: bytes | None) -> MailOptions:
    return replace(options, size_octets=parse_size(value))


EXTENSION = Extension(rfc=1870, keyword=_keyword, mail_parameters={"SIZE": _size})
