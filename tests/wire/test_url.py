"""IMAP URLs: parse and format are inverses; anything else is a ``PeerError`` (RFC 5092 §11)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.model.ids import Uid, UidValidity
from verbena.model.part import PartialRange, Section, SectionText
from verbena.model.secret import Secret
from verbena.model.url import Access, ImapUrl, UrlAuth
from verbena.wire.imap.url import MAX_URL_OCTETS, format_url, parse_date_time, parse_url

TOKEN = b"91354a473744909de610943775f92038"


def url(
    host: str | None = None,
    mailbox: str | None = None,
    uid: int | None = None,
    *,
    port: int | None = None,
    user: str | None = None,
    auth: str | None = None,
    uidvalidity: int | None = None,
    section: Section | None = None,
    partial: PartialRange | None = None,
    expires_at: datetime | None = None,
    urlauth: UrlAuth | None = None,
    rump: bytes | None = None,
    search: bytes | None = None,
) -> ImapUrl:
    return ImapUrl(
        host,
        port,
        user,
        auth,
        mailbox,
        None if uidvalidity is None else UidValidity(uidvalidity),
        None if uid is None else Uid(uid),
        section,
        partial,
        expires_at,
        urlauth,
        rump,
        search,
    )


CANONICAL = [
    (b"imap://minbari.example.org", url("minbari.example.org")),
    (b"imap://[::1]:1143", url("[::1]", port=1143)),
    (b"imap://michael@example.org/INBOX", url("example.org", "INBOX", user="michael")),
    (
        b"imap://minbari.example.org/gray-council;UIDVALIDITY=385759045/;UID=20/;PARTIAL=0.1024",
        url("minbari.example.org", "gray-council", 20, uidvalidity=385759045, partial=PartialRange(0, 1024)),
    ),
    (
        b"imap://psicorp.example.org/~peter/%E6%97%A5%E6%9C%AC%E8%AA%9E/%E5%8F%B0%E5%8C%97",
        url("psicorp.example.org", "~peter/日本語/台北"),
    ),
    (
        b"imap://;AUTH=GSSAPI@minbari.example.org/gray-council/;UID=20/;SECTION=1.2",
        url("minbari.example.org", "gray-council", 20, auth="GSSAPI", section=Section((1, 2))),
    ),
    (
        b"imap://;AUTH=*@minbari.example.org/gray%20council?SUBJECT%20shadows",
        url("minbari.example.org", "gray council", auth="*", search=b"SUBJECT shadows"),
    ),
    (
        b"/INBOX;UIDVALIDITY=385759045/;UID=25627/;SECTION=2.MIME",
        url(None, "INBOX", 25627, uidvalidity=385759045, section=Section((2,), SectionText.MIME)),
    ),
    (b"/Drafts/;UID=30", url(None, "Drafts", 30)),
    (b";UID=20/;SECTION=TEXT", url(None, None, 20, section=Section((), SectionText.TEXT))),
    (b"/a%3Bb%3Fc/%2E%2E/d%2F/;UID=1", url(None, "a;b?c/../d/", 1)),
    (
        b"/INBOX/;UID=1/;SECTION=1.HEADER.FIELDS%20(Subject%20X-A)/;PARTIAL=7",
        url(
            None,
            "INBOX",
            1,
            section=Section((1,), SectionText.HEADER_FIELDS, (b"Subject", b"X-A")),
            partial=PartialRange(7, None),
        ),
    ),
]


@pytest.mark.rfc("5092 §11")
@pytest.mark.parametrize(("octets", "value"), CANONICAL)
def test_canonical_forms_both_ways(octets: bytes, value: ImapUrl) -> None:
    assert parse_url(octets) == value
    assert format_url(value) == octets


RUMP = b"imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred"
SIGNED = RUMP + b":internal:" + TOKEN


@pytest.mark.rfc("4467 §7")
def test_a_signed_url_keeps_its_octets() -> None:
    value = url(
        "example.com",
        "INBOX",
        20,
        user="joe",
        section=Section((1, 2)),
        urlauth=UrlAuth(Access("submit", "fred"), "internal", Secret(TOKEN)),
        rump=RUMP,
    )
    assert parse_url(SIGNED) == value
    assert format_url(value) == SIGNED
    assert parse_url(RUMP).rump == RUMP
    assert TOKEN.decode() not in repr(value)


VARIANTS = [
    (
        b"imap://bob.ar@example.org/Sent;UIDVALIDITY=387899045/;uid=45;expire=2005-10-28T23:59:59Z;urlauth=submit+bob.ar",
        45,
        None,
    ),
    (b"imap://bob.ar@example.org/Sent;UIDVALIDITY=387899045/;uid=45/;urlauth=submit+bar:internal:" + TOKEN, 45, None),
    (b"imap://harry@gryffindor.example.com/outbox;uidvalidity=1078863300/;uid=25;urlauth=submit+harry", 25, None),
    (b"/INBOX;UIDVALIDITY=385759045/;UID=25627;Section=2", 25627, Section((2,))),
    (b"/inbox;UIDVALIDITY=385759045;UID=25627;Section=2.mime", 25627, Section((2,), SectionText.MIME)),
    (b"//joe@example.com:/INBOX/;uid=20", 20, None),
]


@pytest.mark.rfc("5550 §8.4")
@pytest.mark.parametrize(("octets", "uid", "section"), VARIANTS)
def test_forms_that_the_examples_write(octets: bytes, uid: int, section: Section | None) -> None:
    value = parse_url(octets)
    assert value.uid == uid
    assert value.section == section


def test_inbox_is_spelled_in_capitals() -> None:
    assert parse_url(b"/inbox/;UID=1").mailbox == "INBOX"


@pytest.mark.rfc("5593 §4")
@pytest.mark.parametrize(
    ("octets", "access"),
    [
        (b"submit+bob%40example.org", Access("submit", "bob@example.org")),
        (b"submit+bob@example.org", Access("submit", "bob@example.org")),
        (b"USER+fred", Access("user", "fred")),
        (b"authuser", Access("authuser", None)),
        (b"Anonymous", Access("anonymous", None)),
        (b"stream", Access("stream", None)),
        (b"exampleapp3+testuser", Access("exampleapp3", "testuser")),
    ],
)
def test_access_identifiers(octets: bytes, access: Access) -> None:
    urlauth = parse_url(b"imap://a@b/c/;UID=1;URLAUTH=" + octets).urlauth
    assert urlauth == UrlAuth(access, None, None)


BAD = [
    b"",
    b"http://example.org/",
    b"INBOX/;UID=1",
    b"imap://",
    b"imap://@host/INBOX",
    b"imap://user:password@host/INBOX",
    b"imap://host:0/",
    b"imap://host:99999/",
    b"imap://host:abc/",
    b"imap://host?x",
    b"imap://host/;UID=1",
    b"/;UID=1",
    b"/%00/;UID=1",
    b"/%C3/;UID=1",
    b"/%2/;UID=1",
    b"/%zz/;UID=1",
    b"/a b/;UID=1",
    b"/\xc3\xa9/;UID=1",
    b"/foo/;UID=20/..",
    b"/foo/;UID=0",
    b"/foo/;UID=-1",
    b"/foo/;UID=4294967296",
    b"/foo/;UID=1/;UID=2",
    b"/foo/;SECTION=1/;UID=2",
    b"/foo/;UID=1/;SECTION=",
    b"/foo/;UID=1/;SECTION=0",
    b"/foo/;UID=1/;SECTION=1.",
    b"/foo/;UID=1/;SECTION=MIME",
    b"/foo/;UID=1/;SECTION=NOSUCH",
    b"/foo/;UID=1/;SECTION=HEADER.FIELDS",
    b"/foo/;UID=1/;SECTION=HEADER.FIELDS%20()",
    b"/foo/;UID=1/;SECTION=HEADER.FIELDS%20(a%0D%0Ab)",
    b"/foo/;UID=1/;SECTION=HEADER%20(a)",
    b"/foo/;UID=1/;PARTIAL=5.0",
    b"/foo/;UID=1/;PARTIAL=.5",
    b"/foo/;UID=1;EXPIRE=2005-10-28T23:59:59Z",
    b"/foo;URLAUTH=anonymous",
    b"/foo;NOSUCH=1/;UID=1",
    b"/foo/;UID=1?x",
    b"/foo?",
    b"/foo/;UID=1;URLAUTH=submit+",
    b"/foo/;UID=1;URLAUTH=an-on",
    b"/foo/;UID=1;URLAUTH=anonymous:internal",
    b"/foo/;UID=1;URLAUTH=anonymous:internal:abc",
    b"/foo/;UID=1;URLAUTH=anonymous::" + TOKEN,
    b"/foo/;UID=1;URLAUTH=anonymous:internal:" + TOKEN + b"zz",
    b"/foo/;UID=1;URLAUTH=anonymous;UID=2",
    b"/foo/;UID=1;EXPIRE=2005-13-28T23:59:59Z;URLAUTH=anonymous",
    b"/foo/;UID=1;EXPIRE=2005-10-28 23:59:59Z;URLAUTH=anonymous",
    b"/foo/;UID=1;EXPIRE=2005-10-28T23:59:59;URLAUTH=anonymous",
    b"/" + b"a" * MAX_URL_OCTETS,
]


@pytest.mark.rfc("5092 §11")
@pytest.mark.parametrize("octets", BAD)
def test_bad_urls_are_refused(octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse_url(octets)


@pytest.mark.rfc("3339 §5.6")
@pytest.mark.parametrize(
    ("octets", "moment"),
    [
        (b"2005-10-28T23:59:59Z", datetime(2005, 10, 28, 23, 59, 59, tzinfo=UTC)),
        (b"1985-04-12t23:20:50.52z", datetime(1985, 4, 12, 23, 20, 50, 520000, tzinfo=UTC)),
        (b"1996-12-19T16:39:57-08:00", datetime(1996, 12, 20, 0, 39, 57, tzinfo=UTC)),
        (b"1990-12-31T23:59:60Z", datetime(1990, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (b"2024-01-01T00:00:00+23:59", datetime(2023, 12, 31, 0, 1, tzinfo=UTC)),
    ],
)
def test_dates(octets: bytes, moment: datetime) -> None:
    assert parse_date_time(octets) == moment


@pytest.mark.parametrize("octets", [b"0001-01-01T00:00:00+23:59", b"2024-01-01T00:00:00+2:00", b"x" * 20])
def test_bad_dates(octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse_date_time(octets)


def test_quoted_field_names_and_depth() -> None:
    section = parse_url(b"/a/;UID=1/;SECTION=header.fields.not%20(%22To%22%20Cc)").section
    assert section == Section((), SectionText.HEADER_FIELDS_NOT, (b"To", b"Cc"))
    with pytest.raises(PeerError):
        parse_url(b"/a/;UID=1/;SECTION=" + b".".join([b"1"] * 102))


sections = st.builds(
    Section,
    st.lists(st.integers(1, 99), min_size=1, max_size=5).map(tuple),
    st.sampled_from([SectionText.ALL, SectionText.HEADER, SectionText.TEXT, SectionText.MIME]),
)
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
mailboxes = names.filter(lambda name: "INBOX" not in name.upper())
moments = st.datetimes(datetime(1900, 1, 1), datetime(9000, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))
urls = st.builds(
    url,
    st.just("mail.example.org"),
    mailboxes,
    st.integers(1, 0xFFFFFFFF),
    user=names,
    port=st.none() | st.integers(1, 65535),
    uidvalidity=st.none() | st.integers(1, 0xFFFFFFFF),
    section=st.none() | sections,
    partial=st.none() | st.builds(PartialRange, st.integers(0, 2**60), st.none() | st.integers(1, 2**60)),
    expires_at=moments,
    urlauth=st.builds(UrlAuth, st.builds(Access, st.just("user"), names), st.just("INTERNAL"), st.just(Secret(TOKEN))),
)


@settings(max_examples=200, deadline=None)
@given(urls)
def test_format_then_parse_is_the_identity(value: ImapUrl) -> None:
    octets = format_url(value)
    parsed = parse_url(octets)
    assert format_url(parsed) == octets
    assert replace(parsed, rump=None) == value


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from([b"imap://", b"/", b";UID=", b"1", b";SECTION=", b"%", b"a", b"?", b";URLAUTH=", b":", b"@"]),
        max_size=20,
    ).map(b"".join)
)
def test_any_octets_give_a_url_or_a_peer_error(octets: bytes) -> None:
    try:
        value = parse_url(octets)
    except PeerError:
        return
    again = parse_url(format_url(value))
    assert format_url(again) == format_url(value)
