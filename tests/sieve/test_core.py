"""RFC 5228: every example script of the RFC over its example messages, and the edges of its tests and actions."""

import pytest

from support.script import ENVELOPE, actions, complaints, outcome
from verbena.sieve.action import Traced
from verbena.sieve.errors import Place
from verbena.sieve.run import Envelope, RunLimits

MESSAGE_A = """Date: Tue, 1 Apr 1997 09:06:31 -0800 (PST)
From: coyote@desert.example.org
To: roadrunner@acme.example.com
Subject: I have a present for you

Look, I'm sorry about the whole anvil thing.
"""
MESSAGE_B = """From: youcouldberich!@reply-by-postal-mail.invalid
Sender: b1ff@de.res.example.com
To: rube@landru.example.com
Date:  Mon, 31 Mar 1997 18:26:10 -0800
Subject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$

YOU MAY HAVE ALREADY WON TEN MILLION DOLLARS, BUT I DOUBT
"""
OTHER = "From: a@example.net\nTo: b@example.net\nDate: x\nSubject: hi\n\nbody\n"
LARGE = "From: a@example.net\nSubject: big\n\n" + ("x" * 78 + "\n") * 2000

NO_DATE = """if anyof (not exists ["From", "Date"],
                   header :contains "from" "fool@example.com") {
                discard;
             }"""
MONEY = """if header :contains :comparator "i;octet" "Subject"
                   "MAKE MONEY FAST" {
                discard;
             }"""
ELSIF = """require "fileinto";
             if header :contains "from" "coyote" {
                discard;
             } elsif header :contains ["subject"] ["$$$"] {
                discard;
             } else {
                fileinto "INBOX";
             }"""
FORWARD = """if header :contains ["From"] ["coyote"] {
                redirect "acm@example.com";
             } elsif header :contains "Subject" "$$$" {
                redirect "postmaster@example.com";
             } else {
                redirect "field@example.com";
             }"""
HARASSMENT = """require "fileinto";
             if header :contains ["from"] "coyote" {
                fileinto "INBOX.harassment";
             }"""
TIM = 'if address :is :all "from" "tim@example.com" { discard; }'


@pytest.mark.rfc("5228")
@pytest.mark.parametrize(
    ("script", "message", "expected"),
    [
        # §2.3
        ("if size :over 100k { # this is a comment\ndiscard;\n}", OTHER, ["implicit keep"]),
        ("if size :over 100k { # this is a comment\ndiscard;\n}", LARGE, []),
        ("if size :over 100K { /* this is a comment\n still */ discard /* a comment\n */ ;\n}", LARGE, []),
        # §2.5.1
        (NO_DATE, OTHER, ["implicit keep"]),
        (NO_DATE, LARGE, []),
        # §2.7.3
        (MONEY, "Subject: You can MAKE MONEY FAST\n\n", []),
        (MONEY, "Subject: You can Make Money Fast\n\n", ["implicit keep"]),
        # §2.10.2
        ("if size :over 500K { discard; }", MESSAGE_A, ["implicit keep"]),
        ("if size :over 500K { discard; }", MESSAGE_B, ["implicit keep"]),
        # §3.1
        (ELSIF, MESSAGE_A, []),
        (ELSIF, MESSAGE_B, []),
        (ELSIF, OTHER, ["fileinto INBOX"]),
        (FORWARD, MESSAGE_A, ["redirect acm@example.com"]),
        (FORWARD, MESSAGE_B, ["redirect postmaster@example.com"]),
        (FORWARD, OTHER, ["redirect field@example.com"]),
        # §3.2
        ('require ["fileinto", "reject"];', OTHER, ["implicit keep"]),
        ('require "fileinto";\nrequire "vacation";', OTHER, ["implicit keep"]),
        # §3.3
        ("stop; discard;", OTHER, ["implicit keep"]),
        # §4.1
        (HARASSMENT, MESSAGE_A, ["fileinto INBOX.harassment"]),
        (HARASSMENT, MESSAGE_B, ["implicit keep"]),
        # §4.2
        ('redirect "bart@example.com";', OTHER, ["redirect bart@example.com"]),
        # §4.3
        ("if size :under 1M { keep; } else { discard; }", OTHER, ["keep"]),
        ("if not size :under 1M { discard; }", OTHER, ["implicit keep"]),
        # §4.4
        ('if header :contains ["from"] ["idiot@example.com"] { discard; }', "From: idiot@example.com\n\n", []),
        # §5.1
        (TIM, 'From: "Tim" <TIM@example.com>\n\n', []),
        (TIM, "From: tim@example.com.invalid\n\n", ["implicit keep"]),
        # §5.5
        ('if not exists ["From","Date"] { discard; }', LARGE, []),
        ('if not exists ["From","Date"] { discard; }', OTHER, ["implicit keep"]),
        # §5.7
        ('if header :is ["X-Caffeine"] [""] { discard; }', "X-Caffeine: C8H10N4O2\n\n", ["implicit keep"]),
        ('if header :contains ["X-Caffeine"] [""] { discard; }', "X-Caffeine: C8H10N4O2\n\n", []),
        ('if header :contains ["X-Caffeine"] [""] { discard; }', "X-Tea: C8H10N4O2\n\n", ["implicit keep"]),
        ('if not header :matches "Cc" "?*" { discard; }', OTHER, []),
        ('if not header :matches "Cc" "?*" { discard; }', "Cc:   \n\n", []),
        ('if not header :matches "Cc" "?*" { discard; }', "Cc: a@b\n\n", ["implicit keep"]),
    ],
)  # fmt: skip
def test_examples(script: str, message: str, expected: list[str]) -> None:
    assert actions(script, message) == expected


@pytest.mark.rfc("5228 §5.4")
def test_envelope_example() -> None:
    script = 'require "envelope"; if envelope :all :is "from" "tim@example.com" { discard; }'
    assert actions(script, OTHER, Envelope(b"tim@example.com", b"u@example.com")) == []
    assert actions(script, OTHER) == ["implicit keep"]


@pytest.mark.rfc("5228 §5.2")
@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("allof (false, false)", False),
        ("allof (false, true)", False),
        ("allof (true,  true)", True),
        ("anyof (false, false)", False),
        ("anyof (false, true)", True),
        ("anyof (true,  true)", True),
        ("not false", True),
        ("not true", False),
        ("true", True),
        ("false", False),
    ],
)
def test_logic(test: str, expected: bool) -> None:
    assert actions(f"if {test} {{ discard; }}") == ([] if expected else ["implicit keep"])


EXTENDED = """
    # Declare any optional features or extension used by the script
    require ["fileinto"];
    # Move messages from IETF filter discussion list to filter mailbox
    if header :is "Sender" "owner-ietf-mta-filters@imc.org"
            {
            fileinto "filter";  # move to "filter" mailbox
            }
    elsif address :DOMAIN :is ["From", "To"] "example.com"
            {
            keep;               # keep in "In" mailbox
            }
    elsif anyof (NOT address :all :contains
                   ["To", "Cc", "Bcc"] "me@example.com",
                 header :matches "subject"
                   ["*make*money*fast*", "*university*dipl*mas*"])
            {
            fileinto "spam";   # move to "spam" mailbox
            }
    else
            {
            fileinto "personal";
            }
"""


@pytest.mark.rfc("5228 §9")
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Sender: owner-ietf-mta-filters@imc.org\n\n", "fileinto filter"),
        ("From: Boss <boss@EXAMPLE.com>\n\n", "keep"),
        ("From: a@b.net\nTo: you@b.net\n\n", "fileinto spam"),
        ("From: a@b.net\nTo: me@example.com.net\nSubject: MAKE big Money so FAST\n\n", "fileinto spam"),
        ("From: a@b.net\nTo: me@example.com.net\nSubject: University diplomas\n\n", "fileinto spam"),
        ("From: a@b.net\nTo: me@example.com.net\nSubject: Hello\n\n", "fileinto personal"),
    ],
)
def test_extended_example(message: str, expected: str) -> None:
    assert actions(EXTENDED, message) == [expected]


@pytest.mark.rfc("5228 §2.7.1")
@pytest.mark.parametrize(
    ("test", "message", "expected"),
    [
        ('header "subject" "hello"', "Subject:   Hello  \n\n", True),
        ('header :is "subject" "hello world"', "Subject: Hello\n world\n\n", True),
        ('header :contains "subject" "grüße"', "Subject: =?utf-8?q?Viele_Gr=C3=BC=C3=9Fe?=\n\n", True),
        ('header :matches "subject" "a?c"', "Subject: abc\n\n", True),
        ('header :matches "subject" "a?c"', "Subject: ac\n\n", False),
        ('header :matches "subject" "a\\\\?c"', "Subject: abc\n\n", False),
        ('header :matches "subject" "a\\\\?c"', "Subject: a?c\n\n", True),
        ('header :matches "subject" "*"', "Subject:\n\n", True),
        ('header :matches "subject" "*"', "X: y\n\n", False),
        ('header :is ["x", "subject"] ["p", "q"]', "Subject: q\n\n", True),
        ('header :is "subject" "q"', "Subject: a\nSubject: q\n\n", True),
        ('address :localpart "from" "tim"', "From: Tim <tim@example.com>\n\n", True),
        ('address :domain "from" "example.com"', "From: Tim <tim@example.com>\n\n", True),
        ('address "to" "b@x"', "To: team: a@x, b@x;\n\n", True),
        ('address "from" "broken"', "From: broken\n\n", True),
        ('size :over 20', "Subject: x\n\n12345\n", True),
        ('size :over 21', "Subject: x\n\n12345\n", False),
        ('size :under 21', "Subject: x\n\n12345\n", False),
        ('exists ["subject", "from"]', "Subject: x\n\n", False),
        ('header :contains :comparator "i;octet" "subject" "X"', "Subject: x\n\n", False),
    ],
)  # fmt: skip
def test_matching(test: str, message: str, expected: bool) -> None:
    assert actions(f"if {test} {{ discard; }}", message) == ([] if expected else ["implicit keep"])


@pytest.mark.rfc("5228 §5.4")
@pytest.mark.parametrize(
    ("test", "envelope", "expected"),
    [
        ('envelope "from" ""', Envelope(b"", b"u@x"), True),
        ('envelope :localpart "from" ""', Envelope(b"", b"u@x"), True),
        ('envelope :domain "to" "x"', Envelope(b"", b"u@x"), True),
        ('envelope :localpart "FROM" "tim"', Envelope(b"Tim@y", b"u@x"), True),
        ('envelope "auth" "a@x"', Envelope(b"", b"u@x", b"a@x"), True),
        ('envelope "auth" ""', Envelope(b"", b"u@x"), False),
    ],
)
def test_envelope(test: str, envelope: Envelope, expected: bool) -> None:
    script = f'require "envelope"; if {test} {{ discard; }}'
    assert actions(script, OTHER, envelope) == ([] if expected else ["implicit keep"])


@pytest.mark.rfc("5228 §2.10")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", ["implicit keep"]),
        ("keep; keep;", ["keep"]),
        ("discard; keep;", ["keep"]),
        ('require "fileinto"; fileinto "a"; fileinto "a"; fileinto "b";', ["fileinto a", "fileinto b"]),
        ('require "fileinto"; discard; fileinto "a";', ["fileinto a"]),
        ('redirect "a@B.example"; redirect "a@b.example";', ["redirect a@B.example"]),
        ('redirect "A <a@b.example>";', ["redirect a@b.example"]),
        ("if true { stop; } keep;", ["implicit keep"]),
        ("if false {} elsif true { if false { discard; } } else { discard; }", ["implicit keep"]),
        ("if true { if false {} } else { discard; }", ["implicit keep"]),
        ("if false { if true {} } elsif false {} else { discard; }", []),
    ],
)
def test_actions(script: str, expected: list[str]) -> None:
    assert actions(script) == expected


def redirects(count: int) -> str:
    return "".join(f'redirect "a{at}@example.net";' for at in range(count))


@pytest.mark.rfc("5228 §2.10.6")
@pytest.mark.parametrize(
    ("script", "limits", "told"),
    [
        (redirects(5), RunLimits(), "the script redirects to more than 4 addresses"),
        (
            'require "fileinto"; fileinto "a"; fileinto "b";',
            RunLimits(actions=1),
            "the script takes more than 1 actions",
        ),
        ("if true {} if true {} if true {}", RunLimits(steps=4), "the script took more than 4 steps"),
        (
            'if header :matches "subject" "*a*a*a*a*a*a*b*" {}',
            RunLimits(steps=500),
            "the script took more than 500 steps",
        ),
    ],
)
def test_failures_keep_the_message(script: str, limits: RunLimits, told: str) -> None:
    result = outcome(script, "Subject: " + "a" * 60_000 + "\n\n", ENVELOPE, limits=limits)
    assert result.failed == told
    assert [type(each).__name__ for each in result.actions] == ["Keep"]
    assert result.failed_at is not None


def test_failure_has_its_place() -> None:
    result = outcome("keep;\n" + redirects(4) + '\n  redirect "e@example.net";')
    assert result.failed_at == Place(3, 3)


def test_trace_tells_what_was_compared_and_why() -> None:
    script = 'require "fileinto";\nif anyof (header :contains "subject" ["tea", "hell"], true) {\n  fileinto "x";\n}'
    trace = outcome(script, "Subject: Hello\n\n", tracing=True).trace
    assert [(each.place.line, each.depth, each.told, each.answer) for each in trace] == [
        (2, 2, "“Hello” contains “tea”, “hell”", None),
        (2, 1, "header is true", True),
        (2, 0, "anyof is true", True),
        (3, 1, "file into “x”", None),
    ]
    assert outcome(script, "Subject: Hello\n\n").trace == ()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("keep;", "keep in the inbox"),
        ('keep :flags ["a", "b"];', "keep in the inbox with the flags a b"),
        (
            'fileinto :create :specialuse "\\\\Junk" "x";',
            "file into the mailbox for “\\Junk”, or else “x”, made if it is missing",
        ),
        ('fileinto :mailboxid "F1" "x";', "file into the mailbox with the id “F1”, or else “x”"),
        ('redirect "a@b";', "redirect to “a@b”"),
        ("discard;", "discard"),
        ('reject "no\nway";', "refuse with “no way”"),
        ('vacation :fcc "Sent" "away";', "answer with “away”, once in 604800 seconds, with a copy in “Sent”"),
        ('notify "mailto:a@b";', "notify “mailto:a@b”"),
    ],
)
def test_actions_are_told_in_words(script: str, expected: str) -> None:
    names = ("fileinto", "imap4flags", "mailbox", "special-use", "mailboxid", "reject", "vacation", "fcc", "enotify")
    require = "".join(f'require "{name}";' for name in names)
    trace = outcome(require + script, tracing=True).trace
    assert [each.told for each in trace if each.kind == Traced.ACTION] == [expected]


def test_every_name_has_one_owner_and_is_listed() -> None:
    assert complaints('require ["copy", "comparator-i;octet", "comparator-i;ascii-casemap"];') == []
