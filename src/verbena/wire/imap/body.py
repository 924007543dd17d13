"""ENVELOPE, BODY and BODYSTRUCTURE as a client reads them (RFC 3501 §7.4.2, §9).

A structure becomes a tree of ``model.part.Part`` whose offsets are not known: ``header_start`` and ``body_start`` are 0
and ``end`` is the size of the body. Media types are in lower case. Depth is bounded by ``MAX_BODY_DEPTH``.
"""

from typing import Final

from verbena.model.envelope import Address, Envelope
from verbena.model.part import Disposition, Encoding, Part, PartKind
from verbena.wire.imap.grammar import LPAREN, RPAREN, SP, Cursor

MAX_BODY_DEPTH: Final = 100
MAX_CHILDREN: Final = 10_000
MAX_ADDRESSES: Final = 20_000


# envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP env-bcc SP
#            env-in-reply-to SP env-message-id ")"
def parse_envelope(cursor: Cursor) -> Envelope:
    cursor.expect(LPAREN)
    date = _nstring_sp(cursor)
    subject = _nstring_sp(cursor)
    from_ = _addresses_sp(cursor)
    sender = _addresses_sp(cursor)
    reply_to = _addresses_sp(cursor)
    to = _addresses_sp(cursor)
    cc = _addresses_sp(cursor)
    bcc = _addresses_sp(cursor)
    in_reply_to = _nstring_sp(cursor)
    message_id = cursor.nstring()
    cursor.expect(RPAREN)
    return Envelope(date, subject, from_, sender, reply_to, to, cc, bcc, in_reply_to, message_id)


def _nstring_sp(cursor: Cursor) -> bytes | None:
    result = cursor.nstring()
    cursor.sp()
    return result


# env-from = "(" 1*address ")" / nil
def _addresses_sp(cursor: Cursor) -> tuple[Address, ...]:
    """Addresses and the space behind them. A space between addresses is passed over: some servers send one."""
    result: list[Address] = []
    if cursor.skip(LPAREN):
        while not cursor.skip(RPAREN):
            cursor.skip(SP)
            result.append(_address(cursor))
            if len(result) > MAX_ADDRESSES:
                raise cursor.error("there are too many addresses")
    elif not cursor.skip_word(b"NIL"):
        raise cursor.error("addresses are expected")
    cursor.sp()
    return tuple(result)


# address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"
def _address(cursor: Cursor) -> Address:
    cursor.expect(LPAREN)
    name = _nstring_sp(cursor)
    route = _nstring_sp(cursor)
    mailbox = _nstring_sp(cursor)
    host = cursor.nstring()
    cursor.expect(RPAREN)
    return Address(name, route, mailbox, host)


# body = "(" (body-type-1part / body-type-mpart) ")"
def parse_body(cursor: Cursor) -> Part:
    """BODYSTRUCTURE, or BODY, which has no extension data."""
    return _body(cursor, 0, None)


def _body(cursor: Cursor, depth: int, envelope: Envelope | None) -> Part:
    if depth > MAX_BODY_DEPTH:
        raise cursor.error("the structure is nested too deeply")
    cursor.expect(LPAREN)
    part = _multipart(cursor, depth, envelope) if cursor.peek() == LPAREN else _single(cursor, depth, envelope)
    cursor.expect(RPAREN)
    return part


# body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
# body-ext-mpart = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]
def _multipart(cursor: Cursor, depth: int, envelope: Envelope | None) -> Part:
    children: list[Part] = []
    while cursor.peek() == LPAREN:
        children.append(_body(cursor, depth + 1, None))
        if len(children) > MAX_CHILDREN:
            raise cursor.error("there are too many parts")
    cursor.sp()
    subtype = cursor.string().lower()
    params: tuple[tuple[bytes, bytes], ...] = ()
    extension = _NO_EXTENSION
    if cursor.skip(SP):
        params = _params(cursor)
        extension = _extension(cursor)
    return Part(
        kind=PartKind.MULTIPART,
        media_type=b"multipart",
        subtype=subtype,
        params=params,
        content_id=None,
        description=None,
        encoding_name=b"7bit",
        encoding=Encoding.IDENTITY,
        md5=None,
        disposition=extension.disposition,
        language=extension.language,
        location=extension.location,
        header_start=0,
        body_start=0,
        end=0,
        body_lines=0,
        has_nul_or_8bit=False,
        envelope=envelope,
        children=tuple(children),
    )


# body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]
# body-fields = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets
def _single(cursor: Cursor, depth: int, envelope: Envelope | None) -> Part:
    media_type = cursor.string().lower()
    cursor.sp()
    subtype = cursor.string().lower()
    cursor.sp()
    params = _params(cursor)
    cursor.sp()
    content_id = _nstring_sp(cursor)
    description = _nstring_sp(cursor)
    encoding_name = _nstring_sp(cursor) or b"7bit"
    size_octets = cursor.number64()
    kind = PartKind.LEAF
    children: tuple[Part, ...] = ()
    lines = 0
    if media_type == b"message" and subtype in (b"rfc822", b"global"):
        kind = PartKind.MESSAGE
        cursor.sp()
        inner_envelope = parse_envelope(cursor)
        cursor.sp()
        children = (_body(cursor, depth + 1, inner_envelope),)
    if kind == PartKind.MESSAGE or media_type == b"text":
        cursor.sp()
        lines = cursor.number64()
    md5: bytes | None = None
    extension = _NO_EXTENSION
    if cursor.skip(SP):
        md5 = cursor.nstring()
        extension = _extension(cursor)
    return Part(
        kind=kind,
        media_type=media_type,
        subtype=subtype,
        params=params,
        content_id=content_id,
        description=description,
        encoding_name=encoding_name,
        encoding=_ENCODINGS.get(encoding_name.lower(), Encoding.UNKNOWN),
        md5=md5,
        disposition=extension.disposition,
        language=extension.language,
        location=extension.location,
        header_start=0,
        body_start=0,
        end=size_octets,
        body_lines=lines,
        has_nul_or_8bit=False,
        envelope=envelope,
        children=children,
    )


_ENCODINGS: Final = {
    b"7bit": Encoding.IDENTITY,
    b"8bit": Encoding.IDENTITY,
    b"binary": Encoding.IDENTITY,
    b"base64": Encoding.BASE64,
    b"quoted-printable": Encoding.QUOTED_PRINTABLE,
    b"x-uuencode": Encoding.UUENCODE,
    b"uuencode": Encoding.UUENCODE,
    b"x-uue": Encoding.UUENCODE,
}


class _Extension:
    """Extension data that both kinds of body have."""

    def __init__(self) -> None:
        self.disposition: Disposition | None = None
        self.language: tuple[bytes, ...] = ()
        self.location: bytes | None = None


_NO_EXTENSION: Final = _Extension()


# [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]
def _extension(cursor: Cursor) -> _Extension:
    result = _Extension()
    if cursor.skip(SP):
        result.disposition = _disposition(cursor)
        if cursor.skip(SP):
            result.language = _language(cursor)
            if cursor.skip(SP):
                result.location = cursor.nstring()
    while cursor.skip(SP):
        cursor.skip_value()
    return result


# body-fld-dsp = "(" string SP body-fld-param ")" / nil
def _disposition(cursor: Cursor) -> Disposition | None:
    if not cursor.skip(LPAREN):
        if cursor.nstring() is not None:
            raise cursor.error("a disposition is expected")
        return None
    kind = cursor.string()
    cursor.sp()
    params = _params(cursor)
    cursor.expect(RPAREN)
    return Disposition(kind, params)


# body-fld-lang = nstring / "(" string *(SP string) ")"
def _language(cursor: Cursor) -> tuple[bytes, ...]:
    if not cursor.skip(LPAREN):
        single = cursor.nstring()
        return () if single is None else (single,)
    result: list[bytes] = [cursor.string()]
    while not cursor.skip(RPAREN):
        cursor.sp()
        result.append(cursor.string())
    return tuple(result)


# body-fld-param = "(" string SP string *(SP string SP string) ")" / nil
def _params(cursor: Cursor) -> tuple[tuple[bytes, bytes], ...]:
    if not cursor.skip(LPAREN):
        if cursor.nstring() is not None:
            raise cursor.error("parameters are expected")
        return ()
    result: list[tuple[bytes, bytes]] = []
    while True:
        name = cursor.string()
        cursor.sp()
        result.append((name, cursor.string()))
        if cursor.skip(RPAREN):
            return tuple(result)
        cursor.sp()
