"""The tests date and currentdate, and :index on header, address and date (RFC 5260).

*full*. Without :zone and :originalzone the zone is that of ``Surroundings.now``, which is the same moment all through a
run (§5).
"""

from datetime import tzinfo
from typing import Final

from verbena.mime.header import unfold
from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.choice import FieldChoice, field_choice
from verbena.sieve.errors import Place, RunError, refuse
from verbena.sieve.internetdate import DATE_PARTS, Moment, date_part, parse_internet_date, parse_zone
from verbena.sieve.match import GROUP, MATCH_TAGS, Matcher, matcher
from verbena.sieve.message import MAX_FIELD_OCTETS
from verbena.sieve.program import Test, Text
from verbena.sieve.registry import AddedTags, Extension, Shape, Tag, Takes, TestRow
from verbena.sieve.run import Machine


class CurrentDateTest(Test):
    """``currentdate`` (§5). ``zone`` None is the user's."""

    def __init__(self, place: Place, match: Matcher, zone: Text | None, part: Text, keys: tuple[Text, ...]) -> None:
        super().__init__(place)
        self.match = match
        self.zone = zone
        self.part = part
        self.keys = keys

    def moment(self, machine: Machine) -> Moment | None:
        """In the zone to be told in; None when there is none."""
        return self.in_zone(machine, Moment(machine.surroundings.now))

    def in_zone(self, machine: Machine, moment: Moment) -> Moment | None:
        zone: tzinfo | None = machine.surroundings.now.tzinfo
        if self.zone is not None:
            zone = parse_zone(self.zone.value(machine))
        if zone is None:
            raise RunError(self.place, "a zone is written as in “+0100”")
        return moment.shifted(zone)

    def holds(self, machine: Machine) -> bool:
        part = self.part.value(machine).lower()
        if part not in DATE_PARTS:
            raise RunError(self.place, f"a date has no “{part.decode('utf-8', 'replace')}”")
        moment = self.moment(machine)
        values = [date_part(moment, part)] if moment is not None else []
        return self.match.any(machine, values, self.keys)


class DateTest(CurrentDateTest):
    """``date`` (§4), of the first field unless :index says another."""

    def __init__(
        self,
        place: Place,
        match: Matcher,
        zone: Text | None,
        part: Text,
        keys: tuple[Text, ...],
        field_name: Text,
        choice: FieldChoice,
        original: bool,
    ) -> None:
        super().__init__(place, match, zone, part, keys)
        self.field_name = field_name
        self.choice = choice
        self.original = original

    def moment(self, machine: Machine) -> Moment | None:
        fields = self.choice.fields(machine, (self.field_name.value(machine),))
        if not fields:
            return None
        found = parse_internet_date(unfold(fields[0].raw[:MAX_FIELD_OCTETS]))
        if found is None or self.original:
            return found
        return self.in_zone(machine, found)


def _zone(checker: Checker, arguments: Arguments) -> Text | None:
    zone = arguments.tag_text(checker, b"zone")
    if zone is not None and zone.is_constant and parse_zone(zone.octets) is None:
        raise refuse(arguments.tag_place(b"zone"), "a zone is written as in “+0100”")
    return zone


def _part(checker: Checker, arguments: Arguments, at: int) -> Text:
    part = arguments.text(checker, at)
    if part.is_constant and part.octets.lower() not in DATE_PARTS:
        known = ", ".join(sorted(each.decode() for each in DATE_PARTS))
        told = f"a date has no “{part.octets.decode('utf-8', 'replace')}”, but {known}"
        raise refuse(arguments.place_of(at), told)
    return part


def build_date(checker: Checker, arguments: Arguments) -> Test:
    return DateTest(
        arguments.place,
        matcher(checker, arguments),
        _zone(checker, arguments),
        _part(checker, arguments, 1),
        arguments.texts(checker, 2),
        arguments.text(checker, 0),
        field_choice(checker, arguments),
        arguments.has(b"originalzone"),
    )


def build_currentdate(checker: Checker, arguments: Arguments) -> Test:
    match, zone = matcher(checker, arguments), _zone(checker, arguments)
    return CurrentDateTest(arguments.place, match, zone, _part(checker, arguments, 0), arguments.texts(checker, 1))


_ZONE: Final = Tag(b"zone", Takes.STRING, b"zone")
_ORIGINAL_ZONE: Final = Tag(b"originalzone", group=b"zone")

EXTENSION: Final[Extension] = Extension(
    rfc=5260,
    capabilities=(b"date",),
    tests=(
        TestRow(
            b"date",
            Shape(
                (Takes.STRING, Takes.STRING, Takes.STRINGS),
                tags=(*MATCH_TAGS, _ZONE, _ORIGINAL_ZONE),
                tag_groups=(GROUP,),
            ),
            build_date,
        ),
        TestRow(
            b"currentdate",
            Shape((Takes.STRING, Takes.STRINGS), tags=(*MATCH_TAGS, _ZONE), tag_groups=(GROUP,)),
            build_currentdate,
        ),
    ),
)

INDEX: Final[Extension] = Extension(
    rfc=5260,
    capabilities=(b"index",),
    added=(AddedTags((b"header", b"address", b"date"), (Tag(b"index", Takes.NUMBER), Tag(b"last"))),),
)
