"""Changing a message's content: replace and enclose (RFC 5703 §5, §6).

*full*. The changed message is pieces: new octets, and spans of the message as it came. It is read once after each edit,
since what follows sees its new parts. What replaces a part is encoded so that it can not hold a boundary; an entity
given with :mime that does is an error. A redirect sends the message without its enclosure (§6).
Limits: ``MAX_EDITS`` in one run.
"""

import hashlib
from typing import Final

from verbena.mime.address import parse_addresses
from verbena.mime.coding import Base64Encoder, QuotedPrintableEncoder
from verbena.mime.header import empty_line, param, split_fields
from verbena.mime.scan import Scanner
from verbena.model.part import PartKind
from verbena.sieve.action import Span, Traced
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.fieldtext import format_text_field
from verbena.sieve.internetdate import format_internet_date
from verbena.sieve.message import Field, Loop, Message, fields_of, part_at
from verbena.sieve.pieces import Pieces
from verbena.sieve.program import Block, Step, Text
from verbena.sieve.registry import CommandRow, Extension, Shape, Tag, Takes
from verbena.sieve.run import Machine

MAX_EDITS: Final = 32
_MAX_LINE: Final = 998


class Replace(Step):
    """``replace`` (§5)."""

    def __init__(self, place: Place, text: Text, mime: bool, subject: Text | None, sender: Text | None) -> None:
        super().__init__(place)
        self.text = text
        self.mime = mime
        self.subject = subject
        self.sender = sender

    def run(self, machine: Machine) -> None:
        message = machine.message
        text = self.text.value(machine)
        header, body = split_entity(text) if self.mime else text_entity(text)
        path = message.loops[-1].path if message.loops else ()
        if not path:
            fields = self._whole_fields(machine, header)
            replaced = Pieces((header_block(fields), body))
        else:
            replaced = self._with_part(machine, path, header, body)
        if message.loops:
            message.loops[-1].skip = True
        edit(machine, self.place, replaced)
        if machine.tracing:
            machine.tell(self.place, "the part is replaced" if path else "the message is replaced", Traced.ACTION)

    def _whole_fields(self, machine: Machine, header: list[Field]) -> list[Field]:
        """The message's own fields, with those of the new content in the place of the old."""
        fields = [field for field in machine.message.fields if not _describes_content(field)]
        if self.subject is not None and not self.mime:
            value = format_text_field(b"Subject", self.subject.value(machine))
            fields = _exchanged(fields, b"Subject", value)
        if self.sender is not None and not self.mime:
            sender = self.sender.value(machine)
            if not is_mailbox_list(sender):
                raise RunError(self.place, f"“{sender.decode('utf-8', 'replace')}” is no list of mail addresses")
            fields = _exchanged(fields, b"From", b" " + sender)
        return [*fields, Field(b"MIME-Version", b" 1.0"), *[field for field in header if _describes_content(field)]]

    def _with_part(self, machine: Machine, path: tuple[int, ...], header: list[Field], body: bytes) -> Pieces:
        message = machine.message
        part, parent = part_at(message.root, path), part_at(message.root, path[:-1])
        if part is None or parent is None:
            raise RunError(self.place, "the part is gone")
        if self.mime:
            self._check_boundaries(message, path, header, body)
        if parent.kind == PartKind.MESSAGE:
            inner = [field for field in message.fields_of_part(part) if not _describes_content(field)]
            header = [*inner, *header]
        before = message.whole().cut(message.root.body_start, part.header_start)
        after = message.whole().cut(part.end, message.size_octets)
        return Pieces((message.header(), *before.pieces, header_block(header), body, *after.pieces))

    def _check_boundaries(self, message: Message, path: tuple[int, ...], header: list[Field], body: bytes) -> None:
        """Raises ``RunError`` where the entity has a line that ends an enclosing multipart."""
        entity = b"\n" + header_block(header) + body
        for length in range(len(path)):
            around = part_at(message.root, path[:length])
            boundary = param(around.params, b"boundary") if around is not None else None
            if boundary and b"\n--" + boundary.encode("utf-8", "replace") in entity:
                raise RunError(self.place, "the new part holds a boundary of the message")


def edit(machine: Machine, place: Place, pieces: Pieces) -> None:
    """Put ``pieces`` in the message's place; they are read once. Raises ``RunError`` past the limits."""
    message = machine.message
    message.edits += 1
    if message.edits > MAX_EDITS:
        raise RunError(place, f"the script changes the message more than {MAX_EDITS} times")
    machine.tick(place, 1 + (pieces.size_octets >> 14))
    scanner = Scanner()
    for chunk in message.octets_of(pieces):
        scanner.feed(chunk)
    message.change(pieces, scanner.finish())


def _describes_content(field: Field) -> bool:
    name = field.name.lower()
    return name.startswith(b"content-") or name == b"mime-version"


def _exchanged(fields: list[Field], name: bytes, value: bytes) -> list[Field]:
    """``value`` for the field, the old one kept under ``Original-`` (§5)."""
    result: list[Field] = []
    for field in fields:
        if field.name.lower() == name.lower():
            field = Field(b"Original-" + name, field.raw)
        result.append(field)
    result.append(Field(name, value))
    return result


def header_block(fields: list[Field]) -> bytes:
    """With its empty line."""
    return b"".join([field.name + b":" + field.raw + b"\r\n" for field in fields]) + b"\r\n"


def split_entity(entity: bytes) -> tuple[list[Field], bytes]:
    """Header fields and body of a MIME entity (RFC 2045 §2.4); line ends become CRLF."""
    entity = _with_crlf(entity)
    end = 0
    for span in split_fields(entity):
        if not span[0]:
            break
        end = span[3]
    blank = empty_line(entity, end)
    return fields_of(entity[:end]), entity[end + len(blank) :]


def text_entity(text: bytes) -> tuple[list[Field], bytes]:
    """``text`` as a text/plain entity that can stand in any multipart."""
    body = _with_crlf(text)
    lines = body.split(b"\r\n")
    if any(line.startswith(b"--") for line in lines):
        coder = Base64Encoder()
        encoding, body = b"base64", coder.feed(body) + coder.finish()
    elif body.isascii() and b"\0" not in body and all(len(line) <= _MAX_LINE for line in lines):
        encoding = b"7bit"
    else:
        quoter = QuotedPrintableEncoder()
        encoding, body = b"quoted-printable", quoter.feed(body) + quoter.finish()
    fields = [
        Field(b"Content-Type", b" text/plain; charset=utf-8"),
        Field(b"Content-Transfer-Encoding", b" " + encoding),
    ]
    return fields, body


def _with_crlf(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def is_mailbox_list(text: bytes) -> bool:
    """Whether it is one or more addresses of one line, without groups."""
    if any(octet < 32 or octet == 127 for octet in text):
        return False
    found = parse_addresses(text)
    return bool(found) and all(each.mailbox and each.host for each in found)


class Enclose(Step):
    """``enclose`` (§6)."""

    def __init__(self, place: Place, text: Text, subject: Text | None, headers: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.text = text
        self.subject = subject
        self.headers = headers

    def run(self, machine: Machine) -> None:
        message = machine.message
        message.enclosing()
        digest = self._digest(machine)
        boundary = b"=_" + digest[:40]
        eight_bit = message.root.has_nul_or_8bit
        encoding = [Field(b"Content-Transfer-Encoding", b" 8bit")] if eight_bit else []
        content = Field(b"Content-Type", b' multipart/mixed; boundary="' + boundary + b'"')
        fields = [*self._fields(machine, digest), Field(b"MIME-Version", b" 1.0"), content, *encoding]
        part, body = text_entity(self.text.value(machine))
        inner = [Field(b"Content-Type", b" message/rfc822"), *encoding]
        line = b"--" + boundary
        first = header_block(fields) + line + b"\r\n" + header_block(part) + body + b"\r\n"
        first += line + b"\r\n" + header_block(inner)
        edit(machine, self.place, Pieces((first, *_as_it_is(message), b"\r\n" + line + b"--\r\n")))
        for loop in message.loops:
            _move_in(loop)
        if machine.tracing:
            machine.tell(self.place, "the message is enclosed in another", Traced.ACTION)

    def _digest(self, machine: Machine) -> bytes:
        """Octets that nobody can have put into the message before it came."""
        state = hashlib.sha256(machine.message.header())
        state.update(machine.surroundings.now.isoformat().encode())
        state.update(b"%d %d" % (machine.message.size_octets, machine.message.edits))
        return state.hexdigest().encode()

    def _fields(self, machine: Machine, digest: bytes) -> list[Field]:
        """Of the new message: what :headers copies, else made anew."""
        message = machine.message
        copied = {name.value(machine).lower() for name in self.headers}
        fields = [field for field in message.fields if field.name.lower() in copied and not _describes_content(field)]
        present = {field.name.lower() for field in fields}
        recipient = machine.envelope.recipient
        if b"from" not in present:
            fields.append(Field(b"From", format_text_field(b"From", recipient)))
        if b"date" not in present:
            fields.append(Field(b"Date", b" " + format_internet_date(machine.surroundings.now).encode()))
        if b"message-id" not in present:
            domain = recipient.rpartition(b"@")[2] or b"localhost"
            fields.append(Field(b"Message-ID", b" <" + digest[40:] + b".sieve@" + domain + b">"))
        if self.subject is not None:
            fields = [field for field in fields if field.name.lower() != b"subject"]
            fields.append(Field(b"Subject", format_text_field(b"Subject", self.subject.value(machine))))
        elif b"subject" not in present:
            fields.extend(message.named(b"subject")[:1])
        return fields


def _as_it_is(message: Message) -> tuple[bytes | Span, ...]:
    """The whole message, octet for octet where nothing was edited."""
    if not message.edited:
        return message.whole().pieces
    return (message.header(), *message.body().pieces)


def _move_in(loop: Loop) -> None:
    """The message is now the second part's inner message."""
    loop.base = (1, 0, *loop.base)
    loop.path = (1, 0, *loop.path)


def build_replace(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    mime = arguments.has(b"mime")
    subject, sender = arguments.tag_text(checker, b"subject"), arguments.tag_text(checker, b"from")
    if mime and (subject is not None or sender is not None):
        raise refuse(arguments.place, "“:mime” excludes “:subject” and “:from”")
    if sender is not None and sender.is_constant and not is_mailbox_list(sender.octets):
        raise refuse(arguments.tag_place(b"from"), "“:from” takes a list of mail addresses")
    return Replace(arguments.place, arguments.text(checker, 0), mime, subject, sender)


def build_enclose(checker: Checker, arguments: Arguments, block: Block | None) -> Step:
    subject, headers = arguments.tag_text(checker, b"subject"), arguments.tag_texts(checker, b"headers")
    return Enclose(arguments.place, arguments.text(checker, 0), subject, headers)


_SUBJECT: Final = Tag(b"subject", Takes.STRING)

REPLACE: Final[Extension] = Extension(
    rfc=5703,
    capabilities=(b"replace",),
    commands=(
        CommandRow(
            b"replace",
            Shape((Takes.STRING,), tags=(Tag(b"mime"), _SUBJECT, Tag(b"from", Takes.STRING))),
            build_replace,
        ),
    ),
)

ENCLOSE: Final[Extension] = Extension(
    rfc=5703,
    capabilities=(b"enclose",),
    commands=(
        CommandRow(b"enclose", Shape((Takes.STRING,), tags=(_SUBJECT, Tag(b"headers", Takes.STRINGS))), build_enclose),
    ),
)
