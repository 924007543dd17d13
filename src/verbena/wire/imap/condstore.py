"""CONDSTORE on the wire (RFC 7162 §3.1 and §7): MODSEQ, CHANGEDSINCE, UNCHANGEDSINCE, the CONDSTORE parameter.

Full, but for SEARCH MODSEQ, which is in ``search``. ``FETCH_ATTS``, ``FETCH_MODIFIERS``, ``STORE_MODIFIERS`` and
``SELECT_PARAMS`` are what the extension adds to the commands' mappings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from verbena.model.ids import ModSeq
from verbena.wire.imap.fetch import AttParser, FetchAtt, FetchModifier
from verbena.wire.imap.fetch import ModifierParser as FetchModifierParser
from verbena.wire.imap.grammar import Cursor
from verbena.wire.imap.select import ParamParser, SelectParam
from verbena.wire.imap.store import ModifierParser as StoreModifierParser
from verbena.wire.imap.store import StoreModifier

MODSEQ: Final = FetchAtt("MODSEQ")
CONDSTORE: Final = SelectParam("CONDSTORE")


@dataclass(frozen=True, slots=True)
class ChangedSince(FetchModifier):
    """Only messages with a mod-sequence above ``modseq`` (RFC 7162 §3.1.4.1)."""

    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class UnchangedSince(StoreModifier):
    """Only messages whose mod-sequence is at most ``modseq``, which may be 0 (RFC 7162 §3.1.3)."""

    modseq: ModSeq


# fetch-mod-sequence = "MODSEQ"
def _parse_modseq_att(cursor: Cursor) -> FetchAtt:
    return MODSEQ


# chgsince-fetch-mod = "CHANGEDSINCE" SP mod-sequence-value
def _parse_changedsince(cursor: Cursor) -> FetchModifier:
    """0 is taken as well: clients send it to mean "from the beginning"."""
    cursor.sp()
    return ChangedSince("CHANGEDSINCE", cursor.modseq_or_zero())


# store-modifier =/ "UNCHANGEDSINCE" SP mod-sequence-valzer
def _parse_unchangedsince(cursor: Cursor) -> StoreModifier:
    cursor.sp()
    return UnchangedSince("UNCHANGEDSINCE", cursor.modseq_or_zero())


# condstore-param = "CONDSTORE"
def _parse_condstore_param(cursor: Cursor) -> SelectParam:
    return CONDSTORE


FETCH_ATTS: Final[Mapping[str, AttParser]] = {"MODSEQ": _parse_modseq_att}
FETCH_MODIFIERS: Final[Mapping[str, FetchModifierParser]] = {"CHANGEDSINCE": _parse_changedsince}
STORE_MODIFIERS: Final[Mapping[str, StoreModifierParser]] = {"UNCHANGEDSINCE": _parse_unchangedsince}
SELECT_PARAMS: Final[Mapping[str, ParamParser]] = {"CONDSTORE": _parse_condstore_param}


def format_fetch_modifier(modifier: FetchModifier) -> bytes:
    """Any modifier of CONDSTORE, and any without a value."""
    if isinstance(modifier, ChangedSince):
        return b"CHANGEDSINCE %d" % modifier.modseq
    return modifier.name.encode("ascii")


def format_store_modifier(modifier: StoreModifier) -> bytes:
    """Any modifier of CONDSTORE, and any without a value."""
    if isinstance(modifier, UnchangedSince):
        return b"UNCHANGEDSINCE %d" % modifier.modseq
    return modifier.name.encode("ascii")
