"""Names for the numbers that must not be mixed up.

A message has a ``Seq`` in one session's view, a ``Uid`` in its mailbox, a ``ModSeq`` for its last
change and a ``ContentId`` for its bytes. All are plain integers at run time (RFC 3501 §2.3.1,
RFC 7162 §3.1.1); the type checker keeps them apart.
"""

from typing import NewType

Uid = NewType("Uid", int)
"""Unique identifier of a message in a mailbox: 1 to 2**32-1, never reused, strictly ascending."""

Seq = NewType("Seq", int)
"""Message sequence number in one session's view: 1 to the number of messages in that view."""

ModSeq = NewType("ModSeq", int)
"""Modification sequence, 1 to 2**63-1, one counter per account (RFC 7162 §3.1.1)."""

UidValidity = NewType("UidValidity", int)
"""1 to 2**32-1; a mailbox made again under an old name has a larger one."""

AccountId = NewType("AccountId", int)
MailboxId = NewType("MailboxId", int)
"""Number of a mailbox within its account; survives a rename, never reused."""

ContentId = NewType("ContentId", int)
"""Number of a message's bytes within its account; copies of a message share it."""

QueueId = NewType("QueueId", int)
"""Number of an entry in an account's outbox."""

MAX_UID = 0xFFFFFFFF
MAX_MODSEQ = 0x7FFFFFFFFFFFFFFF
