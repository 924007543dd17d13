"""Paths, parameters, arguments and replies: parse and format are inverses; any octets give a value or PeerError."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.wire.smtp.auth import parse_auth, parse_auth_parameter, parse_auth_response
from verbena.wire.smtp.burl import format_burl, parse_burl
from verbena.wire.smtp.chunking import format_bdat, parse_bdat
from verbena.wire.smtp.command import format_mail, format_rcpt, format_verb, parse_mail, parse_rcpt, parse_verb
from verbena.wire.smtp.dsn import (
    format_notify,
    format_orcpt,
    format_xtext,
    original_recipient,
    parse_envid,
    parse_notify,
    parse_orcpt,
    parse_ret,
    parse_xtext,
)
from verbena.wire.smtp.eightbitmime import Body, format_body, parse_body
from verbena.wire.smtp.parameter import format_parameters, parse_parameters
from verbena.wire.smtp.path import (
    Mailbox,
    format_mailbox,
    format_path,
    parse_domain,
    parse_forward_path,
    parse_mailbox,
    parse_reverse_path,
)
from verbena.wire.smtp.reply import Reply, format_reply, is_last_reply_line, parse_reply, reply
from verbena.wire.smtp.size import format_size, parse_size
from verbena.wire.smtp.smtputf8 import parse_smtputf8

PATHS = [
    (b"<a@b>", Mailbox("a", "b")),
    (b"<a.b+c@example.org>", Mailbox("a.b+c", "example.org")),
    (b'<"a b"@example.org>', Mailbox("a b", "example.org")),
    (b'<"a\\"\\\\b"@example.org>', Mailbox('a"\\b', "example.org")),
    (b"<a@[192.0.2.1]>", Mailbox("a", "[192.0.2.1]")),
    (b"<a@[IPv6:2001:db8::1]>", Mailbox("a", "[IPv6:2001:db8::1]")),
    ("<ü@bücher.example>".encode(), Mailbox("ü", "bücher.example")),
    (b"<a..b@x_y.example>", Mailbox("a..b", "x_y.example")),
]


@pytest.mark.rfc("5321 §4.1.2")
@pytest.mark.parametrize(("octets", "mailbox"), PATHS)
def test_paths(octets: bytes, mailbox: Mailbox) -> None:
    assert parse_reverse_path(octets + b" SIZE=1") == (mailbox, b" SIZE=1")
    assert parse_forward_path(octets) == (mailbox, b"")
    assert format_path(mailbox) == octets
    assert parse_mailbox(format_mailbox(mailbox)) == mailbox


@pytest.mark.rfc("5321 §4.1.1.3")
def test_special_paths() -> None:
    assert parse_reverse_path(b"<>") == (None, b"")
    assert parse_forward_path(b"<Postmaster> X") == (Mailbox("Postmaster", ""), b" X")
    assert parse_reverse_path(b"<@a,@b.example:c@d>") == (Mailbox("c", "d"), b"")
    assert format_path(None) == b"<>"
    assert format_path(Mailbox("Postmaster", "")) == b"<Postmaster>"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"a@b",
        b"<a@b",
        b"<a>",
        b"<@b>",
        b"<a@>",
        b"<a@b.>",
        b"<a@.b>",
        b"<a@-b>",
        b"<a@b-.c>",
        b"<a b@c>",
        b'<"a@b>',
        b'<"a\x01"@b>',
        b"<a@[1.2.3.4>",
        b"<a@[]>",
        b"<a@b@c>",
        b"<a@b\xff>",
        b"<@a c@d>",
        b"<a,b@c>",
        b"<" + b"a" * 300 + b"@b>",
        b"<a@" + b"b." * 200 + b"c>",
    ],
)
def test_bad_paths(octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse_forward_path(octets)


@pytest.mark.parametrize(
    ("octets", "values"),
    [
        (b"", ()),
        (b" SIZE=100 BODY=8BITMIME", (("SIZE", b"100"), ("BODY", b"8BITMIME"))),
        (b" SMTPUTF8", (("SMTPUTF8", None),)),
        (b" AUTH=<>", (("AUTH", b"<>"),)),
        (b" ORCPT=rfc822;a+2Bb@c", (("ORCPT", b"rfc822;a+2Bb@c"),)),
    ],
)
def test_parameters(octets: bytes, values: tuple[tuple[str, bytes | None], ...]) -> None:
    assert parse_parameters(octets) == values
    assert format_parameters(values) == octets


@pytest.mark.parametrize("octets", [b"X", b" =1", b" A=", b" A=1=2", b" A=1 A=2", b" A_B", b" A=\x01", b" A" * 33])
def test_bad_parameters(octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse_parameters(octets)


def test_commands() -> None:
    assert parse_verb(b"mail FROM:<> ") == ("MAIL", b"FROM:<>")
    assert parse_verb(b"QUIT") == ("QUIT", b"")
    assert format_verb("MAIL", b"FROM:<>") == b"MAIL FROM:<>\r\n"
    assert parse_mail(b"from: <a@b> BODY=7BIT") == (Mailbox("a", "b"), (("BODY", b"7BIT"),))
    assert format_mail(None, (("RET", b"HDRS"),)) == b"FROM:<> RET=HDRS"
    assert format_rcpt(Mailbox("a", "b"), ()) == b"TO:<a@b>"
    assert parse_rcpt(b"TO:<a@b>") == (Mailbox("a", "b"), ())
    for octets in (b"", b"\xff\xfe", b"1234", b"A" * 30):
        with pytest.raises(PeerError):
            parse_verb(octets)
    with pytest.raises(PeerError):
        parse_mail(b"TO:<a@b>")


@pytest.mark.rfc("3030 §2")
def test_bdat() -> None:
    for octets, value in ((b"86 LAST", (86, True)), (b"0", (0, False))):
        assert parse_bdat(octets) == value
        assert format_bdat(*value) == octets
    for bad in (b"", b"x", b"-1", b"1 2", b"1 LAST x", b"9" * 13):
        with pytest.raises(PeerError) as caught:
            parse_bdat(bad)
        assert caught.value.fatal


@pytest.mark.rfc("4468 §3.5")
def test_burl() -> None:
    for octets, value in ((b"imap://a/b LAST", (b"imap://a/b", True)), (b"imap://a/b", (b"imap://a/b", False))):
        assert parse_burl(octets) == value
        assert format_burl(*value) == octets
    assert parse_burl(b"imap://a/b last") == (b"imap://a/b", True)
    for bad in (b"", b"imap://a b", b"imap://a LAST x", b"imap://\xff", b"i" * 9000):
        with pytest.raises(PeerError):
            parse_burl(bad)


@pytest.mark.rfc("3461 §4")
def test_dsn() -> None:
    assert parse_xtext(b"a+2Bb+3D") == b"a+b="
    assert format_xtext(b"a+b=\xc3") == b"a+2Bb+3D+C3"
    assert parse_notify(b"delay,SUCCESS") == ("SUCCESS", "DELAY")
    assert format_notify(("SUCCESS", "DELAY")) == b"SUCCESS,DELAY"
    assert parse_notify(b"NEVER") == ("NEVER",)
    assert parse_orcpt(b"rfc822;a+2Bb@c") == b"rfc822;a+2Bb@c"
    assert original_recipient(b"rfc822;a+2Bb@c") == (b"rfc822", b"a+b@c")
    assert parse_ret(b"hdrs") == "HDRS"
    assert parse_envid(b"QQ314159") == b"QQ314159"
    bad: list[tuple[Callable[[bytes], object], bytes]] = [
        (parse_xtext, b"+2b"),
        (parse_xtext, b"+2"),
        (parse_xtext, b"a=b"),
        (parse_notify, b"NEVER,SUCCESS"),
        (parse_notify, b""),
        (parse_notify, b"OFTEN"),
        (parse_orcpt, b"rfc822"),
        (parse_orcpt, b"rfc822;a+0D+0Ab"),
        (parse_orcpt, b"rfc822;a+FFb"),
        (parse_orcpt, b";a"),
        (parse_orcpt, b"rfc822;" + b"a" * 500),
        (parse_ret, b"ALL"),
        (parse_envid, b"a" * 101),
        (parse_envid, b"+0A"),
    ]
    for parse, octets in bad:
        with pytest.raises(PeerError):
            parse(octets)


@pytest.mark.rfc("4954 §4")
def test_auth() -> None:
    mechanism, initial = parse_auth(b"plain AGEAYg==")
    assert (mechanism, initial.reveal() if initial else None) == ("PLAIN", b"\0a\0b")
    assert parse_auth(b"SCRAM-SHA-256") == ("SCRAM-SHA-256", None)
    empty = parse_auth(b"EXTERNAL =")[1]
    assert empty is not None
    assert empty.reveal() == b""
    assert parse_auth_response(b"*") is None
    assert parse_auth_parameter(b"e+3Dmc2@example.com") == Mailbox("e=mc2", "example.com")
    assert parse_auth_parameter(b"<>") is None
    for bad in (b"", b"PLAIN =AAA", b"PLAIN AAA=BBB=", b"PLAIN A*==", b"PLAIN AA==\x00", b"PL(IN", b"PLAIN a b"):
        with pytest.raises(PeerError):
            parse_auth(bad)


def test_small_values() -> None:
    assert parse_size(b"1000") == 1000
    assert format_size(1000) == b"1000"
    assert parse_body(b"binarymime") is Body.BINARY
    assert parse_body(b"BINARY") is Body.BINARY
    assert format_body(Body.EIGHT_BIT) == b"8BITMIME"
    assert parse_smtputf8(None)
    for parse, octets in (
        (parse_size, b"x"),
        (parse_size, b"1" * 21),
        (parse_size, None),
        (parse_body, b"9BIT"),
        (parse_body, None),
        (parse_smtputf8, b"1"),
    ):
        with pytest.raises(PeerError):
            parse(octets)
    assert parse_domain(b"[192.0.2.1]") == "[192.0.2.1]"


@pytest.mark.rfc("2034 §4")
@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"250 2.1.0 Sender ok\r\n", Reply(250, "2.1.0", (b"Sender ok",))),
        (b"250-a\r\n250-SIZE 1\r\n250 DSN\r\n", Reply(250, "", (b"a", b"SIZE 1", b"DSN"))),
        (b"550-5.7.1 a\r\n550 5.7.1 b\r\n", Reply(550, "5.7.1", (b"a", b"b"))),
        (b"334 \r\n", Reply(334, "", (b"",))),
        (b"354 Go\r\n", Reply(354, "", (b"Go",))),
    ],
)
def test_replies(octets: bytes, value: Reply) -> None:
    assert format_reply(value) == octets
    assert parse_reply(octets.split(b"\r\n")[:-1]) == value


def test_a_reply_can_not_be_broken() -> None:
    assert format_reply(reply(550, "5.1.1", "no\r\n250 ok ü")) == b"550 5.1.1 no??250 ok ?\r\n"


@pytest.mark.parametrize("lines", [[], [b"25"], [b"abc"], [b"650 x"], [b"250x"], [b"250-a", b"251 b"], [b"250-a"]])
def test_bad_replies(lines: list[bytes]) -> None:
    with pytest.raises(PeerError):
        parse_reply(lines)


PARSERS: list[Callable[[bytes], object]] = [
    parse_verb,
    parse_mail,
    parse_rcpt,
    parse_reverse_path,
    parse_forward_path,
    parse_mailbox,
    parse_domain,
    parse_parameters,
    parse_bdat,
    parse_burl,
    parse_auth,
    parse_auth_response,
    parse_auth_parameter,
    parse_xtext,
    parse_notify,
    parse_orcpt,
    parse_envid,
    parse_ret,
    parse_body,
    parse_size,
    is_last_reply_line,
    lambda octets: parse_reply(octets.split(b"\n")),
]


@given(
    st.one_of(
        st.binary(max_size=60),
        st.lists(st.sampled_from(list(b'<>@"\\.:,;=+[] aA1\xc3\xbc')).map(chr), max_size=40).map(
            lambda words: "".join(words).encode("latin-1")
        ),
    )
)
@settings(max_examples=200)
def test_any_octets(octets: bytes) -> None:
    for parse in PARSERS:
        try:
            parse(octets)
        except PeerError:
            pass


@given(st.text(min_size=1, max_size=30), st.sampled_from(["example.org", "[192.0.2.1]", "bücher.example"]))
@settings(max_examples=200)
def test_any_local_part_survives(local_part: str, domain: str) -> None:
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in local_part):
        return
    mailbox = Mailbox(local_part, domain)
    assert parse_mailbox(format_mailbox(mailbox)) == mailbox


@pytest.mark.rfc("6533 §3")
@pytest.mark.parametrize(
    ("address", "orcpt"),
    [
        ("a+b=c@example.org", b"rfc822;a+2Bb+3Dc@example.org"),
        ('"a b"@example.org', b'rfc822;"a+20b"@example.org'),
        ("ü+1@example.org", b"utf-8;\\x{FC}\\x{2B}1@example.org"),
        ("\U0001f600@example.org", b"utf-8;\\x{1F600}@example.org"),
    ],
)
def test_an_address_as_orcpt(address: str, orcpt: bytes) -> None:
    assert format_orcpt(address) == orcpt
    assert parse_orcpt(orcpt) == orcpt
    assert original_recipient(orcpt)[1] == address.encode()


@pytest.mark.rfc("6533 §3")
@pytest.mark.parametrize(
    "text", [b"\\x{}", b"\\x{110000}", b"\\x{D800}", b"\\x{fc}", b"\\x{FC", b"\\y", b"\\x{FC}\\x{Z}"]
)
def test_what_is_no_embedded_character_stays(text: bytes) -> None:
    assert original_recipient(b"utf-8;" + text) == (b"utf-8", text)
