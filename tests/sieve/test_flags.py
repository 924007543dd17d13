"""RFC 5231 and RFC 5232: comparing with an order, flags; every example of both. And the comparators."""

import pytest

from support.script import actions, complaints
from verbena.sieve.compare import AsciiCasemap, AsciiNumeric, Comparator, Glob, UnicodeCasemap

COUNTED = """Received: one
Received: two
Subject: example
To: foo@example.com, baz@example.com
Cc: qux@example.com

"""


@pytest.mark.rfc("5231 §6")
@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('address :count "ge" :comparator "i;ascii-numeric" ["to", "cc"] ["3"]', True),
        (
            'anyof ( address :count "ge" :comparator "i;ascii-numeric" ["to"] ["3"],'
            ' address :count "ge" :comparator "i;ascii-numeric" ["cc"] ["3"] )',
            False,
        ),
        ('header :count "ge" :comparator "i;ascii-numeric" ["received"] ["3"]', False),
        ('header :count "ge" :comparator "i;ascii-numeric" ["received", "subject"] ["3"]', True),
        ('header :count "ge" :comparator "i;ascii-numeric" ["to", "cc"] ["3"]', False),
        ('header :count "eq" "none" "0"', True),
        ('header :value "gt" "none" "a"', False),
        ('header :value "ge" "subject" ["z", "example"]', True),
        ('header :value "ne" "subject" "example"', False),
        ('header :value "lt" "subject" "f"', True),
        ('header :value "le" "subject" "example"', True),
        ('envelope :count "eq" "from" "1"', True),
        ('envelope :count "eq" ["from", "to"] "2"', True),
    ],
)
def test_relational(test: str, expected: bool) -> None:
    script = f'require ["relational", "comparator-i;ascii-numeric", "envelope"]; if {test} {{ discard; }}'
    assert actions(script, COUNTED) == ([] if expected else ["implicit keep"])


EXTENDED = """
      require ["relational", "comparator-i;ascii-numeric", "fileinto"];
      if header :value "lt" :comparator "i;ascii-numeric"
                ["x-priority"] ["3"]
      {
         fileinto "Priority";
      }
      elsif address :count "gt" :comparator "i;ascii-numeric"
                 ["to"] ["5"]
      {
         fileinto "SPAM";
      }
      elsif address :value "gt" :all :comparator "i;ascii-casemap"
                 ["from"] ["M"]
      {
         fileinto "From N-Z";
      } else {
         fileinto "From A-M";
      }
      if allof ( address :count "eq" :comparator "i;ascii-numeric"
                         ["to", "cc"] ["1"] ,
                 address :all :comparator "i;ascii-casemap"
                         ["to", "cc"] ["me@foo.example.com"] )
      {
         fileinto "Only me";
      }
"""


@pytest.mark.rfc("5231 §7")
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("X-Priority: 2 (high)\n\n", ["fileinto Priority"]),
        ("To: a@x, b@x, c@x, d@x, e@x, f@x\n\n", ["fileinto SPAM"]),
        ("From: zoe@x\nTo: a@x\n\n", ["fileinto From N-Z"]),
        ("From: al@x\nTo: Me@Foo.example.com\n\n", ["fileinto From A-M", "fileinto Only me"]),
    ],
)
def test_relational_extended_example(message: str, expected: list[str]) -> None:
    assert actions(EXTENDED, message) == expected


def test_relational_errors() -> None:
    script = 'require "relational"; if header :value "gr" "a" "b" {}'
    assert complaints(script) == ["line 1, column 40: “:value” takes “gt”, “ge”, “lt”, “le”, “eq” or “ne”"]


FLAGS = 'require ["imap4flags", "fileinto", "variables", "relational", "comparator-i;ascii-numeric", "copy"];\n'


@pytest.mark.rfc("5232 §3")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('if size :over 500K { setflag "\\\\Deleted"; }', ["implicit keep"]),
        ('if size :under 500K { setflag "\\\\Deleted"; }', ["implicit keep (\\Deleted)"]),
        (
            'if header :contains "from" "boss@frobnitzm.example.edu" { setflag "flagvar" "\\\\Flagged";'
            ' fileinto :flags "${flagvar}" "INBOX.From Boss"; }',
            ["fileinto INBOX.From Boss (\\Flagged)"],
        ),
        ('addflag "f" "\\\\Deleted"; addflag "f" "\\\\Answered"; keep :flags "${f}";', ["keep (\\Deleted \\Answered)"]),
        ('addflag "f" ["\\\\Deleted", "\\\\Answered"]; keep :flags "${f}";', ["keep (\\Deleted \\Answered)"]),
        ('addflag "f" "\\\\Deleted \\\\Answered"; keep :flags "${f}";', ["keep (\\Deleted \\Answered)"]),
        ('addflag "f" "  \\\\Answered   \\\\Deleted "; keep :flags "${f}";', ["keep (\\Answered \\Deleted)"]),
        (
            'if header :contains "Disposition-Notification-To" "mel@example.com" { addflag "flagvar" "$MDNRequired"; }'
            'if header :contains "from" "imap@cac.washington.example.edu" { removeflag "flagvar" "$MDNRequired";'
            ' fileinto :flags "${flagvar}" "INBOX.imap-list"; }',
            ["fileinto INBOX.imap-list ()"],
        ),
        ('setflag "a b a A ä c(d \\\\Recent \\\\Seen \\\\seen \\\\Foo"; keep;', ["keep (a b \\Seen)"]),
        ('addflag "a"; addflag "b"; removeflag "A"; keep;', ["keep (b)"]),
        ('removeflag "a"; keep;', ["keep ()"]),
        ('setflag ["", ""]; keep;', ["keep ()"]),
        ('setflag "a"; keep; addflag "b"; keep;', ["keep (a b)"]),
        ('setflag "a"; fileinto "x"; fileinto :flags "c" "x";', ["fileinto x (c)"]),
        ('setflag "a"; fileinto "x"; keep :flags [];', None),
        ('setflag "a"; fileinto :copy "x"; addflag "b";', ["fileinto x (a)", "implicit keep (a b)"]),
        ('set "v" "b a b"; addflag "v" "c"; keep :flags "${v}";', ["keep (b a c)"]),
    ],
)
def test_flags(script: str, expected: list[str] | None) -> None:
    message = (
        "From: Boss <boss@frobnitzm.example.edu>, imap@cac.washington.example.edu\n"
        "Disposition-Notification-To: mel@example.com\n\n"
    )
    if expected is None:
        assert complaints(FLAGS + script)
    elif "boss" in script or "imap" in script or "cac" in script:
        assert actions(FLAGS + script, message) == expected
    else:
        assert actions(FLAGS + script) == expected


MYVAR = 'set "MyVar" "NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk $NotJunk";'


@pytest.mark.rfc("5232 §4")
@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('hasflag :is "b A"', True),
        ('hasflag ["b","A"]', True),
        ('hasflag "c"', False),
        ('hasflag :contains "MyVar" "Junk"', True),
        ('hasflag :contains "MyVar" "forward"', True),
        ('hasflag :contains "MyVar" ["label", "forward"]', True),
        ('hasflag :contains "MyVar" ["junk", "forward"]', True),
        ('hasflag :contains "MyVar" "junk forward"', True),
        ('hasflag :contains "MyVar" "forward junk"', True),
        ('hasflag :contains "MyVar" "label"', False),
        ('hasflag :contains "MyVar" ["label1", "label2"]', False),
        ('hasflag :count "ge" :comparator "i;ascii-numeric" "MyFlags" "2"', True),
        ('hasflag :count "eq" "2"', True),
        ('hasflag :count "eq" ["MyFlags", "MyVar"] "10"', True),
        ('hasflag :matches "MyVar" "gnus-*"', True),
        ('hasflag "unset" ""', False),
    ],
)
def test_hasflag(test: str, expected: bool) -> None:
    script = FLAGS + 'setflag "A B"; set "MyFlags" "A B A";' + MYVAR + f"if {test} {{ discard; }}"
    assert actions(script) == ([] if expected else ["implicit keep (A B)"])


SEVERAL = """
    require ["fileinto", "imap4flags", "variables"];
    if size :over 1M
            {
            addflag "MyFlags" "Big";
            if header :is "From" "boss@company.example.com"
                       {
                       addflag "MyFlags" "\\\\Flagged";
                       }
            fileinto :flags "${MyFlags}" "Big messages";
            }
    if header :is "From" "grandma@example.net"
            {
            addflag "MyFlags" ["\\\\Answered", "$MDNSent"];
            fileinto :flags "${MyFlags}" "GrandMa";
            }
    if header :is "Sender" "owner-ietf-mta-filters@example.org"
            {
            set "MyFlags" "\\\\Flagged $Work";
            keep :flags "${MyFlags}";
            }
    elsif anyof (address :domain :is ["From", "To"] "company.example.com")
            {
            keep :flags "${MyFlags}"; # keep in "Inbox" folder
            }
    elsif anyof (not address :all :contains
                   ["To", "Cc"] "me@company.example.com",
                 header :matches "subject"
                   ["*make*money*fast*", "*university*dipl*mas*"])
            {
            removeflag "MyFlags" "\\\\Flagged";
            fileinto :flags "${MyFlags}" "spam";
            }
    else
            {
            fileinto :flags "${MyFlags}" "personal";
            }
"""
PADDING = ("x" * 78 + "\n") * 14_000


@pytest.mark.rfc("5232 §9")
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "From: boss@company.example.com\n\n" + PADDING,
            ["fileinto Big messages (Big \\Flagged)", "keep (Big \\Flagged)"],
        ),
        (
            "From: grandma@example.net\n\n" + PADDING,
            [
                "fileinto Big messages (Big)",
                "fileinto GrandMa (Big \\Answered $MDNSent)",
                "fileinto spam (Big \\Answered $MDNSent)",
            ],
        ),
        (
            "From: grandma@example.net\nTo: me@company.example.com.net\n\n",
            ["fileinto GrandMa (\\Answered $MDNSent)", "fileinto personal (\\Answered $MDNSent)"],
        ),
        ("Sender: owner-ietf-mta-filters@example.org\n\n", ["keep (\\Flagged $Work)"]),
        ("From: a@company.example.com\n\n", ["keep ()"]),
        ("From: a@b\nTo: me@company.example.com.net\nSubject: make some money fast\n\n", ["fileinto spam ()"]),
    ],
)  # fmt: skip
def test_flags_extended_example(message: str, expected: list[str]) -> None:
    assert actions(SEVERAL, message) == expected


def test_flags_in_a_variable_need_variables() -> None:
    script = 'require "imap4flags"; setflag "v" "a"; if hasflag "v" "a" {} setflag "a";'
    assert complaints(script) == [
        "line 1, column 31: flags in a variable need: require “variables”;",
        "line 1, column 51: flags in a variable need: require “variables”;",
    ]


# --- comparators -----------------------------------------------------------------------------


@pytest.mark.rfc("4790 §9")
@pytest.mark.parametrize(
    ("comparator", "left", "right", "order"),
    [
        (Comparator(), b"a", b"A", 1),
        (AsciiCasemap(), b"a", b"A", 0),
        (AsciiCasemap(), b"a", b"B", -1),
        (AsciiCasemap(), "ä".encode(), "Ä".encode(), 1),
        (AsciiNumeric(), b"10", b"9", 1),
        (AsciiNumeric(), b"010x", b"10", 0),
        (AsciiNumeric(), b"x", b"y", 0),
        (AsciiNumeric(), b"", b"99999999999999999999999", 1),
        (AsciiNumeric(), b"-1", b"5", 1),
        (UnicodeCasemap(), "ä".encode(), "Ä".encode(), 0),
        (UnicodeCasemap(), "ﬁ".encode(), b"FI", 1),
        (UnicodeCasemap(), "é".encode(), "e\u0301".encode(), 0),
        (UnicodeCasemap(), b"\xff", b"\xff", 0),
        (UnicodeCasemap(), "ǆ".encode(), "Ǆ".encode(), 0),
    ],
)
def test_order(comparator: Comparator, left: bytes, right: bytes, order: int) -> None:
    assert comparator.order(left, right) == order
    assert comparator.order(right, left) == -order
    assert comparator.equal(left, right) == (order == 0)


@pytest.mark.rfc("5228 §2.7.1")
@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        ("", "", []),
        ("*", "", [""]),
        ("*", "abc", ["abc"]),
        ("a*c*", "abcbcd", ["b", "bcd"]),
        ("*c", "abcc", ["abc"]),
        ("**", "ab", ["", "ab"]),
        ("?*?", "abc", ["a", "b", "c"]),
        ("a\\*", "a*", []),
        ("a\\*", "ab", None),
        ("ab\\", "ab", []),
        ("\\a", "a", []),
        ("?", "ä", ["ä"]),
        ("Ä*", "äöü", ["öü"]),
        ("*ß", "Straß", ["Stra"]),
        ("abc", "ab", None),
        ("*a*b*c*", "xxbxaxcxb", None),
    ],
)
def test_glob(pattern: str, value: str, found: list[str] | None) -> None:
    result = Glob(pattern.encode(), UnicodeCasemap()).match(value.encode())
    assert (None if result is None else [each.decode() for each in result]) == found


def test_glob_of_octets() -> None:
    assert Glob(b"?", Comparator()).match("ä".encode()) is None
    assert Glob(b"??", AsciiCasemap()).match("ä".encode()) == [b"\xc3", b"\xa4"]
    assert Glob(b"?", UnicodeCasemap()).match(b"\xff") == [b"\xff"]


def test_unicode_comparator_in_a_script() -> None:
    require = 'require "comparator-i;unicode-casemap";'
    script = require + 'if header :contains :comparator "i;unicode-casemap" "s" "GRÜN" { discard; }'
    assert actions(script, "S: das =?utf-8?q?gr=C3=BCne?= Haus\n\n") == []
