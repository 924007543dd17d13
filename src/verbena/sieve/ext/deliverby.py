"""Delivery within a time: ``redirect-deliverby`` and ``envelope-deliverby`` (RFC 6009 §5, §7; RFC 2852).

*full*. The envelope's values come in ``Envelope.more`` under ``bytimerelative`` (seconds, perhaps negative),
``bymode`` and ``bytrace``; the absolute time is reckoned from ``Surroundings.now``.
"""

from dataclasses import replace
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

from verbena.sieve.action import Action, Redirect
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.ext.dsn import MoreSource
from verbena.sieve.program import Modifier, Text
from verbena.sieve.registry import AddedTags, EnvelopePart, EnvelopeSource, Extension, Tag, Takes
from verbena.sieve.run import Machine

MAX_SECONDS: Final = 999_999_999
"""by-time has nine digits (RFC 2852 §4)."""


# time-zone = ( "+" / "-" ) 4DIGIT
def parse_zone(text: bytes) -> tzinfo | None:
    """The zone of an offset such as ``+0100``; None for what is none."""
    if len(text) != 5 or text[:1] not in (b"+", b"-") or not text[1:].isdigit():
        return None
    hours, minutes = int(text[1:3]), int(text[3:5])
    if hours > 23 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[:1] == b"-" else offset)


def format_time(moment: datetime) -> bytes:
    """RFC 3339 with ``Z`` for an offset of nothing (§5)."""
    text = moment.replace(microsecond=0).isoformat()
    return (text[:-6] + "Z" if text.endswith("+00:00") else text).encode()


# date-time of RFC 3339 §5.6, letters in upper case
def parse_time(text: bytes) -> datetime | None:
    """An aware time; None for what is none."""
    if len(text) > 40 or len(text) < 20 or text[10:11] != b"T" or not text.isascii():
        return None
    if text[-1:] != b"Z" and text[-6:-5] not in (b"+", b"-"):
        return None
    shape = bytes(48 if 48 <= octet <= 57 else octet for octet in text[:19])
    if shape != b"0000-00-00T00:00:00":
        return None
    try:
        found = datetime.fromisoformat(text.decode())
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


class AbsoluteSource(EnvelopeSource):
    """``bytimeabsolute``: when the time allowed is over, in the zone asked for."""

    def __init__(self, zone: tzinfo | None) -> None:
        self.zone = zone

    def values(self, machine: Machine) -> list[bytes]:
        now = machine.surroundings.now
        result: list[bytes] = []
        for name, value in machine.envelope.more:
            seconds = _seconds(value) if name == b"bytimerelative" else None
            if seconds is not None:
                moment = now + timedelta(seconds=seconds)
                result.append(format_time(moment if self.zone is None else moment.astimezone(self.zone)))
        return result


def _seconds(text: bytes) -> int | None:
    digits = text[1:] if text[:1] == b"-" else text
    return int(text) if digits.isdigit() and len(digits) <= 9 else None


def make_absolute(checker: Checker, arguments: Arguments) -> EnvelopeSource:
    written = arguments.tag_string(checker, b"zone")
    if written is None:
        return AbsoluteSource(None)
    zone = parse_zone(written)
    if zone is None:
        raise refuse(arguments.tag_place(b"zone"), "“:zone” is an offset such as “+0100”")
    return AbsoluteSource(zone)


class ByTime(Modifier):
    """``:bytimerelative`` or ``:bytimeabsolute``, with ``:bymode`` and ``:bytrace``."""

    def __init__(self, place: Place, seconds: int | None, until: Text | None, mode: Text | None, trace: bool) -> None:
        super().__init__(place)
        self.seconds = seconds
        self.until = until
        self.mode = mode
        self.trace = trace

    def apply(self, machine: Machine, action: Action) -> Action:
        if not isinstance(action, Redirect):
            return action
        seconds = self.seconds
        absolute: bytes | None = None
        if self.until is not None:
            absolute = self.until.value(machine)
            moment = parse_time(absolute)
            if moment is None:
                raise RunError(self.place, "“:bytimeabsolute” is no time such as “2026-11-24T10:00:00Z”")
            seconds = int((moment - machine.surroundings.now).total_seconds())
        mode = b"return" if self.mode is None else self.mode.value(machine).lower()
        if mode not in (b"notify", b"return"):
            raise RunError(self.place, "“:bymode” is “notify” or “return”")
        if seconds is not None:
            seconds = max(-MAX_SECONDS, min(seconds, MAX_SECONDS))
        return replace(action, by_time_s=seconds, by_absolute=absolute, by_mode=mode, by_trace=self.trace)


def modify(checker: Checker, arguments: Arguments) -> Modifier:
    seconds, until = arguments.tag_number(b"bytimerelative"), arguments.tag_text(checker, b"bytimeabsolute")
    if seconds is None and until is None:
        raise refuse(arguments.place, "“:bymode” and “:bytrace” go with “:bytimerelative” or “:bytimeabsolute”")
    if seconds is not None and seconds > MAX_SECONDS:
        raise refuse(arguments.tag_place(b"bytimerelative"), f"“:bytimerelative” is at most {MAX_SECONDS}")
    if until is not None and until.is_constant and parse_time(until.octets) is None:
        told = "“:bytimeabsolute” is no time such as “2026-11-24T10:00:00Z”"
        raise refuse(arguments.tag_place(b"bytimeabsolute"), told)
    mode = arguments.tag_text(checker, b"bymode")
    if mode is not None and mode.is_constant and mode.octets.lower() not in (b"notify", b"return"):
        raise refuse(arguments.tag_place(b"bymode"), "“:bymode” is “notify” or “return”")
    return ByTime(arguments.place, seconds, until, mode, arguments.has(b"bytrace"))


_TAGS: Final = (
    Tag(b"bytimerelative", Takes.NUMBER, b"bytime"),
    Tag(b"bytimeabsolute", Takes.STRING, b"bytime"),
    Tag(b"bymode", Takes.STRING),
    Tag(b"bytrace"),
)

REDIRECT: Final[Extension] = Extension(
    rfc=6009, capabilities=(b"redirect-deliverby",), added=(AddedTags((b"redirect",), _TAGS, modify),)
)

ENVELOPE: Final[Extension] = Extension(
    rfc=6009,
    capabilities=(b"envelope-deliverby",),
    added=(AddedTags((b"envelope",), (Tag(b"zone", Takes.STRING),)),),
    envelope_parts=(
        EnvelopePart(b"bytimeabsolute", False, make_absolute),
        EnvelopePart(b"bytimerelative", False, lambda checker, arguments: MoreSource(b"bytimerelative")),
        EnvelopePart(b"bymode", False, lambda checker, arguments: MoreSource(b"bymode")),
        EnvelopePart(b"bytrace", False, lambda checker, arguments: MoreSource(b"bytrace")),
    ),
)
