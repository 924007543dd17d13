"""The match type :regex and :quoteregex."""

import pytest

from support.script import actions, complaints
from support.sieve import holds
from verbena.sieve.ere import Ere

EXAMPLE = """require "regex";
          # Try to catch unsolicited email.
          if anyof (
            # if a message is not to me (with optional +detail),
            not address :regex ["to", "cc", "bcc"]
              "me(\\\\+.*)?@company\\\\.com",
            # or the subject is all uppercase (no lowercase)
            header :regex :comparator "i;octet" "subject"
              "^[^[:lower:]]+$" ) {
            discard;     # junk it
          }"""


@pytest.mark.parametrize(
    ("to", "subject", "does"),
    [
        ("me@company.com", "hello", ["implicit keep"]),
        ("me+list@company.com", "hello", ["implicit keep"]),
        ("you@company.com", "hello", []),
        ("me@companyXcom", "hello", []),
        ("me@company.com", "BUY NOW 100%", []),
    ],
)
def test_example(to: str, subject: str, does: list[str]) -> None:
    assert actions(EXAMPLE, f"To: {to}\nSubject: {subject}\n\n") == does


def test_match_variables() -> None:
    script = """require ["regex", "variables", "fileinto"];
        if header :regex "subject" "\\\\[([a-z]+)-([0-9]+)\\\\](x)?" { fileinto "${0}/${1}/${2}/${3}."; }"""
    assert actions(script, "Subject: re [bug-17] again\n\n") == ["fileinto [bug-17]/bug/17/."]


def test_comparators() -> None:
    assert holds('header :regex "subject" "^re:"', "Subject: RE: x\n\n", require='"regex"')
    assert not holds('header :regex :comparator "i;octet" "subject" "^re:"', "Subject: RE: x\n\n", require='"regex"')
    wrong = complaints(
        """require ["regex", "comparator-i;ascii-numeric"];
        if header :regex :comparator "i;ascii-numeric" "a" "b" { keep; }"""
    )
    assert "can not be used with “:regex”" in wrong[0]


def test_wrong_patterns() -> None:
    assert complaints('require "regex"; if header :regex "a" "(b" { keep; }') == [
        "line 1, column 39: the regular expression is wrong: a “(” without “)”; a parenthesis itself is written “\\(”"
    ]
    script = """require ["regex", "variables"]; set "p" "a**"; if header :regex "subject" "${p}" { keep; }"""
    assert actions(script)[0].startswith("failed: the regular expression is wrong")


def test_quoteregex() -> None:
    script = """require ["regex", "variables", "fileinto"];
        if header :matches "subject" "*" { set :quoteregex "q" "${1}"; }
        if header :regex "subject" "^${q}$" { fileinto "${q}"; }"""
    assert actions(script, "Subject: a.b*(c)\n\n") == ["fileinto a\\.b\\*\\(c\\)"]
    every = bytes(range(33, 127))
    quoted = b"".join(b"\\" + bytes((each,)) if each in b"\\^$.[]|()*+?{}" else bytes((each,)) for each in every)
    assert Ere(quoted, fold=False).search(every) == [every]


def test_costly_patterns_end_with_an_error() -> None:
    script = """require ["regex", "body"];
        if body :raw :regex ["((a?){90}a{90}|b)c"] { keep; }"""
    message = "Subject: x\n\n" + "a" * 500_000
    assert actions(script, message) == ["failed: the script took more than 50000 steps", "implicit keep"]


def test_body_lines() -> None:
    assert holds('body :regex "^second$"', "A: b\n\nfirst\nsecond\nthird\n", require='"regex", "body"')
