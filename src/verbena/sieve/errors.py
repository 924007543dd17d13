"""What can be wrong with a script: before it runs, with line and column, and while it runs (RFC 5228 §2.10.6)."""

from dataclasses import dataclass

from verbena.model.errors import VerbenaError


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column in a script, both from 1; the column counts octets."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something to tell the author of a script."""

    place: Place
    told: str

    def __str__(self) -> str:
        return f"line {self.place.line}, column {self.place.column}: {self.told}"


class ScriptError(VerbenaError):
    """The script is refused. ``complaints`` has at least one entry, in the order of the script."""

    def __init__(self, complaints: tuple[Complaint, ...]) -> None:
        super().__init__("\n".join(str(each) for each in complaints))
        self.complaints = complaints


class RunError(VerbenaError):
    """The script failed while it ran; the message is kept in INBOX all the same (RFC 5228 §2.10.6)."""

    def __init__(self, place: Place, told: str) -> None:
        super().__init__(f"line {place.line}, column {place.column}: {told}")
        self.place = place
        self.told = told


class UnknownThing(ScriptError):
    """The script is refused for a name that nothing here owns, or that is not required; see RFC 5463 §4."""


def unknown(place: Place, told: str) -> UnknownThing:
    """The error of one name."""
    return UnknownThing((Complaint(place, told),))


def refuse(place: Place, told: str) -> ScriptError:
    """The error of one complaint."""
    return ScriptError((Complaint(place, told),))
