"""Dates of IMAP: ``date`` in SEARCH, ``date-time`` in APPEND and INTERNALDATE (RFC 3501 §9).

Years 1 to 9999. A second of 60 is taken as the next minute's first. Date arithmetic is done here on plain integers:
it is on the path of every FETCH of INTERNALDATE.
"""

from datetime import date
from typing import Final

from verbena.model.date import InternalDate
from verbena.wire.imap.grammar import DQUOTE, Cursor

MONTHS: Final = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_MONTH_DAYS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ZERO: Final = 0x30
_HYPHEN: Final = 0x2D
_PLUS: Final = 0x2B
_COLON: Final = 0x3A
_SPACE: Final = 0x20
_DAY_S: Final = 86_400


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar."""
    if month <= 2:
        year -= 1
        month += 12
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719_469


def civil_from_days(days: int) -> tuple[int, int, int]:
    """Year, month and day of the date ``days`` after 1970-01-01."""
    days += 719_468
    era = days // 146_097
    of_era = days - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400
    return (year + 1 if month <= 2 else year), month, day


def _is_date(year: int, month: int, day: int) -> bool:
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1]:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return month != 2 or day <= 28 or leap


def _month(name: bytes) -> int:
    """1 to 12; 0 when it is no month."""
    wanted = name.capitalize()
    return MONTHS.index(wanted) + 1 if wanted in MONTHS else 0


# date = date-text / DQUOTE date-text DQUOTE
# date-text = date-day "-" date-month "-" date-year
def parse_date(cursor: Cursor) -> date:
    """``1-Feb-1994``, with or without quotes."""
    quoted = cursor.skip(DQUOTE)
    day = _digits(cursor, 1, 2)
    cursor.expect(_HYPHEN)
    month = _month(_letters(cursor))
    cursor.expect(_HYPHEN)
    year = _digits(cursor, 4, 4)
    if not _is_date(year, month, day):
        raise cursor.error("there is no such date")
    if quoted:
        cursor.expect(DQUOTE)
    return date(year, month, day)


def format_date(value: date) -> bytes:
    return b"%d-%b-%04d" % (value.day, MONTHS[value.month - 1], value.year)


def _letters(cursor: Cursor) -> bytes:
    start = cursor.pos
    cursor.pos = min(start + 3, len(cursor.text))
    return cursor.text[start : cursor.pos]


def _digits(cursor: Cursor, least: int, most: int) -> int:
    value = 0
    count = 0
    while count < most:
        digit = cursor.peek() - _ZERO
        if not 0 <= digit <= 9:
            break
        value = value * 10 + digit
        cursor.pos += 1
        count += 1
    if count < least:
        raise cursor.error("a date is expected")
    return value


# date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
def parse_date_time(cursor: Cursor) -> InternalDate:
    """``"17-Jul-1996 02:44:25 -0700"``, the day of month in two places."""
    cursor.expect(DQUOTE)
    cursor.skip(_SPACE)
    day = _digits(cursor, 1, 2)
    cursor.expect(_HYPHEN)
    month = _month(_letters(cursor))
    cursor.expect(_HYPHEN)
    year = _digits(cursor, 4, 4)
    cursor.sp()
    hour = _digits(cursor, 2, 2)
    cursor.expect(_COLON)
    minute = _digits(cursor, 2, 2)
    cursor.expect(_COLON)
    second = _digits(cursor, 2, 2)
    cursor.sp()
    zone_min = _zone(cursor)
    cursor.expect(DQUOTE)
    if not _is_date(year, month, day) or hour > 23 or minute > 59 or second > 60:
        raise cursor.error("there is no such date and time")
    local_s = days_from_civil(year, month, day) * _DAY_S + hour * 3_600 + minute * 60 + second
    return InternalDate(local_s - zone_min * 60, zone_min)


# zone = ("+" / "-") 4DIGIT
def _zone(cursor: Cursor) -> int:
    east = cursor.skip(_PLUS)
    if not east:
        cursor.expect(_HYPHEN)
    hours = _digits(cursor, 2, 2)
    minutes = _digits(cursor, 2, 2)
    if hours > 23 or minutes > 59:
        raise cursor.error("there is no such zone")
    total = hours * 60 + minutes
    return total if east else -total


def format_date_time(value: InternalDate) -> bytes:
    """With the double quotes; a moment outside years 1 to 9999 in its zone is shown as the nearest inside."""
    local_s = value.epoch_s + value.zone_min * 60
    local_s = max(_FIRST_S, min(_LAST_S, local_s))
    days = local_s // _DAY_S
    of_day = local_s - days * _DAY_S
    year, month, day = civil_from_days(days)
    sign = b"-" if value.zone_min < 0 else b"+"
    zone = abs(value.zone_min)
    return b'"%2d-%b-%04d %02d:%02d:%02d %b%02d%02d"' % (
        day,
        MONTHS[month - 1],
        year,
        of_day // 3_600,
        of_day // 60 % 60,
        of_day % 60,
        sign,
        zone // 60,
        zone % 60,
    )


_FIRST_S: Final = -62_135_596_800
_LAST_S: Final = 253_402_300_799
