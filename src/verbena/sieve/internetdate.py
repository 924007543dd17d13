"""Dates of header fields, and the parts of a date that scripts compare (RFC 5322 §3.3 and §4.3, RFC 5260 §4).

A date is the whole value or what follows its last semicolon; comments are skipped. Years of two and three digits and
the named zones of old mail are read (RFC 5322 §4.3); a zone that nobody knows counts as UTC.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

from verbena.mime.header import strip_comments

_MONTHS: Final = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")
_MONTH_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAY_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ZONES: Final = {
    b"ut": 0,
    b"gmt": 0,
    b"est": -5,
    b"edt": -4,
    b"cst": -6,
    b"cdt": -5,
    b"mst": -7,
    b"mdt": -6,
    b"pst": -8,
    b"pdt": -7,
}
_MODIFIED_JULIAN_EPOCH: Final = 678_576
"""The proleptic Gregorian ordinal of 1858-11-17."""

DATE_PARTS: Final = frozenset(b"year month day date julian hour minute second time iso8601 std11 zone weekday".split())


@dataclass(frozen=True, slots=True)
class Moment:
    """``at`` is aware; ``leap`` when the second is the 60th, which ``at`` has as the 59th."""

    at: datetime
    leap: bool = False

    def shifted(self, zone: tzinfo) -> "Moment | None":
        """The same moment told in another zone; None at the ends of the calendar."""
        try:
            return Moment(self.at.astimezone(zone), self.leap)
        except (OverflowError, ValueError):
            return None


def parse_internet_date(value: bytes) -> Moment | None:
    """The date that an unfolded field value is or ends in; None when there is none that the calendar has."""
    if b"(" in value:
        value = strip_comments(value)
    words = value.rpartition(b";")[2].replace(b",", b" , ").split()
    if len(words) > 1 and words[1] == b",":
        words = words[2:]
    if len(words) < 4:
        return None
    day, year = _number(words[0], 2), _number(words[2], 4)
    month = words[1].lower()
    clock = _clock(b"".join(words[3:-1]) if len(words) > 4 else words[3])
    zone = _zone(words[-1] if len(words) > 4 else b"")
    if day is None or year is None or month not in _MONTHS or clock is None or zone is None:
        return None
    if len(words[2]) < 2:
        return None
    if len(words[2]) < 4:
        year += 2000 if year < 50 and len(words[2]) == 2 else 1900
    hour, minute, second = clock
    try:
        at = datetime(year, _MONTHS.index(month) + 1, day, hour, minute, min(second, 59), tzinfo=zone)
    except ValueError:
        return None
    return Moment(at, second == 60) if second <= 60 else None


def _number(word: bytes, digits: int) -> int | None:
    return int(word) if word.isdigit() and len(word) <= digits else None


def _clock(word: bytes) -> tuple[int, int, int] | None:
    """hour ":" minute [":" second]"""
    pieces = word.split(b":")
    if len(pieces) not in (2, 3):
        return None
    hour, minute = _number(pieces[0], 2), _number(pieces[1], 2)
    second = _number(pieces[2], 2) if len(pieces) == 3 else 0
    if hour is None or minute is None or second is None:
        return None
    return hour, minute, second


def _zone(word: bytes) -> timezone | None:
    if word[:1] in (b"+", b"-"):
        return parse_zone(word)
    if word and not word.isalpha():
        return None
    return timezone(timedelta(hours=_ZONES.get(word.lower(), 0)))


def parse_zone(text: bytes) -> timezone | None:
    """time-zone = ( "+" / "-" ) 4DIGIT; None for anything else (RFC 5260 §4.1)."""
    if len(text) != 5 or text[:1] not in (b"+", b"-") or not text[1:].isdigit():
        return None
    hours, minutes = int(text[1:3]), int(text[3:])
    if hours > 23 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[:1] == b"-" else offset)


def format_zone(at: datetime, colon: str = "") -> str:
    """``+hhmm``; UTC has a plus. Seconds of an offset are dropped."""
    offset = at.utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}{colon}{abs(minutes) % 60:02}"


def format_internet_date(at: datetime) -> str:
    """As a Date field has it (RFC 5322 §3.3)."""
    return (
        f"{_DAY_NAMES[at.weekday()]}, {at.day:02} {_MONTH_NAMES[at.month - 1]} {at.year:04} "
        f"{at.hour:02}:{at.minute:02}:{at.second:02} {format_zone(at)}"
    )


def date_part(moment: Moment, part: bytes) -> bytes:
    """A part of RFC 5260 §4.2; ``part`` is one of ``DATE_PARTS``."""
    at = moment.at
    second = 60 if moment.leap else at.second
    match part:
        case b"year":
            told = f"{at.year:04}"
        case b"month":
            told = f"{at.month:02}"
        case b"day":
            told = f"{at.day:02}"
        case b"date":
            told = f"{at.year:04}-{at.month:02}-{at.day:02}"
        case b"julian":
            told = str(at.toordinal() - _MODIFIED_JULIAN_EPOCH)
        case b"hour":
            told = f"{at.hour:02}"
        case b"minute":
            told = f"{at.minute:02}"
        case b"second":
            told = f"{second:02}"
        case b"time":
            told = f"{at.hour:02}:{at.minute:02}:{second:02}"
        case b"iso8601":
            zone = format_zone(at, ":")
            clock = f"{at.hour:02}:{at.minute:02}:{second:02}"
            told = f"{at.year:04}-{at.month:02}-{at.day:02}T{clock}{'Z' if zone == '+00:00' else zone}"
        case b"std11":
            told = format_internet_date(at)
        case b"zone":
            told = format_zone(at)
        case _:
            told = str(at.isoweekday() % 7)
    return told.encode()
