"""Untagged responses about the selected mailbox: what others did to it since the client was told last.

EXISTS, RECENT and FETCH may be told in any command, EXPUNGE and VANISHED only where numbers are not in use
(RFC 3501 §5.2, §7.3, §7.4; RFC 7162 §3.1.4.2, §3.2.10). One text for all: NOOP, IDLE and every other command.
"""

from verbena.imap.session import Selected, Session, condstore_on
from verbena.model.errors import Unavailable
from verbena.model.flags import RECENT, SYSTEM_FLAGS, Flag, flag_names
from verbena.model.ids import Uid
from verbena.store.api import Columns


class FlagText:
    """Flag lists of one mailbox as octets, each combination made once. For the length of one command."""

    __slots__ = ("_columns", "_plain", "_recent")

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._plain: dict[int, bytes] = {}
        self._recent: dict[int, bytes] = {}

    def plain(self, bits: int) -> bytes:
        """``FLAGS (…)``."""
        found = self._plain.get(bits)
        if found is None:
            names = flag_names(bits, self._columns.keywords)
            found = self._plain[bits] = b"FLAGS (" + " ".join(names).encode("ascii") + b")"
        return found

    def recent(self, bits: int) -> bytes:
        """The same with ``\\Recent``."""
        found = self._recent.get(bits)
        if found is None:
            names = (*flag_names(bits, self._columns.keywords), RECENT)
            found = self._recent[bits] = b"FLAGS (" + " ".join(names).encode("ascii") + b")"
        return found


def applicable_flags(keywords: tuple[Flag, ...]) -> bytes:
    """The FLAGS response (RFC 3501 §7.2.6)."""
    return b"* FLAGS (" + " ".join(SYSTEM_FLAGS + keywords).encode("ascii") + b")\r\n"


def permanent_flags(selected: Selected) -> bytes:
    """PERMANENTFLAGS (RFC 3501 §7.1); a read-only mailbox has none."""
    if selected.read_only:
        return b"* OK [PERMANENTFLAGS ()] Read-only mailbox\r\n"
    names = " ".join((*SYSTEM_FLAGS, *selected.view.columns.keywords, "\\*")).encode("ascii")
    return b"* OK [PERMANENTFLAGS (" + names + b")] Flags may be changed\r\n"


def new_keywords(selected: Selected) -> bytes:
    """FLAGS and PERMANENTFLAGS again when the mailbox has got keywords since they were told (RFC 3501 §7.2.6)."""
    keywords = selected.view.columns.keywords
    if len(keywords) == selected.told_keywords:
        return b""
    selected.told_keywords = len(keywords)
    return applicable_flags(keywords) + permanent_flags(selected)


async def updates(session: Session, may_tell_expunges: bool) -> bytes:
    """All there is to tell now, in the order that keeps numbers right; empty when nothing happened.

    Raises ``Refused(NONEXISTENT)`` when the selected mailbox was deleted.
    """
    selected = session.selected
    if selected is None or not selected.view.advance(session.account):
        return b""
    view = selected.view
    pieces: list[bytes] = []
    if may_tell_expunges and view.gone:
        pieces.append(expunged(session))
    added = view.take_added()
    if added:
        await claim_recent(session, selected)
        pieces.append(b"* %d EXISTS\r\n* %d RECENT\r\n" % (view.count, view.recent_count()))
    changed = view.take_changed()
    if changed:
        pieces.append(new_keywords(selected))
        pieces.append(flag_updates(session, changed))
    if view.gone and "QRESYNC" in session.enabled:
        # The client may have seen modseqs above the delayed expunge's: RFC 7162 §3.2 (erratum 1810 of its forerunner).
        pieces.append(b"* OK [HIGHESTMODSEQ %d] Expunges are held back\r\n" % view.gone_floor)
    return b"".join(pieces)


async def claim_recent(session: Session, selected: Selected) -> None:
    """Make new messages ``\\Recent`` in this session; EXAMINE takes them from nobody (RFC 3501 §6.3.2)."""
    columns = selected.view.columns
    status = session.account.status(columns.mailbox_id)
    if not status.recent:
        return
    if selected.read_only:
        unclaimed = columns.uids[-status.recent :]
        if unclaimed:
            selected.view.recent_from(Uid(unclaimed[0]))
        return
    try:
        selected.view.add_recent(await session.account.claim_recent(columns.mailbox_id))
    except Unavailable:
        # Nothing can be written now. The messages are told without the flag: a later session will have it.
        return


def expunged(session: Session) -> bytes:
    """EXPUNGE for each expunged message, or what an extension tells in its place."""
    uids, numbers = session.mailbox.view.take_gone()
    if not uids:
        return b""
    for teller in session.services.registry.expunge_tellers:
        told = teller(session, uids)
        if told is not None:
            return told
    return b"".join([b"* %d EXPUNGE\r\n" % number for number in numbers])


def flag_updates(session: Session, indexes: list[int], with_uid: bool = False, with_flags: bool = True) -> bytes:
    """FETCH responses with flags; with UID and modseq too once the client knows mod-sequences (RFC 7162 §3.2.4)."""
    view = session.mailbox.view
    texts = FlagText(view.columns)
    recent = view.recent
    modseqs = condstore_on(session)
    with_uid = with_uid or modseqs
    lines: list[bytes] = []
    for index in indexes:
        rows, row = view.locate(index)
        if row < 0:
            continue
        uid = rows.uids[row]
        items: list[bytes] = []
        if with_uid:
            items.append(b"UID %d" % uid)
        if with_flags:
            bits = rows.flags[row]
            items.append(texts.recent(bits) if uid in recent else texts.plain(bits))
        if modseqs:
            items.append(b"MODSEQ (%d)" % rows.modseqs[row])
        lines.append(b"* %d FETCH (%b)\r\n" % (index + 1, b" ".join(items)))
    return b"".join(lines)
