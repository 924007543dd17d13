"""A command line: verb and argument (RFC 5321 §2.4, §4.1.1); the arguments of MAIL and RCPT. Full.

Tolerance: spaces after ``FROM:`` and ``TO:``, which many clients send.
"""

from typing import Final

from verbena.model.errors import PeerError
from verbena.wire.smtp.parameter import Parameter, format_parameters, parse_parameters
from verbena.wire.smtp.path import Mailbox, format_path, parse_forward_path, parse_reverse_path

MAX_VERB_OCTETS: Final = 10


def parse_verb(line: bytes) -> tuple[str, bytes]:
    """(verb in capitals, argument without the space before it). Trailing white space is dropped (RFC 5321 §4.1.1)."""
    verb, _, argument = line.partition(b" ")
    verb = verb.rstrip()
    if not verb or len(verb) > MAX_VERB_OCTETS or not verb.isalpha():
        raise PeerError("Command unrecognized")
    return verb.decode("ascii").upper(), argument.rstrip(b" \t")


def format_verb(verb: str, argument: bytes) -> bytes:
    """The whole line with its CRLF."""
    return verb.encode() + (b" " + argument if argument else b"") + b"\r\n"


# mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF
def parse_mail(argument: bytes) -> tuple[Mailbox | None, tuple[Parameter, ...]]:
    path, rest = parse_reverse_path(_after(argument, b"FROM:"))
    return path, parse_parameters(rest)


# rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" / Forward-path ) [SP Rcpt-parameters] CRLF
def parse_rcpt(argument: bytes) -> tuple[Mailbox, tuple[Parameter, ...]]:
    path, rest = parse_forward_path(_after(argument, b"TO:"))
    return path, parse_parameters(rest)


def format_mail(path: Mailbox | None, parameters: tuple[Parameter, ...]) -> bytes:
    """The argument of MAIL."""
    return b"FROM:" + format_path(path) + format_parameters(parameters)


def format_rcpt(path: Mailbox, parameters: tuple[Parameter, ...]) -> bytes:
    """The argument of RCPT."""
    return b"TO:" + format_path(path) + format_parameters(parameters)


def _after(argument: bytes, word: bytes) -> bytes:
    if argument[: len(word)].upper() != word:
        raise PeerError("Syntax error: " + word.decode() + "<address> expected")
    return argument[len(word) :].lstrip(b" ")
