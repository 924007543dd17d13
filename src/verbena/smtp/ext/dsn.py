"""DSN (RFC 3461): what MAIL and RCPT may ask for. Full; the notifications themselves are ``submission.dsn``."""

from dataclasses import replace

from verbena.smtp.receiver import MailOptions, RcptOptions
from verbena.smtp.registry import Extension, always
from verbena.wire.smtp.dsn import parse_envid, parse_notify, parse_orcpt, parse_ret


def _ret(options: MailOptions, value: bytes | None) -> MailOptions:
    return replace(options, ret=parse_ret(value))


def _envid(options: MailOptions, value: bytes | None) -> MailOptions:
    return replace(options, envid=parse_envid(value))


def _notify(options: RcptOptions, value: bytes | None) -> RcptOptions:
    return replace(options, notify=parse_notify(value))


def _orcpt(options: RcptOptions, value: bytes | None) -> RcptOptions:
    return replace(options, orcpt=parse_orcpt(value))


EXTENSION = Extension(
    rfc=3461,
    keyword=always(b"DSN"),
    mail_parameters={"RET": _ret, "ENVID": _envid},
    rcpt_parameters={"NOTIFY": _notify, "ORCPT": _orcpt},
)
