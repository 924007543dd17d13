"""Extended regular expressions: a table, agreement with another engine, and no pattern that takes long."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.sieve.ere import Ere
from verbena.sieve.ereparse import PatternError

MATCHES = [
    (rb"abc", b"xabcx", [b"abc"]),
    (rb"abc", b"ab", None),
    (rb"^a", b"ba", None),
    (rb"a$", b"ba", [b"a"]),
    (rb"^$", b"", [b""]),
    (rb"a|ab", b"xab", [b"ab"]),
    (rb"(a|ab)(c|bcd)(d*)", b"abcd", [b"abcd", b"a", b"bcd", b""]),
    (rb"(a*)(b?)", b"aab", [b"aab", b"aa", b"b"]),
    (rb"(a*)*", b"aa", [b"aa", b"aa"]),
    (rb"(.*)*", b"aa", [b"aa", b"aa"]),
    (rb"x*", b"aaa", [b""]),
    (rb"a{2}", b"aaa", [b"aa"]),
    (rb"a{2,}", b"aaaa", [b"aaaa"]),
    (rb"a{1,2}b", b"aaab", [b"aab"]),
    (rb"(ab){2,3}", b"abababab", [b"ababab", b"ab"]),
    (rb"[a-c]+", b"xxabcd", [b"abc"]),
    (rb"[]a]+", b"x]a]", [b"]a]"]),
    (rb"[^]a]+", b"]xyz", [b"xyz"]),
    (rb"[a-]+", b"b-a-", [b"-a-"]),
    (rb"[[:digit:]]+", b"ab123", [b"123"]),
    (rb"^[^[:lower:]]+$", b"BUY NOW", [b"BUY NOW"]),
    (rb"^[^[:lower:]]+$", b"Buy now", None),
    (rb"[[=a=][.-.]]+", b"x-a", [b"-a"]),
    (rb"\[\(\*", b"[(*", [b"[(*"]),
    (rb"a.c", b"a\r\nc", None),
    (rb"a$", b"a\r\nb", [b"a"]),
    (rb"^b", b"a\r\nb", [b"b"]),
    (b"^.{3}$", "äöü".encode(), ["äöü".encode()]),
    ("[ä-ü]+".encode(), "xöy".encode(), ["ö".encode()]),
    (rb"a.b", b"a\xffb", [b"a\xffb"]),
    (rb"(a)|(b)", b"b", [b"b", b"", b"b"]),
    (rb"me(\+.*)?@company\.com", b"me+x@company.com", [b"me+x@company.com", b"+x"]),
]


@pytest.mark.parametrize(("pattern", "text", "found"), MATCHES)
def test_search(pattern: bytes, text: bytes, found: list[bytes] | None) -> None:
    compiled = Ere(pattern, fold=False)
    assert compiled.search(text) == found
    assert compiled.matches(text) == (found is not None)


def test_fold() -> None:
    assert Ere(b"^re:", fold=True).matches(b"RE: x")
    assert Ere(b"[A-C]x", fold=True).matches(b"bX")
    assert not Ere(b"[^a]", fold=True).matches(b"A")


@pytest.mark.parametrize(
    "pattern",
    [
        *(b"", b"(", b")", b"*a", b"a**", b"a|*b", b"(|a)", b"()", b"a{", b"a{x}", b"a{2,1}", b"a{256}", b"[a", b"^*"),
        *(b"[[:x:]]", b"\\d", b"\\1", b"a\\", b"[b-a]", b"a{0}{9}", b"[[:alpha", b"[[.xx.]]", b"a" * 5000),
        *(b"((((a{255}){255}){255}){255})", b"(" * 40 + b")" * 40, b"(a{0}){99}" * 400),
    ],
)
def test_refused(pattern: bytes) -> None:
    with pytest.raises(PatternError):
        Ere(pattern, fold=False)


@pytest.mark.parametrize("pattern", [b"(a*)*b", b"(a|aa)+$b", b"(a|a)*b", b"(.*)*x", b"(a?){60}a{60}b", b"((a+)+)+b"])
def test_no_pattern_explodes(pattern: bytes) -> None:
    """Each of these takes a backtracking engine more than 2**30 steps."""
    assert not Ere(pattern, fold=False).matches(b"a" * 2000)


def test_automaton_is_bounded() -> None:
    pattern = Ere(b"[ab]*a[ab]{14}c", fold=False)
    text = bytes(97 + (each * each >> 3) % 2 for each in range(30_000))
    assert not pattern.matches(text)
    assert pattern.matches(text + b"a" * 15 + b"c")


SAFE = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{1,2}"])).map(lambda two: f"({two[0]}){two[1]}"),
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(SAFE, st.text("abc", max_size=6), st.booleans(), st.booleans())
def test_agrees_with_another_engine(pattern: str, text: str, start: bool, end: bool) -> None:
    pattern = ("^" if start else "") + f"({pattern})" + ("$" if end else "")
    found = re.search(pattern, text)
    ours = Ere(pattern.encode(), fold=False).search(text.encode())
    assert (ours is None) == (found is None)
    if ours is not None and found is not None:
        assert text.find(ours[0].decode()) <= found.start()
        assert len(ours[0]) >= len(found.group())
        assert re.fullmatch(pattern, ours[0].decode())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=30), st.binary(max_size=60))
def test_any_octets(pattern: bytes, text: bytes) -> None:
    try:
        compiled = Ere(pattern, fold=True)
    except PatternError:
        return
    assert compiled.matches(text) == (compiled.search(text) is not None)
