"""Sieve URLs: read and written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.wire.managesieve.url import SieveUrl, format_url, parse_url

TABLE = [
    (b"sieve://example.com", SieveUrl("example.com")),
    (b"sieve://example.com:4190", SieveUrl("example.com", 4190)),
    (b"sieve://b%C3%B6b@example.com/script", SieveUrl("example.com", None, "böb", None, "script")),
    (b"sieve://example.com//script", SieveUrl("example.com", None, None, "", "script")),
    (
        b"sieve://example.com/owner@example.org/a%20b%2Fc",
        SieveUrl("example.com", None, None, "owner@example.org", "a b/c"),
    ),
    (b"sieve://[2001:db8::1]:4190/x", SieveUrl("2001:db8::1", 4190, None, None, "x")),
    (b"sieve://a/%26%3D%3B%3F!$'()*+,:@", SieveUrl("a", None, None, None, "&=;?!$'()*+,:@")),
]


@pytest.mark.rfc("5804 §3")
@pytest.mark.parametrize(("octets", "url"), TABLE, ids=lambda value: repr(value)[:30])
def test_urls(octets: bytes, url: SieveUrl) -> None:
    assert parse_url(octets) == url
    assert format_url(url) == octets


def test_other_ways_to_write_them() -> None:
    assert parse_url(b"SIEVE://example.com/") == SieveUrl("example.com")
    assert parse_url(b"sieve://example.com:/") == SieveUrl("example.com")
    assert parse_url(b"sieve://a/%6dain") == SieveUrl("a", None, None, None, "main")


@pytest.mark.parametrize(
    "octets",
    [
        b"imap://example.com",
        b"sieve:example.com",
        b"sieve://",
        b"sieve:///script",
        b"sieve://a:0",
        b"sieve://a:65536",
        b"sieve://a:x",
        b"sieve://[a",
        b"sieve://[g::1]",
        b"sieve://[::1]x",
        b"sieve://a/owner/",
        b"sieve://a/b/c/d",
        b"sieve://a/b;c",
        b"sieve://a/b&c",
        b"sieve://a/b?c",
        b"sieve://a/b c",
        b"sieve://a/%zz",
        b"sieve://a/%ff",
        b"sieve://a/%00",
        b"sieve://a/\xc3\xa4",
        b"sieve://a/" + b"b" * 5000,
    ],
)
def test_what_is_no_sieve_url(octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse_url(octets)


NAMES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(NAMES, st.none() | NAMES | st.just(""), st.none() | NAMES, st.none() | st.integers(1, 65535))
@settings(max_examples=200, deadline=None)
def test_a_url_is_read_as_it_was_written(script: str, owner: str | None, user: str | None, port: int | None) -> None:
    url = SieveUrl("mail.example.org", port, user, owner, script)
    assert parse_url(format_url(url)) == url


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_octets(octets: bytes) -> None:
    try:
        parse_url(b"sieve://" + octets)
    except PeerError:
        pass
