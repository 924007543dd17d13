"""replace and enclose: RFC 5703's examples, and that what comes out is the message it should be."""

import pytest

from support.script import actions, complaints, outcome
from support.sieve import crlf, delivered, message_of, reader
from verbena.sieve.action import FileInto, Redirect, Span
from verbena.sieve.pieces import Pieces, edition_octets

REQUIRE = 'require ["foreverypart", "mime", "replace", "enclose", "editheader", "fileinto", "variables", "copy"];\n'
EXECUTABLE = """From: a@example.org
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
To: user@example.com
Content-Type: multipart/mixed; boundary="cut"
MIME-Version: 1.0

preamble
--cut
Content-Type: text/plain

hello
--cut
Content-Type: application/exe
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename=run.exe

AAAA
--cut
Content-Type: application/octet-stream; name="a.com"

binary
--cut--
epilogue
"""
REMOVED = """
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 7bit

Executable attachment removed by user filter
--cut"""


@pytest.mark.rfc("5703 §9.1")
def test_example_1() -> None:
    script = """require [ "foreverypart", "mime", "replace" ];
   foreverypart
   {
     if anyof (
            header :mime :contenttype :is
              "Content-Type" "application/exe",
            header :mime :param "filename"
              :matches ["Content-Type", "Content-Disposition"] "*.com" )
     {
       replace "Executable attachment removed by user filter";
     }
   }"""
    # The second attachment has “name”, not “filename”.
    first, _, rest = EXECUTABLE.partition("\nContent-Type: application/exe")
    assert delivered(script, EXECUTABLE) == crlf(first + REMOVED + rest.partition("AAAA\n--cut")[2])


@pytest.mark.rfc("5703 §9.2")
def test_example_2() -> None:
    script = """require [ "foreverypart", "mime", "enclose" ];
   foreverypart
   {
     if header :mime :param "filename"
        :matches ["Content-Type", "Content-Disposition"]
          ["*.com", "*.exe", "*.vbs", "*.scr",
           "*.pif", "*.hta", "*.bat", "*.zip" ]
     {
       # these attachment types are executable
       enclose :subject "Warning" text:
WARNING! The enclosed message contains executable attachments.
.
;
       break;
     }
   }"""
    octets = delivered(script, EXECUTABLE)
    message = message_of(octets)
    assert message.values(b"subject") == [b"Warning"]
    assert message.values(b"from") == [b"user@example.com"]
    assert message.values(b"date") == [b"Sun, 01 Mar 2026 12:30:15 +0000"]
    warning, enclosed = message.root.children
    assert octets[warning.body_start : warning.end].startswith(b"WARNING! The enclosed")
    assert (enclosed.media_type, enclosed.subtype) == (b"message", b"rfc822")
    assert octets[enclosed.body_start : enclosed.end] == crlf(EXECUTABLE)


WHOLE = (
    "Subject: old\nFrom: a@example.org\nX: y\nContent-Type: text/html\nContent-Language: de\nMIME-Version: 1.0\n\n<p>\n"
)


@pytest.mark.rfc("5703 §5")
@pytest.mark.parametrize(
    ("command", "result"),
    [
        (
            'replace "new";',
            "Subject: old\nFrom: a@example.org\nX: y\nMIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\nnew",
        ),
        (
            'replace :subject "Ä" :from "B <b@example.org>" "new";',
            "Original-Subject: old\nOriginal-From: a@example.org\nX: y\nSubject: =?utf-8?b?w4Q=?=\n"
            "From: B <b@example.org>\nMIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\nnew",
        ),
        (
            'replace :mime "Content-Type: text/x; a=b\nSubject: ignored\n\nnew";',
            "Subject: old\nFrom: a@example.org\nX: y\nMIME-Version: 1.0\nContent-Type: text/x; a=b\n\nnew",
        ),
        (
            'replace "Grüße";',
            "Subject: old\nFrom: a@example.org\nX: y\nMIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe",
        ),
        (
            'replace "--x";',
            "Subject: old\nFrom: a@example.org\nX: y\nMIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nLS14\n",
        ),
        (
            'addheader "A" "b"; replace "new"; deleteheader "X"; deleteheader "Original-Subject";',
            "A: b\nSubject: old\nFrom: a@example.org\nMIME-Version: 1.0\n"
            "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n\nnew",
        ),
    ],
)
def test_replace_the_message(command: str, result: str) -> None:
    assert delivered(REQUIRE + command, WHOLE) == crlf(result)
    assert delivered(REQUIRE + f"foreverypart {{ {command} }}", WHOLE) == crlf(result)


@pytest.mark.rfc("5703 §5")
def test_protected_originals() -> None:
    script = REQUIRE + 'replace :subject "s" "new"; deleteheader "Original-Subject"; addheader "Original-From" "x";'
    assert [field.name for field in message_of(delivered(script, WHOLE)).fields][:2] == [b"Original-Subject", b"From"]


@pytest.mark.rfc("5703 §5")
def test_replaced_multipart_has_no_parts_left() -> None:
    script = """foreverypart {
        if header :mime :type "content-type" "multipart" { replace "gone"; }
        if header :mime :contenttype :matches "content-type" "*" { fileinto :copy "${1}"; } }"""
    assert actions(REQUIRE + script, EXECUTABLE) == ["fileinto text/plain", "implicit keep"]


@pytest.mark.rfc("5703 §5")
def test_replace_by_a_multipart() -> None:
    entity = "Content-Type: multipart/mixed; boundary=in\n\n--in\n\none\n--in\n\ntwo\n--in--\n"
    script = f"""foreverypart {{ if header :mime :contenttype "content-type" "application/exe" {{
        replace :mime "{entity}"; }}
        if header :mime :type :matches "content-type" "*" {{ fileinto :copy "${{1}}"; }} }}
        foreverypart {{ if header :mime :type "content-type" "multipart" {{ fileinto :copy "second"; }} }}"""
    assert actions(REQUIRE + script, EXECUTABLE) == [
        *("fileinto multipart", "fileinto text", "fileinto application", "fileinto second", "implicit keep"),
    ]
    root = message_of(delivered(REQUIRE + script, EXECUTABLE)).root
    assert [len(part.children) for part in root.children] == [0, 2, 0]


@pytest.mark.rfc("5703 §5")
def test_boundaries_are_safe() -> None:
    start = 'foreverypart { if header :mime :contenttype "content-type" "application/exe" '
    octets = delivered(REQUIRE + start + '{ replace "a\n--cut\nb"; } }', EXECUTABLE)
    assert len(message_of(octets).root.children) == 3
    broken = outcome(REQUIRE + start + '{ replace :mime "Content-Type: text/x\n\na\n--cut--\nb"; } }', EXECUTABLE)
    assert broken.failed == "the new part holds a boundary of the message"


@pytest.mark.rfc("5703 §5")
def test_replace_in_an_enclosed_message() -> None:
    message = "Subject: outer\nContent-Type: message/rfc822\n\nSubject: inner\nContent-Type: image/png\n\nPNG\n"
    script = 'foreverypart { if header :mime :type "content-type" "image" { replace "no picture"; } }'
    assert delivered(REQUIRE + script, message) == crlf(
        "Subject: outer\nContent-Type: message/rfc822\n\nSubject: inner\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 7bit\n\nno picture"
    )


@pytest.mark.rfc("5703 §5")
@pytest.mark.parametrize(
    "command",
    [
        *('replace :mime :subject "a" "b";', 'replace :mime :from "a@b" "c";', 'replace :from "nobody" "c";'),
        *('replace :from "a@b\n\nx" "c";', "replace;", 'enclose :headers "a";'),
    ],
)
def test_refused(command: str) -> None:
    assert complaints(REQUIRE + command)


def test_from_by_variable_is_checked() -> None:
    script = REQUIRE + 'set "f" "x\r\nBcc: evil@example.org"; replace :from "${f}" "c";'
    assert "is no list of mail addresses" in actions(script)[0]


@pytest.mark.rfc("5703 §6")
def test_enclose_headers() -> None:
    script = REQUIRE + 'enclose :headers ["From", "Date", "X-Two", "Content-Type", "Subject"] "see below";'
    message = (
        "From: a@example.org\nX-Two: 1\nDate: today\nX-Two: 2\nSubject: =?utf-8?q?=C3=A4?=\nContent-Type: a/b\n\nx\n"
    )
    fields = message_of(delivered(script, message)).fields
    told = [f"{field.name.decode()}:{field.raw.decode()}" for field in fields[:5]]
    assert told == ["From: a@example.org", "X-Two: 1", "Date: today", "X-Two: 2", "Subject: =?utf-8?q?=C3=A4?="]
    assert [field.name for field in fields[5:]] == [b"Message-ID", b"MIME-Version", b"Content-Type"]


@pytest.mark.rfc("5703 §6")
def test_enclose_takes_the_subject() -> None:
    assert message_of(delivered(REQUIRE + 'enclose "t";', WHOLE)).values(b"subject") == [b"old"]


@pytest.mark.rfc("5703 §6")
def test_later_tests_see_the_enclosure() -> None:
    script = """enclose :subject "one" "t"; enclose :subject "two" "t";
        if header "subject" "two" { addheader "X" "y"; }
        foreverypart { if header :mime :contenttype :matches "content-type" "*" { fileinto :copy "${1}"; } }"""
    assert actions(REQUIRE + script, WHOLE) == [
        *("fileinto multipart/mixed", "fileinto text/plain", "fileinto message/rfc822", "fileinto text/html"),
        "implicit keep",
    ]
    octets = delivered(REQUIRE + script, WHOLE)
    assert octets.startswith(b"X: y\r\n")
    assert crlf(WHOLE) in octets


@pytest.mark.rfc("5703 §6")
def test_redirect_is_not_enclosed() -> None:
    script = (
        REQUIRE
        + """fileinto "before"; addheader "A" "b"; enclose "t";
        redirect "c@example.org"; fileinto "after";"""
    )
    result = outcome(script, WHOLE)
    before, redirect, after = result.editions
    assert [type(each) for each in result.actions] == [FileInto, Redirect, FileInto]
    assert before is None
    assert redirect is not None
    assert redirect.header.startswith(b"A: b\r\nSubject: old\r\n")
    assert redirect.body is None
    assert after is not None
    assert b"multipart/mixed" in after.header


@pytest.mark.rfc("5703 §11")
def test_enclosed_octets_are_spans() -> None:
    (edition,) = outcome(REQUIRE + 'enclose "t";', WHOLE).editions
    assert edition is not None
    assert edition.body is not None
    assert Span(0, len(crlf(WHOLE))) in edition.body


def test_eight_bit_is_told() -> None:
    octets = delivered(REQUIRE + 'enclose "t";', "Subject: x\nContent-Transfer-Encoding: 8bit\n\nä\n")
    assert octets.count(b"Content-Transfer-Encoding: 8bit\r\n") == 3


def test_edits_are_limited() -> None:
    assert "changes the message more than 32 times" in actions(REQUIRE + 'enclose "t";' * 33)[0]


@pytest.mark.parametrize("start", range(0, 12))
@pytest.mark.parametrize("end", range(0, 12))
def test_pieces_cut_as_octets_do(start: int, end: int) -> None:
    original = b"0123456789"
    row = Pieces((b"ab", Span(2, 3), b"", Span(9, 1), b"cdef"))
    whole = b"".join(row.octets(reader(original)))
    assert whole == b"ab2349cdef"
    assert b"".join(row.cut(start, end).octets(reader(original))) == whole[start:end]
    assert row.reader(reader(original))(start, end) == whole[start : start + end]


def test_edition_of_an_edited_header() -> None:
    octets = crlf(WHOLE)
    (edition,) = outcome(REQUIRE + 'addheader "A" "b";', WHOLE).editions
    assert edition is not None
    body_start = message_of(octets).root.body_start
    assert b"".join(edition_octets(edition, body_start, len(octets), reader(octets))) == b"A: b\r\n" + octets
