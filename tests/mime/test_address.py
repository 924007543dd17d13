"""Address lists, good and bad."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.mime.address import MAX_ADDRESSES, _Parser, parse_addresses
from verbena.mime.envelope import parse_envelope

Row = tuple[bytes | None, bytes | None, bytes | None, bytes | None]
END: Row = (None, None, None, None)

LISTS: list[tuple[bytes, list[Row]]] = [
    (b"", []),
    (b" , ,\r\n ", []),
    (b"a@b", [(None, None, b"a", b"b")]),
    (b"a@b, c@d", [(None, None, b"a", b"b"), (None, None, b"c", b"d")]),
    (b"John Doe <jdoe@machine.example>", [(b"John Doe", None, b"jdoe", b"machine.example")]),
    (b'"Joe Q. Public" <john.q.public@example.com>', [(b"Joe Q. Public", None, b"john.q.public", b"example.com")]),
    (
        b'"Giant; \\"Big\\" Box" <sysservices@example.net>',
        [(b'Giant; "Big" Box', None, b"sysservices", b"example.net")],
    ),
    (
        b"A Group:Ed Jones <joe@where.test>,John <jdoe@one.test>;",
        [
            (None, None, b"A Group", None),
            (b"Ed Jones", None, b"joe", b"where.test"),
            (b"John", None, b"jdoe", b"one.test"),
            END,
        ],
    ),
    (b"Undisclosed recipients:;", [(None, None, b"Undisclosed recipients", None), END]),
    (b"Undisclosed recipients:", [(None, None, b"Undisclosed recipients", None), END]),
    (b"g:a@b;, c@d", [(None, None, b"g", None), (None, None, b"a", b"b"), END, (None, None, b"c", b"d")]),
    # RFC 5322 Appendix A.5 and A.6.
    (
        b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
        [(b"Pete", None, b"pete", b"silly.test")],
    ),
    (
        b"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
        b"         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
        [
            (None, None, b"A Group", None),
            (b"Chris Jones", None, b"c", b"public.example"),
            (None, None, b"joe", b"example.org"),
            (b"John", None, b"jdoe", b"one.test"),
            END,
        ],
    ),
    (
        b"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
        [(b"Mary Smith", b"@node.test", b"mary", b"example.net"), (None, None, b"jdoe", b"test.example")],
    ),
    (b"<@a.x,@b.y:c@d>", [(None, b"@a.x,@b.y", b"c", b"d")]),
    (b"Joe Q. Public <john@example.com>", [(b"Joe Q. Public", None, b"john", b"example.com")]),
    (b"a@b (The Name)", [(b"The Name", None, b"a", b"b")]),
    (b'"john doe"@x.y', [(None, None, b"john doe", b"x.y")]),
    (b'<"a\\\\b@c"@x.y>', [(None, None, b"a\\b@c", b"x.y")]),
    (b"a@[192.0.2.1]", [(None, None, b"a", b"[192.0.2.1]")]),
    (b"n <a@[IPv6:2001:db8::1]>", [(b"n", None, b"a", b"[IPv6:2001:db8::1]")]),
    (b"=?utf-8?Q?a=2C?= <a@b>", [(b"=?utf-8?Q?a=2C?=", None, b"a", b"b")]),
    (b"J\xc3\xb6rg <j\xc3\xb6rg@d\xc3\xb6.example>", [(b"J\xc3\xb6rg", None, b"j\xc3\xb6rg", b"d\xc3\xb6.example")]),
    (b'"J\xc3\xb6rg" <j@b>', [(b"J\xc3\xb6rg", None, b"j", b"b")]),
    # Damage.
    (b"root", [(None, None, b"root", b"")]),
    (b"Mailer Daemon <>", [(b"Mailer Daemon", None, b"", b"")]),
    (b"Mailer <daemon>", [(b"Mailer", None, b"daemon", b"")]),
    (b"a@b@c", [(None, None, b"a", b"b")]),
    (b"joe@x.com <joe@x.com>", [(b"joe@x.com", None, b"joe", b"x.com")]),
    (b'joe@x.com <joe@x.com>, "x" <y@z>', [(b"joe@x.com", None, b"joe", b"x.com"), (b"x", None, b"y", b"z")]),
    (b"Joe Blow joe@x.com", [(b"Joe Blow", None, b"joe", b"x.com")]),
    (b"<a@b", [(None, None, b"a", b"b")]),
    (b'"open <a@b>', [(None, None, b"open <a@b>", b"")]),
    (b"(only a comment)", []),
    (b"a@b; c@d", [(None, None, b"a", b"b"), (None, None, b"c", b"d")]),
    (b"@", [(None, None, b"", b"")]),
]


def rows(value: bytes) -> list[Row]:
    return [(a.name, a.route, a.mailbox, a.host) for a in parse_addresses(value)]


@pytest.mark.rfc("5322 §3.4")
@pytest.mark.parametrize(("value", "wanted"), LISTS)
def test_addresses(value: bytes, wanted: list[Row]) -> None:
    assert rows(value) == wanted


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='ab.@<>,:;"\\()[] \t\n', max_size=60).map(lambda text: text.encode()) | st.binary(max_size=60))
def test_any_octets(value: bytes) -> None:
    parse_addresses(value)


WORD = st.text(alphabet="abc.-=?", min_size=1, max_size=5).map(lambda text: text.encode())
PLAIN = st.tuples(st.lists(WORD, max_size=2), WORD, WORD, st.booleans())


@settings(max_examples=100, deadline=None)
@given(st.lists(PLAIN, max_size=4))
def test_quick_way_agrees(addresses: list[tuple[list[bytes], bytes, bytes, bool]]) -> None:
    """Plain lists are cut at commas; the full parser sees the same in them."""
    pieces: list[bytes] = []
    for names, local, host, brackets in addresses:
        pieces.append(b" ".join([*names, b"<%b@%b>" % (local, host)]) if brackets else b"%b@%b" % (local, host))
    value = b", ".join(pieces)
    assert parse_addresses(value) == _Parser(value).parse()


@pytest.mark.rfc("3501 §7.4.2")
def test_envelope_defaults() -> None:
    envelope = parse_envelope(
        b"From: a@b\r\nReply-To: \r\nTo: c@d\r\nTo: e@f\r\nDate: \r\nSubject: x\r\nSubject: y\r\n\r\n"
    )
    assert envelope.sender == envelope.from_ == envelope.reply_to
    assert [address.mailbox for address in envelope.to] == [b"c", b"e"]
    assert (envelope.date, envelope.subject, envelope.message_id) == (b"", b"x", None)


def test_the_addresses_of_a_message_are_bounded() -> None:
    header = b"To: a@b\r\n" * (MAX_ADDRESSES + 5) + b"Cc: " + b"c@d," * 9 + b"\r\nCc: e@f\r\n\r\n"
    envelope = parse_envelope(header)
    assert len(envelope.to) == MAX_ADDRESSES
    assert [address.mailbox for address in envelope.cc] == [b"c"] * 9 + [b"e"]
