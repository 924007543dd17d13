"""RFC 3894, 5183, 5463, 5490, 6009, 7352, 8579, 9042: where copies go, what is asked of the world, ihave."""

import pytest

from support.script import World, actions, complaints, outcome
from support.sieve import ENVELOPE, crlf
from verbena.sieve.check import compile_script
from verbena.sieve.extensions import REGISTRY
from verbena.sieve.run import Envelope

WORLD = World(
    mailboxes=frozenset((b"INBOX", b"Partners", b"Archive")),
    special_uses=frozenset(((None, b"\\Junk"), (b"Spam", b"\\Junk"))),
    mailbox_ids=frozenset((b"F1",)),
    annotations={
        (b"INBOX", b"/private/vendor/vendor.isode/auto-replies"): b"on",
        (b"INBOX", b"/private/empty"): b"",
        (None, b"/private/vendor/vendor.isode/notification-uri"): b"mailto:a@example.net",
    },
    items={b"domain": b"example.com", b"location": b"MDA", b"remote-host": b"", b"vnd.x": b"1"},
)


@pytest.mark.rfc("3894 §3")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('redirect :copy "a@b";', ["redirect a@b", "implicit keep"]),
        ('fileinto :copy "a"; fileinto "b";', ["fileinto a", "fileinto b"]),
        ('fileinto :copy "a"; discard;', ["fileinto a"]),
        ('fileinto :copy "a"; fileinto "a";', ["fileinto a"]),
        ('fileinto "a"; fileinto :copy "a";', ["fileinto a"]),
    ],
)
def test_copy(script: str, expected: list[str]) -> None:
    assert actions('require ["copy", "fileinto"];' + script) == expected


def test_copy_is_for_two_commands_only() -> None:
    assert complaints('require "copy"; keep :copy;') == ["line 1, column 22: “keep” takes no “:copy”"]
    assert complaints('redirect :copy "a@b";') == ["line 1, column 10: “:copy” needs: require “copy”;"]


@pytest.mark.rfc("5490 §3")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            'require ["fileinto", "reject", "mailbox"]; if mailboxexists "Partners" { fileinto "Partners"; }'
            ' else { reject "This message was not accepted by the Mailstore"; }',
            ["fileinto Partners"],
        ),
        ('require ["mailbox"]; if mailboxexists ["Partners", "None"] { discard; }', ["implicit keep"]),
        ('require ["mailbox", "fileinto"]; fileinto :create "x"; fileinto "x";', ["fileinto x create"]),
        (
            'require ["mboxmetadata", "vacation"]; if metadata :is "INBOX" "/private/vendor/vendor.isode/auto-replies"'
            ' "on" { vacation "I\'m away on holidays till March 2009."; }',
            ["vacation 604800 s: I'm away on holidays till March 2009.", "implicit keep"],
        ),
        ('require "mboxmetadata"; if metadata "INBOX" "/private/none" "" { discard; }', ["implicit keep"]),
        ('require "mboxmetadata"; if metadata "INBOX" "/private/empty" "" { discard; }', []),
        ('require "mboxmetadata"; if metadataexists "INBOX" "/private/empty" { discard; }', []),
        ('require "mboxmetadata"; if metadataexists "INBOX" ["/private/empty", "/a"] { discard; }', ["implicit keep"]),
        (
            'require ["enotify", "servermetadata", "variables", "envelope"];'
            ' if servermetadata :matches "/private/vendor/vendor.isode/notification-uri" "*"'
            ' { set "notif_uri" "${0}"; }'
            ' if not string :is "${notif_uri}" "none" { notify :message "x" "${notif_uri}"; }',
            ["notify 2 mailto:a@example.net: x", "implicit keep"],
        ),
        ('require "servermetadata"; if servermetadataexists ["/private/none"] { discard; }', ["implicit keep"]),
    ],
)
def test_mailbox_and_metadata(script: str, expected: list[str]) -> None:
    assert actions(script, world=WORLD) == expected


@pytest.mark.rfc("8579 §3")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('if specialuse_exists "\\\\Junk" { discard; }', []),
        ('if specialuse_exists ["\\\\Junk", "\\\\Sent"] { discard; }', ["implicit keep"]),
        ('if specialuse_exists "Spam" "\\\\Junk" { discard; }', []),
        ('if specialuse_exists "INBOX" ["\\\\Junk"] { discard; }', ["implicit keep"]),
        ('fileinto :specialuse "\\\\Junk" :create "Spam";', ["fileinto Spam create use=\\Junk"]),
        ('fileinto :mailboxid "F1" "x";', ["fileinto x id=F1"]),
        ('if mailboxidexists "F1" { fileinto :mailboxid "F1" "x"; } else { discard; }', ["fileinto x id=F1"]),
        ('if mailboxidexists ["F1", "F2"] { discard; }', ["implicit keep"]),
        (
            'fileinto :mailboxid "Fnosuch" :create "INBOX.no-such-folder";',
            ["fileinto INBOX.no-such-folder create id=Fnosuch"],
        ),
    ],
)
def test_special_use_and_mailbox_ids(script: str, expected: list[str]) -> None:
    require = 'require ["special-use", "mailboxid", "mailbox", "fileinto"];'
    assert actions(require + script, world=WORLD) == expected


@pytest.mark.rfc("9042 §4.2")
def test_one_other_target_only() -> None:
    script = 'require ["special-use", "mailboxid", "fileinto"];\nfileinto :specialuse "a" :mailboxid "b" "c";'
    assert complaints(script) == ["line 2, column 26: “:mailboxid” and “:specialuse” exclude each other"]


@pytest.mark.rfc("5183 §4")
@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('environment "domain" "EXAMPLE.com"', True),
        ('environment :matches "Domain" "*.com"', True),
        ('environment "remote-host" ""', True),
        ('environment :contains "item" ""', False),
        ('environment :count "eq" "remote-host" "0"', True),
        ('environment :count "eq" "item" "0"', False),
        ('environment "vnd.x" "1"', True),
    ],
)
def test_environment(test: str, expected: bool) -> None:
    script = f'require ["environment", "relational"]; if {test} {{ discard; }}'
    assert actions(script, world=WORLD) == ([] if expected else ["implicit keep"])


MESSAGE = "Message-ID: <a@b>\nSubject: ALERT: disk\nX-Id: =?utf-8?q?=C3=A4?=\nX-Id: other\n\n"


def asked(test: str, message: str = MESSAGE) -> list[tuple[bytes, int, bool]]:
    world = World()
    outcome(f'require ["duplicate", "variables"]; if {test} {{ discard; }}', message, ENVELOPE, world)
    return world.asked


@pytest.mark.rfc("7352 §3")
def test_duplicate_names_a_message() -> None:
    (plain,) = asked("duplicate")
    assert plain[1:] == (7 * 86400, False)
    assert asked('duplicate :header "message-id"') == [plain]
    assert asked('duplicate :uniqueid "<a@b>"') == [plain]
    assert asked('header :matches "message-id" "*", duplicate :uniqueid "${0}"'.join(("allof (", ")"))) == [plain]
    assert asked('duplicate :header "x-id"') == asked('duplicate :uniqueid "ä"')
    assert asked('duplicate :handle "h"')[0][0] != plain[0]
    assert asked("duplicate :seconds 60 :last") == [(plain[0], 60, True)]
    assert asked("duplicate :seconds 0") == []
    assert asked("duplicate :seconds 99999999")[0][1] == 30 * 86400
    assert asked("duplicate", "Subject: x\n\n") == []
    assert asked('duplicate :header "no such field"') == []


@pytest.mark.rfc("7352 §5")
def test_duplicate_examples() -> None:
    ((digest, _, _),) = asked("duplicate")
    basic = 'require ["duplicate", "fileinto", "mailbox"]; if duplicate { fileinto :create "Trash/Duplicate"; }'
    assert actions(basic, MESSAGE) == ["implicit keep"]
    assert actions(basic, MESSAGE, world=World(noted=frozenset((digest,)))) == ["fileinto Trash/Duplicate create"]
    alert = (
        'require ["duplicate", "variables", "imap4flags", "fileinto"]; if header :matches "subject" "ALERT: *" {'
        ' if duplicate :seconds 60 :uniqueid "${1}" { setflag "\\\\seen"; } fileinto "Alerts"; }'
    )
    ((digest, _, _),) = asked('duplicate :uniqueid "disk"')
    assert actions(alert, MESSAGE) == ["fileinto Alerts"]
    assert actions(alert, MESSAGE, world=World(noted=frozenset((digest,)))) == ["fileinto Alerts (\\seen)"]


def test_duplicate_tags_exclude_each_other() -> None:
    script = 'require "duplicate"; if duplicate :header "a" :uniqueid "b" {}'
    assert complaints(script) == ["line 1, column 47: “:uniqueid” and “:header” exclude each other"]


# --- ihave -----------------------------------------------------------------------------------


@pytest.mark.rfc("5463 §4")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('if ihave "fileinto" { fileinto "a"; }', ["fileinto a"]),
        ('if not ihave "fileinto" { discard; } fileinto "a";', ["fileinto a"]),
        ('if ihave "vnd.none" { frobnicate :x "y" { z; } } else { keep; }', ["keep"]),
        ('if ihave ["fileinto", "vnd.none"] { fileinto "a"; }', ["implicit keep"]),
        ('if allof (ihave "vnd.none", frobs :x "y") { discard; }', ["implicit keep"]),
        ('if anyof (not ihave "vnd.none", frobs :x "y") { discard; }', []),
        ('if frobs "y" { discard; }', ["failed: there is no test “frobs”", "implicit keep"]),
        ("frobnicate;", ["failed: there is no command “frobnicate”", "implicit keep"]),
        ('fileinto "a";', ["failed: “fileinto” needs: require “fileinto”;", "implicit keep"]),
        ('if ihave "copy" { redirect :copy "a@b"; }', ["redirect a@b", "implicit keep"]),
        ('if ihave "variables" { discard; }', ["implicit keep"]),
        ('if ihave "encoded-character" { discard; }', ["implicit keep"]),
        (
            'if ihave "comparator-i;ascii-numeric" {'
            ' if header :comparator "i;ascii-numeric" "subject" "1" {} discard; }',
            [],
        ),
        ('error "went wrong";', ["failed: went wrong", "implicit keep"]),
        ('discard; error "went wrong";', ["failed: went wrong", "implicit keep"]),
    ],
)
def test_ihave(script: str, expected: list[str]) -> None:
    assert actions('require "ihave";\n' + script) == expected


def test_ihave_puts_off_no_other_errors_and_warns() -> None:
    assert complaints('require "ihave"; keep {}') == ["line 1, column 18: “keep” takes no block; end it with “;”"]
    assert complaints('require ["ihave", "vnd.none"];') == ["line 1, column 9: this server does not know “vnd.none”"]
    _, warnings = compile_script(crlf('require "ihave";\nif true { frobnicate; }'), REGISTRY)
    assert [str(each) for each in warnings] == ["line 2, column 11: there is no command “frobnicate”"]


def test_ihave_takes_constants() -> None:
    script = 'require ["ihave", "variables"]; if ihave "${a}" {}'
    assert complaints(script) == ["line 1, column 42: “ihave” takes a string without variables here"]


# --- DSN and deliver-by ----------------------------------------------------------------------

DSN = Envelope(
    b"a@b",
    b"user@example.com",
    more=((b"notify", b"SUCCESS"), (b"notify", b"FAILURE"), (b"orcpt", b"rfc822;al@example.com"), (b"ret", b"FULL")),
)
BY = Envelope(b"a@b", b"u@e", more=((b"bytimerelative", b"-60"), (b"bymode", b"notify"), (b"bytrace", b"")))
REQUIRE = 'require ["envelope", "envelope-dsn", "envelope-deliverby", "relational", "comparator-i;ascii-numeric"];'


@pytest.mark.rfc("6009 §4")
@pytest.mark.parametrize(
    ("test", "envelope", "expected"),
    [
        ('envelope "notify" "SUCCESS"', DSN, True),
        ('envelope "notify" "NEVER"', DSN, False),
        (
            'allof (envelope "notify" "FAILURE", envelope :comparator "i;ascii-numeric" :count "eq" "notify" "1")',
            DSN,
            False,
        ),
        ('envelope :count "eq" "notify" "2"', DSN, True),
        ('envelope :matches "orcpt" "rfc822;*@example.com"', DSN, True),
        ('envelope "ret" "full"', DSN, True),
        ('envelope :matches "envid" "*"', DSN, False),
        ('envelope :matches "notify" "*"', ENVELOPE, False),
        ('envelope :contains "bytimerelative" "-"', BY, True),
        ('envelope "bymode" "notify"', BY, True),
        ('envelope "bytrace" ""', BY, True),
        ('envelope "bytimeabsolute" "2026-03-01T12:29:15Z"', BY, True),
        ('envelope :zone "+0130" "bytimeabsolute" "2026-03-01T13:59:15+01:30"', BY, True),
        ('envelope :matches "bytimeabsolute" "*"', ENVELOPE, False),
    ],
)
def test_envelope_parts(test: str, envelope: Envelope, expected: bool) -> None:
    script = f"{REQUIRE} if {test} {{ discard; }}"
    assert actions(script, "Subject: x\n\n", envelope) == ([] if expected else ["implicit keep"])


@pytest.mark.rfc("6009 §6")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            'if address "from" "user@example.com" { redirect :copy :notify "NEVER" "elsewhere@example.com"; }',
            ["redirect elsewhere@example.com notify=NEVER", "implicit keep"],
        ),
        ('redirect :notify "success,delay" :ret "hdrs" "a@b";', ["redirect a@b notify=SUCCESS,DELAY ret=HDRS"]),
        ('redirect :bytimerelative 600 "a@b";', ["redirect a@b by=600;return"]),
        (
            'redirect :bytimeabsolute "2026-03-01T12:31:15Z" :bymode "notify" :bytrace "a@b";',
            ["redirect a@b by=60;notify;trace"],
        ),
    ],
)
def test_redirect(script: str, expected: list[str]) -> None:
    require = 'require ["copy", "redirect-dsn", "redirect-deliverby"];'
    assert actions(require + script, "From: user@example.com\n\n") == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            'redirect :notify "NEVER,DELAY" "a@b";',
            "column 18: “:notify” is “NEVER”, or a list of “SUCCESS”, “FAILURE” and “DELAY”",
        ),
        (
            'redirect :notify "" "a@b";',
            "column 18: “:notify” is “NEVER”, or a list of “SUCCESS”, “FAILURE” and “DELAY”",
        ),
        ('redirect :ret "x" "a@b";', "column 15: “:ret” is “FULL” or “HDRS”"),
        (
            'redirect :bytrace "a@b";',
            "column 1: “:bymode” and “:bytrace” go with “:bytimerelative” or “:bytimeabsolute”",
        ),
        (
            'redirect :bytimerelative 1 :bytimeabsolute "x" "a@b";',
            "column 28: “:bytimeabsolute” and “:bytimerelative” exclude each other",
        ),
        (
            'redirect :bytimeabsolute "tomorrow" "a@b";',
            "column 26: “:bytimeabsolute” is no time such as “2026-11-24T10:00:00Z”",
        ),
        ('redirect :bytimerelative 1 :bymode "x" "a@b";', "column 36: “:bymode” is “notify” or “return”"),
        ('if envelope :zone "CET" "bymode" "x" {}', "column 19: “:zone” is an offset such as “+0100”"),
        ('if envelope :domain "notify" "x" {}', "column 21: “notify” is no address, so it takes no “:domain”"),
    ],
)
def test_dsn_errors(script: str, expected: str) -> None:
    require = 'require ["redirect-dsn", "redirect-deliverby", "envelope", "envelope-dsn", "envelope-deliverby"];\n'
    assert complaints(require + script) == [f"line 2, {expected}"]
