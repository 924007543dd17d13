"""The shared annotations of the server, the same for all accounts (RFC 5464 §3.2.1.1): a table of server.db.

They are few and small, so they are read whole and kept by the directory's cache. ``/shared/admin`` is not among them:
the configuration gives it. Limits: ``model.metadata``.
"""

from collections.abc import Mapping
from typing import Final

import apsw

from verbena.model.errors import InternalError, Refused
from verbena.model.metadata import ADMIN_ENTRY, MAX_ENTRIES, is_entry, is_shared
from verbena.model.reason import Reason
from verbena.store.metadata import check_annotation

ALL: Final = "SELECT entry, value FROM annotation ORDER BY entry"
_PUT: Final = "INSERT OR REPLACE INTO annotation (entry, value) VALUES (?, ?)"
_REMOVE: Final = "DELETE FROM annotation WHERE entry = ?"


def annotations_of(rows: list[tuple[int | float | str | bytes | None, ...]]) -> dict[str, bytes]:
    """From the rows of ``ALL``."""
    result: dict[str, bytes] = {}
    for entry, value in rows:
        if not isinstance(entry, str) or not isinstance(value, bytes):
            raise InternalError("server.db has a value of the wrong type")
        result[entry] = value
    return result


def write_annotations(db: apsw.Connection, values: Mapping[str, bytes | None]) -> None:
    """Within a transaction. Raises ``Refused``: CANNOT, TOO_BIG, LIMIT; then the caller rolls back."""
    for entry, value in values.items():
        check_annotation(entry, value)
        if not is_shared(entry) or entry == ADMIN_ENTRY:
            raise Refused(Reason.CANNOT, "This entry of the server can not be changed")
        if value is None:
            db.execute(_REMOVE, (entry,)).fetchall()
        else:
            db.execute(_PUT, (entry, value)).fetchall()
    if len(db.execute(ALL).fetchall()) > MAX_ENTRIES:
        raise Refused(Reason.LIMIT, f"There are {MAX_ENTRIES} entries at most")


def check_annotations(values: Mapping[str, bytes]) -> list[str]:
    """What is wrong with them, as a sentence each."""
    return [
        f"annotation {entry!r} of the server can not be"
        for entry in values
        if not is_entry(entry) or not is_shared(entry) or entry == ADMIN_ENTRY
    ]
