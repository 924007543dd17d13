"""spamtest, spamtestplus and virustest: RFC 5235's examples over several filters' fields."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.script import World, actions, complaints
from verbena.sieve.ext.spamtest import Source, parse_source, percentage


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (b"X-Spam-Score score max=15", Source(b"X-Spam-Score", b"score", 15.0, b"", ())),
        (b"X-Spam-Score score", Source(b"X-Spam-Score", b"score", 10.0, b"", ())),
        (b"S score after=score= max=5.5", Source(b"S", b"score", 5.5, b"score=", ())),
        (b"S stars max=5", Source(b"S", b"stars", 5.0, b"", ())),
        (b"S text No=0 YES=100", Source(b"S", b"text", 10.0, b"", ((b"no", 0), (b"yes", 100)))),
        (b"", None),
        (b"S", None),
        (b"S what", None),
        (b"S score max=none", None),
        (b"S score max=0", None),
        (b"S score least=1", None),
        (b"S text word", None),
    ],
)
def test_sources(text: bytes, source: Source | None) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize(
    ("source", "value", "share"),
    [
        (b"S score max=10", b"0.0", 0),
        (b"S score max=10", b"-3.2", 0),
        (b"S score max=10", b"5 (bad)", 50),
        (b"S score max=10", b"9.999", 99),
        (b"S score max=10", b"12", 100),
        (b"S score max=10", b"unknown", None),
        (b"S score max=8 after=score=", b"Yes, score=4.0 required=5", 50),
        (b"S score max=8 after=score=", b"Yes", None),
        (b"S stars max=4", b"*** x", 75),
        (b"S stars max=4", b"", 0),
        (b"S text NO=0 YES=100", b"Yes", 100),
        (b"S text NO=0 YES=100", b"no, surely", 0),
        (b"S text NO=0 YES=100", b"maybe", None),
    ],
)
def test_percentage(source: bytes, value: bytes, share: int | None) -> None:
    parsed = parse_source(source)
    assert parsed is not None
    assert percentage(parsed, value) == share


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_any_octets(text: bytes, value: bytes) -> None:
    for source in (parse_source(text), parse_source(b"S score max=3"), parse_source(b"S stars")):
        share = percentage(source, value) if source is not None else None
        assert share is None or 0 <= share <= 100


WORLD = World(
    items={
        b"vnd.verbena.spamtest": b"X-Spam-Score score max=10",
        b"vnd.verbena.virustest": b"X-Virus text Clean=1 Replaced=2 Cured=3 Suspicious=4 Infected=5",
    }
)
SPAMTEST = """require ["spamtest", "fileinto", "relational", "comparator-i;ascii-numeric"];
           if spamtest :value "eq" :comparator "i;ascii-numeric" "0"
           {
               fileinto "INBOX.unclassified";
           }
           elsif spamtest :value "ge" :comparator "i;ascii-numeric" "3"
           {
               fileinto "INBOX.spam-trap";
           }"""


@pytest.mark.rfc("5235 §3.2.1")
@pytest.mark.parametrize(
    ("field", "does"),
    [
        ("Subject: x", ["fileinto INBOX.unclassified"]),
        ("X-Spam-Score: ?", ["fileinto INBOX.unclassified"]),
        ("X-Spam-Score: 0", ["implicit keep"]),
        ("X-Spam-Score: 2.2", ["implicit keep"]),
        ("X-Spam-Score: 2.3", ["fileinto INBOX.spam-trap"]),
        ("X-Spam-Score: 99", ["fileinto INBOX.spam-trap"]),
        ("X-Spam-Score: 0\nX-Spam-Score: 99", ["implicit keep"]),
    ],
)
def test_example_spamtest(field: str, does: list[str]) -> None:
    assert actions(SPAMTEST, f"{field}\n\n", world=WORLD) == does


BY_VALUE = """require ["spamtestplus", "fileinto", "relational", "comparator-i;ascii-numeric"];
           if spamtest :value "eq"
                       :comparator "i;ascii-numeric" "0"
           {
               fileinto "INBOX.unclassified";
           }
           elsif spamtest :percent :value "eq"
                          :comparator "i;ascii-numeric" "0"
           {
               fileinto "INBOX.not-spam";
           }
           elsif spamtest :percent :value "lt"
                          :comparator "i;ascii-numeric" "37"
           {
               fileinto "INBOX.spam-trap";
           }
           else
           {
               discard;
           }"""
BY_COUNT = BY_VALUE.replace(
    """if spamtest :value "eq"
                       :comparator""",
    """if spamtest :percent :count "eq"
                       :comparator""",
    1,
)


@pytest.mark.rfc("5235 §3.2.2")
@pytest.mark.parametrize("script", [BY_VALUE, BY_COUNT])
@pytest.mark.parametrize(
    ("field", "does"),
    [
        ("Subject: x", ["fileinto INBOX.unclassified"]),
        ("X-Spam-Score: 0", ["fileinto INBOX.not-spam"]),
        ("X-Spam-Score: 3.6", ["fileinto INBOX.spam-trap"]),
        ("X-Spam-Score: 3.71", []),
    ],
)
def test_example_spamtestplus(script: str, field: str, does: list[str]) -> None:
    assert actions(script, f"{field}\n\n", world=WORLD) == does


VIRUSTEST = """require ["virustest", "fileinto", "relational", "comparator-i;ascii-numeric"];
           if virustest :value "eq" :comparator "i;ascii-numeric" "0"
           {
               fileinto "INBOX.unclassified";
           }
           if virustest :value "eq" :comparator "i;ascii-numeric" "4"
           {
               fileinto "INBOX.quarantine";
           }
           elsif virustest :value "eq" :comparator "i;ascii-numeric" "5"
           {
               discard;
           }"""


@pytest.mark.rfc("5235 §3.3")
@pytest.mark.parametrize(
    ("field", "does"),
    [
        ("Subject: x", ["fileinto INBOX.unclassified"]),
        ("X-Virus: broken", ["fileinto INBOX.unclassified"]),
        ("X-Virus: clean", ["implicit keep"]),
        ("X-Virus: Cured (eicar)", ["implicit keep"]),
        ("X-Virus: suspicious", ["fileinto INBOX.quarantine"]),
        ("X-Virus: Infected, eicar", []),
    ],
)
def test_example_virustest(field: str, does: list[str]) -> None:
    assert actions(VIRUSTEST, f"{field}\n\n", world=WORLD) == does


@pytest.mark.rfc("5235 §3.2")
def test_refused() -> None:
    assert "spamtestplus" in complaints('require "spamtest"; if spamtest :percent "1" { keep; }')[0]
    assert complaints('require "spamtest"; if spamtest ["1", "2"] { keep; }')
    assert not complaints('require "spamtestplus"; if spamtest "1" { keep; }')


def test_without_a_filter() -> None:
    assert actions(SPAMTEST, "X-Spam-Score: 9\n\n") == ["fileinto INBOX.unclassified"]
