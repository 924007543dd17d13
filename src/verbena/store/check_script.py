"""Invariants of an account's Sieve scripts; see ``store.check``."""

from collections.abc import Iterator
from typing import Final

from verbena.model.errors import Refused
from verbena.model.ids import AccountId
from verbena.store.engine import Db
from verbena.store.scripts import MAX_SCRIPTS, check_name, list_scripts

_MODSEQ: Final = "SELECT modseq FROM account WHERE account_id = ?"
_SIZES: Final = "SELECT name FROM script WHERE account_id = ? AND size_octets != length(octets)"


def check_scripts(db: Db, account_id: AccountId) -> Iterator[str]:
    account = db.one(_MODSEQ, (account_id,))
    entries = list_scripts(db, account_id)
    for (name,) in db.all(_SIZES, (account_id,)):
        yield f"script {name!r} has not the octets that it counts"
    modseqs = {entry.modseq for entry in entries}
    if len(modseqs) != len(entries) or (account is not None and max(modseqs, default=0) > account[0]):
        yield "scripts have one modseq, or one beyond the account's"
    if sum(entry.active for entry in entries) > 1:
        yield "more than one script is active"
    if len(entries) > MAX_SCRIPTS:
        yield f"there are {len(entries)} scripts"
    for entry in entries:
        if not _is_canonical(entry.name):
            yield f"script {entry.name!r} has a name that is not canonical"


def _is_canonical(name: str) -> bool:
    try:
        return check_name(name) == name
    except Refused:
        return False
