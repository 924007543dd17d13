"""RFC 5230, 6131, 5429 and 8580: answering, refusing, copies of what is sent; and when vacation must be silent."""

import pytest

from support.script import World, actions, complaints, outcome
from support.sieve import ENVELOPE, crlf, message_of
from verbena.sieve.action import Vacation
from verbena.sieve.ext.vacation import may_answer
from verbena.sieve.run import Envelope


def answer(script: str, message: str = "Subject: x\n\n") -> Vacation:
    found = [each for each in outcome(script, message).actions if isinstance(each, Vacation)]
    assert len(found) == 1
    return found[0]


@pytest.mark.rfc("5230 §4")
@pytest.mark.parametrize(
    ("script", "message", "expected"),
    [
        (
            'if header :contains "subject" "cyrus" { vacation "I\'m out -- send mail to cyrus-bugs"; }'
            ' else { vacation "I\'m out -- call me at +1 304 555 0123"; }',
            "Subject: Cyrus bug\n\n",
            ["vacation 604800 s: I'm out -- send mail to cyrus-bugs", "implicit keep"],
        ),
        (
            'vacation :days 23 :addresses ["tjs@example.edu", "ts4z@landru.example.edu"] '
            "\"I'm away until October 19.\nIf it's an emergency, call 911, I guess.\" ;",
            "Subject: x\n\n",
            [
                "vacation 1987200 s: I'm away until October 19.\r\nIf it's an emergency, call 911, I guess.",
                "implicit keep",
            ],
        ),
        (
            'if header :contains "from" "boss@example.edu" { redirect "pleeb@isp.example.org"; } else {'
            " vacation \"Sorry, I'm away, I'll read your\nmessage when I get around to it.\"; }",
            "From: boss@example.edu\n\n",
            ["redirect pleeb@isp.example.org"],
        ),
        (
            'if header :contains ["accept-language", "content-language"] "en" { vacation "I am away this week."; }'
            ' else { vacation "Estoy ausente esta semana."; }',
            "Accept-Language: en-GB\n\n",
            ["vacation 604800 s: I am away this week.", "implicit keep"],
        ),
        (
            'if address :matches "from" "*@ourdivision.example.com" { vacation :subject "Gone fishing"'
            ' "Having lots of fun! Back in a day or two!"; } else { vacation :subject "Je suis parti cette semaine"'
            ' "Je lirai votre message quand je retourne."; }',
            "From: a@ourdivision.example.com\n\n",
            ["vacation 604800 s [Gone fishing]: Having lots of fun! Back in a day or two!", "implicit keep"],
        ),
        ('vacation :days 0 "x";', "Subject: x\n\n", ["vacation 86400 s: x", "implicit keep"]),
        ('vacation :days 9999 "x";', "Subject: x\n\n", [f"vacation {365 * 86400} s: x", "implicit keep"]),
        ('vacation :subject "a\nb" "x";', "Subject: x\n\n", ["vacation 604800 s [a  b]: x", "implicit keep"]),
        (
            'vacation "a"; vacation "a";',
            "Subject: x\n\n",
            ["failed: a message can be answered by one “vacation” only", "implicit keep"],
        ),
        ('vacation "a"; discard;', "Subject: x\n\n", ["vacation 604800 s: a"]),
    ],
)
def test_vacation(script: str, message: str, expected: list[str]) -> None:
    assert actions('require "vacation";\n' + script, message) == expected


@pytest.mark.rfc("5230 §4.4")
def test_mime_example() -> None:
    script = """require "vacation";
   vacation :mime text:
Content-Type: multipart/alternative; boundary=foo

--foo

I'm at the beach relaxing.  Mmmm, surf...

--foo
Content-Type: text/html; charset=us-ascii

<HTML><HEAD><TITLE>How to relax</TITLE></HEAD></HTML>

--foo--
.
   ;"""
    found = answer(script)
    assert found.mime
    assert found.reason.startswith(b"Content-Type: multipart/alternative; boundary=foo\r\n\r\n--foo")


@pytest.mark.rfc("6131 §3")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            'require ["vacation-seconds"]; vacation :addresses ["tjs@example.edu", "ts4z@landru.example.edu"]'
            ' :seconds 1800 "I am in a meeting, and do not have access to email.";',
            "vacation 1800 s: I am in a meeting, and do not have access to email.",
        ),
        (
            'require ["vacation-seconds"]; vacation :handle "auto-resp" :seconds 0 "Your request has been received.";',
            "vacation 0 s: Your request has been received.",
        ),
    ],
)
def test_seconds(script: str, expected: str) -> None:
    assert actions(script) == [expected, "implicit keep"]


@pytest.mark.rfc("5230 §4.2")
def test_handles_name_responses_by_what_the_script_says() -> None:
    require = 'require ["vacation", "variables"];\n'
    expanded = require + 'if header :matches "subject" "*" { vacation :subject "Automatic response to: ${1}" "away"; }'
    one, two = answer(expanded, "Subject: one\n\n"), answer(expanded, "Subject: two\n\n")
    assert (one.handle, one.subject) == (two.handle, b"Automatic response to: one")
    handles = {
        answer(require + each).handle
        for each in (
            'vacation "a";',
            'vacation :subject "a" "b";',
            'vacation :subject "b" "a";',
            'vacation :from "a@b" "a";',
            'vacation :mime "\n\na";',
            'vacation "\n\na";',
            'vacation :handle "a" "x";',
        )
    }
    assert len(handles) == 7
    assert answer(require + 'vacation :handle "h" "x";').handle == answer(require + 'vacation :handle "h" "y";').handle
    assert answer(require + 'vacation :days 3 "x";').handle == answer(require + 'vacation "x";').handle


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("vacation;", "line 2, column 1: “vacation” takes 1 arguments besides its tags, not 0"),
        ('vacation :days 1 :seconds 1 "x";', "line 2, column 18: “:seconds” and “:days” exclude each other"),
        ('vacation :seconds 2147483649 "x";', "line 2, column 19: “:seconds” is less than 2**31"),
        ('vacation :from "nobody" "x";', "line 2, column 16: “:from” needs a mail address"),
        ('vacation :from "a@b\r\nBcc: c@d" "x";', "line 2, column 16: “:from” needs a mail address"),
        ('vacation :mime "Subject: ä\n\n";', "line 2, column 16: the header of a “:mime” reason must be ASCII"),
        ('vacation :create "x";', "line 2, column 10: “:create” goes with “:fcc” here"),
        ('vacation :fcc "" "x";', "line 2, column 15: this can not be the name of a mailbox"),
        ('reject :fcc "a" "x";', "line 2, column 8: “reject” takes no “:fcc”"),
        ('fileinto :fcc "a" "x";', "line 2, column 10: “fileinto” takes no “:fcc”"),
    ],
)  # fmt: skip
def test_errors(script: str, expected: str) -> None:
    require = 'require ["vacation-seconds", "fcc", "mailbox", "reject", "fileinto"];\n'
    assert complaints(require + script) == [expected]


@pytest.mark.rfc("8580 §5")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            'require ["vacation", "fcc", "mailbox", "special-use", "imap4flags"];'
            ' vacation :days 7 :from "hemingway@example.com" :specialuse "\\\\Sent" :create'
            ' :fcc "INBOX.Sent" :flags ["\\\\Seen"] "Gone Fishin\'";',
            "vacation 604800 s: Gone Fishin' + fileinto INBOX.Sent (\\Seen) create use=\\Sent",
        ),
        (
            'require ["enotify", "fcc"]; notify :fcc "INBOX.Sent" :message "You got mail!" "mailto:ken@example.com";',
            "notify 2 mailto:ken@example.com: You got mail! + fileinto INBOX.Sent",
        ),
        (
            'require ["enotify", "fcc"]; if notify_method_capability "xmpp:" "fcc" "yes" { notify :fcc "INBOX.Sent"'
            ' :message "You got mail" "xmpp:ken@example.com?message;subject=SIEVE"; } else { notify :fcc "INBOX.Sent"'
            ' :message "You got mail!" "mailto:ken@example.com"; }',
            "notify 2 xmpp:ken@example.com?message;subject=SIEVE: You got mail + fileinto INBOX.Sent",
        ),
        (
            'require ["enotify", "fcc", "mailboxid"]; notify :fcc "INBOX.Sent"'
            ' :mailboxid "F6352ae03-b7f5-463c-896f-d8b48ee3" :message "You got mail!" "mailto:ken@example.com";',
            "notify 2 mailto:ken@example.com: You got mail! + fileinto INBOX.Sent id=F6352ae03-b7f5-463c-896f-d8b48ee3",
        ),
    ],
)
def test_fcc_examples(script: str, expected: str) -> None:
    assert actions(script) == [expected, "implicit keep"]


TO_USER = "To: user@example.com\n"


@pytest.mark.rfc("3834 §2")
@pytest.mark.parametrize(
    ("header", "sender", "reason"),
    [
        (TO_USER, b"ann@example.org", None),
        ("To: Me <OLD@example.net>\n", b"ann@example.org", None),
        ("Cc: user@example.com\n", b"ann@example.org", None),
        ("Resent-To: team: user@example.com;\n", b"ann@example.org", None),
        (TO_USER + "Auto-Submitted: No\n", b"ann@example.org", None),
        (TO_USER + "Precedence: first-class\n", b"ann@example.org", None),
        (TO_USER, b"postmaster@example.org", None),
        (TO_USER, b"", "it has no sender: it is a report"),
        (TO_USER, b"broken", "its sender is no mail address"),
        (TO_USER, b"User@example.com", "its sender is the recipient"),
        (TO_USER, b"old@example.net", "its sender is the recipient"),
        (TO_USER, b"MAILER-DAEMON@example.org", "its sender is a program"),
        (TO_USER, b"noreply@example.org", "its sender is a program"),
        (TO_USER, b"no-reply+tag@example.org", "its sender is a program"),
        (TO_USER, b"owner-list@example.org", "its sender is a program"),
        (TO_USER, b"list-request@example.org", "its sender is a program"),
        (TO_USER, b"bounces+1=2@example.org", "its sender is a program"),
        (TO_USER + "Auto-Submitted: auto-replied (x)\n", b"a@b.org", "it was made by a program (Auto-Submitted)"),
        (TO_USER + "Auto-Submitted: auto-generated; a=b\n", b"a@b.org", "it was made by a program (Auto-Submitted)"),
        (TO_USER + "List-Id: <x>\n", b"a@b.org", "it is of a mailing list"),
        (TO_USER + "List-Unsubscribe: <x>\n", b"a@b.org", "it is of a mailing list"),
        (TO_USER + "Precedence: Bulk\n", b"a@b.org", "it is bulk mail (Precedence)"),
        (TO_USER + "X-Auto-Response-Suppress: DR, OOF\n", b"a@b.org", "its sender wants no automatic answer"),
        (TO_USER + "Return-Path: <>\n", b"a@b.org", "it has no sender: it is a report"),
        (TO_USER + "Content-Type: multipart/report; boundary=x\n", b"a@b.org", "it is a report"),
        ("To: undisclosed-recipients:;\n", b"a@b.org", "the recipient is not among its addressees"),
        ("To: someone@else\n", b"a@b.org", "the recipient is not among its addressees"),
        ("Subject: user@example.com\n", b"a@b.org", "the recipient is not among its addressees"),
    ],
)
def test_may_answer(header: str, sender: bytes, reason: str | None) -> None:
    message = message_of(crlf(header + "\nbody\n"))
    found = may_answer(message, Envelope(sender, b"user@example.com"), [b"old@example.net"])
    assert found.may == (reason is None)
    if reason is not None:
        assert found.reason == reason


@pytest.mark.rfc("5429 §2")
@pytest.mark.parametrize(
    ("script", "message", "expected"),
    [
        (
            'require ["reject"]; if header :contains "from" "coyote@desert.example.org" { reject text:\n'
            "I am not taking mail from you, and I don't\nwant your birdseed, either!\n.\n ; }",
            "From: coyote@desert.example.org\n\n",
            ["reject I am not taking mail from you, and I don't\r\nwant your birdseed, either!\r\n"],
        ),
        (
            'require ["ereject"]; if size :over 100K { ereject "Your message is too big."; }',
            "Subject: x\n\n" + "x\n" * 60_000,
            ["ereject Your message is too big."],
        ),
        ('require "reject"; reject "no"; discard;', "Subject: x\n\n", ["reject no"]),
        (
            'require "reject"; reject "no"; reject "no";',
            "Subject: x\n\n",
            ["failed: the message is rejected already", "implicit keep"],
        ),
        (
            'require ["reject"]; keep; reject "no";',
            "Subject: x\n\n",
            ["failed: a message can not be rejected and delivered", "implicit keep"],
        ),
        (
            'require ["ereject", "vacation"]; ereject "no"; vacation "away";',
            "Subject: x\n\n",
            ["failed: a message can not be rejected and answered", "implicit keep"],
        ),
        (
            'require ["reject", "ereject"]; ereject "no"; reject "no";',
            "Subject: x\n\n",
            ["failed: the message is rejected already", "implicit keep"],
        ),
    ],
)
def test_reject(script: str, message: str, expected: list[str]) -> None:
    assert actions(script, message) == expected


def test_world_is_not_asked_without_need() -> None:
    world = World()
    outcome('require "vacation"; vacation "x";', "Subject: x\n\n", ENVELOPE, world)
    assert world.asked == []
