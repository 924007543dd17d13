"""Parts of a message in scripts: RFC 5703's examples, loops in loops, and what an edited message is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.script import actions, complaints, outcome
from support.sieve import crlf, delivered, holds, message_of

REPORT = """From: a@example.org
To: b@example.org
Subject: report
Received: x
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe an alle
--inner
Content-Type: text/html

<p>Gruss</p>
--inner--
--outer
Content-Type: application/pdf; name="ignored.pdf"
Content-Disposition: attachment; filename="important.pdf"
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==

%PDF
--outer
Content-Type: message/rfc822

From: inner@example.org
Subject: forwarded
Content-Type: image/png; name*=utf-8''b%C3%A4r.png

PNG
--outer--
"""
LOOP = 'require ["foreverypart", "mime", "variables", "fileinto", "copy", "extracttext", "relational", "replace"];\n'


@pytest.mark.rfc("5703 §4.1")
@pytest.mark.parametrize(
    ("test", "answer"),
    [
        ('header :mime :type "Content-Type" "multipart"', True),
        ('header :mime :type "Content-Type" "image"', False),
        ('header :mime :anychild :type "Content-Type" "image"', True),
        ('header :mime :anychild :contenttype "Content-Type" "text/html"', True),
        ('header :mime :contenttype "Content-Type" "text/html"', False),
        ('header :mime :anychild :subtype "Content-Type" "pdf"', True),
        ('header :mime :anychild :param "filename" :contains "Content-Disposition" "important"', True),
        ('header :mime :anychild :param ["x", "name"] "Content-Type" "bär.png"', True),
        ('header :mime :anychild :type "Content-Disposition" "attachment"', True),
        ('header :mime :anychild :contenttype "Content-Disposition" "attachment"', True),
        ('header :mime :anychild :subtype "Content-Disposition" ""', True),
        ('header :mime :type "Subject" ""', True),
        ('header :mime :anychild "Subject" "forwarded"', True),
        ('header :mime "Subject" "forwarded"', False),
        ('header :anychild :mime :count "eq" :type "Content-Type" "7"', True),
        ('header :mime :anychild :count "eq" :param "name" "Content-Type" "2"', True),
        ('address :mime :anychild "From" "inner@example.org"', True),
        ('address :mime "From" "inner@example.org"', False),
        ('exists :mime :anychild "content-md5"', True),
        ('exists :mime :anychild ["content-md5", "subject"]', True),
        ('exists :mime "content-md5"', False),
        ('exists :mime :anychild "x-none"', False),
        ('header :mime :anychild :index 2 "Subject" "forwarded"', True),
    ],
)
def test_mime(test: str, answer: bool) -> None:
    require = '"mime", "relational", "comparator-i;ascii-numeric", "index"'
    if ":count" in test:
        test = test.replace(":count", ':comparator "i;ascii-numeric" :count')
    assert holds(test, REPORT, require=require) == answer


@pytest.mark.rfc("5703 §4")
@pytest.mark.parametrize(
    ("script", "message", "does"),
    [
        (
            """require ["mime", "fileinto"];
   if header :mime :type "Content-Type" "image"
   {
       fileinto "INBOX.images";
   }""",
            "Content-Type: image/png\n\nx\n",
            "fileinto INBOX.images",
        ),
        (
            """require ["mime", "fileinto"];
   if header :mime :anychild :contenttype
             "Content-Type" "text/html"
   {
       fileinto "INBOX.html";
   }""",
            REPORT,
            "fileinto INBOX.html",
        ),
        (
            # The RFC's own has "100K" in quotes, which is no number.
            """require ["mime", "foreverypart", "fileinto"];
   foreverypart
   {
       if allof (
         header :mime :param "filename" :contains
            "Content-Disposition" "important",
         header :mime :subtype "Content-Type" "pdf",
         size :over 100K)
       {
           fileinto "INBOX.important";
           break;
       }
   }""",
            REPORT + "x" * 110_000,
            "fileinto INBOX.important",
        ),
        (
            """require ["mime", "fileinto"];
   if address :mime :is :all "content-from" "tim@example.com"
   {
       fileinto "INBOX.part-from-tim";
   }""",
            "Content-From: Tim <tim@example.com>\n\nx\n",
            "fileinto INBOX.part-from-tim",
        ),
        (
            """require ["mime", "fileinto"];
   if exists :mime :anychild "content-md5"
   {
       fileinto "INBOX.md5";
   }""",
            REPORT,
            "fileinto INBOX.md5",
        ),
    ],
)
def test_examples_of_section_4(script: str, message: str, does: str) -> None:
    assert actions(script, message) == [does]
    assert actions(script, "Subject: plain\n\nx\n") == ["implicit keep"]


def visited(loops: str, message: str = REPORT) -> list[str]:
    return [each.removeprefix("fileinto ") for each in actions(LOOP + loops, message) if each != "implicit keep"]


NOTE = """if header :mime :contenttype :matches "content-type" "*" { fileinto :copy "${1}"; }"""


@pytest.mark.rfc("5703 §3")
def test_walks_depth_first() -> None:
    assert visited(f"foreverypart {{ {NOTE} }}") == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
        "message/rfc822",
        "image/png",
    ]
    assert visited('foreverypart { fileinto :copy "x"; }', "Subject: no parts\n\nx\n") == ["x"]


@pytest.mark.rfc("5703 §3")
@pytest.mark.parametrize(
    ("loops", "parts"),
    [
        (
            'foreverypart { if header :mime :subtype "content-type" "alternative" { foreverypart { %s } } }',
            ["text/plain", "text/html"],
        ),
        ('foreverypart { if header :mime :subtype "content-type" "plain" { foreverypart { %s } } }', []),
        ('foreverypart { if header :mime :type "content-type" "text" { %s break; } }', ["text/plain"]),
        (
            'foreverypart :name "a" { foreverypart { %s break :name "a"; } }',
            ["multipart/alternative"],
        ),
        (
            'foreverypart { foreverypart { %s break; } if header :mime :subtype "content-type" "plain" { break; } }',
            ["multipart/alternative", "text/plain"],
        ),
        (
            'foreverypart :name "a" { foreverypart :name "a" { %s break :name "a"; } break; }',
            ["multipart/alternative"],
        ),
        ('foreverypart { %s stop; } fileinto "never";', ["multipart/mixed"]),
    ],
)
def test_loops_in_loops(loops: str, parts: list[str]) -> None:
    assert visited(loops % NOTE) == parts


@pytest.mark.rfc("5703 §3")
@pytest.mark.parametrize(
    "script",
    [
        "break;",
        'foreverypart { break :name "a"; }',
        'foreverypart :name "b" { if true { break :name "a"; } }',
        "foreverypart;",
        "foreverypart {" * 9 + "}" * 9,
    ],
)
def test_loops_refused(script: str) -> None:
    assert complaints(LOOP + script)


@pytest.mark.rfc("5703 §4.1")
@pytest.mark.parametrize(
    "test",
    [
        *('header :anychild "a" "b"', 'header :type "a" "b"', 'header :mime :type :subtype "a" "b"'),
        *('header :mime :param "content-type" "b"', 'exists :mime :type "a"', 'address :mime :type "from" "b"'),
    ],
)
def test_mime_refused(test: str) -> None:
    assert complaints(f'require "mime"; if {test} {{ keep; }}')


@pytest.mark.rfc("5703 §7")
@pytest.mark.parametrize(
    ("command", "value"),
    [
        ('extracttext "x";', "Grüße an alle"),
        ('extracttext :first 5 "x";', "Grüße"),
        ('extracttext :first 0 "x";', ""),
        ('extracttext :length :first 3 "x";', "3"),
        ('extracttext :upper :first 2 "x";', "GR"),
    ],
)
def test_extracttext(command: str, value: str) -> None:
    script = f"""foreverypart {{ if header :mime :subtype "content-type" "plain" {{
        {command} fileinto :copy "<${{x}}>"; }} }}"""
    assert visited(script) == [f"<{value}>"]


@pytest.mark.rfc("5703 §7")
@pytest.mark.parametrize(
    "head",
    ["Content-Type: text/plain; charset=no-such\n", "Content-Transfer-Encoding: x-what\n", "Content-Type: image/png\n"],
)
def test_extracttext_of_what_it_can_not_read(head: str) -> None:
    assert visited('set "x" "old"; foreverypart { extracttext "x"; fileinto "<${x}>"; }', head + "\nabc\n") == ["<>"]


@pytest.mark.rfc("5703 §7")
def test_extracttext_outside() -> None:
    assert visited('set "x" "old"; extracttext "x"; fileinto "<${x}>";') == ["<>"]
    assert complaints('require ["extracttext", "foreverypart"]; foreverypart { extracttext "x"; }')


@pytest.mark.rfc("5703 §9.3")
def test_example_3() -> None:
    # The RFC's own forgets to require foreverypart.
    script = """require ["mime", "variables", "extracttext", "foreverypart", "fileinto"];
   if header :contains "from" "boss@example.org"
   {
     if header :matches "Subject" "*"
     {
       set "subject" "${1}";
     }
     foreverypart
     {
       if header :mime :type :is "Content-Type" "text"
       {
         extracttext :first 100 "msgcontent";
         break;
       }
     }
     if not header :contains "subject" "FYI:"
     {
       fileinto "${subject}: ${msgcontent}";
     }
   }"""
    message = "From: boss@example.org\nSubject: Now\nContent-Type: text/plain\n\n" + "w" * 200
    assert actions(script, message) == ["fileinto Now: " + "w" * 100]
    assert actions(script, message.replace("Now", "FYI: x")) == ["implicit keep"]


def test_trace_names_parts() -> None:
    told = [line.told for line in outcome(LOOP + "foreverypart { keep; }", REPORT, tracing=True).trace]
    assert "at part 1.2 text/html" in told


PIECES = ["\n\n", "\n--b\n", "\n--b--\n", "\n--c\n", "Content-Type: multipart/mixed; boundary=b\n"]
PIECES += ["Content-Type: multipart/mixed; boundary=c\n", "Content-Type: message/rfc822\n", "x", "Subject: y\n"]
EVERYTHING = """require ["foreverypart", "mime",
    "extracttext", "variables", "replace", "enclose", "body", "editheader"];
foreverypart {
  extracttext :first 9 "t";
  if header :mime :anychild :contenttype :contains ["content-type", "subject"] ["rfc822", "y"] { replace "new ${t}"; }
  foreverypart { if header :mime :type "content-type" "text" { replace :mime "Content-Type: text/x\n\n--zz"; break; } }
  addheader "X" "y";
}
if body :contains "x" { enclose :subject "s" "t"; foreverypart { if exists :mime "x" { replace "last"; } } }
"""


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_edits_of_any_message_stay_a_message(pieces: list[str]) -> None:
    octets = delivered(EVERYTHING, "From: a@b\nMIME-Version: 1.0\n" + "".join(pieces))
    scanned = message_of(octets)
    assert scanned.size_octets == len(octets)
    assert b"\r\n" in octets
    assert octets.count(b"\n") == octets.count(b"\r\n")


def test_reading_back() -> None:
    assert delivered("keep;", REPORT) == crlf(REPORT)
