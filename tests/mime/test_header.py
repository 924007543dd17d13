"""Fields, HEADER.FIELDS, encoded words, parameters."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.mime.header import (
    Fields,
    decode_words,
    param,
    parse_content_type,
    parse_disposition,
    raw_param,
    select_fields,
    split_fields,
    strip_comments,
    unfold,
)

HEADER = b"From: a\r\nSUBJECT : one\r\n two\r\nX-Empty:\r\njunk line\r\nsubject: again\r\nTo: b\r\n\r\n"


def test_fields() -> None:
    fields = Fields(HEADER)
    assert fields.first(b"subject") == b"one two"
    assert fields.every(b"subject") == [b"one two", b"again"]
    assert fields.first(b"x-empty") == b""
    assert fields.first(b"cc") is None


@pytest.mark.rfc("3501 §6.4.5")
@pytest.mark.parametrize(
    ("header", "names", "invert", "wanted"),
    [
        (HEADER, (b"Subject",), False, b"SUBJECT : one\r\n two\r\nsubject: again\r\n\r\n"),
        (HEADER, (b"to", b"FROM"), False, b"From: a\r\nTo: b\r\n\r\n"),
        (HEADER, (b"subject",), True, b"From: a\r\nX-Empty:\r\njunk line\r\nTo: b\r\n\r\n"),
        (HEADER, (b"none",), False, b"\r\n"),
        (HEADER, (b"none",), True, HEADER),
        (b"A: 1\nB: 2\n\n", (b"b",), False, b"B: 2\n\n"),
        (b"A: 1\r\nB: 2", (b"b",), False, b"B: 2"),
        (b"", (b"b",), True, b""),
        (b"\r\n", (b"b",), True, b"\r\n"),
    ],
)
def test_select_fields(header: bytes, names: tuple[bytes, ...], invert: bool, wanted: bytes) -> None:
    assert select_fields(header, names, invert) == wanted


@given(st.lists(st.sampled_from([b"a", b"B:", b":", b" ", b"\t", b"\r", b"\n", b"\r\n", b"\xff"]), max_size=30))
@settings(max_examples=150, deadline=None)
def test_fields_cover_the_block(pieces: list[bytes]) -> None:
    header = b"".join(pieces)
    at = 0
    for _, start, value, end in split_fields(header):
        assert start == at
        assert start <= value <= end
        at = end
    assert header[at:] in (b"", b"\n", b"\r\n") or header[at:].startswith((b"\n", b"\r\n"))
    decode_words(header)
    unfold(header)


@pytest.mark.rfc("2047 §8")
@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"plain", "plain"),
        (b"=?ISO-8859-1?Q?a?=", "a"),
        (b"=?ISO-8859-1?Q?a?= b", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=  \r\n   =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        (b"x =?utf-8?B?w6k=?= y", "x \u00e9 y"),
        (b"=?utf-8?b?w6k?=", "\u00e9"),
        (b"=?UTF-8?Q?=E2=82?= =?utf-8?Q?=AC?=", "\u20ac"),
        (b"=?utf-8*en?Q?hi?=", "hi"),
        (b"=?nonsense?Q?caf=C3=A9?=", "caf\u00e9"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\u65e5\u672c"),
        (b"=?utf-8?X?a?=", "=?utf-8?X?a?="),
        (b"=?utf-8?Q?open", "=?utf-8?Q?open"),
        (b"=? =?utf-8?Q?a?=", "=? a"),
        (b"caf\xe9", "caf\u00e9"),
        (b"caf\xc3\xa9", "caf\u00e9"),
        (b"(=?utf-8?Q?a?=)", "(a)"),
        (b"a\r\n b", "a b"),
        (b"", ""),
    ],
)
def test_decode_words(value: bytes, wanted: str) -> None:
    assert decode_words(value) == wanted


CONTENT_TYPES = [
    (b"text/plain", (b"text", b"plain", ())),
    (b"Text/HTML; Charset=UTF-8", (b"text", b"html", ((b"charset", b"UTF-8"),))),
    (b"text/plain;charset=\"a\\\"b;c\" ; x=y", (b"text", b"plain", ((b"charset", b"a\"b;c"), (b"x", b"y")))),
    (b"text/plain; charset=us-ascii (Plain text)", (b"text", b"plain", ((b"charset", b"us-ascii"),))),
    (b"text/plain (hello; there); a=b", (b"text", b"plain", ((b"a", b"b"),))),
    (b"text/plain charset=utf-8", (b"text", b"plain", ((b"charset", b"utf-8"),))),
    (b"text / plain", (b"text", b"plain", ())),
    (b"multipart/mixed; boundary=a=b/c?d", (b"multipart", b"mixed", ((b"boundary", b"a=b/c?d"),))),
    (b"application/x; name=two words.doc; y=z", (b"application", b"x", ((b"name", b"two words.doc"), (b"y", b"z")))),
    (b"application/x; name=\"open", (b"application", b"x", ((b"name", b"open"),))),
    (b"application/x;; ; =v; noval; n=", (b"application", b"x", ((b"n", b""),))),
    (b"text", None),
    (b"text/", None),
    (b"/plain", None),
    (b"", None),
    (b"a b/c", None),
]  # fmt: skip


@pytest.mark.rfc("2045 §5.1")
@pytest.mark.parametrize(("value", "wanted"), CONTENT_TYPES)
def test_content_type(value: bytes, wanted: object) -> None:
    assert parse_content_type(value) == wanted


@pytest.mark.rfc("2183 §2")
@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (b"inline", (b"inline", ())),
        (b"Attachment; filename=x.txt (c); size=5", (b"attachment", ((b"filename", b"x.txt"), (b"size", b"5")))),
        (b"; filename=x", None),
        (b"", None),
    ],
)
def test_disposition(value: bytes, wanted: object) -> None:
    assert parse_disposition(value) == wanted


@pytest.mark.rfc("2231 §3")
@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        (((b"name", b"plain"),), "plain"),
        (((b"name", b"=?utf-8?Q?caf=C3=A9?="),), "caf\u00e9"),
        (((b"name*", b"us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A"),), "This is ***fun***"),
        (((b"name*0*", b"us-ascii'en'A%20"), (b"name*1*", b"%2Afun%2A "), (b"name*2", b"x%20")), "A *fun* x%20"),
        (((b"name*1", b"b"), (b"name*0", b"a"), (b"name*3", b"lost")), "ab"),
        (((b"name*0*", b"utf-8''%E2%82"), (b"name*1*", b"%AC")), "\u20ac"),
        (((b"name*", b"no quotes%20%zz"),), "no quotes %zz"),
        (((b"other", b"x"),), None),
        (((b"name*x", b"x"), (b"name*99999", b"y")), None),
    ],
)
def test_param(params: tuple[tuple[bytes, bytes], ...], wanted: str | None) -> None:
    assert param(params, b"name") == wanted


def test_raw_param() -> None:
    assert raw_param(((b"a", b"x"), (b"a", b"y")), b"a") == b"x"
    assert raw_param(((b"a*0", b"x"), (b"a*1*", b"%20")), b"a") == b"x "
    assert raw_param((), b"a") is None


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(b"a (b (c) d) e", b"a   e"), (b'"(x)" (y', b'"(x)" '), (b"(a\\)b)c", b" c"), (b")", b")")],
)
def test_strip_comments(value: bytes, wanted: bytes) -> None:
    assert strip_comments(value) == wanted


@given(st.binary(max_size=80) | st.text(alphabet="ab=;\"\\(?/* %'0", max_size=60).map(lambda text: text.encode()))
@settings(max_examples=200, deadline=None)
def test_any_value(value: bytes) -> None:
    for found in (parse_content_type(value), parse_content_type(b"text/plain;" + value)):
        if found is not None:
            param(found[2], b"a")
            raw_param(found[2], b"a")
    parse_disposition(value)
    decode_words(b"=?utf-8?Q?" + value + b"?=")
    decode_words(b"=?utf-8?B?" + value + b"?= =?x?b?" + value)
