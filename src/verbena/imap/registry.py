"""The commands and extensions of the IMAP server as rows, and the one table made of them.

An ``Extension`` record says everything an extension adds; the core of RFC 3501 is such a record too. ``Registry``
is built once from all records, never changes, and refuses two owners for one name. The CAPABILITY list, the
grammar tables that ``wire`` parses with, and what the dispatcher must know about a command all come from here;
no command is known by name anywhere else.

Names are upper case. A row named ``UID FETCH`` makes ``UID`` a prefix.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from verbena.imap.outcome import Reply
from verbena.model.errors import InternalError
from verbena.model.mailbox import Mailbox, Status
from verbena.store.api import Staged
from verbena.wire.imap.append import Url
from verbena.wire.imap.fetch import AttParser, FetchAtt, FetchModifier
from verbena.wire.imap.frame import LiteralStart
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.select import SelectParam
from verbena.wire.imap.states import State
from verbena.wire.imap.store import StoreModifier

if TYPE_CHECKING:
    from verbena.imap.fetching import Batch, FetchPlan, Message
    from verbena.imap.plan import CreatePlan, StorePlan
    from verbena.imap.session import Session

T = TypeVar("T")
V = TypeVar("V")

Parse = Callable[[Cursor], T]
"""Reads what follows a name, from a cursor just behind the name; raises ``PeerError``."""

ParseWithRegistry = Callable[[Cursor, "Registry"], T]
Handler = Callable[["Session", T], AsyncIterator[Reply]]

ANY_STATE = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
LOGGED_OUT = frozenset({State.NOT_AUTHENTICATED})
LOGGED_IN = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED = frozenset({State.SELECTED})


class LiteralPolicy(Protocol):
    """Decides, while a command is arriving, what becomes of its literals."""

    def decide(self, start: LiteralStart) -> bool:
        """Called at each literal in turn: true when it is a message or a piece of one, to be staged while it arrives
        and found in ``Session.staged`` under its index.

        Raises ``PeerError`` and ``Refused`` when the command can not succeed.
        """


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command: how to read its arguments to the end, what carries it out, and what the dispatcher must know.

    Commands of a session run one after the other, so none is ambiguous beside another (RFC 3501 §5.5).
    """

    name: str
    parse: ParseWithRegistry[object]
    handle: Handler[object]
    states: frozenset[State]
    breaks_numbers: bool = False
    """it selects or unselects: updates of the old view are not told after it"""
    may_tell_expunges: bool = True
    """EXPUNGE or VANISHED may be told before its tagged reply (RFC 3501 §7.4.1)"""
    literals: "Callable[[Session, Cursor], LiteralPolicy] | None" = None
    """for a command with messages in it: made at its first literal, with the cursor behind its name"""


Answer = Callable[["Message"], bytes | AsyncIterator[bytes]]
"""From a message to the octets ``NAME value``, or an async iterator over them for what is long or needs waiting."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A FETCH item, ready for each message of one command. ``needs_content``: ``Message.content`` is read before;
    ``needs_octets``: so are the octets of short messages, for ``Message.read``; ``sets_seen``: fetching it sets
    ``\\Seen`` (RFC 3501 §6.4.5)."""

    answer: Answer
    needs_content: bool = True
    needs_octets: bool = False
    sets_seen: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A short FETCH item, ready for many messages in one pass: a value for each message of a batch, which ``template``
    (with one ``%d`` or ``%b``) makes ``NAME value``. ``needs_content``: ``Batch.contents`` are read before."""

    template: bytes
    values: Callable[["Batch"], Sequence[int] | Sequence[bytes]]
    needs_content: bool = False


FetchItem = Prepared | Column


@dataclass(frozen=True, slots=True)
class FetchItemRow:
    """Who answers the FETCH items whose parsed ``FetchAtt.name`` is ``name``; asked once a command."""

    name: str
    prepare: Callable[["Session", FetchAtt], FetchItem]


@dataclass(frozen=True, slots=True)
class FetchModifierRow:
    """A modifier in the parentheses after FETCH's items (RFC 4466 §2.4). ``apply`` changes the plan, in the order of
    the extensions, and raises ``PeerError`` where the modifier can not stand."""

    name: str
    parse: Callable[[Cursor], FetchModifier]
    apply: Callable[["Session", "FetchPlan", FetchModifier], None]


@dataclass(frozen=True, slots=True)
class StoreModifierRow:
    """A modifier before STORE's flags (RFC 4466 §2.5); ``apply`` changes the plan before anything is written."""

    name: str
    parse: Callable[[Cursor], StoreModifier]
    apply: Callable[["Session", "StorePlan", StoreModifier], None]


@dataclass(frozen=True, slots=True)
class SelectParameterRow:
    """A parameter of SELECT and EXAMINE (RFC 4466 §2.1). ``apply`` is called before anything is done and may refuse;
    ``tell`` yields untagged responses after the mailbox's own and before the tagged OK."""

    name: str
    parse: Callable[[Cursor], SelectParam]
    apply: Callable[["Session", SelectParam], None]
    tell: Callable[["Session", SelectParam], AsyncIterator[bytes]] | None = None


@dataclass(frozen=True, slots=True)
class StatusItemRow:
    """``figure`` is the number that follows the name in the STATUS response (RFC 3501 §7.2.4)."""

    name: str
    figure: Callable[["Session", Status], int]
    apply: Callable[["Session"], None] | None = None
    """called when a command asks for it, such as CONDSTORE's enabling HIGHESTMODSEQ"""


@dataclass(frozen=True, slots=True)
class CreateParameterRow:
    """A parameter of CREATE (RFC 4466 §2.2). ``parse`` reads the space before its value; ``apply`` changes the plan."""

    name: str
    parse: Parse[object]
    apply: Callable[["Session", "CreatePlan", object], None]


@dataclass(frozen=True, slots=True)
class AppendSourceRow:
    """What may stand in APPEND in place of a message literal, such as CATENATE (RFC 4469). ``assemble`` makes the
    message of its pieces in order: URLs as written, and literals, which it does not own."""

    name: str
    assemble: Callable[["Session", Sequence[Url | Staged]], Awaitable[Staged]]


@dataclass(frozen=True, slots=True)
class SearchKeyRow:
    """A SEARCH key: how to read what follows its name as a ``model.query`` value."""

    name: str
    parse: Parse[object]


@dataclass(frozen=True, slots=True)
class Extension:
    """What one RFC adds. A tuple of rows per slot; empty slots are left out.

    ``capability`` is the text of CAPABILITY (several names parted by spaces) or a function that gives it for the
    session's state, empty for none. ``enables`` are the names that ENABLE knows (RFC 5161), ``on_enable`` is called
    for each that is newly enabled. ``fetch_atts`` are the names of FETCH items and how ``wire`` reads them;
    ``fetch_items`` answer what that gives. ``expunge_teller`` gives the octets that tell of expunged messages, in place
    of EXPUNGE, where the session wants it; None where not. ``list_attributes`` are those a mailbox gets in LIST.
    ``select_teller`` gives untagged responses about the mailbox that SELECT or EXAMINE has just opened. ``news_teller``
    gives untagged responses about anything but the selected mailbox's messages, whenever something may be told.
    """

    rfc: int
    capability: "str | Callable[[Session], str]" = ""
    commands: tuple[CommandRow, ...] = ()
    enables: tuple[str, ...] = ()
    on_enable: "Callable[[Session, str], None] | None" = None
    fetch_atts: Mapping[str, AttParser] = field(default_factory=dict)
    fetch_items: tuple[FetchItemRow, ...] = ()
    fetch_modifiers: tuple[FetchModifierRow, ...] = ()
    store_modifiers: tuple[StoreModifierRow, ...] = ()
    search_keys: tuple[SearchKeyRow, ...] = ()
    select_parameters: tuple[SelectParameterRow, ...] = ()
    status_items: tuple[StatusItemRow, ...] = ()
    list_attributes: "Callable[[Session, Mailbox], tuple[str, ...]] | None" = None
    create_parameters: tuple[CreateParameterRow, ...] = ()
    append_sources: tuple[AppendSourceRow, ...] = ()
    expunge_teller: "Callable[[Session, Sequence[int]], bytes | None] | None" = None
    select_teller: "Callable[[Session], bytes] | None" = None
    news_teller: "Callable[[Session], bytes] | None" = None


def command(
    name: str,
    parse: Parse[T],
    handle: Handler[T],
    states: frozenset[State],
    *,
    breaks_numbers: bool = False,
    may_tell_expunges: bool = True,
    literals: "Callable[[Session, Cursor], LiteralPolicy] | None" = None,
) -> CommandRow:
    """A row for a command whose grammar needs nothing of other extensions."""

    def parse_with_registry(cursor: Cursor, registry: "Registry") -> T:
        return parse(cursor)

    return open_command(
        name,
        parse_with_registry,
        handle,
        states,
        breaks_numbers=breaks_numbers,
        may_tell_expunges=may_tell_expunges,
        literals=literals,
    )


def open_command(
    name: str,
    parse: ParseWithRegistry[T],
    handle: Handler[T],
    states: frozenset[State],
    *,
    breaks_numbers: bool = False,
    may_tell_expunges: bool = True,
    literals: "Callable[[Session, Cursor], LiteralPolicy] | None" = None,
) -> CommandRow:
    """A row for a command whose grammar other extensions add to: ``parse`` finds their rows in the registry."""
    return CommandRow(
        name,
        cast(ParseWithRegistry[object], parse),
        cast(Handler[object], handle),
        states,
        breaks_numbers,
        may_tell_expunges,
        literals,
    )


Row = TypeVar(
    "Row",
    CommandRow,
    FetchItemRow,
    FetchModifierRow,
    StoreModifierRow,
    SelectParameterRow,
    StatusItemRow,
    CreateParameterRow,
    AppendSourceRow,
    SearchKeyRow,
)


def _table(slot: str, rows: Iterable[Row]) -> Mapping[str, Row]:
    """Rows by name; a second owner of a name is a bug."""
    table: dict[str, Row] = {}
    for row in rows:
        if row.name in table or row.name != row.name.upper():
            raise InternalError(f"{slot} {row.name} has two owners, or is not upper case")
        table[row.name] = row
    return MappingProxyType(table)


def _parsers(slot: str, tables: Iterable[Mapping[str, V]]) -> Mapping[str, V]:
    """The tables as one; a name in two of them is a bug."""
    union: dict[str, V] = {}
    for table in tables:
        for name, parse in table.items():
            if name in union:
                raise InternalError(f"{slot} {name} has two owners")
            union[name] = parse
    return MappingProxyType(union)


@dataclass(frozen=True, slots=True)
class Registry:
    """All rows of all extensions by name. Made by ``build_registry``."""

    extensions: tuple[Extension, ...]
    commands: Mapping[str, CommandRow]
    prefixes: frozenset[str]
    enables: Mapping[str, Extension]
    fetch_atts: Mapping[str, AttParser]
    fetch_items: Mapping[str, FetchItemRow]
    fetch_modifiers: Mapping[str, FetchModifierRow]
    fetch_modifier_parsers: Mapping[str, Callable[[Cursor], FetchModifier]]
    store_modifiers: Mapping[str, StoreModifierRow]
    store_modifier_parsers: Mapping[str, Callable[[Cursor], StoreModifier]]
    search_keys: Mapping[str, SearchKeyRow]
    select_parameters: Mapping[str, SelectParameterRow]
    select_parameter_parsers: Mapping[str, Callable[[Cursor], SelectParam]]
    status_items: Mapping[str, StatusItemRow]
    create_parameters: Mapping[str, CreateParameterRow]
    create_parameter_parsers: Mapping[str, Parse[object]]
    append_sources: Mapping[str, AppendSourceRow]
    expunge_tellers: "tuple[Callable[[Session, Sequence[int]], bytes | None], ...]" = field(default=())
    select_tellers: "tuple[Callable[[Session], bytes], ...]" = field(default=())
    news_tellers: "tuple[Callable[[Session], bytes], ...]" = field(default=())

    def capabilities(self, session: "Session") -> tuple[str, ...]:
        """The CAPABILITY list for the session's present state, without duplicates (RFC 3501 §7.2.1)."""
        names: dict[str, None] = {}
        for extension in self.extensions:
            text = extension.capability
            for name in (text if isinstance(text, str) else text(session)).split():
                names[name] = None
        return tuple(names)

    def list_attributes(self, session: "Session", mailbox: Mailbox) -> tuple[str, ...]:
        """Mailbox attributes that extensions add to LIST (RFC 3348, RFC 6154)."""
        names: list[str] = []
        for extension in self.extensions:
            if extension.list_attributes is not None:
                names.extend(extension.list_attributes(session, mailbox))
        return tuple(names)


def build_registry(extensions: Sequence[Extension]) -> Registry:
    """The table of ``extensions``, in whose order CAPABILITY names them.

    Raises ``InternalError`` for two owners of a name.
    """
    commands = _table("command", (row for e in extensions for row in e.commands))
    enables: dict[str, Extension] = {}
    for extension in extensions:
        for name in extension.enables:
            if name in enables:
                raise InternalError(f"ENABLE {name} has two owners")
            enables[name] = extension
    fetch_modifiers = _table("FETCH modifier", (row for e in extensions for row in e.fetch_modifiers))
    store_modifiers = _table("STORE modifier", (row for e in extensions for row in e.store_modifiers))
    select_parameters = _table("SELECT parameter", (row for e in extensions for row in e.select_parameters))
    create_parameters = _table("CREATE parameter", (row for e in extensions for row in e.create_parameters))
    return Registry(
        extensions=tuple(extensions),
        commands=commands,
        prefixes=frozenset(name.partition(" ")[0] for name in commands if " " in name),
        enables=MappingProxyType(enables),
        fetch_items=_table("FETCH item", (row for e in extensions for row in e.fetch_items)),
        fetch_atts=_parsers("FETCH item", (e.fetch_atts for e in extensions)),
        fetch_modifiers=fetch_modifiers,
        fetch_modifier_parsers={name: row.parse for name, row in fetch_modifiers.items()},
        store_modifiers=store_modifiers,
        store_modifier_parsers={name: row.parse for name, row in store_modifiers.items()},
        search_keys=_table("SEARCH key", (row for e in extensions for row in e.search_keys)),
        select_parameters=select_parameters,
        select_parameter_parsers={name: row.parse for name, row in select_parameters.items()},
        status_items=_table("STATUS item", (row for e in extensions for row in e.status_items)),
        create_parameters=create_parameters,
        create_parameter_parsers={name: row.parse for name, row in create_parameters.items()},
        append_sources=_table("APPEND source", (row for e in extensions for row in e.append_sources)),
        expunge_tellers=tuple(e.expunge_teller for e in extensions if e.expunge_teller is not None),
        select_tellers=tuple(e.select_teller for e in extensions if e.select_teller is not None),
        news_tellers=tuple(e.news_teller for e in extensions if e.news_teller is not None),
    )
