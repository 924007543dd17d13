"""A run of a Sieve script told to a person: which lines ran, which tests were true and why, what came of it.

The trace of ``sieve.run`` has a test behind the tests inside it, in the order they were answered; here each stands
under the one it is in, below the line of the script it is written on.
"""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.text import Text

from verbena.sieve.action import Edition, Keep, Outcome, Traced, TraceLine, describe
from verbena.sieve.errors import Complaint, Place

_INCLUDE = "include “"
_TAB = "    "


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell below a line of a script: ``indent`` in the line's notes, ``why`` what a test compared."""

    line: TraceLine
    indent: int
    why: str = ""


def notes(trace: tuple[TraceLine, ...]) -> list[Note]:
    """The trace with each test before what is inside it."""
    result: list[Note] = []
    for line in trace:
        if line.kind != Traced.TEST:
            result.append(Note(line, 0))
            continue
        start = _inner_start(result, line)
        inner = result[start:]
        why = ""
        if len(inner) == 1 and inner[0].line.kind == Traced.VALUES:
            why = inner.pop().line.told
        del result[start:]
        result.append(Note(line, 0, why))
        result.extend(Note(each.line, each.indent + 1, each.why) for each in inner)
    return result


def _inner_start(told: list[Note], test: TraceLine) -> int:
    """Where in ``told`` that begins which is inside ``test``: deeper, and not before it in the script."""
    at = len(told)
    here = (test.place.line, test.place.column)
    while at > 0:
        line = told[at - 1].line
        inside = line.kind in (Traced.TEST, Traced.VALUES) and line.depth > test.depth
        if not inside or (line.place.line, line.place.column) < here:
            break
        at -= 1
    return at


class Teller:
    """Writes a run. ``source`` gives the lines of an included script by its name, none where it is not known;
    ``full`` tells inner tests, variables and values too."""

    def __init__(self, name: str, lines: list[str], source: Callable[[str], list[str]], full: bool) -> None:
        self._scripts: list[tuple[int, str, list[str]]] = [(-1, name, lines)]
        self._source = source
        self._full = full
        self._shown: tuple[str, int] | None = None

    def trace(self, trace: tuple[TraceLine, ...]) -> Iterator[Text]:
        """The lines of the script that did something, with what they did."""
        for note in notes(trace):
            line = note.line
            while line.depth <= self._scripts[-1][0]:
                self._scripts.pop()
            if self._full or _is_main(note):
                yield from self._line(line.place)
                yield self._note(note)
            if line.kind == Traced.COMMAND and line.told.startswith(_INCLUDE) and line.told.endswith("”"):
                name = line.told[len(_INCLUDE) : -1]
                self._scripts.append((line.depth, name, self._source(name)))

    def _line(self, place: Place) -> Iterator[Text]:
        _, name, lines = self._scripts[-1]
        if self._shown == (name, place.line):
            return
        self._shown = (name, place.line)
        written = lines[place.line - 1].strip() if place.line <= len(lines) else ""
        where = f"{place.line:>4}" if len(self._scripts) == 1 else f"{name}:{place.line}"
        yield Text.assemble((f"{where}  ", "cyan"), (written, "bold"))

    def _note(self, note: Note) -> Text:
        line = note.line
        text = Text("      " + "   " * note.indent)
        if line.kind == Traced.TEST:
            sign, style = ("✓", "green") if line.answer else ("✗", "red")
            if note.why:
                name = line.told.partition(" ")[0]
                text.append(f"{sign} {name}: ", style).append(f"{note.why}? ")
                text.append("yes" if line.answer else "no", style)
            else:
                text.append(f"{sign} {line.told}", style)
        elif line.kind == Traced.ACTION:
            text.append(f"→ {line.told}", "bold yellow")
        elif line.kind == Traced.FAILURE:
            text.append(f"! {line.told}", "bold red")
        else:
            text.append(f"· {line.told}", "dim")
        return text


def _is_main(note: Note) -> bool:
    """Whether it is told in the short form: answers of whole conditions, actions, failures."""
    if note.line.kind == Traced.TEST:
        return note.indent == 0
    return note.line.kind in (Traced.ACTION, Traced.FAILURE)


def result(outcome: Outcome) -> Iterator[Text]:
    """What happens to the message, in the end."""
    if outcome.failed is not None:
        place = outcome.failed_at
        where = f" at line {place.line}, column {place.column}" if place is not None else ""
        yield Text(f"The script failed{where}: {outcome.failed}.", "bold red")
        yield Text("Nothing that it asked for is done; the message stays in the inbox, as it came.")
        return
    if not outcome.actions:
        yield Text("The message is discarded: no action keeps it.", "bold")
        return
    yield Text("What happens to the message:", "bold")
    for number, action in enumerate(outcome.actions, 1):
        text = Text(f"  {number}. {describe(action)}", "yellow")
        if isinstance(action, Keep) and action.place is None:
            text.append("  (nothing else decided where it goes: the “implicit keep”)", "dim")
        elif action.place is not None:
            text.append(f"  (line {action.place.line})", "dim")
        edition = outcome.editions[number - 1] if number <= len(outcome.editions) else None
        if edition is not None:
            text.append(", as the script has edited it", "dim")
        yield text


def edits(header: bytes, edition: Edition) -> Iterator[Text]:
    """How a header was edited, as lines that went and lines that came."""
    before = header.decode("utf-8", "replace").splitlines()
    after = edition.header.decode("utf-8", "replace").splitlines()
    for line in difflib.ndiff(before, after):
        if line.startswith("- "):
            yield Text(f"  {line}", "red")
        elif line.startswith("+ "):
            yield Text(f"  {line}", "green")
    if edition.body is not None:
        yield Text("  The content was changed too.", "green")


def complaint(name: str, lines: list[str], told: Complaint, style: str) -> Iterator[Text]:
    """An error or a warning, with the line it is on and a mark below the place."""
    place = told.place
    yield Text.assemble((f"{name}:{place.line}:{place.column}: ", "bold"), (told.told, style))
    if place.line <= len(lines):
        written = lines[place.line - 1]
        octets = written.encode("utf-8", "replace")[: place.column - 1]
        margin = "".join(_TAB if each == "\t" else " " for each in octets.decode("utf-8", "replace"))
        yield Text("    " + written.replace("\t", _TAB))
        yield Text(f"    {margin}^", style)
