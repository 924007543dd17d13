"""UIDPLUS (RFC 4315): full. UID EXPUNGE is here; APPENDUID and COPYUID are told by APPEND, COPY and MOVE themselves.

UIDNOTSTICKY is never told: UIDs of all mailboxes persist.
"""

from verbena.imap.cmd.expunge import expunge
from verbena.imap.registry import SELECTED, Extension, command
from verbena.wire.imap.command import parse_uid_expunge

EXTENSION = Extension(
    rfc=4315,
    capability="UIDPLUS",
    commands=(command("UID EXPUNGE", parse_uid_expunge, expunge, SELECTED),),
)
