"""ENVELOPE and BODYSTRUCTURE octets, and sections by number."""

import pytest

from verbena.mime.body import PartIndex, format_body, format_envelope, format_nstring, locate, pack_parts
from verbena.mime.scan import Scanned, Scanner
from verbena.model.part import Section, SectionText


def scan(message: bytes) -> Scanned:
    scanner = Scanner()
    scanner.feed(message)
    return scanner.finish()


@pytest.mark.rfc("3501 §4.3")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, b"NIL"),
        (b"", b'""'),
        (b"a b", b'"a b"'),
        (b'a"b\\c', b'"a\\"b\\\\c"'),
        (b"a\tb\x01", b'"a\tb\x01"'),
        (b"caf\xc3\xa9", b"{5}\r\ncaf\xc3\xa9"),
        (b"a\rb", b"{3}\r\na\rb"),
        (b"a\0b", b'"a?b"'),
        (b"a\0\n", b"{3}\r\na?\n"),
    ],
)
def test_nstring(text: bytes | None, wanted: bytes) -> None:
    assert format_nstring(text) == wanted


@pytest.mark.rfc("3501 §8")
def test_envelope_of_the_rfc() -> None:
    header = (
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
        b"From: Terry Gray <gray@cac.washington.edu>\r\n"
        b"Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
        b"To: imap@cac.washington.edu\r\n"
        b"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
        b"Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n"
    )
    gray = b'(("Terry Gray" NIL "gray" "cac.washington.edu"))'
    assert format_envelope(scan(header).envelope) == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" '
        + gray + b" " + gray + b" " + gray
        + b' ((NIL NIL "imap" "cac.washington.edu")) '
        b'((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL '
        b'"<B27397-0100000@cac.washington.edu>")'
    )  # fmt: skip


BODIES = [
    (
        b"Subject: x\r\n\r\nhi\r\n",
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 1)',
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 1 NIL NIL NIL NIL)',
    ),
    (
        b"Content-Type: image/png; name=a\r\nContent-ID: <i>\r\nContent-Description: d\r\nContent-MD5: m\r\n"
        b"Content-Transfer-Encoding: BASE64\r\nContent-Disposition: inline\r\nContent-Language: en,de\r\n"
        b"Content-Location: l\r\n\r\nAAAA",
        b'("image" "png" ("name" "a") "<i>" "d" "base64" 4)',
        b'("image" "png" ("name" "a") "<i>" "d" "base64" 4 "m" ("inline" NIL) ("en" "de") "l")',
    ),
    (
        b"Content-Type: multipart/mixed; boundary=b\r\nContent-Language: en\r\n\r\n--b\r\n\r\na\r\n--b\r\n"
        b"Content-Type: x/y\r\n\r\nb\r\n--b--\r\n",
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0)("x" "y" NIL NIL NIL "7bit" 1) "mixed")',
        b'(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL)'
        b'("x" "y" NIL NIL NIL "7bit" 1 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL "en" NIL)',
    ),
    (
        b"Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nhi\r\n",
        b'("message" "rfc822" NIL NIL NIL "7bit" 18 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) '
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 1) 3)',
        b'("message" "rfc822" NIL NIL NIL "7bit" 18 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) '
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)',
    ),
    (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing\r\n",
        b'(("text" "plain" NIL NIL NIL "7bit" 0 0) "mixed")',
        b'(("text" "plain" NIL NIL NIL "7bit" 0 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
    ),
]


@pytest.mark.rfc("3501 §7.4.2")
@pytest.mark.parametrize(("message", "body", "structure"), BODIES)
def test_body(message: bytes, body: bytes, structure: bytes) -> None:
    root = scan(message).root
    assert format_body(root, False) == body
    assert format_body(root, True) == structure


# The message of RFC 3501 §6.4.5, "a complex message with some of its part specifiers".
INNER4 = b"From: four\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n"
COMPLEX = (
    b"From: top\r\nContent-Type: multipart/mixed; boundary=top\r\n\r\n"
    b"--top\r\nContent-Type: text/plain\r\n\r\nbody 1"
    b"\r\n--top\r\nContent-Type: application/octet-stream\r\n\r\nbody 2"
    b"\r\n--top\r\nContent-Type: message/rfc822\r\n\r\n"
    b"From: three\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n"
    b"--in\r\n\r\nbody 3.1\r\n--in\r\nContent-Type: application/octet-stream\r\n\r\nbody 3.2\r\n--in--\r\n"
    b"\r\n--top\r\nContent-Type: multipart/mixed; boundary=four\r\n\r\n"
    b"--four\r\nContent-Type: image/gif\r\n\r\nbody 4.1"
    b"\r\n--four\r\nContent-Type: message/rfc822\r\n\r\n" + INNER4 + b"--in\r\nA: b\r\n\r\nbody 4.2.1"
    b"\r\n--in\r\nContent-Type: multipart/alternative; boundary=alt\r\n\r\n"
    b"--alt\r\n\r\nbody 4.2.2.1\r\n--alt\r\nContent-Type: text/richtext\r\n\r\nbody 4.2.2.2\r\n--alt--"
    b"\r\n--in--\r\n--four--\r\n--top--\r\n"
)
T = SectionText


@pytest.mark.rfc("3501 §6.4.5")
@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ((), T.HEADER, b"From: top\r\nContent-Type: multipart/mixed; boundary=top\r\n\r\n"),
        ((), T.HEADER_FIELDS, b"From: top\r\nContent-Type: multipart/mixed; boundary=top\r\n\r\n"),
        ((), T.MIME, None),
        ((1,), T.ALL, b"body 1"),
        ((1,), T.MIME, b"Content-Type: text/plain\r\n\r\n"),
        ((1,), T.HEADER, None),
        ((1,), T.TEXT, None),
        ((1, 1), T.ALL, None),
        ((2,), T.ALL, b"body 2"),
        ((3,), T.MIME, b"Content-Type: message/rfc822\r\n\r\n"),
        ((3,), T.HEADER, b"From: three\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n"),
        ((3,), T.HEADER_FIELDS_NOT, b"From: three\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n"),
        (
            (3,), T.TEXT,
            b"--in\r\n\r\nbody 3.1\r\n--in\r\nContent-Type: application/octet-stream\r\n\r\nbody 3.2\r\n--in--\r\n",
        ),
        ((3, 1), T.ALL, b"body 3.1"),
        ((3, 1), T.MIME, b"\r\n"),
        ((3, 2), T.ALL, b"body 3.2"),
        ((3, 3), T.ALL, None),
        ((4,), T.MIME, b"Content-Type: multipart/mixed; boundary=four\r\n\r\n"),
        ((4,), T.TEXT, None),
        ((4, 1), T.ALL, b"body 4.1"),
        ((4, 1), T.MIME, b"Content-Type: image/gif\r\n\r\n"),
        ((4, 2), T.MIME, b"Content-Type: message/rfc822\r\n\r\n"),
        ((4, 2), T.HEADER, INNER4),
        ((4, 2, 1), T.ALL, b"body 4.2.1"),
        ((4, 2, 1), T.MIME, b"A: b\r\n\r\n"),
        ((4, 2, 2, 1), T.ALL, b"body 4.2.2.1"),
        ((4, 2, 2, 2), T.ALL, b"body 4.2.2.2"),
        ((4, 2, 2, 2, 1), T.ALL, None),
        ((5,), T.ALL, None),
        ((0,), T.ALL, None),
    ],
)  # fmt: skip
def test_sections(path: tuple[int, ...], text: SectionText, wanted: bytes | None) -> None:
    span = locate(PartIndex(pack_parts(scan(COMPLEX).root)), Section(path, text))
    assert (None if span is None else COMPLEX[span[0] : span[1]]) == wanted


@pytest.mark.rfc("3501 §6.4.5")
@pytest.mark.parametrize(
    ("message", "path", "text", "wanted"),
    [
        (b"A: b\r\n\r\nhi", (1,), T.ALL, b"hi"),
        (b"A: b\r\n\r\nhi", (1,), T.MIME, b"A: b\r\n\r\n"),
        (b"A: b\r\n\r\nhi", (2,), T.ALL, None),
        (b"A: b\r\n\r\nhi", (1, 1), T.ALL, None),
        (b"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nhi", (1,), T.ALL, b"A: b\r\n\r\nhi"),
        (b"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nhi", (1,), T.HEADER, b"A: b\r\n\r\n"),
        (b"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nhi", (1,), T.TEXT, b"hi"),
        (b"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nhi", (1, 1), T.ALL, b"hi"),
        (b"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\nhi", (1, 1, 1), T.ALL, None),
    ],
)
def test_sections_of_a_single_part(
    message: bytes, path: tuple[int, ...], text: SectionText, wanted: bytes | None
) -> None:
    span = locate(PartIndex(pack_parts(scan(message).root)), Section(path, text))
    assert (None if span is None else message[span[0] : span[1]]) == wanted


def test_index_is_small() -> None:
    assert len(pack_parts(scan(COMPLEX).root)) < 80
