"""The core of IMAP4rev1 (RFC 3501) as an extension record: all its commands, FETCH items and STATUS items."""

from verbena.imap.cmd import append, basic, copy, expunge, fetch, fetchitem, folder, login, search, select, store
from verbena.imap.cmd import list as listing
from verbena.imap.registry import Extension
from verbena.imap.session import Session
from verbena.wire.imap.fetch import CORE_FETCH_ATTS
from verbena.wire.imap.states import State


def _capability(session: Session) -> str:
    """What is open to this session now (RFC 3501 §6.1.1): before login STARTTLS, LOGINDISABLED and the mechanisms."""
    names = ["IMAP4rev1"]
    if session.state is State.NOT_AUTHENTICATED:
        authenticator, talk = session.services.authenticator, session.talk
        names.append("SASL-IR")
        if talk.can_start_tls:
            names.append("STARTTLS")
        if not authenticator.login_allowed(talk.tls, talk.peer):
            names.append("LOGINDISABLED")
        names.extend("AUTH=" + mechanism for mechanism in authenticator.mechanisms(talk.tls, talk.peer))
    return " ".join(names)


CORE = Extension(
    rfc=3501,
    capability=_capability,
    commands=(
        *basic.ROWS,
        *login.ROWS,
        *select.ROWS,
        *folder.ROWS,
        *listing.ROWS,
        *append.ROWS,
        *expunge.ROWS,
        *fetch.ROWS,
        *store.ROWS,
        *copy.ROWS,
        *search.ROWS,
    ),
    fetch_atts=CORE_FETCH_ATTS,
    fetch_items=fetchitem.ITEMS,
    status_items=folder.STATUS_ITEMS,
)
