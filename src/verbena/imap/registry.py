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
from typing import TYPE_CHECKING, TypeVar, cast

from verbena.imap.outcome import Reply
from verbena.model.errors import InternalError
from verbena.model.mailbox import Mailbox, Status
from verbena.store.api import Staged
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.states import State

if TYPE_CHECKING:
    from verbena.imap.fetching import FetchPlan, Message
    from verbena.imap.session import Session

T = TypeVar("T")
V = TypeVar("V")

Parse = Callable[[Cursor], T]
"""Reads what follows a name, from a cursor just behind the name; raises ``PeerError``."""

ParseWithRegistry = Callable[[Cursor, "Registry"], T]
Handler = Callable[["Session", T], AsyncIterator[Reply]]

ANY_STATE = frozenset(State)
LOGGED_OUT = frozenset({State.NOT_AUTHENTICATED})
LOGGED_IN = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED = frozenset({State.SELECTED})


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command: how to read its arguments, what carries it out, and what the dispatcher must know."""

    name: str
    parse: ParseWithRegistry[object]
    handle: Handler[object]
    states: frozenset[State]
    uses_numbers: bool = False
    """its arguments or replies name sequence numbers, so no expunge may be told while it runs or waits in line"""
    breaks_numbers: bool = False
    """it selects or unselects: updates of the old view are not told after it"""
    may_tell_expunges: bool = True
    """EXPUNGE or VANISHED may be told before its tagged reply (RFC 3501 §7.4.1)"""
    may_run_beside: bool = False
    """the next pipelined command may start before this one's reply is flushed (RFC 3501 §5.5)"""
    streams_literals: bool = False
    """its message literals are staged while they arrive; the arguments name them by place"""


@dataclass(frozen=True, slots=True)
class FetchItemRow:
    """An item of FETCH. ``parse`` makes a value from what follows the name (most read nothing).

    ``prepare`` turns the value, once a command, into a function from a message to the octets ``NAME value``, or to
    an async iterator over them for what is long or needs waiting. ``sets_seen`` and ``needs_content`` are asked once
    a command (RFC 3501 §6.4.5).
    """

    name: str
    parse: Parse[object]
    prepare: Callable[["Session", object], Callable[["Message"], bytes | AsyncIterator[bytes]]]
    sets_seen: bool = False
    needs_content: bool = True


@dataclass(frozen=True, slots=True)
class FetchModifierRow:
    """A modifier in the parentheses after FETCH's items (RFC 4466 §2.4); ``apply`` changes the plan, and raises ``PeerError``
    where the modifier can not stand."""

    name: str
    parse: Parse[object]
    apply: Callable[["Session", "FetchPlan", object], None]


@dataclass(frozen=True, slots=True)
class StoreModifierRow:
    """A modifier before STORE's flags (RFC 4466 §2.5). ``apply`` is told of its presence; the value goes to the handler."""

    name: str
    parse: Parse[object]
    apply: Callable[["Session", object], None] | None = None


@dataclass(frozen=True, slots=True)
class SelectParameterRow:
    """A parameter of SELECT and EXAMINE (RFC 4466 §2.1). ``apply`` is called before the mailbox is opened;
    ``tell`` yields untagged responses after the mailbox's own and before the tagged OK."""

    name: str
    parse: Parse[object]
    apply: Callable[["Session", object], None] | None = None
    tell: Callable[["Session", object], AsyncIterator[bytes]] | None = None


@dataclass(frozen=True, slots=True)
class StatusItemRow:
    """``figure`` gives the octets that follow the name in the STATUS response (RFC 3501 §7.2.4)."""

    name: str
    figure: Callable[[Status], bytes]
    apply: Callable[["Session"], None] | None = None
    """called when a command asks for it, such as CONDSTORE's enabling HIGHESTMODSEQ"""


@dataclass(frozen=True, slots=True)
class ListOptionRow:
    """A selection or return option of extended LIST (RFC 5258 §3); ``is_return`` tells which.

    ``keeps`` filters mailboxes for a selection option; ``tell`` yields untagged responses after a mailbox's LIST.
    """

    name: str
    is_return: bool
    parse: Parse[object]
    keeps: Callable[["Session", Mailbox], bool] | None = None
    tell: Callable[["Session", Mailbox, object], AsyncIterator[bytes]] | None = None


@dataclass(frozen=True, slots=True)
class CreateParameterRow:
    """A parameter of CREATE (RFC 4466 §2.2); ``value`` of the parse goes to the handler under its name."""

    name: str
    parse: Parse[object]


@dataclass(frozen=True, slots=True)
class AppendSourceRow:
    """What may stand in APPEND in place of a message literal (RFC 4466 §2.3, CATENATE). ``open`` makes the message.

    ``is_message_literal`` is given the octets of the command up to a literal within this source and says whether the
    literal is to be staged (as a message may be) or is a short string.
    """

    name: str
    parse: Parse[object]
    open: Callable[["Session", object], Awaitable[Staged]]
    is_message_literal: Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class NamedParserRow:
    """A SEARCH key, SEARCH return option or SORT key: a name and how to read what follows into a ``model.query`` value."""

    name: str
    parse: Parse[object]


@dataclass(frozen=True, slots=True)
class Extension:
    """What one RFC adds. A tuple of rows per slot; empty slots are left out.

    ``capability`` is the text of CAPABILITY (several names parted by spaces) or a function that gives it for the
    session's state, empty for none. ``enables`` are the names that ENABLE knows (RFC 5161), ``on_enable`` is called
    for each that is newly enabled. ``expunge_teller`` gives the octets that tell of expunged messages, in place of
    EXPUNGE, where the session wants it; None where not. ``list_attributes`` gives the attributes a mailbox gets in LIST.
    """

    rfc: int
    capability: "str | Callable[[Session], str]" = ""
    commands: tuple[CommandRow, ...] = ()
    enables: tuple[str, ...] = ()
    on_enable: "Callable[[Session, str], None] | None" = None
    fetch_items: tuple[FetchItemRow, ...] = ()
    fetch_modifiers: tuple[FetchModifierRow, ...] = ()
    store_modifiers: tuple[StoreModifierRow, ...] = ()
    search_keys: tuple[NamedParserRow, ...] = ()
    search_returns: tuple[NamedParserRow, ...] = ()
    sort_keys: tuple[NamedParserRow, ...] = ()
    select_parameters: tuple[SelectParameterRow, ...] = ()
    status_items: tuple[StatusItemRow, ...] = ()
    list_options: tuple[ListOptionRow, ...] = ()
    list_attributes: "Callable[[Session, Mailbox], tuple[str, ...]] | None" = None
    create_parameters: tuple[CreateParameterRow, ...] = ()
    append_sources: tuple[AppendSourceRow, ...] = ()
    expunge_teller: "Callable[[Session, Sequence[int]], bytes | None] | None" = None


def command(
    name: str,
    parse: Parse[T],
    handle: Handler[T],
    states: frozenset[State],
    *,
    uses_numbers: bool = False,
    breaks_numbers: bool = False,
    may_tell_expunges: bool = True,
    may_run_beside: bool = False,
    streams_literals: bool = False,
) -> CommandRow:
    """A row for a command whose grammar needs nothing of other extensions."""

    def parse_with_registry(cursor: Cursor, registry: "Registry") -> T:
        return parse(cursor)

    return open_command(
        name,
        parse_with_registry,
        handle,
        states,
        uses_numbers=uses_numbers,
        breaks_numbers=breaks_numbers,
        may_tell_expunges=may_tell_expunges,
        may_run_beside=may_run_beside,
        streams_literals=streams_literals,
    )


def open_command(
    name: str,
    parse: ParseWithRegistry[T],
    handle: Handler[T],
    states: frozenset[State],
    *,
    uses_numbers: bool = False,
    breaks_numbers: bool = False,
    may_tell_expunges: bool = True,
    may_run_beside: bool = False,
    streams_literals: bool = False,
) -> CommandRow:
    """A row for a command whose grammar other extensions add to: ``parse`` finds their rows in the registry."""
    return CommandRow(
        name,
        cast(ParseWithRegistry[object], parse),
        cast(Handler[object], handle),
        states,
        uses_numbers,
        breaks_numbers,
        may_tell_expunges,
        may_run_beside,
        streams_literals,
    )


def fetch_item(
    name: str,
    parse: Parse[V],
    prepare: "Callable[[Session, V], Callable[[Message], bytes | AsyncIterator[bytes]]]",
    *,
    sets_seen: bool = False,
    needs_content: bool = True,
) -> FetchItemRow:
    """A ``FetchItemRow`` whose ``parse`` and ``prepare`` agree on the value's type."""
    return FetchItemRow(
        name,
        parse,
        cast("Callable[[Session, object], Callable[[Message], bytes | AsyncIterator[bytes]]]", prepare),
        sets_seen,
        needs_content,
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
    NamedParserRow,
)


def _table(slot: str, rows: Iterable[Row]) -> Mapping[str, Row]:
    """Rows by name; a second owner of a name is a bug."""
    table: dict[str, Row] = {}
    for row in rows:
        if row.name in table or row.name != row.name.upper():
            raise InternalError(f"{slot} {row.name} has two owners, or is not upper case")
        table[row.name] = row
    return MappingProxyType(table)


def _list_table(rows: Iterable[ListOptionRow], is_return: bool) -> Mapping[str, ListOptionRow]:
    table: dict[str, ListOptionRow] = {}
    for row in rows:
        if row.is_return != is_return:
            continue
        if row.name in table:
            raise InternalError(f"LIST option {row.name} has two owners")
        table[row.name] = row
    return MappingProxyType(table)


@dataclass(frozen=True, slots=True)
class Registry:
    """All rows of all extensions by name. Made by ``build_registry``."""

    extensions: tuple[Extension, ...]
    commands: Mapping[str, CommandRow]
    prefixes: frozenset[str]
    enables: Mapping[str, Extension]
    fetch_items: Mapping[str, FetchItemRow]
    fetch_modifiers: Mapping[str, FetchModifierRow]
    store_modifiers: Mapping[str, StoreModifierRow]
    search_keys: Mapping[str, NamedParserRow]
    search_returns: Mapping[str, NamedParserRow]
    sort_keys: Mapping[str, NamedParserRow]
    select_parameters: Mapping[str, SelectParameterRow]
    status_items: Mapping[str, StatusItemRow]
    list_selections: Mapping[str, ListOptionRow]
    list_returns: Mapping[str, ListOptionRow]
    create_parameters: Mapping[str, CreateParameterRow]
    append_sources: Mapping[str, AppendSourceRow]
    expunge_tellers: "tuple[Callable[[Session, Sequence[int]], bytes | None], ...]" = field(default=())

    def capabilities(self, session: "Session") -> bytes:
        """The CAPABILITY list for the session's present state, without duplicates (RFC 3501 §7.2.1)."""
        names: dict[str, None] = {}
        for extension in self.extensions:
            text = extension.capability
            for name in (text if isinstance(text, str) else text(session)).split():
                names[name] = None
        return " ".join(names).encode("ascii")

    def list_attributes(self, session: "Session", mailbox: Mailbox) -> tuple[str, ...]:
        """Mailbox attributes that extensions add to LIST (RFC 3348, RFC 6154)."""
        names: list[str] = []
        for extension in self.extensions:
            if extension.list_attributes is not None:
                names.extend(extension.list_attributes(session, mailbox))
        return tuple(names)


def build_registry(extensions: Sequence[Extension]) -> Registry:
    """The table of ``extensions``, in whose order CAPABILITY names them. Raises ``InternalError`` for two owners of a name."""
    commands = _table("command", (row for e in extensions for row in e.commands))
    enables: dict[str, Extension] = {}
    for extension in extensions:
        for name in extension.enables:
            if name in enables:
                raise InternalError(f"ENABLE {name} has two owners")
            enables[name] = extension
    list_rows = [row for e in extensions for row in e.list_options]
    return Registry(
        extensions=tuple(extensions),
        commands=commands,
        prefixes=frozenset(name.partition(" ")[0] for name in commands if " " in name),
        enables=MappingProxyType(enables),
        fetch_items=_table("FETCH item", (row for e in extensions for row in e.fetch_items)),
        fetch_modifiers=_table("FETCH modifier", (row for e in extensions for row in e.fetch_modifiers)),
        store_modifiers=_table("STORE modifier", (row for e in extensions for row in e.store_modifiers)),
        search_keys=_table("SEARCH key", (row for e in extensions for row in e.search_keys)),
        search_returns=_table("SEARCH return option", (row for e in extensions for row in e.search_returns)),
        sort_keys=_table("SORT key", (row for e in extensions for row in e.sort_keys)),
        select_parameters=_table("SELECT parameter", (row for e in extensions for row in e.select_parameters)),
        status_items=_table("STATUS item", (row for e in extensions for row in e.status_items)),
        list_selections=_list_table(list_rows, is_return=False),
        list_returns=_list_table(list_rows, is_return=True),
        create_parameters=_table("CREATE parameter", (row for e in extensions for row in e.create_parameters)),
        append_sources=_table("APPEND source", (row for e in extensions for row in e.append_sources)),
        expunge_tellers=tuple(e.expunge_teller for e in extensions if e.expunge_teller is not None),
    )
