"""8BITMIME (RFC 6152) and the BODY parameter, which BINARYMIME (RFC 3030 §3) shares. Full."""

from dataclasses import replace

from verbena.smtp.receiver import MailOptions
from verbena.smtp.registry import Extension, always
from verbena.wire.smtp.eightbitmime import parse_body


def _body(options: MailOptions, value: bytes | None) -> MailOptions:
    return replace(options, body=parse_body(value))


EXTENSION = Extension(rfc=6152, keyword=always(b"8BITMIME"), mail_parameters={"BODY": _body})
