"""Content transfer encodings and charsets (RFC 2045 §6, RFC 2046 §4.1.2, RFC 2978): full.

A coder is fed octets in any pieces and gives octets back as soon as they are certain. Decoders never
fail: what can not be decoded is left out or passed on, as RFC 2045 §6.7 and §6.8 advise, and
``damaged`` says that it happened; a strict decoder raises instead.

Limits: a decoder holds at most ``MAX_HELD`` octets of one line; a charset's name has at most
``MAX_CHARSET_NAME`` octets.
"""

import binascii
import codecs
from typing import Final

from verbena.model.errors import Refused
from verbena.model.part import Encoding
from verbena.model.reason import Reason

MAX_HELD: Final = 65536
MAX_CHARSET_NAME: Final = 64

ENCODING_NAMES: Final[dict[bytes, Encoding]] = {
    b"7bit": Encoding.IDENTITY,
    b"8bit": Encoding.IDENTITY,
    b"binary": Encoding.IDENTITY,
    b"base64": Encoding.BASE64,
    b"quoted-printable": Encoding.QUOTED_PRINTABLE,
    b"x-uuencode": Encoding.UUENCODE,
    b"x-uue": Encoding.UUENCODE,
    b"uuencode": Encoding.UUENCODE,
}
"""Content-Transfer-Encoding in lower case; every other name is ``Encoding.UNKNOWN``."""

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64: Final = bytes(c for c in range(256) if c not in _ALPHABET and c != 0x3D)
_LEGAL_BASE64: Final = _ALPHABET + b"=\r\n\t "
_CR: Final = 0x0D
_LF: Final = 0x0A
_SP: Final = 0x20
_TAB: Final = 0x09
_EQUALS: Final = 0x3D


class Coder:
    """One direction of one encoding, for one stream; the identity unless a subclass says otherwise."""

    def __init__(self, strict: bool = False) -> None:
        self.damaged = False
        self._strict = strict

    def feed(self, data: bytes) -> bytes:
        """What ``data`` adds to the output. A strict decoder raises ``Refused`` at the first damage."""
        return data

    def finish(self) -> bytes:
        """The rest of the output; nothing may be fed afterwards."""
        return b""

    def _damage(self, what: str) -> None:
        self.damaged = True
        if self._strict:
            raise Refused(Reason.CORRUPTION, what)


class Base64Decoder(Coder):
    """RFC 2045 §6.8. Padding ends a run; what follows it is decoded as another (concatenated bodies)."""

    def __init__(self, strict: bool = False) -> None:
        super().__init__(strict)
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        if data.translate(None, _LEGAL_BASE64):
            self._damage("The base64 data has characters outside its alphabet")
        text = self._held + data.translate(None, _NOT_BASE64)
        if _EQUALS in text:
            return self._feed_padded(text)
        whole = len(text) & ~3
        self._held = text[whole:]
        return binascii.a2b_base64(text[:whole])

    def _feed_padded(self, text: bytes) -> bytes:
        runs = text.split(b"=")
        result: list[bytes] = []
        for run in runs[:-1]:
            result.append(self._end_run(run))
        rest = runs[-1]
        whole = len(rest) & ~3
        self._held = rest[whole:]
        result.append(binascii.a2b_base64(rest[:whole]))
        return b"".join(result)

    def _end_run(self, run: bytes) -> bytes:
        over = len(run) & 3
        if over == 1:
            self._damage("The base64 data ends within an octet")
            run = run[:-1]
        elif over:
            run += b"=" * (4 - over)
        return binascii.a2b_base64(run)

    def finish(self) -> bytes:
        run, self._held = self._held, b""
        if run:
            self._damage("The base64 data has no padding at its end")
        return self._end_run(run)


class QuotedPrintableDecoder(Coder):
    """RFC 2045 §6.7. White space before a line end goes; an ``=`` that encodes nothing stays."""

    def __init__(self, strict: bool = False) -> None:
        super().__init__(strict)
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        text = self._held + data if self._held else data
        cut = text.rfind(b"\n") + 1
        if len(text) - cut > MAX_HELD:
            cut = _safe_cut(text)
        self._held = text[cut:]
        return self._decode(text[:cut]) if cut else b""

    def finish(self) -> bytes:
        text, self._held = self._held, b""
        return self._decode(text.rstrip(b" \t"))

    def _decode(self, text: bytes) -> bytes:
        if b" \r\n" in text or b"\t\r\n" in text or b" \n" in text or b"\t\n" in text:
            text = _strip_line_ends(text)
        if b"=" not in text:
            return text
        if not self.damaged:
            self._check(text)
        return binascii.a2b_qp(text)

    def _check(self, text: bytes) -> None:
        at = text.find(b"=")
        while at >= 0:
            pair = text[at + 1 : at + 3]
            if not (pair == b"\r\n" or pair[:1] == b"\n" or _is_hex_pair(pair) or not pair):
                self._damage("The quoted-printable data has an equals sign that encodes nothing")
                return
            at = text.find(b"=", at + 1)


def _is_hex_pair(pair: bytes) -> bool:
    return len(pair) == 2 and not pair.translate(None, b"0123456789ABCDEFabcdef")


def _strip_line_ends(text: bytes) -> bytes:
    lines: list[bytes] = []
    for line in text.split(b"\n"):
        if line.endswith(b"\r"):
            lines.append(line[:-1].rstrip(b" \t") + b"\r")
        else:
            lines.append(line.rstrip(b" \t"))
    # What follows the last LF is no whole line: its end has not been seen.
    if lines[-1] != text[text.rfind(b"\n") + 1 :]:
        lines[-1] = text[text.rfind(b"\n") + 1 :]
    return b"\n".join(lines)


def _safe_cut(text: bytes) -> int:
    """A place near the end of an endless line that splits no escape, soft break or trailing white space."""
    cut = len(text.rstrip(b" \t\r"))
    at = text.rfind(b"=", max(0, cut - 3), cut)
    if at >= 0:
        cut = at
    return cut if cut else len(text)


class UuDecoder(Coder):
    """The uuencode of old mailers: a line with ``begin``, lines of at most 45 octets, a line with ``end``."""

    def __init__(self, strict: bool = False) -> None:
        super().__init__(strict)
        self._held = b""
        self._begun = False
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        text = self._held + data
        lines = text.split(b"\n")
        self._held = lines.pop()[:MAX_HELD]
        return b"".join([self._decode_line(line) for line in lines])

    def finish(self) -> bytes:
        line, self._held = self._held, b""
        result = self._decode_line(line) if line else b""
        if not self._ended:
            self._damage("The uuencoded data has no end")
        return result

    def _decode_line(self, line: bytes) -> bytes:
        line = line.rstrip(b"\r")
        if self._ended:
            return b""
        if not self._begun:
            self._begun = line.startswith(b"begin ")
            return b""
        if line.strip() == b"end":
            self._ended = True
            return b""
        if not line:
            return b""
        # Some encoders leave off trailing spaces, others add a check character.
        wanted = ((line[0] - 32 & 63) * 4 + 5) // 3
        try:
            return binascii.a2b_uu(line[: wanted + 1])
        except binascii.Error:
            self._damage("The uuencoded data has characters outside its alphabet")
        try:
            return binascii.a2b_uu(line[:wanted])
        except binascii.Error:
            return b""


class Base64Encoder(Coder):
    """RFC 2045 §6.8: lines of 76 characters, each ended by CRLF."""

    def __init__(self) -> None:
        super().__init__()
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        text = self._held + data if self._held else data
        whole = len(text) - len(text) % 57
        self._held = text[whole:]
        if not whole:
            return b""
        coded = binascii.b2a_base64(text[:whole], newline=False)
        lines = [coded[at : at + 76] for at in range(0, len(coded), 76)]
        lines.append(b"")
        return b"\r\n".join(lines)

    def finish(self) -> bytes:
        text, self._held = self._held, b""
        return binascii.b2a_base64(text, newline=False) + b"\r\n" if text else b""


_QP_ESCAPES: Final[tuple[bytes, ...]] = tuple(b"=%02X" % octet for octet in range(256))
_QP_PLAIN: Final = bytes(c for c in range(0x20, 0x7F) if c != _EQUALS) + b"\t"
_QP_LINE: Final = 75


class QuotedPrintableEncoder(Coder):
    """RFC 2045 §6.7 for text in lines that end with CRLF; a lone CR or LF is encoded, so nothing is lost.

    No output line is longer than 76 characters, begins with ``-``, ``.`` or ``From ``, or ends with
    white space: the result can hold no boundary, needs no dot-stuffing and survives mbox files.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        text = self._held + data if self._held else data
        cut = text.rfind(b"\r\n") + 2
        if cut < 2:
            # A soft break may come anywhere, so an endless line goes out in pieces.
            if len(text) <= MAX_HELD:
                self._held = text
                return b""
            self._held = text[MAX_HELD:]
            return _qp_line(text[:MAX_HELD]) + b"=\r\n"
        self._held = text[cut:]
        return b"".join([_qp_line(line) + b"\r\n" for line in text[: cut - 2].split(b"\r\n")])

    def finish(self) -> bytes:
        text, self._held = self._held, b""
        return _qp_line(text) if text else b""


def _qp_line(line: bytes) -> bytes:
    """One line without its CRLF, encoded, soft breaks inside."""
    if len(line) <= _QP_LINE and not line.translate(None, _QP_PLAIN) and not _qp_edge(line):
        return line
    result: list[bytes] = []
    width = 0
    last = len(line) - 1
    for place in range(last + 1):
        octet = line[place]
        plain = _QP_PLAIN.find(octet) >= 0
        if plain and (octet == _SP or octet == _TAB):
            plain = place != last
        elif plain and width == 0 and (octet == 0x2D or octet == 0x2E or octet == 0x46):
            plain = False
        size = 1 if plain else 3
        if width + size > _QP_LINE:
            result.append(b"=\r\n")
            width = 0
            if octet == 0x2D or octet == 0x2E or octet == 0x46:
                plain, size = False, 3
        result.append(line[place : place + 1] if plain else _QP_ESCAPES[octet])
        width += size
    return b"".join(result)


def _qp_edge(line: bytes) -> bool:
    """Whether ``line`` begins or ends with something that must not stand there as it is."""
    return line[:1] in (b"-", b".") or line.startswith(b"From ") or line[-1:] in (b" ", b"\t")


def decoder(encoding: Encoding, strict: bool = False) -> Coder:
    """The decoder for ``encoding``. Raises ``Refused`` (UNKNOWN_CTE) for one that nobody knows."""
    match encoding:
        case Encoding.IDENTITY:
            return Coder(strict)
        case Encoding.BASE64:
            return Base64Decoder(strict)
        case Encoding.QUOTED_PRINTABLE:
            return QuotedPrintableDecoder(strict)
        case Encoding.UUENCODE:
            return UuDecoder(strict)
        case _:
            raise Refused(Reason.UNKNOWN_CTE, "The content transfer encoding of this part is not known")


def decode_octets(data: bytes, encoding: Encoding) -> bytes:
    """``data`` decoded in one go; an unknown encoding is left as it is."""
    if encoding == Encoding.IDENTITY or encoding == Encoding.UNKNOWN:
        return data
    coder = decoder(encoding)
    return coder.feed(data) + coder.finish()


# What mail calls a charset, where Python knows it by another name or where the name is widely used
# for its superset (as the WHATWG encoding list records).
_ALIASES: Final[dict[str, str]] = {
    "us-ascii": "ascii",
    "ansi_x3.4-1968": "ascii",
    "x-us-ascii": "ascii",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-6-i": "iso8859-6",
    "iso-8859-6-e": "iso8859-6",
    "iso-8859-9": "cp1254",
    "iso-8859-11": "cp874",
    "tis-620": "cp874",
    "windows-874": "cp874",
    "windows-31j": "cp932",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "x-euc-jp": "euc_jp",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601-1989": "cp949",
    "ksc5601": "cp949",
    "euc-kr": "cp949",
    "big5": "big5hkscs",
    "x-big5": "big5hkscs",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8": "utf-8",
    "x-utf-8": "utf-8",
}

_NOT_CHARSETS: Final = frozenset(
    (
        "base64", "bz2", "hex", "quopri", "rot-13", "rot13", "uu", "zlib", "idna", "punycode", "mbcs", "oem",
        "palmos", "raw-unicode-escape", "raw_unicode_escape", "undefined", "unicode-escape", "unicode_escape",
        "unicode_internal", "string_escape",
    )
)  # fmt: skip
"""Python codecs that are no charsets of text."""

_LABEL: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:+()"


def find_codec(charset: bytes) -> str | None:
    """Python's codec for a charset by its MIME name, any case; None when there is none."""
    name_octets = charset.strip(b" \t\"'")
    if not name_octets or len(name_octets) > MAX_CHARSET_NAME or name_octets.translate(None, _LABEL):
        return None
    name = name_octets.decode("ascii").lower()
    name = _ALIASES.get(name, name)
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    return None if found in _NOT_CHARSETS else found


def decode_text(data: bytes, charset: bytes | None) -> str:
    """``data`` as text; never fails.

    Without a charset, with an unknown one, or with 8-bit data called ASCII, it is read as UTF-8 and
    failing that as windows-1252. Octets that mean nothing become U+FFFD.
    """
    codec = find_codec(charset) if charset else None
    if codec is None or codec == "ascii":
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return data.decode("cp1252", "replace")
    try:
        return data.decode(codec, "replace")
    except (UnicodeError, ValueError):
        # A few stateful codecs raise in spite of the error handler.
        return data.decode("cp1252", "replace")


_LONE_OCTETS: Final[dict[int, str]] = {
    0xDC80 + place: bytes((0x80 + place,)).decode("cp1252", "replace") for place in range(0x80)
}
"""What octets that are no UTF-8 become, where Python's surrogateescape marked them."""


class TextDecoder:
    """``decode_text`` for text that comes in pieces, which may cut characters."""

    def __init__(self, charset: bytes | None) -> None:
        codec = find_codec(charset) if charset else None
        self._guess = codec is None or codec == "ascii"
        name = "utf-8" if codec is None or codec == "ascii" else codec
        self._decoder = codecs.getincrementaldecoder(name)("surrogateescape" if self._guess else "replace")

    def feed(self, data: bytes) -> str:
        """The text that ``data`` completes."""
        return self._decode(data, False)

    def finish(self) -> str:
        return self._decode(b"", True)

    def _decode(self, data: bytes, final: bool) -> str:
        try:
            text = self._decoder.decode(data, final)
        except (UnicodeError, ValueError):
            self._decoder.reset()
            return data.decode("cp1252", "replace")
        if self._guess and not text.isascii():
            return text.translate(_LONE_OCTETS)
        return text
