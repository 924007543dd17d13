"""Running a user's script over a mailbox that is there: what it would do, and doing it.

Only what files is done: a message that is filed elsewhere and not kept moves; one that is discarded goes to the
mailbox for trash, or is left where there is none; flags are added. Nothing is sent, refused or remembered, and ``keep``
means to stay. ``duplicate`` finds nothing. The envelope is taken from Return-Path and Delivered-To of the message.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from verbena.lmtp.filter import Decided, Failure, Filter, Stage, message_of
from verbena.lmtp.surroundings import mailbox_number, special_use_of
from verbena.model.flags import Flag, FlagEdit, FlagOp
from verbena.model.ids import MailboxId, Uid
from verbena.model.mailbox import Mailbox, SpecialUse
from verbena.model.uidset import NumberSet
from verbena.sieve.action import FileInto, Keep
from verbena.sieve.message import Message
from verbena.sieve.run import Envelope
from verbena.store.api import Account, Store


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the script decided about a message: names of mailboxes it is filed into; ``stays`` where it is kept;
    ``left_out`` the actions that are not done here. ``failure`` None: the script ran to its end."""

    uid: Uid
    subject: str
    stays: bool
    targets: tuple[str, ...]
    flags: tuple[str, ...]
    left_out: tuple[str, ...]
    failure: Failure | None


class Refilter:
    """Goes over one mailbox of one account with one script."""

    def __init__(self, store: Store, account: Account, scripts: Filter, stage: Stage) -> None:
        self._store = store
        self._account = account
        self._scripts = scripts
        self._stage = stage

    async def verdicts(self, mailbox_id: MailboxId, apply: bool) -> AsyncIterator[Verdict]:
        """Of every message that is there now; with ``apply`` each is done before it is told.

        Raises ``Refused(NONEXISTENT)`` for the mailbox; what the store refuses while it applies.
        """
        columns = await self._account.open(mailbox_id)
        rows = list(zip(columns.uids, columns.contents, strict=True))
        for uid, content_id in rows:
            content = self._account.contents([content_id])[0]
            if content is None:
                continue
            source = self._account.stream(content.content_id, 0, content.size_octets)
            async with await self._store.stage(source, content.size_octets) as staged:
                message = message_of(staged)
                decided = self._scripts.decide(self._account, [self._stage], message, envelope_of(message))
            verdict = verdict_of(Uid(uid), message, decided)
            if apply and verdict.failure is None:
                await self._apply(mailbox_id, verdict, decided)
            yield verdict

    async def _apply(self, mailbox_id: MailboxId, verdict: Verdict, decided: Decided) -> None:
        uids = NumberSet(((verdict.uid, verdict.uid),))
        stays = verdict.stays
        for action, _ in decided.actions:
            if isinstance(action, FileInto):
                target = await self._target(action)
                if target is None or target == mailbox_id:
                    stays = True
                    continue
                copied = await self._account.copy(mailbox_id, uids, target)
                await self._flag(target, copied.uids, action.flags)
            elif isinstance(action, Keep):
                await self._flag(mailbox_id, (verdict.uid,), action.flags)
        if stays:
            return
        if verdict.targets or verdict.left_out:
            await self._remove(mailbox_id, uids, moved=bool(verdict.targets))
        else:
            await self._discard(mailbox_id, uids)

    async def _remove(self, mailbox_id: MailboxId, uids: NumberSet, moved: bool) -> None:
        """Of a message that was copied; one that only had to be sent on stays."""
        if moved:
            deleted = FlagEdit(FlagOp.ADD, (Flag("\\Deleted"),))
            await self._account.store_flags(mailbox_id, uids, deleted)
            await self._account.expunge(mailbox_id, uids)

    async def _discard(self, mailbox_id: MailboxId, uids: NumberSet) -> None:
        for each in self._account.mailboxes():
            if each.special_use is SpecialUse.TRASH and each.mailbox_id != mailbox_id:
                await self._account.move(mailbox_id, uids, each.mailbox_id)
                return

    async def _flag(self, mailbox_id: MailboxId, uids: tuple[Uid, ...], flags: tuple[bytes, ...] | None) -> None:
        if flags and uids:
            edit = FlagEdit(FlagOp.ADD, tuple(Flag(flag.decode("ascii", "replace")) for flag in flags))
            await self._account.store_flags(mailbox_id, NumberSet(tuple((uid, uid) for uid in sorted(uids))), edit)

    async def _target(self, action: FileInto) -> MailboxId | None:
        """None where there is no such mailbox, and none is wanted."""
        number = None if action.mailbox_id is None else mailbox_number(action.mailbox_id)
        use = None if action.special_use is None else special_use_of(action.special_use)
        every: list[Mailbox] = [each for each in self._account.mailboxes() if each.selectable]
        for each in every:
            if each.mailbox_id == number or (use is not None and each.special_use is use):
                return each.mailbox_id
        name = action.mailbox.decode("utf-8", "replace")
        found = self._account.find(name)
        if found is not None and found.selectable:
            return found.mailbox_id
        return (await self._account.create(name)).mailbox_id if action.create else None


def verdict_of(uid: Uid, message: Message, decided: Decided) -> Verdict:
    targets: list[str] = []
    flags: list[str] = []
    left_out: list[str] = []
    stays = False
    for action, _ in decided.actions:
        if isinstance(action, FileInto):
            targets.append(action.mailbox.decode("utf-8", "replace"))
        elif isinstance(action, Keep):
            stays = True
        else:
            left_out.append(type(action).__name__.lower())
        if isinstance(action, FileInto | Keep):
            flags.extend(flag.decode("ascii", "replace") for flag in action.flags or ())
    subject = b"".join(message.values(b"subject")[:1])[:200].decode("utf-8", "replace")
    failure = decided.failures[0] if decided.failures else None
    return Verdict(uid, subject, stays, tuple(targets), tuple(dict.fromkeys(flags)), tuple(left_out), failure)


def envelope_of(message: Message) -> Envelope:
    sender = message.addresses(b"return-path")[:1] or [b""]
    recipient = message.values(b"delivered-to")[:1] or [b""]
    return Envelope(sender[0], recipient[0])
