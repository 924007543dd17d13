"""Special-use mailboxes in LIST and CREATE (RFC 6154 §2, §3; RFC 8457).

Partial: the selection and return options of extended LIST come with LIST-EXTENDED. ``/private/specialuse`` (§4) is in
``metadata`` and the store. Plain LIST always shows the attributes. A USE that can not be had is refused (USEATTR).
"""

from verbena.imap.plan import CreatePlan
from verbena.imap.registry import CreateParameterRow, Extension
from verbena.imap.session import Session
from verbena.model.errors import InternalError, Refused
from verbena.model.mailbox import Mailbox
from verbena.model.reason import Reason
from verbena.wire.imap.specialuse import CREATE_PARAMS


def special_use(session: Session, mailbox: Mailbox) -> tuple[str, ...]:
    return () if mailbox.special_use is None else (mailbox.special_use.value,)


def use(session: Session, plan: CreatePlan, value: object) -> None:
    """A mailbox has one special use at most (RFC 6154 §3 lets a server refuse more)."""
    if not isinstance(value, tuple):
        raise InternalError("not this extension's parameter")
    if len(value) > 1:
        raise Refused(Reason.USE_ATTRIBUTE, "A mailbox has one special use at most")
    plan.special_use = value[0] if value else None


EXTENSION = Extension(
    rfc=6154,
    capability="SPECIAL-USE CREATE-SPECIAL-USE",
    list_attributes=special_use,
    create_parameters=(CreateParameterRow("USE", CREATE_PARAMS["USE"], use),),
)
