"""What a part of a message says, as UTF-8: transfer encoding and charset undone, HTML without its marks
(RFC 5173 §5, RFC 5703 §7).

Limits: ``MAX_PART_OCTETS`` of one part, encoded, are looked at, and ``MAX_TOTAL_OCTETS`` of a message for one question.
"""

import html
from typing import Final

from verbena.mime.coding import decode_octets, decode_text
from verbena.mime.header import raw_param
from verbena.model.part import Part
from verbena.sieve.message import Message

MAX_PART_OCTETS: Final = 512 * 1024
MAX_TOTAL_OCTETS: Final = 2 * 1024 * 1024
MAX_ENTITY: Final = 40
_UNSEEN: Final = (b"script", b"style", b"head", b"title")
_BREAKING: Final = frozenset(b"p br div tr li table h1 h2 h3 h4 h5 h6 blockquote hr ul ol pre td th".split())


def octets_of(message: Message, part: Part) -> bytes:
    """The body of a part without its transfer encoding; text in UTF-8."""
    length = min(part.end - part.body_start, MAX_PART_OCTETS)
    octets = decode_octets(message.read(part.body_start, length), part.encoding)
    if part.media_type != b"text":
        return octets
    charset = raw_param(part.params, b"charset")
    if charset is None or charset.lower() in (b"utf-8", b"us-ascii"):
        try:
            octets.decode("utf-8")
            return octets
        except UnicodeDecodeError:
            pass
    return decode_text(octets, charset).encode("utf-8", "replace")


def text_of(message: Message, part: Part) -> bytes:
    """The same, without the marks of HTML."""
    octets = octets_of(message, part)
    if part.media_type == b"text" and part.subtype in (b"html", b"xhtml"):
        return plain_text(octets)
    return octets


def plain_text(markup: bytes) -> bytes:
    """What a reader of HTML sees, roughly: no tags, comments, scripts and styles, entities opened, blanks squeezed."""
    pieces: list[bytes] = []
    at = 0
    # A line end in the source is a blank; only some tags end a line.
    markup = markup.replace(b"\r", b" ").replace(b"\n", b" ")
    lowered = markup.lower()
    while at < len(markup):
        start = markup.find(b"<", at)
        if start < 0:
            pieces.append(markup[at:])
            break
        pieces.append(markup[at:start])
        at, name = _skip_tag(lowered, start)
        if name in _BREAKING:
            pieces.append(b"\n")
        elif name in _UNSEEN:
            end = lowered.find(b"</" + name, at)
            at = len(markup) if end < 0 else end
        elif not name and at == start + 1:
            pieces.append(b"<")
    text = b"".join(pieces)
    if b"&" in text:
        text = html.unescape(text.decode("utf-8", "replace")).replace("\u00a0", " ").encode("utf-8", "replace")
    lines = [b" ".join(line.split()) for line in text.splitlines()]
    return b"\r\n".join([line for line in lines if line])


def _skip_tag(lowered: bytes, start: int) -> tuple[int, bytes]:
    """The place behind the tag at ``start`` and its name without slash; one behind the sign where it is no tag."""
    if lowered.startswith(b"<!--", start):
        end = lowered.find(b"-->", start + 4)
        return (len(lowered) if end < 0 else end + 3), b"!--"
    at = start + 1
    if lowered[at : at + 1] == b"/":
        at += 1
    begin = at
    while at < len(lowered) and (97 <= lowered[at] <= 122 or 48 <= lowered[at] <= 57 or lowered[at] == 33):
        at += 1
    name = lowered[begin:at]
    if not name:
        return start + 1, b""
    end = lowered.find(b">", at)
    closing = lowered[start + 1] == 47
    return (len(lowered) if end < 0 else end + 1), (b"/" if closing and name in _UNSEEN else b"") + name
