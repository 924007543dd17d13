"""CREATE's USE parameter on the wire (RFC 6154 §3, §6): full."""

from collections.abc import Mapping
from typing import Final

from verbena.model.errors import Refused
from verbena.model.mailbox import SpecialUse
from verbena.model.reason import Reason
from verbena.wire.imap.folder import CreateParser
from verbena.wire.imap.grammar import BACKSLASH, LPAREN, RPAREN, Cursor

_USES: Final = {use.value[1:].upper().encode("ascii"): use for use in SpecialUse}


# create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")"
def parse_use(cursor: Cursor) -> tuple[SpecialUse, ...]:
    """The attributes, each once. Raises ``Refused(USE_ATTRIBUTE)`` for one that does not exist."""
    cursor.sp()
    cursor.expect(LPAREN)
    uses: list[SpecialUse] = []
    if cursor.skip(RPAREN):
        return ()
    while True:
        cursor.expect(BACKSLASH)
        use = _USES.get(cursor.atom().upper())
        if use is None:
            raise Refused(Reason.USE_ATTRIBUTE, "There is no such special use")
        if use not in uses:
            uses.append(use)
        if cursor.skip(RPAREN):
            return tuple(uses)
        cursor.sp()


CREATE_PARAMS: Final[Mapping[str, CreateParser]] = {"USE": parse_use}
