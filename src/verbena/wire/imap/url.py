"""IMAP URLs: parse and format, absolute and relative, with the parts that CATENATE, URLAUTH and BURL use.

RFC 5092 §11 with RFC 5593 §4 (access identifiers), RFC 4467 §3, RFC 5550 §5.7.1 (``;PARTIAL=``). Full, but for relative
paths that name a mailbox (``foo/;UID=1`` without its leading slash), which RFC 5092 §7.2 forbids to accept.

``parse_url`` and ``format_url`` are inverses. A URL with URLAUTH keeps its ``rump`` octets as they were written, and is
formatted from them, since the token signs exactly these (RFC 4467 §6).

Tolerance, needed for the examples of RFC 4468 and RFC 5550 §8.4: every parameter with or without a slash before it.

Limits: 8 KiB a URL, and those of ``wire.imap.section``.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from verbena.model.errors import PeerError
from verbena.model.ids import Uid, UidValidity
from verbena.model.mailbox import canonical_name
from verbena.model.part import PartialRange, Section
from verbena.model.secret import Secret
from verbena.model.url import Access, ImapUrl, UrlAuth
from verbena.wire.imap.grammar import Cursor, is_quotable
from verbena.wire.imap.section import format_section_spec, parse_section_spec

MAX_URL_OCTETS: Final = 8192
MIN_TOKEN_DIGITS: Final = 32

_UNRESERVED: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_ALNUM: Final = _UNRESERVED[:62]
_ACHAR: Final = _UNRESERVED + b"!$'()*+,&="
_BCHAR: Final = _ACHAR + b":@/"
_ACCESS_CHAR: Final = _ACHAR + b"@"
"""Tolerance: clients write ``submit+user@domain`` with the at sign as it is, though ``enc-user`` wants ``%40``."""
_HEX: Final = b"0123456789abcdefABCDEF"
_HOST_CHARS: Final = _UNRESERVED + b"!$'()*+,&=;[]:"
_SAFE_IN_USER: Final = _UNRESERVED + b"!$'()*+,&="
_SAFE_IN_MAILBOX: Final = _UNRESERVED + b"!$'()*,/"
_SAFE_IN_SECTION: Final = _UNRESERVED + b"()"
_SAFE_IN_SEARCH: Final = _UNRESERVED + b"!$'()*,:@/"
_MAX_NUMBER: Final = 0xFFFFFFFF
_MAX_RANGE: Final = 0x7FFFFFFFFFFFFFFF

_PARAMETERS: Final = (b"UIDVALIDITY", b"UID", b"SECTION", b"PARTIAL", b"EXPIRE", b"URLAUTH")
"""In the only order in which they may occur."""


# --- percent-encoding -----------------------------------------------------------------------


def decode_percent(octets: bytes, allowed: bytes) -> bytes:
    """Undo percent-encoding; octets not in ``allowed`` must be encoded, and no octet 0 may come out.

    Raises ``PeerError`` for anything else (RFC 3986 §2.1).
    """
    result = bytearray()
    at = 0
    length = len(octets)
    while at < length:
        octet = octets[at]
        if octet == 37:  # %
            if at + 2 >= length or octets[at + 1] not in _HEX or octets[at + 2] not in _HEX:
                raise PeerError("a % in the URL without two hexadecimal digits")
            octet = int(octets[at + 1 : at + 3], 16)
            if octet == 0:
                raise PeerError("%00 in the URL")
            at += 3
        elif octet in allowed:
            at += 1
        else:
            raise PeerError("a character in the URL that must be percent-encoded")
        result.append(octet)
    return bytes(result)


def encode_percent(octets: bytes, safe: bytes) -> bytes:
    """Percent-encode every octet that is not in ``safe``."""
    result = bytearray()
    for octet in octets:
        if octet in safe:
            result.append(octet)
        else:
            result += b"%%%02X" % octet
    return bytes(result)


def _decode_text(octets: bytes, allowed: bytes) -> str:
    try:
        return decode_percent(octets, allowed).decode("utf-8")
    except UnicodeDecodeError as error:
        raise PeerError("a name in the URL that is not UTF-8") from error


# --- parse ----------------------------------------------------------------------------------


# imapurl         = "imap://" iserver ipath-query
# imapurl-rel     = inetwork-path / iabsolute-path / irelative-path / ipath-empty
def parse_url(octets: bytes) -> ImapUrl:
    """The URL that ``octets`` are. Raises ``PeerError`` when they are none."""
    if len(octets) > MAX_URL_OCTETS:
        raise PeerError("URL too long")
    host: str | None = None
    port: int | None = None
    user: str | None = None
    auth_mechanism: str | None = None
    path = 0
    start = _server_start(octets)
    if start > 0:
        path = _find(octets, b"/?", start)
        if path < len(octets) and octets[path] == 63:
            raise PeerError("a search in the URL without a mailbox")
        user, auth_mechanism, host, port = _parse_server(octets[start:path])
    return _parse_path(octets, path, host, port, user, auth_mechanism)


def _server_start(octets: bytes) -> int:
    """Where iserver begins; 0 in a relative URL without one."""
    if octets[:7].lower() == b"imap://":
        return 7
    if octets[:2] == b"//":
        return 2
    if octets[:1] not in (b"/", b";"):
        raise PeerError("not an IMAP URL")
    return 0


def _find(octets: bytes, any_of: bytes, start: int) -> int:
    """The first place from ``start`` on of one of ``any_of``; the length when there is none."""
    for at in range(start, len(octets)):
        if octets[at] in any_of:
            return at
    return len(octets)


# iserver   = [iuserinfo "@"] host [ ":" port ]
# iuserinfo = enc-user [iauth] / [enc-user] iauth
def _parse_server(server: bytes) -> tuple[str | None, str | None, str, int | None]:
    user: str | None = None
    mechanism: str | None = None
    at_sign = server.rfind(b"@")
    if at_sign >= 0:
        info = server[:at_sign]
        semicolon = info.find(b";")
        name = info if semicolon < 0 else info[:semicolon]
        if semicolon >= 0:
            mechanism = _parse_auth(info[semicolon:])
        if name:
            user = _decode_text(name, _ACHAR)
        elif mechanism is None:
            raise PeerError("an empty user in the URL")
    host, port = _parse_host(server[at_sign + 1 :])
    return user, mechanism, host, port


# iauth = ";AUTH=" ( "*" / enc-auth-type )
def _parse_auth(octets: bytes) -> str:
    if octets[:6].upper() != b";AUTH=" or len(octets) == 6:
        raise PeerError("a userinfo in the URL that is not understood")
    return _decode_text(octets[6:], _ACHAR)


def _parse_host(octets: bytes) -> tuple[str, int | None]:
    end = octets.find(b"]") + 1 if octets[:1] == b"[" else _find(octets, b":", 0)
    host, rest = octets[:end], octets[end:]
    port: int | None = None
    if rest not in (b"", b":"):
        if rest[:1] != b":":
            raise PeerError("a bad host in the URL")
        port = _number(rest[1:], 1, 65535)
    text = _decode_text(host, _HOST_CHARS)
    if not text:
        raise PeerError("no host in the URL")
    return text, port


def _number(octets: bytes, least: int, most: int) -> int:
    if not 0 < len(octets) <= 19 or not octets.isdigit():
        raise PeerError("a bad number in the URL")
    value = int(octets)
    if not least <= value <= most:
        raise PeerError("a number in the URL is out of range")
    return value


# icommand     = imessagelist / imessagepart [iurlauth]
# imessagelist = enc-mailbox [uidvalidity] [ "?" enc-search ]
# imessagepart = enc-mailbox [uidvalidity] iuid [isection] [ipartial]
def _parse_path(
    octets: bytes, path: int, host: str | None, port: int | None, user: str | None, auth_mechanism: str | None
) -> ImapUrl:
    mailbox, at = _parse_mailbox(octets, path, host)
    values: list[bytes | None] = [None] * len(_PARAMETERS)
    place = -1
    rump: bytes | None = None
    search: bytes | None = None
    while at < len(octets):
        if octets[at] == 63:  # ?
            search = decode_percent(octets[at + 1 :], _BCHAR)
            break
        end = _parameter_end(octets, at + 1)
        name, equals, value = octets[at + 1 : end].partition(b"=")
        upper = name.upper()
        if not equals or upper not in _PARAMETERS or _PARAMETERS.index(upper) <= place:
            raise PeerError("a parameter in the URL that is unknown, twice there or out of order")
        place = _PARAMETERS.index(upper)
        if upper == b"URLAUTH" and end != len(octets):
            raise PeerError("URLAUTH must be the last thing in a URL")
        if end < len(octets) and octets[end] == 59 and value.endswith(b"/"):
            value = value[:-1]
        if upper == b"URLAUTH":
            rump = octets[: at + 1 + len(name) + 1 + _access_length(value)]
        values[place] = value
        at = end
    url = _build(host, port, user, auth_mechanism, mailbox, values, rump, search)
    _check_shape(url, relative=host is None)
    return url


def _parse_mailbox(octets: bytes, path: int, host: str | None) -> tuple[str | None, int]:
    """The mailbox and where the parameters begin; None for a bare server or ``;UID=…`` in the selected mailbox."""
    if path == len(octets) and host is not None:
        return None, path
    if octets[path] == 59:  # ;
        return None, path
    end = _find(octets, b";?", path + 1)
    name = octets[path + 1 : end]
    if end < len(octets) and octets[end] == 59 and name.endswith(b"/"):
        name = name[:-1]
    if not name:
        if end == len(octets) and host is not None:
            return None, end
        raise PeerError("no mailbox in the URL")
    if name.startswith(b"/"):
        raise PeerError("a mailbox in the URL that begins with a slash")
    return canonical_name(_decode_text(name, _BCHAR)), end


def _parameter_end(octets: bytes, start: int) -> int:
    """A parameter goes up to the next ``;`` or, before URLAUTH, ``?``."""
    return _find(octets, b";?", start)


def _access_length(value: bytes) -> int:
    colon = value.find(b":")
    return len(value) if colon < 0 else colon


def _build(
    host: str | None,
    port: int | None,
    user: str | None,
    auth_mechanism: str | None,
    mailbox: str | None,
    values: list[bytes | None],
    rump: bytes | None,
    search: bytes | None,
) -> ImapUrl:
    uidvalidity, uid, section, partial, expire, urlauth = values
    return ImapUrl(
        host=host,
        port=port,
        user=user,
        auth_mechanism=auth_mechanism,
        mailbox=mailbox,
        uidvalidity=None if uidvalidity is None else UidValidity(_number(uidvalidity, 1, _MAX_NUMBER)),
        uid=None if uid is None else Uid(_number(uid, 1, _MAX_NUMBER)),
        section=None if section is None else _parse_section(section),
        partial=None if partial is None else _parse_partial(partial),
        expires_at=None if expire is None else parse_date_time(expire),
        urlauth=None if urlauth is None else _parse_urlauth(urlauth),
        rump=rump,
        search=search,
    )


def _check_shape(url: ImapUrl, *, relative: bool) -> None:
    """What belongs to a message needs one; URLAUTH is for messages and their parts only (RFC 4467 §3)."""
    if url.uid is None and (url.partial is not None or url.urlauth is not None):
        raise PeerError("PARTIAL and URLAUTH belong to a message in the URL")
    if url.uid is None and url.section is not None:
        raise PeerError("SECTION belongs to a message in the URL")
    if url.expires_at is not None and url.urlauth is None:
        raise PeerError("EXPIRE belongs to URLAUTH in the URL")
    if url.mailbox is None and url.uidvalidity is not None:
        raise PeerError("UIDVALIDITY belongs to a mailbox in the URL")
    if url.mailbox is None and url.uid is not None and not relative:
        raise PeerError("no mailbox in the URL")
    if url.search is not None and (url.uid is not None or url.mailbox is None or not url.search):
        raise PeerError("a search in the URL that is no mailbox's")


# enc-section = 1*bchar
def _parse_section(octets: bytes) -> Section:
    cursor = Cursor(decode_percent(octets, _BCHAR))
    cursor.quoted_8bit = False
    section = parse_section_spec(cursor)
    cursor.end()
    for name in section.fields:
        if not is_quotable(name):
            raise PeerError("a bad field name in the URL")
    return section


# partial-range = number ["." nz-number]
def _parse_partial(octets: bytes) -> PartialRange:
    offset, dot, length = octets.partition(b".")
    return PartialRange(_number(offset, 0, _MAX_RANGE), _number(length, 1, _MAX_RANGE) if dot else None)


# iurlauth = [expire] ";URLAUTH=" access [":" uauth-mechanism ":" enc-urlauth]
# access   = application / (application "+" enc-user)
def _parse_urlauth(octets: bytes) -> UrlAuth:
    length = _access_length(octets)
    access = _parse_access(octets[:length])
    if length == len(octets):
        return UrlAuth(access, None, None)
    mechanism, colon, token = octets[length + 1 :].partition(b":")
    if not mechanism or not _all_in(mechanism, _ALNUM + b"-."):
        raise PeerError("a bad mechanism in the URL")
    if not colon or len(token) < MIN_TOKEN_DIGITS or not _all_in(token, _HEX):
        raise PeerError("a bad token in the URL")
    return UrlAuth(access, mechanism.decode("ascii"), Secret(token))


def _parse_access(octets: bytes) -> Access:
    kind, plus, user = octets.partition(b"+")
    if not kind or not _all_in(kind, _ALNUM):
        raise PeerError("a bad access identifier in the URL")
    if plus and not user:
        raise PeerError("an access identifier in the URL without its user")
    return Access(kind.decode("ascii").lower(), _decode_text(user, _ACCESS_CHAR) if plus else None)


def _all_in(octets: bytes, allowed: bytes) -> bool:
    return all(octet in allowed for octet in octets)


# date-time of RFC 3339 §5.6
def parse_date_time(octets: bytes) -> datetime:
    """An aware UTC time, to the microsecond; a leap second is the second before it. Raises ``PeerError``."""
    if len(octets) < 20 or octets[4:5] + octets[7:8] + octets[13:14] + octets[16:17] != b"--::":
        raise PeerError("a bad date in the URL")
    if octets[10] not in b"Tt":
        raise PeerError("a bad date in the URL")
    zone = 19
    microsecond = 0
    if octets[19] == 46:  # .
        zone = 20
        while zone < len(octets) and 48 <= octets[zone] <= 57:
            zone += 1
        if zone == 20:
            raise PeerError("a bad date in the URL")
        microsecond = int(octets[20:zone][:6].ljust(6, b"0"))
    try:
        moment = datetime(
            _digits(octets, 0, 4),
            _digits(octets, 5, 2),
            _digits(octets, 8, 2),
            _digits(octets, 11, 2),
            _digits(octets, 14, 2),
            min(_digits(octets, 17, 2), 59),
            microsecond,
            tzinfo=UTC,
        )
        return moment - timedelta(minutes=_zone_minutes(octets[zone:]))
    except (ValueError, OverflowError) as error:
        raise PeerError("a bad date in the URL") from error


def _digits(octets: bytes, start: int, count: int) -> int:
    text = octets[start : start + count]
    if not text.isdigit():
        raise PeerError("a bad date in the URL")
    return int(text)


def _zone_minutes(octets: bytes) -> int:
    if octets in (b"Z", b"z"):
        return 0
    if len(octets) != 6 or octets[0] not in b"+-" or octets[3] != 58:
        raise PeerError("a bad date in the URL")
    hours, minutes = _digits(octets, 1, 2), _digits(octets, 4, 2)
    if hours > 23 or minutes > 59:
        raise PeerError("a bad date in the URL")
    total = hours * 60 + minutes
    return -total if octets[0] == 45 else total


# --- format ---------------------------------------------------------------------------------


def format_url(url: ImapUrl) -> bytes:
    """``url`` in octets: from its rump as written where it has one, else in the canonical form with slashes."""
    result = url.rump if url.rump is not None else format_rump(url)
    if url.urlauth is not None and url.urlauth.mechanism is not None and url.urlauth.token is not None:
        result += b":" + url.urlauth.mechanism.encode("ascii") + b":" + url.urlauth.token.reveal()
    return result


def format_rump(url: ImapUrl) -> bytes:
    """The canonical form, up to and with the access identifier when there is one."""
    result = b""
    if url.host is not None:
        result = b"imap://" + _format_server(url)
    if url.mailbox is not None:
        result += b"/" + format_mailbox(url.mailbox)
    if url.uidvalidity is not None:
        result += b";UIDVALIDITY=%d" % url.uidvalidity
    if url.uid is not None:
        result += (b"/;UID=%d" if url.mailbox is not None else b";UID=%d") % url.uid
    if url.section is not None and url.section != Section():
        result += b"/;SECTION=" + encode_percent(format_section_spec(url.section), _SAFE_IN_SECTION)
    if url.partial is not None:
        result += b"/;PARTIAL=%d" % url.partial.offset_octets
        if url.partial.length_octets is not None:
            result += b".%d" % url.partial.length_octets
    if url.search is not None:
        result += b"?" + encode_percent(url.search, _SAFE_IN_SEARCH)
    if url.expires_at is not None:
        result += b";EXPIRE=" + format_date_time(url.expires_at)
    if url.urlauth is not None:
        result += b";URLAUTH=" + format_access(url.urlauth.access)
    return result


def _format_server(url: ImapUrl) -> bytes:
    result = b""
    if url.user is not None:
        result = encode_percent(url.user.encode("utf-8"), _SAFE_IN_USER)
    if url.auth_mechanism is not None:
        result += b";AUTH=" + encode_percent(url.auth_mechanism.encode("utf-8"), _SAFE_IN_USER)
    if url.user is not None or url.auth_mechanism is not None:
        result += b"@"
    host = url.host or ""
    octets = host.encode("utf-8")
    result += octets if octets[:1] == b"[" else encode_percent(octets, _SAFE_IN_USER)
    if url.port is not None:
        result += b":%d" % url.port
    return result


def format_mailbox(name: str) -> bytes:
    """``enc-mailbox``: slashes stay, but not at an end; a level that is ``.`` or ``..`` is encoded (RFC 5092 §7)."""
    levels: list[bytes] = []
    for level in name.split("/"):
        levels.append(b"%2E" * len(level) if level in (".", "..") else encode_percent(level.encode(), _SAFE_IN_MAILBOX))
    result = b"/".join(levels)
    if result.startswith(b"/"):
        result = b"%2F" + result[1:]
    if result.endswith(b"/"):
        result = result[:-1] + b"%2F"
    return result


def format_access(access: Access) -> bytes:
    kind = access.kind.encode("ascii")
    return kind if access.user is None else kind + b"+" + encode_percent(access.user.encode("utf-8"), _SAFE_IN_USER)


def format_date_time(moment: datetime) -> bytes:
    """RFC 3339 §5.6, in UTC; fractions only where there are any."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="microseconds" if utc.microsecond else "seconds").encode("ascii") + b"Z"
