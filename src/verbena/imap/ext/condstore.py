"""CONDSTORE: conditional STORE, and asking for what changed (RFC 7162 §3.1): full; SEARCH has its MODSEQ key itself.

Every use of it turns on mod-sequences in unsolicited FETCH responses, with UIDs (RFC 7162 §3.2.4).
"""

from verbena.imap.fetching import Batch, FetchPlan
from verbena.imap.plan import StorePlan
from verbena.imap.registry import (
    Column,
    Extension,
    FetchItemRow,
    FetchModifierRow,
    SelectParameterRow,
    StatusItemRow,
    StoreModifierRow,
)
from verbena.imap.session import Session
from verbena.model.errors import InternalError
from verbena.model.mailbox import Status
from verbena.wire.imap.condstore import (
    FETCH_ATTS,
    FETCH_MODIFIERS,
    MODSEQ,
    SELECT_PARAMS,
    STORE_MODIFIERS,
    ChangedSince,
    UnchangedSince,
)
from verbena.wire.imap.fetch import FetchAtt, FetchModifier
from verbena.wire.imap.reply import MODSEQ_ATT
from verbena.wire.imap.select import SelectParam
from verbena.wire.imap.store import StoreModifier


def turn_on(session: Session) -> None:
    """The client used what RFC 7162 §3.1 calls a CONDSTORE enabling command."""
    session.enabled.add("CONDSTORE")


def _modseq(session: Session, att: FetchAtt) -> Column:
    turn_on(session)
    return Column(MODSEQ_ATT, Batch.modseqs)


def _changed_since(session: Session, plan: FetchPlan, modifier: FetchModifier) -> None:
    if not isinstance(modifier, ChangedSince):
        raise InternalError("CHANGEDSINCE is expected")
    turn_on(session)
    since = modifier.modseq
    view = session.mailbox.view
    plan.changed_since = since
    plan.add(MODSEQ)
    kept: list[int] = []
    for index in plan.indexes:
        rows, row = view.locate(index)
        if row >= 0 and rows.modseqs[row] > since:
            kept.append(index)
    plan.indexes = kept


def _unchanged_since(session: Session, plan: StorePlan, modifier: StoreModifier) -> None:
    if not isinstance(modifier, UnchangedSince):
        raise InternalError("UNCHANGEDSINCE is expected")
    turn_on(session)
    plan.unchanged_since = modifier.modseq


def _select(session: Session, param: SelectParam) -> None:
    turn_on(session)


def _enable(session: Session, name: str) -> None:
    turn_on(session)


def _highestmodseq(session: Session, figures: Status) -> int:
    return figures.highestmodseq


EXTENSION = Extension(
    rfc=7162,
    capability="CONDSTORE",
    enables=("CONDSTORE",),
    on_enable=_enable,
    fetch_atts=FETCH_ATTS,
    fetch_items=(FetchItemRow(MODSEQ.name, _modseq),),
    fetch_modifiers=(FetchModifierRow("CHANGEDSINCE", FETCH_MODIFIERS["CHANGEDSINCE"], _changed_since),),
    store_modifiers=(StoreModifierRow("UNCHANGEDSINCE", STORE_MODIFIERS["UNCHANGEDSINCE"], _unchanged_since),),
    select_parameters=(SelectParameterRow("CONDSTORE", SELECT_PARAMS["CONDSTORE"], _select),),
    status_items=(StatusItemRow("HIGHESTMODSEQ", _highestmodseq, turn_on),),
)
