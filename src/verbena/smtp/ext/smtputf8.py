"""SMTPUTF8 (RFC 6531). Full for receiving; addresses outside ASCII are refused without the parameter (§3.5)."""

from dataclasses import replace

from verbena.smtp.receiver import MailOptions
from verbena.smtp.registry import Extension, always
from verbena.wire.smtp.smtputf8 import parse_smtputf8


def _smtputf8(options: MailOptions, value: bytes | None) -> MailOptions:
    return replace(options, smtputf8=parse_smtputf8(value))


EXTENSION = Extension(rfc=6531, keyword=always(b"SMTPUTF8"), mail_parameters={"SMTPUTF8": _smtputf8})
