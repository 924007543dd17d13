"""QRESYNC: a mailbox brought up to date in one round trip (RFC 7162 §3.2, errata of RFC 5550 Appendix A): full.

Once enabled, expunges are told as VANISHED. Expunges are remembered for good, so VANISHED (EARLIER) is exact for any
mod-sequence; sequence match data can only leave out what the client is shown to know (§3.2.5.2).

Limits: one VANISHED response names what the mailbox lost, in ranges.
"""

from collections.abc import AsyncIterator, Sequence

from verbena.imap.fetching import FetchPlan
from verbena.imap.registry import Extension, FetchModifierRow, SelectParameterRow
from verbena.imap.session import Session
from verbena.imap.telling import flag_updates
from verbena.imap.view import View
from verbena.model.errors import InternalError, PeerError
from verbena.model.ids import ModSeq
from verbena.model.uidset import NumberSet, number_set, range_set, select
from verbena.wire.imap.fetch import FetchModifier
from verbena.wire.imap.qresync import FETCH_MODIFIERS, SELECT_PARAMS, Qresync
from verbena.wire.imap.reply import format_vanished
from verbena.wire.imap.select import SelectParam


def _enabled(session: Session) -> None:
    """Raises ``PeerError`` before ENABLE QRESYNC (RFC 7162 §3.2.3)."""
    if "QRESYNC" not in session.enabled:
        raise PeerError("QRESYNC is not enabled")


def _on_enable(session: Session, name: str) -> None:
    session.enabled.add("CONDSTORE")


def tell_vanished(session: Session, uids: Sequence[int]) -> bytes | None:
    """VANISHED in place of EXPUNGE (RFC 7162 §3.2.10.2)."""
    if "QRESYNC" not in session.enabled:
        return None
    return format_vanished(number_set(uids), earlier=False)


def _earlier(uids: NumberSet) -> bytes:
    return format_vanished(uids, earlier=True) if uids else b""


def _vanished(session: Session, plan: FetchPlan, modifier: FetchModifier) -> None:
    """UID FETCH … (CHANGEDSINCE n VANISHED): RFC 7162 §3.2.6."""
    _enabled(session)
    if not plan.request.by_uid or plan.changed_since is None:
        raise PeerError("VANISHED is for UID FETCH with CHANGEDSINCE")
    view = session.mailbox.view
    wanted = plan.request.messages.resolve(max(view.last_uid, int(view.columns.uidnext) - 1))
    told = _lost(session, view, plan.changed_since).intersection(wanted)
    octets = _earlier(told)
    if octets:
        plan.preamble.append(octets)


def _lost(session: Session, view: View, since: ModSeq) -> NumberSet:
    """UIDs expunged since; without those still in the view, whose expunge is to be told as plain VANISHED (§3.2.10)."""
    lost = session.account.vanished(view.columns.mailbox_id, since)
    in_view = select(view.uids[: view.count], lost)
    return lost.difference(number_set(in_view)) if in_view else lost


def _check(session: Session, param: SelectParam) -> None:
    _enabled(session)


async def _resync(session: Session, param: SelectParam) -> AsyncIterator[bytes]:
    """What the client missed (RFC 7162 §3.2.5)."""
    if not isinstance(param, Qresync):
        raise InternalError("QRESYNC is expected")
    view = session.mailbox.view
    if param.uidvalidity != view.columns.uidvalidity:
        return
    known = param.known_uids
    if known is None:
        known = range_set([(1, int(view.columns.uidnext) - 1)] if view.columns.uidnext > 1 else [])
    lost = _lost(session, view, param.modseq).intersection(known)
    floor = _matched_uid(view, param.seq_match)
    if floor:
        lost = lost.difference(range_set([(1, floor)]))
    octets = _earlier(lost)
    if octets:
        yield octets
    changed = _changed(view, param.modseq, known)
    async for octets in flag_updates(session, changed, with_uid=True):
        yield octets


def _matched_uid(view: View, pairs: tuple[tuple[int, int], ...]) -> int:
    """The UID up to which the client knows all expunges: that of the last pair that still matches; 0 for none.

    Pairs ascend in both numbers and expunges only lower numbers, so behind the first mismatch none matches.
    """
    matched = 0
    for seq, uid in pairs:
        if seq > view.count or view.uids[seq - 1] != uid:
            break
        matched = uid
    return matched


def _changed(view: View, since: ModSeq, known: NumberSet) -> list[int]:
    """Indexes of the messages among ``known`` with a higher modseq. No expunge was told since the view was made, so
    index is row in the arrays that it holds; those may have grown."""
    if view.columns.highestmodseq <= since:
        return []
    uids = view.uids
    changed = [row for row, modseq in enumerate(view.rows.modseqs[: view.count]) if modseq > since]
    return [row for row in changed if uids[row] in known]


EXTENSION = Extension(
    rfc=7162,
    capability="QRESYNC",
    enables=("QRESYNC",),
    on_enable=_on_enable,
    fetch_modifiers=(FetchModifierRow("VANISHED", FETCH_MODIFIERS["VANISHED"], _vanished),),
    select_parameters=(SelectParameterRow("QRESYNC", SELECT_PARAMS["QRESYNC"], _check, _resync),),
    expunge_teller=tell_vanished,
)
