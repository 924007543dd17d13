"""External lists: RFC 6134's examples, and names in all their forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.script import World, actions, complaints, outcome
from support.sieve import holds
from verbena.sieve.action import Redirect
from verbena.sieve.listname import list_name
from verbena.sieve.run import Envelope

BOOK = b"urn:ietf:params:sieve:addrbook:default"
MINE = b"tag:example.com,2010-05-28:mylist"
SPAM = {b"vnd.verbena.spamtest": b"X-Spam-Score score max=10"}


@pytest.mark.rfc("6134 §2.5")
@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b":addrbook:default", BOOK),
        (b":ADDRBOOK:DEFAULT", BOOK),
        (b":aDdRbOOk:DeFauLt", BOOK),
        (b":AddrBook:%44%65%66ault", BOOK),
        (BOOK, BOOK),
        (b":addrbook:Personal", b"urn:ietf:params:sieve:addrbook:Personal"),
        (MINE, MINE),
        (b"TAG:Example,2010:X", b"tag:Example,2010:X"),
        (b"", None),
        (b"mylist", None),
        (b"tag:", None),
        (b"1tag:x", None),
        (b"tag:a b", None),
        (b"tag:" + b"x" * 2000, None),
    ],
)
def test_names(written: bytes, name: bytes | None) -> None:
    assert list_name(written) == name


@given(st.binary(max_size=60))
def test_any_name(written: bytes) -> None:
    name = list_name(written)
    assert name is None or list_name(name) == name


KNOWN = """require ["envelope", "extlists", "fileinto", "spamtest",
                "relational", "comparator-i;ascii-numeric"];
       if envelope :list "from" ":addrbook:default"
         { /* Known: allow high spam score */
           if spamtest :value "ge" :comparator "i;ascii-numeric" "8"
             {
               fileinto "spam";
             }
         }
       elsif spamtest :value "ge" :comparator "i;ascii-numeric" "3"
         { /* Unknown: less tolerance in spam score */
           fileinto "spam";
         }"""
KNOWN_BY_VARIABLE = """require ["envelope", "extlists", "fileinto", "spamtest",
           "variables", "relational", "comparator-i;ascii-numeric"];
       if envelope :list "from" ":addrbook:default" {
         set "lim" "8";  /* Known: allow high spam score */
       } else {
         set "lim" "3";  /* Unknown: less tolerance in spam score */
       }
       if spamtest :value "ge" :comparator "i;ascii-numeric" "${lim}" {
         fileinto "spam";
       }"""


@pytest.mark.rfc("6134 §2.9.1")
@pytest.mark.parametrize("script", [KNOWN, KNOWN_BY_VARIABLE])
@pytest.mark.parametrize(
    ("sender", "score", "does"),
    [
        (b"friend@example.org", "5.0", "implicit keep"),
        (b"friend@example.org", "9.0", "fileinto spam"),
        (b"stranger@example.org", "5.0", "fileinto spam"),
        (b"stranger@example.org", "1.0", "implicit keep"),
    ],
)
def test_example_1(script: str, sender: bytes, score: str, does: str) -> None:
    world = World(items=SPAM, lists={BOOK: frozenset((b"friend@example.org",))})
    message = f"X-Spam-Score: {score}\n\n"
    assert actions(script, message, Envelope(sender, b"a@b"), world) == [does]


@pytest.mark.rfc("6134 §2.9.2")
@pytest.mark.parametrize(("day", "told"), [(b"2026-03-01", 1), (b"2026-12-25", 0)])
def test_example_2(day: bytes, told: int) -> None:
    script = """require ["extlists", "date", "enotify"];
       if currentdate :list "date" "tag:example.com,2011-01-01:localHolidays" {
          notify "xmpp:romeo@im.example.com";
       }"""
    world = World(lists={b"tag:example.com,2011-01-01:localHolidays": frozenset((day,))})
    assert len([each for each in actions(script, world=world) if each.startswith("notify")]) == told


MAILING_LIST = """require ["extlists", "envelope", "subaddress"];
       # Submission from list members is sent to all members
       if allof (envelope :detail "to" "mylist",
                 header :list "from"
                        "tag:example.com,2010-05-28:mylist") {
           redirect :list "tag:example.com,2010-05-28:mylist";
       }"""


@pytest.mark.rfc("6134 §2.9.3")
def test_example_3() -> None:
    world = World(lists={MINE: frozenset((b"member@example.com",))})
    envelope = Envelope(b"a@b", b"alexey+mylist@example.com")
    result = outcome(MAILING_LIST, "From: member@example.com\n\n", envelope, world)
    (action,) = result.actions
    assert isinstance(action, Redirect)
    assert (action.address, action.list_name) == (b"", MINE)
    assert actions(MAILING_LIST, "From: other@example.com\n\n", envelope, world) == ["implicit keep"]


@pytest.mark.rfc("6134 §2.9.4")
@pytest.mark.parametrize(("address", "does"), [("192.0.2.7", "reject"), ("192.0.2.8", "implicit keep")])
def test_example_4(address: str, does: str) -> None:
    script = """require ["variables", "extlists", "index", "reject"];
       if header :index 1 :matches "received" "*(* [*.*.*.*])*" {
         set "ip" "${3}.${4}.${5}.${6}";
         if string :list "${ip}"
             "tag:example.com,2011-04-10:DisallowedIPs" {
           reject "Message not allowed from this IP address";
         }
       }"""
    world = World(lists={b"tag:example.com,2011-04-10:DisallowedIPs": frozenset((b"192.0.2.7",))})
    message = f"Received: from x (x.example [{address}]) by y; now\n\n"
    assert actions(script, message, world=world)[0].startswith(does)


@pytest.mark.rfc("6134 §2.9.5")
def test_example_5() -> None:
    script = """require [ "extlists", "foreverypart", "mime", "enclose" ];
       foreverypart
       {
         if header :mime :param "filename"
            :list ["Content-Type", "Content-Disposition"]
              "tag:example.com,2011-04-10:BadFileNameExts"
         {
           enclose :subject "Warning" text:
WARNING! The enclosed message has attachments that might be unsafe.
.
    ;
           break;
         }
       }"""
    world = World(lists={b"tag:example.com,2011-04-10:BadFileNameExts": frozenset((b"a.exe",))})
    bad = 'Content-Disposition: attachment; filename="a.exe"\n\nx\n'
    edition = outcome(script, bad, world=world).editions[0]
    assert edition is not None
    assert b"\r\nSubject: Warning\r\n" in edition.header
    assert outcome(script, bad.replace("exe", "txt"), world=world).editions == (None,)


@pytest.mark.rfc("6134 §2.2")
def test_matched_value_is_a_variable() -> None:
    script = """require ["extlists", "variables", "fileinto"];
        if address :list ["from", "to"] ":addrbook:default" { fileinto "${0}"; }"""
    world = World(lists={BOOK: frozenset((b"c@d.example",))})
    assert actions(script, "From: a@b.example\nTo: x@y.example, c@d.example\n\n", world=world) == [
        "fileinto c@d.example"
    ]


@pytest.mark.rfc("6134 §2.2")
@pytest.mark.parametrize(
    "test",
    [
        'header :list :comparator "i;octet" "a" ":addrbook:default"',
        'header :list :is "a" ":addrbook:default"',
        'header :list "a" "no uri"',
        'body :list ":addrbook:default"',
    ],
)
def test_refused(test: str) -> None:
    assert complaints(f'require ["extlists", "body"]; if {test} {{ keep; }}')


@pytest.mark.rfc("6134 §2.3")
def test_missing_lists_fail() -> None:
    header = 'require "extlists"; if header :list "from" "tag:x:y" { keep; }'
    assert actions(header, "From: a@b\n\n")[0] == "failed: there is no list “tag:x:y”"
    assert actions('require "extlists"; redirect :list "tag:x:y";')[0] == "failed: there is no list “tag:x:y”"


@pytest.mark.rfc("6134 §2.7")
def test_valid_ext_list() -> None:
    world = World(lists={BOOK: frozenset()})
    assert holds('valid_ext_list ":ADDRBOOK:default"', "\n", world, '"extlists"')
    assert not holds('valid_ext_list [":addrbook:default", "tag:x:y"]', "\n", world, '"extlists"')
    assert not holds('valid_ext_list "what"', "\n", world, '"extlists"')
