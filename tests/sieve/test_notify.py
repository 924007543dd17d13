"""RFC 5435 to 5437 and our own methods: notify, its tests, its URIs; every example of RFC 5435."""

import pytest

from support.script import World, actions, complaints
from verbena.sieve.ext.mailto import MailtoUri, parse_mailto
from verbena.sieve.ext.webhook import complaint
from verbena.sieve.ext.webpush import subscription_of
from verbena.sieve.ext.xmpp import XmppUri, parse_xmpp
from verbena.sieve.extensions import REGISTRY

EXAMPLE_1 = """require ["enotify", "fileinto", "variables"];
       if header :contains "from" "boss@example.org" {
           notify :importance "1"
               :message "This is probably very important"
                           "mailto:alm@example.com";
           # Don't send any further notifications
           stop;
       }
       if header :contains "to" "sievemailinglist@example.org" {
           # :matches is used to get the value of the Subject header
           if header :matches "Subject" "*" {
               set "subject" "${1}";
           }
           # :matches is used to get the value of the From header
           if header :matches "From" "*" {
               set "from" "${1}";
           }
           notify :importance "3"
               :message "[SIEVE] ${from}: ${subject}"
               "mailto:alm@example.com";
           fileinto "INBOX.sieve";
       }"""
EXAMPLE_2 = """require ["enotify", "fileinto", "variables", "envelope"];
       if header :matches "from" "*@*.example.org" {
           if envelope :all :matches "from" "*" {
               set "env_from" " [really: ${1}]";
           }
           if header :matches "Subject" "*" {
               set "subject" "${1}";
           }
           if address :matches :all "from" "*" {
               set "from_addr" "${1}";
           }
           notify :message "${from_addr}${env_from}: ${subject}"
                           "mailto:alm@example.com";
       }"""
EXAMPLE_3 = """require ["enotify", "variables"];
     set "notif_method"
     "xmpp:tim@example.com?message;subject=SIEVE;body=You%20got%20mail";
     if header :contains "subject" "Your dog" {
         set "notif_method" "tel:+14085551212";
     }
     if header :contains "to" "sievemailinglist@example.org" {
         set "notif_method" "";
     }
     if not string :is "${notif_method}" "" {
         notify "${notif_method}";
     }
     if header :contains "from" "boss@example.org" {
         if header :matches "Subject" "*" {
             set "subject" "${1}";
         }
         if not header :contains "subject" "FYI:" {
             notify :importance "1" :message "BOSS: ${subject}"
                                "tel:+14085551212";
         }
     }"""
TEL = "failed: there is no notification method “tel:”"


@pytest.mark.rfc("5435 §3.7")
@pytest.mark.parametrize(
    ("script", "message", "expected"),
    [
        (
            EXAMPLE_1,
            "From: boss@example.org\nTo: sievemailinglist@example.org\n\n",
            ["notify 1 mailto:alm@example.com: This is probably very important", "implicit keep"],
        ),
        (
            EXAMPLE_1,
            "From: a@b\nTo: sievemailinglist@example.org\nSubject: hi\n\n",
            ["notify 3 mailto:alm@example.com: [SIEVE] a@b: hi", "fileinto INBOX.sieve"],
        ),
        (
            EXAMPLE_2,
            "From: al@lists.example.org\nSubject: hi\n\n",
            [
                "notify 2 mailto:alm@example.com: al@lists.example.org [really: sender@example.org]: hi",
                "implicit keep",
            ],
        ),
        (
            EXAMPLE_3,
            "Subject: hi\n\n",
            ["notify 2 xmpp:tim@example.com?message;subject=SIEVE;body=You%20got%20mail", "implicit keep"],
        ),
        (EXAMPLE_3, "Subject: Your dog\n\n", [TEL, "implicit keep"]),
        (EXAMPLE_3, "Subject: Your dog\nTo: sievemailinglist@example.org\n\n", ["implicit keep"]),
        (EXAMPLE_3, "Subject: x\nTo: sievemailinglist@example.org\nFrom: boss@example.org\n\n", [TEL, "implicit keep"]),
    ],
)
def test_examples(script: str, message: str, expected: list[str]) -> None:
    assert actions(script, message) == expected


@pytest.mark.rfc("5435 §4")
@pytest.mark.parametrize(
    ("uris", "expected"),
    [
        ('["mailto:", "http://gw.example.net/notify?test"]', False),
        ('"mailto:alm@example.com"', True),
        ('["mailto:alm@example.com", "xmpp:a@b", "https://hook.example.net/x", "webpush:*"]', True),
        ('["mailto:alm@example.com", "xmpp:"]', False),
        ('"nothing"', False),
        ('"mailto:unreachable@example.com"', False),
    ],
)
def test_valid_notify_method(uris: str, expected: bool) -> None:
    script = f'require "enotify"; if valid_notify_method {uris} {{ discard; }}'
    world = World(online={b"mailto:unreachable@example.com": None})
    assert actions(script, world=world) == ([] if expected else ["implicit keep"])


ONLINE = """require ["enotify"];
             if notify_method_capability
                    "xmpp:tim@example.com?message;subject=SIEVE"
                    "Online"
                    "yes" {
                 notify :importance "1" :message "You got mail"
                      "xmpp:tim@example.com?message;subject=SIEVE";
             } else {
                 notify :message "You got mail" "tel:+14085551212";
             }"""


@pytest.mark.rfc("5435 §5")
def test_online_example() -> None:
    uri = b"xmpp:tim@example.com?message;subject=SIEVE"
    assert actions(ONLINE, world=World(online={uri: b"yes"})) == [
        f"notify 1 {uri.decode()}: You got mail",
        "implicit keep",
    ]
    assert actions(ONLINE) == [TEL, "implicit keep"]


@pytest.mark.rfc("5435 §5")
@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('notify_method_capability "mailto:a@b" "online" "maybe"', True),
        ('notify_method_capability "mailto:" "online" "maybe"', False),
        ('notify_method_capability "tel:1" "online" "maybe"', False),
        ('notify_method_capability "mailto:a@b" "other" ""', False),
        ('notify_method_capability :matches "mailto:a@b" "ONLINE" "m*"', True),
        ('notify_method_capability :count "eq" "mailto:a@b" "online" "1"', True),
        ('notify_method_capability "webpush:" "fcc" "no"', True),
        ('notify_method_capability "mailto:" "fcc" "yes"', True),
    ],
)
def test_capability(test: str, expected: bool) -> None:
    script = f'require ["enotify", "relational", "fcc"]; if {test} {{ discard; }}'
    assert actions(script) == ([] if expected else ["implicit keep"])


@pytest.mark.rfc("5435 §6")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Safe body&evil=evilbody", "mailto:tim@example.com?body=Safe%20body%26evil%3Devilbody"),
        ("ä~-._1", "mailto:tim@example.com?body=%C3%A4~-._1"),
        ("a%b", "mailto:tim@example.com?body=a%25b"),
    ],
)
def test_encodeurl(value: str, expected: str) -> None:
    script = (
        f'require ["enotify", "variables"]; set :encodeurl "body_param" "{value}";'
        'notify "mailto:tim@example.com?body=${body_param}";'
    )
    assert actions(script) == [f"notify 2 {expected}", "implicit keep"]


def test_encodeurl_is_applied_between_quoting_and_length() -> None:
    script = 'require ["enotify", "variables", "fileinto"]; set :length :encodeurl "a" "ä b"; fileinto "${a}";'
    assert actions(script) == ["fileinto 10"]


@pytest.mark.rfc("5436 §3")
def test_mailto_example() -> None:
    script = """require ["enotify", "variables"];
      if header :contains "list-id" "knitting.example.com" {
        if header :matches "Subject" "[*] *" {
          notify :message "From ${1} list: ${2}"
              :importance "3"
              "mailto:0123456789@sms.example.net?to=backup@example.com";
        }
      }"""
    message = "List-Id: Knitting Mailing List <knitting.example.com>\nSubject: [Knitting] A new sweater\n\n"
    uri = "mailto:0123456789@sms.example.net?to=backup@example.com"
    assert actions(script, message) == [f"notify 3 {uri}: From Knitting list: A new sweater", "implicit keep"]
    assert parse_mailto(uri.encode()) == MailtoUri(
        (b"0123456789@sms.example.net", b"backup@example.com"), (), None, None, ()
    )


@pytest.mark.rfc("5436 §2.7")
@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (b"mailto:a@b", MailtoUri((b"a@b",), (), None, None, ())),
        (b"MAILTO:a%2Bx@b,c@d", MailtoUri((b"a+x@b", b"c@d"), (), None, None, ())),
        (b"mailto:?to=a@b&CC=c@d", MailtoUri((b"a@b",), (b"c@d",), None, None, ())),
        (
            b"mailto:a@b?subject=Hi%20you&body=one%0D%0Atwo&X-Y=z&from=e@f&auto-submitted=no&received=x&date=y",
            MailtoUri((b"a@b",), (), b"Hi you", b"one\r\ntwo", ((b"x-y", b"z"),)),
        ),
        (b"mailto:", "it names no recipient"),
        (b"mailto:a", "one of its addresses is no mail address"),
        (b"mailto:a@b%0D%0Ac", "one of its addresses is no mail address"),
        (b"mailto:a@b?subject=x%0D%0ABcc:%20c@d", "“subject” is no header field, or has a line end in it"),
        (b"mailto:a@b?x%3A=1", "“x:” is no header field, or has a line end in it"),
        (b"mailto:a@b?subject", "the part behind “?” is not name=value&…"),
        (b"mailto:a@b,a@c,a@d,a@e,a@f,a@g", "it names more than 5 recipients"),
        (b"mailto:a@b#x", "this is no mailto: URI"),
        (b"mailto:a@b?subject=%zz", "this is no mailto: URI"),
        (b"mailto:a b@c", "this is no mailto: URI"),
    ],
)
def test_mailto(uri: bytes, expected: MailtoUri | str) -> None:
    assert parse_mailto(uri) == expected


@pytest.mark.rfc("5437 §2.1")
@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (b"xmpp:romeo@im.example.com", XmppUri(b"romeo@im.example.com", b"", ())),
        (
            b"xmpp:romeo@im.example.com/orchard?Message;subject=SIEVE;body=You%20got%20mail",
            XmppUri(b"romeo@im.example.com/orchard", b"message", ((b"subject", b"SIEVE"), (b"body", b"You got mail"))),
        ),
        (b"xmpp:", "it names no XMPP address"),
        (b"xmpp:@b", "it names no XMPP address"),
        (b"xmpp:a@", "it names no XMPP address"),
        (b"xmpp:a@b/", "it names no XMPP address"),
        (b"xmpp:a%20b@c", "it names no XMPP address"),
        (b"xmpp:%FF@c", "it names no XMPP address"),
        (b"xmpp://guest@example.com/a@b", "a URI with an account to log in with can not be used"),
        (b"xmpp:a@b#x", "a URI with a fragment can not be used"),
        (b"xmpp:a@b?message;x", "the part behind “?” is not type;name=value;…"),
        (b"mailto:a@b", "this is no xmpp: URI"),
    ],
)
def test_xmpp(uri: bytes, expected: XmppUri | str) -> None:
    assert parse_xmpp(uri) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (b"https://hook.example.net", None),
        (b"HTTPS://Hook.Example.net:8443/a/b?c=d", None),
        (b"http://hook.example.net/", "this is no https: URI"),
        (b"https://user:pass@hook.example.net/", "a URI with a user can not be used"),
        (b"https://hook.example.net/#x", "a URI with a fragment can not be used"),
        (b"https://127.0.0.1/", "it has no proper host name"),
        (b"https://[::1]/", "it has no proper port"),
        (b"https://localhost/", "it has no proper host name"),
        (b"https://2130706433/", "it has no proper host name"),
        (b"https://a.0x7f/", "it has no proper host name"),
        (b"https:///x", "it has no proper host name"),
        (b"https://a..b/", "it has no proper host name"),
        (b"https://hook.example.net:0/", "it has no proper port"),
        (b"https://hook.example.net:99999/", "it has no proper port"),
    ],
)
def test_webhook(uri: bytes, expected: str | None) -> None:
    assert complaint(uri) == expected


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (b"webpush:*", b"*"),
        (b"webpush:my%2Dphone", b"my-phone"),
        (b"webpush:", None),
        (b"webpush:a%20b", None),
        (b"webpush:a?b", None),
        (b"webpush:" + b"x" * 65, None),
    ],
)
def test_webpush(uri: bytes, expected: bytes | None) -> None:
    assert subscription_of(uri) == expected


@pytest.mark.rfc("5435 §3")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('notify "mailto:";', "line 2, column 8: it names no recipient"),
        ('notify :importance "4" "mailto:a@b";', "line 2, column 20: “:importance” is “1”, “2” or “3”"),
        ('notify :options "a" "mailto:a@b";', "line 2, column 17: “:options” are name=value"),
        ('notify :options ["a=b", "=c"] "mailto:a@b";', "line 2, column 17: “:options” are name=value"),
        ('notify ["mailto:a@b"];', "line 2, column 8: “notify” needs a string here"),
    ],
)
def test_errors(script: str, expected: str) -> None:
    assert complaints('require "enotify";\n' + script) == [expected]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('notify :from "x" "mailto:a@b";', "“:from” needs a mail address"),
        ('set "i" "9"; notify :importance "${i}" "mailto:a@b";', "“:importance” is “1”, “2” or “3”"),
        ('set "o" "x"; notify :options "${o}" "mailto:a@b";', "“:options” are name=value"),
        ('notify "tel:1";', "there is no notification method “tel:”"),
        ('notify "mailto:gone@b";', "“mailto:gone@b” can not be notified from here"),
        ('notify :fcc "x" "webpush:*";', "of a “webpush:” notification no copy can be filed"),
        ("".join(f'notify "mailto:a{at}@b";' for at in range(11)), "the script sends more than 10 notifications"),
    ],
)
def test_failures(script: str, expected: str) -> None:
    require = 'require ["enotify", "variables", "fcc"];\n'
    world = World(online={b"mailto:gone@b": None})
    assert actions(require + script, world=world) == [f"failed: {expected}", "implicit keep"]


def test_lines_for_managesieve_are_computed() -> None:
    assert REGISTRY.notify_line() == b"mailto xmpp https webpush"
    listed = REGISTRY.capability_line().split()
    assert len(set(listed)) == len(listed)
    assert {b"fileinto", b"vacation-seconds", b"comparator-i;ascii-numeric", b"enotify"} <= set(listed)
