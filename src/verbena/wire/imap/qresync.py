"""QRESYNC on the wire (RFC 7162 §3.2 and §7): the SELECT parameter and the VANISHED modifier. Full."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from verbena.model.ids import ModSeq, UidValidity
from verbena.model.uidset import NumberSet
from verbena.wire.imap.fetch import FetchModifier
from verbena.wire.imap.fetch import ModifierParser as FetchModifierParser
from verbena.wire.imap.grammar import LPAREN, RPAREN, SP, Cursor, format_number_set, format_ordered_numbers
from verbena.wire.imap.select import ParamParser, SelectParam

MAX_SEQ_MATCH: Final = 10_000
"""Numbers in one set of the sequence match data; a client needs about the logarithm of its mailbox."""

VANISHED: Final = FetchModifier("VANISHED")


@dataclass(frozen=True, slots=True)
class Qresync(SelectParam):
    """What the client knows; ``known_uids`` None is all of them (RFC 7162 §3.2.5).

    ``seq_match`` are (sequence number, UID) pairs, ascending in both (§3.2.5.2); empty where not given.
    """

    uidvalidity: UidValidity
    modseq: ModSeq
    known_uids: NumberSet | None = None
    seq_match: tuple[tuple[int, int], ...] = ()


# select-param =/ "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"
def _parse_qresync(cursor: Cursor) -> SelectParam:
    cursor.sp()
    cursor.expect(LPAREN)
    uidvalidity = UidValidity(cursor.nz_number())
    cursor.sp()
    modseq = cursor.modseq()
    known: NumberSet | None = None
    match: tuple[tuple[int, int], ...] = ()
    if cursor.skip(SP):
        if cursor.peek() != LPAREN:
            known = cursor.number_set()
            if cursor.skip(SP):
                match = _parse_seq_match(cursor)
        else:
            match = _parse_seq_match(cursor)
    cursor.expect(RPAREN)
    return Qresync("QRESYNC", uidvalidity, modseq, known, match)


# seq-match-data = "(" known-sequence-set SP known-uid-set ")"
def _parse_seq_match(cursor: Cursor) -> tuple[tuple[int, int], ...]:
    cursor.expect(LPAREN)
    seqs = cursor.ordered_numbers(MAX_SEQ_MATCH)
    cursor.sp()
    uids = cursor.ordered_numbers(MAX_SEQ_MATCH)
    cursor.expect(RPAREN)
    if len(seqs) != len(uids):
        raise cursor.error("the two sets must have as many numbers")
    if not _ascending(seqs) or not _ascending(uids):
        raise cursor.error("the two sets must be ascending")
    return tuple(zip(seqs, uids, strict=True))


def _ascending(numbers: list[int]) -> bool:
    before = 0
    for number in numbers:
        if number <= before:
            return False
        before = number
    return True


# rexpunges-fetch-mod = "VANISHED"
def _parse_vanished(cursor: Cursor) -> FetchModifier:
    """That it needs UID FETCH and CHANGEDSINCE is for the handler to check (RFC 7162 §3.2.6)."""
    return VANISHED


FETCH_MODIFIERS: Final[Mapping[str, FetchModifierParser]] = {"VANISHED": _parse_vanished}
SELECT_PARAMS: Final[Mapping[str, ParamParser]] = {"QRESYNC": _parse_qresync}


def format_select_param(param: SelectParam) -> bytes:
    """A parameter of QRESYNC, and any without a value."""
    if not isinstance(param, Qresync):
        return param.name.encode("ascii")
    text = b"QRESYNC (%d %d" % (param.uidvalidity, param.modseq)
    if param.known_uids is not None:
        text += b" " + format_number_set(param.known_uids)
    if param.seq_match:
        seqs = format_ordered_numbers([seq for seq, _uid in param.seq_match])
        uids = format_ordered_numbers([uid for _seq, uid in param.seq_match])
        text += b" (%b %b)" % (seqs, uids)
    return text + b")"
