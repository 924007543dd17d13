"""Special-use mailboxes in LIST and CREATE (RFC 6154, RFC 8457): full, but for METADATA's ``/private/specialuse``.

A mailbox has one special use at most. ``\\All``, ``\\Flagged`` and ``\\Important`` would be views that no mailbox is
made for here: CREATE refuses them with USEATTR.
"""

from typing import Final

from verbena.imap.registry import CreateParameterRow, Extension, ListOptionRow
from verbena.imap.session import Session
from verbena.model.errors import Refused
from verbena.model.mailbox import Mailbox, SpecialUse
from verbena.model.reason import Reason
from verbena.wire.imap.grammar import BACKSLASH, LPAREN, RPAREN, Cursor

MAX_USES: Final = 16

_USES: Final = {use.value.upper(): use for use in SpecialUse}
_VIEWS: Final = (SpecialUse.ALL, SpecialUse.FLAGGED, SpecialUse.IMPORTANT)


# create-param =/ "USE" SP "(" [use-attr *(SP use-attr)] ")"
def parse_use(cursor: Cursor) -> SpecialUse | None:
    """The one special use; None for an empty list. Raises ``Refused(USE_ATTRIBUTE)`` for any that can not be had."""
    cursor.sp()
    cursor.expect(LPAREN)
    names: list[str] = []
    while not cursor.skip(RPAREN):
        if names:
            cursor.sp()
        cursor.expect(BACKSLASH)
        names.append("\\" + cursor.atom().decode("ascii"))
        if len(names) > MAX_USES:
            raise cursor.error("there are too many special uses")
    uses = {_USES.get(name.upper()) for name in names}
    if None in uses or uses.intersection(_VIEWS):
        raise Refused(Reason.USE_ATTRIBUTE, "This special use is not supported")
    if len(uses) > 1:
        raise Refused(Reason.USE_ATTRIBUTE, "A mailbox has one special use here")
    return uses.pop() if uses else None


def special_use(session: Session, mailbox: Mailbox) -> tuple[str, ...]:
    return () if mailbox.special_use is None else (mailbox.special_use.value,)


def has_special_use(session: Session, mailbox: Mailbox) -> bool:
    return mailbox.special_use is not None


def parse_nothing(cursor: Cursor) -> None:
    """Nothing follows the name."""


EXTENSION = Extension(
    rfc=6154,
    capability="SPECIAL-USE CREATE-SPECIAL-USE",
    create_parameters=(CreateParameterRow("USE", parse_use),),
    list_attributes=special_use,
    list_options=(
        ListOptionRow("SPECIAL-USE", False, parse_nothing, keeps=has_special_use),
        ListOptionRow("SPECIAL-USE", True, parse_nothing),
    ),
)
