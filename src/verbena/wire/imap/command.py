"""IMAP commands as values: the head of every command, and the commands with few arguments.

RFC 3501 §6 and §9; SASL-IR (RFC 4959), UNSELECT (RFC 3691), UIDPLUS (RFC 4315), ENABLE (RFC 5161), IDLE (RFC 2177),
ID (RFC 2971), NAMESPACE (RFC 2342), COMPRESS (RFC 4978), MOVE (RFC 6851). Others: ``append``, ``fetch``, ``store``,
``select``, ``folder`` (CREATE to STATUS), ``search``.

``parse_head`` reads tag and name. Each ``parse_x`` takes the cursor behind the name, reads to the end of the command
and returns a value; ``format_x`` makes the frame of the command without its tag. A UID form is the same value with
``by_uid``.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from verbena.model.errors import PeerError
from verbena.model.secret import Secret
from verbena.model.uidset import NumberSet, SequenceSet
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import (
    LPAREN,
    RPAREN,
    SP,
    Cursor,
    FrameWriter,
    format_sequence_set,
)
from verbena.wire.imap.mailbox import parse_mailbox, write_mailbox

MAX_TAG_OCTETS: Final = 256
PREFIXES: Final = frozenset({"UID"})
MAX_ENABLE_NAMES: Final = 64
MAX_ID_PAIRS: Final = 30
MAX_ID_NAME_OCTETS: Final = 30
MAX_ID_VALUE_OCTETS: Final = 1_024


@dataclass(frozen=True, slots=True)
class Bare:
    """A command without arguments; ``name`` as in the RFC, such as ``NOOP``."""

    name: str


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: Secret


@dataclass(frozen=True, slots=True)
class Authenticate:
    """``initial`` is the decoded initial response, None where there was none (RFC 4959 §3)."""

    mechanism: str
    initial: Secret | None


@dataclass(frozen=True, slots=True)
class Expunge:
    """``uids`` is None for EXPUNGE; for UID EXPUNGE the set as written (RFC 4315 §2.1)."""

    uids: SequenceSet | None


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY and MOVE, and their UID forms."""

    messages: SequenceSet
    mailbox: str
    by_uid: bool
    move: bool


@dataclass(frozen=True, slots=True)
class Enable:
    """``names`` in capitals, in the order given."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Id:
    """``params`` is None for ``ID NIL``; names keep their case (they compare without)."""

    params: tuple[tuple[bytes, bytes | None], ...] | None


@dataclass(frozen=True, slots=True)
class Compress:
    """``algorithm`` in capitals."""

    algorithm: str


# command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF
def parse_head(cursor: Cursor, prefixes: frozenset[str] = PREFIXES) -> tuple[bytes, str]:
    """Tag, and name in capitals; ``prefixes`` are first words of names of two words, such as ``UID FETCH``.

    The cursor stays behind the name. Raises ``PeerError``; ``grammar.find_tag`` gives the tag to answer with.
    """
    tag = cursor.tag()
    if len(tag) > MAX_TAG_OCTETS:
        raise PeerError("The tag is too long")
    cursor.sp()
    name = cursor.keyword()
    if name in prefixes:
        cursor.sp()
        name += " " + cursor.keyword()
    return tag, name


def parse_bare(cursor: Cursor, name: str) -> Bare:
    """CAPABILITY, NOOP, LOGOUT, STARTTLS, CHECK, CLOSE, UNSELECT, IDLE, NAMESPACE: nothing follows the name.

    One trailing space is passed over: some mobile clients send it.
    """
    cursor.skip(SP)
    cursor.end()
    return Bare(name)


def format_bare(value: Bare) -> Frame:
    return Frame(value.name.encode("ascii"))


# login = "LOGIN" SP userid SP password
def parse_login(cursor: Cursor) -> Login:
    cursor.sp()
    user = cursor.astring()
    cursor.sp()
    password = cursor.astring()
    cursor.end()
    try:
        return Login(user.decode("utf-8"), Secret(password))
    except UnicodeDecodeError:
        raise PeerError("A user name is in UTF-8") from None


def format_login(value: Login) -> Frame:
    out = FrameWriter(b"LOGIN ")
    out.astring(value.user.encode("utf-8"))
    out.text(b" ")
    out.astring(value.password.reveal())
    return out.frame()


# authenticate = "AUTHENTICATE" SP auth-type [SP (base64 / "=")]        (RFC 4959 §7)
def parse_authenticate(cursor: Cursor) -> Authenticate:
    cursor.sp()
    mechanism = cursor.keyword()
    initial: Secret | None = None
    if cursor.skip(SP):
        rest = cursor.text[cursor.pos :]
        if not rest:
            raise cursor.error("an initial response is expected")
        cursor.pos = len(cursor.text)
        initial = Secret(b"") if rest == b"=" else Secret(parse_base64(rest))
    cursor.end()
    return Authenticate(mechanism, initial)


def format_authenticate(value: Authenticate) -> Frame:
    text = b"AUTHENTICATE " + value.mechanism.encode("ascii")
    if value.initial is not None:
        text += b" " + (base64.b64encode(value.initial.reveal()) or b"=")
    return Frame(text)


def parse_base64(octets: bytes) -> bytes:
    """A line of a SASL exchange (RFC 3501 §9 ``base64``), decoded. Raises ``PeerError``."""
    try:
        return base64.b64decode(octets, validate=True)
    except (binascii.Error, ValueError):
        raise PeerError("This is not base64") from None


def parse_expunge(cursor: Cursor) -> Expunge:
    cursor.end()
    return Expunge(None)


# uid-expunge = "EXPUNGE" SP sequence-set        (RFC 4315 §4)
def parse_uid_expunge(cursor: Cursor) -> Expunge:
    cursor.sp()
    uids = cursor.sequence_set()
    cursor.end()
    return Expunge(uids)


def format_expunge(value: Expunge) -> Frame:
    return Frame(b"EXPUNGE" if value.uids is None else b"UID EXPUNGE " + format_sequence_set(value.uids))


# copy = "COPY" SP sequence-set SP mailbox; move = "MOVE" SP sequence-set SP mailbox
def parse_copy(cursor: Cursor, by_uid: bool = False, move: bool = False) -> Copy:
    cursor.sp()
    messages = cursor.sequence_set()
    cursor.sp()
    mailbox = parse_mailbox(cursor)
    cursor.end()
    return Copy(messages, mailbox, by_uid, move)


def format_copy(value: Copy) -> Frame:
    name = b"MOVE " if value.move else b"COPY "
    out = FrameWriter((b"UID " + name if value.by_uid else name) + format_sequence_set(value.messages) + b" ")
    write_mailbox(out, value.mailbox)
    return out.frame()


# enable = "ENABLE" 1*(SP capability)        (RFC 5161 §4)
def parse_enable(cursor: Cursor) -> Enable:
    names: list[str] = []
    while True:
        cursor.sp()
        names.append(cursor.atom().decode("ascii").upper())
        if cursor.at_end():
            return Enable(tuple(names))
        if len(names) >= MAX_ENABLE_NAMES:
            raise cursor.error("there are too many names")


def format_enable(value: Enable) -> Frame:
    return Frame(b"ENABLE " + " ".join(value.names).encode("ascii"))


# id = "ID" SP id-params-list; id-params-list = "(" *(string SP nstring) ")" / nil        (RFC 2971 §3.3, §4)
def parse_id(cursor: Cursor) -> Id:
    cursor.sp()
    params = parse_id_params(cursor)
    cursor.end()
    return Id(params)


def parse_id_params(cursor: Cursor) -> tuple[tuple[bytes, bytes | None], ...] | None:
    """The list of command and response; None for NIL. Raises ``PeerError`` over the RFC's limits."""
    if cursor.skip_word(b"NIL"):
        return None
    cursor.expect(LPAREN)
    pairs: list[tuple[bytes, bytes | None]] = []
    while not cursor.skip(RPAREN):
        if pairs:
            cursor.sp()
        name = cursor.string()
        cursor.sp()
        value = cursor.nstring()
        if len(name) > MAX_ID_NAME_OCTETS or (value is not None and len(value) > MAX_ID_VALUE_OCTETS):
            raise cursor.error("a field of ID is too long")
        if len(pairs) >= MAX_ID_PAIRS:
            raise cursor.error("ID has too many fields")
        pairs.append((name, value))
    return tuple(pairs)


def format_id(value: Id) -> Frame:
    out = FrameWriter(b"ID ")
    if value.params is None:
        out.text(b"NIL")
        return out.frame()
    separator = b"("
    for name, text in value.params:
        out.text(separator)
        out.string(name)
        out.text(b" ")
        out.nstring(text)
        separator = b" "
    out.text(b")" if value.params else b"()")
    return out.frame()


# compress = "COMPRESS" SP algorithm        (RFC 4978 §6)
def parse_compress(cursor: Cursor) -> Compress:
    cursor.sp()
    algorithm = cursor.keyword()
    cursor.end()
    return Compress(algorithm)


def format_compress(value: Compress) -> Frame:
    return Frame(b"COMPRESS " + value.algorithm.encode("ascii"))


def with_tag(tag: bytes, frame: Frame) -> Frame:
    """The command as it is sent."""
    return Frame(tag + b" " + frame.text, frame.literals, frame.texts)


def known_set(numbers: NumberSet) -> SequenceSet:
    """A set of known numbers as a command's set; must not be empty."""
    if not numbers.ranges:
        raise AssertionError("a command can not name the empty set")
    return SequenceSet(numbers.ranges)
