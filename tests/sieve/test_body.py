"""The test body: RFC 5173's examples, encodings, charsets, HTML, and where a body ends."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.script import actions, complaints
from support.sieve import holds, message_of
from verbena.sieve.ext.body import extract
from verbena.sieve.parttext import MAX_PART_OCTETS, plain_text

NESTED = """From: Whomever
To: Someone
Date: Whenever
Subject: whatever
Content-Type: multipart/mixed; boundary=outer

This is a multi-part message in MIME format.

--outer
Content-Type: multipart/alternative; boundary=inner

This is a nested multi-part message in MIME format.

--inner
Content-Type: text/plain; charset="us-ascii"

Hello

--inner
Content-Type: text/html; charset="us-ascii"

<html><body>Hello</body></html>

--inner--

This is the end of the inner MIME multipart.

--outer
Content-Type: message/rfc822

From: Someone Else
Subject: hello request

Please say Hello

--outer--

This is the end of the outer MIME multipart.
"""


def looked_at(transform: bytes, *types: bytes) -> list[str]:
    octets = NESTED.replace("\n", "\r\n").encode()
    return [each.decode().replace("\r\n", "\n") for each in extract(message_of(octets), transform, list(types))]


@pytest.mark.rfc("5173 §5.2")
def test_what_content_looks_at() -> None:
    assert looked_at(b"content", b"multipart") == [
        "This is a multi-part message in MIME format.\n\n",
        "\nThis is the end of the outer MIME multipart.\n",
        "This is a nested multi-part message in MIME format.\n\n",
        "\nThis is the end of the inner MIME multipart.\n",
    ]
    assert looked_at(b"content", b"text/plain") == ["Hello\n", "Please say Hello\n"]
    assert looked_at(b"content", b"text/html") == ["<html><body>Hello</body></html>\n"]
    assert len(looked_at(b"content", b"text")) == 3
    assert looked_at(b"content", b"message/rfc822") == ["From: Someone Else\nSubject: hello request\n\n"]
    assert len(looked_at(b"content", b"")) == 8


@pytest.mark.rfc("5173 §5.2")
@pytest.mark.parametrize(
    ("test", "answer"),
    [
        ('body :content "multipart" :contains "MIME"', True),
        ('body :content "multipart" :contains "Hello"', False),
        ('body :content "text/plain" :contains "Hello"', True),
        ('body :content "text/html" :contains "Hello"', True),
        ('body :content "text" :contains "Hello"', True),
        ('body :content "message/rfc822" :contains "Hello"', True),
        ('body :content "message/rfc822" :contains "Please"', False),
        ('body :content "TEXT/Plain" :contains "Hello"', True),
        ('body :content "/plain" :contains ""', False),
        ('body :content "text/" :contains ""', False),
        ('body :content "text/plain/x" :contains ""', False),
        ('body :content "image" :contains ""', False),
        ('body :content "message" :contains ""', True),
        ('body :content ["image", "text/html"] :contains "body"', True),
        ('body :contains "<html>"', False),
        ('body :text :contains "hello"', True),
        ('body :comparator "i;octet" :contains "hello"', False),
        ('body :content "text" :matches "*Hello*Please*"', False),
        ('body :raw :contains "boundary=inner"', True),
        ('body :raw :contains "boundary=outer"', False),
        ('body :raw :matches "This is a multi*MIME multipart.?\\n"', False),
    ],
)
def test_nested(test: str, answer: bool) -> None:
    assert holds(test, NESTED, require='"body"') == answer


@pytest.mark.rfc("5173 §5.1")
def test_example_raw() -> None:
    script = 'require "body"; if body :raw :contains "MAKE MONEY FAST" { discard; }'
    assert actions(script, "Subject: x\n\nPlease MAKE MONEY FAST now\n") == []
    assert actions(script, "Subject: MAKE MONEY FAST\n\nno\n") == ["implicit keep"]


SECRETS = """require ["body", "fileinto"];
        if body :content "text" :contains ["missile", "coordinates"] {
                fileinto "secrets";
        }
        if body :content "audio/mp3" :contains "" {
                fileinto "jukebox";
        }"""


@pytest.mark.rfc("5173 §5.2")
@pytest.mark.parametrize(
    ("message", "does"),
    [
        ("Subject: x\n\nthe missile\n", "fileinto secrets"),
        ("Content-Type: audio/mp3\nContent-Transfer-Encoding: base64\n\nAAAA\n", "fileinto jukebox"),
        ("Subject: missile\n\nno\n", "implicit keep"),
    ],
)
def test_example_content(message: str, does: str) -> None:
    assert actions(SECRETS, message) == [does]


@pytest.mark.rfc("5173 §5.3")
def test_example_text() -> None:
    script = """require ["body", "fileinto"];
        if body :text :contains "project schedule" { fileinto "project/schedule"; }"""
    html = "Content-Type: text/html\n\n<p>The <b>project</b>\n   schedule</p>\n"
    assert actions(script, html) == ["fileinto project/schedule"]


@pytest.mark.rfc("5173 §5.2")
@pytest.mark.parametrize("charset", ["us-ascii", "iso-8859-1", "utf-8", "utf-16", "windows-1251", "shift_jis"])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable", "8bit"])
def test_encodings(charset: str, encoding: str) -> None:
    text = {"us-ascii": "plain", "windows-1251": "привет", "shift_jis": "日本"}.get(charset, "Grüße")
    octets = text.encode(charset)
    if encoding == "base64":
        octets = base64.b64encode(octets)
    elif encoding == "quoted-printable":
        octets = b"".join(b"=%02X" % octet for octet in octets)
    elif charset == "utf-16":
        return
    head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n"
    assert holds(f'body "{text}"', head.encode() + octets, require='"body"')


@pytest.mark.rfc("5173 §4")
@pytest.mark.parametrize(
    ("message", "answer"), [("A: b\n\n", True), ("A: b\n", False), ("A: b", False), ("\n", True), ("", False)]
)
@pytest.mark.parametrize("transform", [":raw", ":text", ':content "text"'])
def test_empty_bodies(message: str, answer: bool, transform: str) -> None:
    assert holds(f'body {transform} :is ""', message, require='"body"') == answer


@pytest.mark.rfc("5173 §6")
def test_no_match_variables() -> None:
    script = """require ["body", "variables", "fileinto", "regex"];
        if header :matches "subject" "*" { set "before" "${1}"; }
        if anyof(body :matches "*o*", body :regex "(.)o") { fileinto "${1}"; }"""
    assert actions(script, "Subject: s\n\nfoo\n") == ["fileinto s"]


def test_nul_is_no_end() -> None:
    assert holds('body :contains "after"', b"A: b\n\nbefore\0after\n", require='"body"')


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (b"a<b>b</b>c", b"abc"),
        (b"a<br>b<p>c</p>d", b"a\r\nb\r\nc\r\nd"),
        (b"1 < 2 &amp; 3 &gt; 2&nbsp;!", b"1 < 2 & 3 > 2 !"),
        (b"<style>p { x }</style>a<SCRIPT>if (a<b) {}</script >b", b"ab"),
        (b"<!-- <b> hidden -->x<!doctype html>y", b"xy"),
        (b"<a href='u'\n>l</a", b"l"),
        (b"<", b"<"),
        (b"<script>never ends", b""),
        (b"<p>gr&uuml;&szlig;e &#x20ac;", "grüße €".encode()),
        (b"a\n\n  b \t c", b"a b c"),
    ],
)
def test_markup(markup: bytes, text: bytes) -> None:
    assert plain_text(markup) == text


@settings(max_examples=200)
@given(
    st.lists(
        st.sampled_from([b"<", b">", b"!--", b"-->", b"script", b"/", b"a", b"&", b"amp;", b"\xff", b" "]), max_size=40
    )
)
def test_any_markup(pieces: list[bytes]) -> None:
    plain_text(b"".join(pieces))


def test_hostile_markup_is_linear() -> None:
    for piece in (b"<", b"<a", b"<!--", b"<script>", b"</", b"&", b"<b>"):
        plain_text(piece * (MAX_PART_OCTETS // len(piece)))


def test_limit_of_a_part() -> None:
    head = b"Subject: x\n\n"
    assert not holds('body :contains "end"', head + b"x" * MAX_PART_OCTETS + b"end", require='"body"')


def test_refused() -> None:
    assert complaints('require "body"; if body :raw :text "x" { keep; }')
    assert complaints('require "body"; if body :content :raw "x" { keep; }')
    assert complaints('if body "x" { keep; }')


@settings(max_examples=150)
@given(st.binary(max_size=300), st.sampled_from([":raw", ":text", ':content ""', ':content "multipart"']))
def test_any_message(octets: bytes, transform: str) -> None:
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    for message in (octets, head + octets, head + octets + b"\r\n--b--x"):
        holds(f'body {transform} :contains "x"', message, require='"body"')
