"""date, currentdate and :index: RFC 5260's examples, all date parts, and dates as mail has them."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.script import World as ScriptWorld
from support.script import actions, complaints
from support.sieve import World, holds
from verbena.sieve.internetdate import (
    Moment,
    date_part,
    format_internet_date,
    parse_internet_date,
    parse_zone,
)

DATES = [
    (b"Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00"),
    (b"21 Nov 1997 09:55 -0600", "1997-11-21T09:55:00-06:00"),
    (b"Thu, 13 Feb 1969 23:32 -0330 (Newfoundland Time)", "1969-02-13T23:32:00-03:30"),
    (b"from x by y; Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00"),
    (b"from x (a; b) by y for <z>;\r\n 1 Jan 2007 00:00:00 Z", "2007-01-01T00:00:00+00:00"),
    (b"21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06+00:00"),
    (b"21 Nov 07 09:55:06 EST", "2007-11-21T09:55:06-05:00"),
    (b"21 Nov 107 09:55:06 pdt", "2007-11-21T09:55:06-07:00"),
    (b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "1997-11-21T09:55:06-06:00"),
    (b"21 Nov 1997 09:55:06 -0000", "1997-11-21T09:55:06+00:00"),
    (b"21 Nov 1997 09:55:06", "1997-11-21T09:55:06+00:00"),
    (b"29 Feb 2008 00:00:00 +0000", "2008-02-29T00:00:00+00:00"),
]
NO_DATES = [b"", b"yesterday", b"32 Jan 2007 00:00:00 +0000", b"29 Feb 2007 00:00:00 +0000", b"1 Foo 2007 00:00:00 Z"]
NO_DATES += [b"1 Jan 2007 25:00:00 +0000", b"1 Jan 2007 00:00:61 +0000", b"1 Jan 2007 00:00:00 +25", b"1 Jan 0 1:1 Z"]
NO_DATES += [b"2007-01-01T00:00:00Z", b"1 Jan 2007 00:00:00 +9999", b"1 Jan 2007; x"]


@pytest.mark.rfc("5322 §3.3")
@pytest.mark.parametrize(("value", "meant"), DATES)
def test_dates(value: bytes, meant: str) -> None:
    found = parse_internet_date(value)
    assert found is not None
    assert found.at.isoformat() == meant


@pytest.mark.parametrize("value", NO_DATES)
def test_no_dates(value: bytes) -> None:
    assert parse_internet_date(value) is None
    for part in ("year", "std11"):
        message = b"Date: " + value + b"\n\n"
        assert not holds(f'date :matches "date" "{part}" "*"', message, require='"date"')


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-1439, 1439))
def test_inverse(at: datetime, minutes: int) -> None:
    aware = at.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    found = parse_internet_date(format_internet_date(aware).encode())
    assert found is not None
    assert found.at == aware
    zone = parse_zone(date_part(found, b"zone"))
    assert zone is not None
    assert zone.utcoffset(None) == timedelta(minutes=minutes)


@given(st.binary(max_size=60))
def test_any_octets(value: bytes) -> None:
    parse_internet_date(value)
    parse_zone(value)


SENT = "Date: Mon, 05 Mar 2007 09:08:07 +0530\n\n"


@pytest.mark.rfc("5260 §4.2")
@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("year", "2007"),
        ("month", "03"),
        ("day", "05"),
        ("date", "2007-03-05"),
        ("julian", "54164"),
        ("hour", "09"),
        ("minute", "08"),
        ("second", "07"),
        ("time", "09:08:07"),
        ("iso8601", "2007-03-05T09:08:07+05:30"),
        ("std11", "Mon, 05 Mar 2007 09:08:07 +0530"),
        ("zone", "+0530"),
        ("WeekDay", "1"),
    ],
)
def test_parts(part: str, value: str) -> None:
    assert holds(f'date :originalzone "date" "{part}" "{value}"', SENT, require='"date"')


@pytest.mark.rfc("5260 §4.2")
def test_edges_of_parts() -> None:
    leap = Moment(datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC), leap=True)
    assert date_part(leap, b"second") == b"60"
    assert date_part(leap, b"iso8601") == b"2016-12-31T23:59:60Z"
    assert date_part(leap, b"zone") == b"+0000"
    epoch = Moment(datetime.combine(date(1858, 11, 17), datetime.min.time(), UTC))
    assert date_part(epoch, b"julian") == b"0"
    assert date_part(Moment(datetime(2007, 3, 4, tzinfo=UTC)), b"weekday") == b"0"


@pytest.mark.rfc("5260 §4.1")
@pytest.mark.parametrize(
    ("zone", "value"),
    [
        (':zone "+0000"', "2007-03-05T03:38:07Z"),
        (':zone "-0400"', "2007-03-04T23:38:07-04:00"),
        ("", "2007-03-05T04:38:07+01:00"),
    ],
)
def test_zones(zone: str, value: str) -> None:
    world = World(now=datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    assert holds(f'date {zone} "date" "iso8601" "{value}"', SENT, world, '"date"')


@pytest.mark.rfc("5260 §4.1")
@pytest.mark.parametrize(
    "test",
    [
        'date :zone "+0100" :originalzone "date" "year" "2007"',
        'date :zone "CET" "date" "year" "2007"',
        'date "date" "century" "20"',
        'currentdate :originalzone "year" "2007"',
        'currentdate :index 1 "year" "2007"',
    ],
)
def test_refused(test: str) -> None:
    assert complaints(f'require ["date", "index"]; if {test} {{ keep; }}')


def test_zone_from_a_variable() -> None:
    script = """require ["date", "variables", "fileinto"]; set "z" "%s";
        if date :zone "${z}" "date" "hour" "05" { fileinto "x"; }"""
    assert actions(script % "+0200", SENT) == ["fileinto x"]
    assert actions(script % "Paris", SENT)[0].startswith("failed: a zone")


BOSS = """require ["date", "relational", "fileinto"];
     if allof(header :is "from" "boss@example.com",
              date :value "ge" :originalzone "date" "hour" "09",
              date :value "lt" :originalzone "date" "hour" "17")
     { fileinto "urgent"; }"""


@pytest.mark.rfc("5260 §4.4")
@pytest.mark.parametrize(
    ("hour", "does"), [("08", "implicit keep"), ("09", "fileinto urgent"), ("17", "implicit keep")]
)
def test_example_hours(hour: str, does: str) -> None:
    message = f"From: boss@example.com\nDate: 5 Mar 2007 {hour}:30:00 -0800\n\n"
    assert actions(BOSS, message) == [does]


WEEKEND = """require ["date", "relational", "fileinto"];
     if anyof(date :is "received" "weekday" "0",
              date :is "received" "weekday" "6")
     { fileinto "weekend"; }"""


@pytest.mark.rfc("5260 §4.4")
@pytest.mark.parametrize(("day", "does"), [(3, "fileinto weekend"), (4, "fileinto weekend"), (5, "implicit keep")])
def test_example_weekend(day: int, does: str) -> None:
    message = f"Received: from a by b; {day} Mar 2007 12:00:00 +0000\nReceived: x; 5 Mar 2007 1:00 +0000\n\n"
    assert actions(WEEKEND, message) == [does]


PAGER = """require ["date", "relational"];
     if anyof(currentdate :is "weekday" "0",
              currentdate :is "weekday" "6",
              currentdate :value "lt" "hour" "09",
              currentdate :value "ge" "hour" "17")
     { redirect "pager@example.com"; }"""


@pytest.mark.rfc("5260 §5.1")
@pytest.mark.parametrize(
    ("now", "does"),
    [
        (datetime(2026, 3, 1, 12, tzinfo=UTC), "redirect pager@example.com"),
        (datetime(2026, 3, 2, 12, tzinfo=UTC), "implicit keep"),
        (datetime(2026, 3, 2, 8, 59, tzinfo=UTC), "redirect pager@example.com"),
        (datetime(2026, 3, 2, 17, tzinfo=UTC), "redirect pager@example.com"),
    ],
)
def test_example_pager(now: datetime, does: str) -> None:
    assert actions(PAGER, world=_at(now)) == [does]


def _at(now: datetime) -> "ScriptWorld":
    return ScriptWorld(now=now)


VACATION = """require ["date", "relational", "vacation"];
     if allof(currentdate :value "ge" "date" "2007-06-30",
              currentdate :value "le" "date" "2007-07-07")
     { vacation :days 7  "I'm away during the first week in July."; }"""


@pytest.mark.rfc("5260 §5.1")
@pytest.mark.parametrize(("month", "day", "away"), [(6, 29, False), (6, 30, True), (7, 7, True), (7, 8, False)])
def test_example_vacation(month: int, day: int, away: bool) -> None:
    done = actions(VACATION, world=_at(datetime(2007, month, day, tzinfo=UTC)))
    assert any(each.startswith("vacation") for each in done) == away


@pytest.mark.rfc("5260 §5.1")
def test_example_folder_by_month() -> None:
    script = """require ["date", "variables", "fileinto"];
     if currentdate :matches "month" "*" { set "month" "${1}"; }
     if currentdate :matches "year"  "*" { set "year"  "${1}"; }
     fileinto "${month}-${year}";"""
    assert actions(script) == ["fileinto 03-2026"]


INDEX = """require ["date", "relational", "index"];
     if date :value "gt" :index 2 :zone "-0500" "received"
             "iso8601" "2007-02-26T09:00:00-05:00"
     { redirect "aftercutoff@example.org"; }"""


@pytest.mark.rfc("5260 §6.1")
@pytest.mark.parametrize(
    ("second", "does"),
    [
        ("26 Feb 2007 14:00:01 +0000", "redirect aftercutoff@example.org"),
        ("26 Feb 2007 14:00:00 +0000", "implicit keep"),
    ],
)
def test_example_cutoff(second: str, does: str) -> None:
    message = f"Received: a; 27 Feb 2007 1:00 +0000\nReceived: b; {second}\nReceived: c; 1 Jan 2009 1:00 +0000\n\n"
    assert actions(INDEX, message) == [does]


FIELDS = "X-A: one\nX-B: four\nX-A: two\nX-A: three\nTo: a@x, b@x\nTo: c@x\n\n"


@pytest.mark.rfc("5260 §6")
@pytest.mark.parametrize(
    ("test", "answer"),
    [
        ('header :index 1 "x-a" "one"', True),
        ('header :index 2 "x-a" "one"', False),
        ('header :index 1 :last "x-a" "three"', True),
        ('header :last :index 3 "x-a" "one"', True),
        ('header :index 4 "x-a" "one"', False),
        ('header :index 4 ["x-a", "x-b"] "four"', True),
        ('header :index 1 :last ["x-b", "x-a"] "three"', True),
        ('address :index 1 "to" "b@x"', True),
        ('address :index 2 "to" "b@x"', False),
        ('address :index 1 :last "to" "c@x"', True),
    ],
)
def test_index(test: str, answer: bool) -> None:
    assert holds(test, FIELDS, require='"index"') == answer


@pytest.mark.rfc("5260 §6")
@pytest.mark.parametrize("test", ['header :last "a" "b"', 'header :index 0 "a" "b"', 'envelope :index 1 "from" "b"'])
def test_index_refused(test: str) -> None:
    assert complaints(f'require ["index", "envelope"]; if {test} {{ keep; }}')


@pytest.mark.rfc("5260 §4")
def test_count() -> None:
    require = '"date", "relational", "comparator-i;ascii-numeric"'
    count = ':count "eq" :comparator "i;ascii-numeric"'
    assert holds(f'date {count} "date" "year" "1"', SENT, require=require)
    assert holds(f'date {count} "date" "year" "0"', "Date: never\n\n", require=require)
    assert holds(f'currentdate {count} "year" "1"', "\n", require=require)
