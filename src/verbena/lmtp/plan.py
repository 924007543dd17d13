"""From what scripts decided to what the store carries out at once: ``store.api.Delivery``.

What can not be done as decided (a mailbox that is not there, a limit reached, a loop) keeps the message in INBOX
instead; where the script is at fault, the user is told. Every message made here is staged on ``stack``, which drops
it at the end.
"""

import logging
import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never

from verbena.lmtp import notification, redirect, told, vacation
from verbena.lmtp.compose import Origin
from verbena.lmtp.filter import Decided, Failure, Filter, message_of
from verbena.lmtp.notification import Call
from verbena.lmtp.settings import FilterSettings
from verbena.lmtp.surroundings import mailbox_number, notes_of, special_use_of
from verbena.mime.transfer import body_of
from verbena.model.date import InternalDate
from verbena.model.errors import Refused
from verbena.model.flags import Flag
from verbena.model.mailbox import INBOX
from verbena.sieve.action import Action, Discard, Edition, FileInto, Keep, Notify, Redirect, Reject, Vacation
from verbena.sieve.ext.vacation import may_answer
from verbena.sieve.message import Message
from verbena.sieve.run import Envelope
from verbena.sieve.uri import scheme_of
from verbena.store.api import (
    Account,
    Delivery,
    Filing,
    NewMessage,
    Note,
    NoteKind,
    OutEnvelope,
    Outgoing,
    OutRecipient,
    Staged,
    Store,
)

log = logging.getLogger(__name__)

HOUR_S = 3600
EDIT_OCTETS = 8 * 1024 * 1024
"""by which a script may make a message longer"""
MADE_OCTETS = 1024 * 1024
"""of a message made here"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that came for one account."""

    account: Account
    staged: Staged
    envelope: Envelope
    now: datetime


@dataclass(slots=True)
class Plan:
    """What is to be done. ``refused`` is the reason to tell the sender, where the message is rejected."""

    filings: list[Filing] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    first: tuple[Note, ...] = ()
    calls: list[Call] = field(default_factory=list)
    refused: str | None = None

    def delivery(self) -> Delivery:
        return Delivery(tuple(self.filings), tuple(self.outgoing), self.first, tuple(self.notes))

    @property
    def is_empty(self) -> bool:
        return not (self.filings or self.outgoing or self.notes or self.first)


class Planner:
    """Makes one plan."""

    def __init__(
        self, store: Store, settings: FilterSettings, scripts: Filter, arrived: Arrived, stack: AsyncExitStack
    ) -> None:
        self._store = store
        self._settings = settings
        self._scripts = scripts
        self._arrived = arrived
        self._account = arrived.account
        self._stack = stack
        self._plan = Plan()
        self._failures: list[Failure] = []
        self._came: Message | None = None
        self._edited: list[tuple[Edition, Staged]] = []
        self._onward: list[tuple[Edition | None, Staged]] = []
        self._left: dict[NoteKind, int] = {}
        self._notified: set[bytes] = set()

    @property
    def came(self) -> Message:
        """The message as it came, whatever scripts made of it."""
        if self._came is None:
            self._came = message_of(self._arrived.staged)
        return self._came

    async def plan(self, decided: Decided) -> Plan:
        self._failures = list(decided.failures)
        self._plan.first, again = notes_of(decided.noted)
        self._plan.notes.extend(again)
        for action, edition in decided.actions:
            await self._add(action, edition)
        for failure in self._failures:
            await self._tell(failure)
        return self._plan

    async def apology(self) -> Delivery:
        """What tells the user of mailboxes that were asked for and are not there."""
        names = dict.fromkeys(each.name for each in self._plan.filings if self._account.find(each.name) is None)
        self._plan = Plan()
        self._failures = []
        self._failed("there is no mailbox " + ", ".join(f"“{name[:200]}”" for name in names))
        for failure in self._failures:
            await self._tell(failure)
        return self._plan.delivery()

    async def _add(self, action: Action, edition: Edition | None) -> None:
        match action:
            case Keep():
                self._plan.filings.append(Filing(await self._copy(edition, action.flags), INBOX))
            case FileInto():
                await self._file(action, edition)
            case Redirect():
                await self._redirect(action, edition)
            case Vacation():
                await self._answer(action)
            case Notify():
                await self._notify(action)
            case Reject():
                self._plan.refused = action.reason.decode("utf-8", "replace").strip()
            case Discard():
                pass
            case _:
                assert_never(action)

    # filing

    async def _copy(self, edition: Edition | None, flags: tuple[bytes, ...] | None) -> NewMessage:
        names = tuple(Flag(flag.decode("ascii", "replace")) for flag in flags or ())
        return NewMessage(await self._staged(edition), names, InternalDate(int(self._arrived.now.timestamp())))

    async def _staged(self, edition: Edition | None) -> Staged:
        """The message as a script left it."""
        if edition is None:
            return self._arrived.staged
        for other, staged in self._edited:
            if other is edition:
                return staged
        source = redirect.stream(redirect.edited(self._arrived.staged, edition))
        try:
            made = await self._store.stage(source, self._arrived.staged.size_octets + EDIT_OCTETS)
        except Refused:
            self._failed("the message became too long by what the script did to it: it is here as it came")
            return self._arrived.staged
        await self._stack.enter_async_context(made)
        self._edited.append((edition, made))
        return made

    async def _file(self, action: FileInto, edition: Edition | None) -> None:
        self._plan.filings.append(self._filing(action, await self._copy(edition, action.flags)))

    def _filing(self, action: FileInto, message: NewMessage) -> Filing:
        return Filing(
            message,
            action.mailbox.decode("utf-8", "replace"),
            None if action.mailbox_id is None else mailbox_number(action.mailbox_id),
            None if action.special_use is None else special_use_of(action.special_use),
            action.create,
        )

    # redirect

    async def _redirect(self, action: Redirect, edition: Edition | None) -> None:
        addresses = self._addresses(action)
        if redirect.was_here(self.came, self._account.ref):
            log.info("not redirected again", extra={"account": self._account.ref.login})
            addresses = []
        if not addresses:
            await self._add(Keep(action.place), edition)
            return
        if not self._take(NoteKind.SENT, self._settings.sent_an_hour, len(addresses)):
            self._failed(f"more than {self._settings.sent_an_hour} messages an hour are sent on")
            await self._add(Keep(action.place), edition)
            return
        staged = await self._marked(edition)
        envelope = redirect.envelope_of(action, tuple(addresses), self._arrived.envelope, self._account.ref, staged)
        self._plan.outgoing.append(Outgoing(envelope, staged))

    def _addresses(self, action: Redirect) -> list[str]:
        """Where a message goes that is sent on; without the account itself, which is no loop but keeps it."""
        found = [action.address]
        if action.list_name is not None:
            entries = self._scripts.surroundings(self._account, {}).entries(action.list_name) or frozenset()
            found = sorted(entry for entry in entries if b"@" in entry)
            if len(found) > self._settings.list_redirects:
                self._failed(f"the list has more than {self._settings.list_redirects} addresses")
                return []
        return [address.decode("utf-8", "replace") for address in found if not self._is_own(address)]

    def _is_own(self, address: bytes) -> bool:
        local_part, _, domain = address.decode("utf-8", "replace").rpartition("@")
        directory = self._store.directory
        if not directory.is_local_domain(domain):
            return False
        accounts = directory.resolve_address(local_part, domain)
        return [each.account_id for each in accounts] == [self._account.ref.account_id]

    async def _marked(self, edition: Edition | None) -> Staged:
        for other, staged in self._onward:
            if other is edition:
                return staged
        edited = await self._staged(edition)
        source = redirect.marked(self._arrived.envelope.recipient, self._account.ref, redirect.octets_of(edited))
        made = await self._store.stage(redirect.stream(source), edited.size_octets + redirect.SPARE_OCTETS)
        await self._stack.enter_async_context(made)
        self._onward.append((edition, made))
        return made

    def _take(self, kind: NoteKind, limit: int, count: int = 1) -> bool:
        """Whether the hour's limit has room for ``count`` more, which are noted with the delivery."""
        if kind not in self._left:
            self._left[kind] = limit - self._account.count_notes(kind)
        if self._left[kind] < count:
            return False
        self._left[kind] -= count
        self._plan.notes.extend(Note(kind, secrets.token_bytes(32), HOUR_S) for _ in range(count))
        return True

    # messages made here

    def _origin(self) -> Origin:
        return Origin(self._settings.hostname, secrets.token_hex(12), self._arrived.now)

    async def _made(self, octets: bytes) -> Staged:
        made = await self._store.stage(redirect.stream(iter((octets,))), MADE_OCTETS)
        return await self._stack.enter_async_context(made)

    async def _fcc(self, action: FileInto | None, staged: Staged) -> Filing | None:
        if action is None:
            return None
        flags = tuple(Flag(flag.decode("ascii", "replace")) for flag in action.flags or ())
        return self._filing(action, NewMessage(staged, flags, InternalDate(int(self._arrived.now.timestamp()))))

    async def _answer(self, action: Vacation) -> None:
        account, envelope = self._account, self._arrived.envelope
        own = vacation.own_addresses(self._store.directory, account.ref, self.came, envelope)
        answering = may_answer(self.came, envelope, [*own, *action.addresses])
        if not answering.may:
            log.info("no vacation response", extra={"account": account.ref.login, "reason": answering.reason})
            return
        note = vacation.note_of(action, envelope.sender, self.came)
        if account.is_noted(note.kind, note.key):
            return
        if not self._take(NoteKind.SENT, self._settings.sent_an_hour):
            log.warning("no vacation response: too many messages an hour", extra={"account": account.ref.login})
            return
        staged = await self._made(vacation.response(action, self.came, envelope, account.ref, self._origin()))
        address = envelope.sender.decode("utf-8", "replace")
        utf8 = not (address.isascii() and staged.scanned.header.isascii())
        out = OutEnvelope("", (OutRecipient(address, ("NEVER",)),), body_of(staged.scanned), utf8)
        self._plan.outgoing.append(Outgoing(out, staged, await self._fcc(action.fcc, staged), note))

    async def _notify(self, action: Notify) -> None:
        account, envelope = self._account, self._arrived.envelope
        is_mail = scheme_of(action.method) == b"mailto"
        if action.method in self._notified or (is_mail and notification.made_by_program(self.came)):
            return
        self._notified.add(action.method)
        if not self._take(NoteKind.NOTIFIED, self._settings.notifications_an_hour):
            log.warning("no notification: too many an hour", extra={"account": account.ref.login})
            return
        if is_mail:
            made = notification.mail(action, self.came, envelope, account.ref, self._origin())
            if made is not None:
                staged = await self._made(made[0])
                self._plan.outgoing.append(Outgoing(made[1], staged, await self._fcc(action.fcc, staged)))
            return
        self._plan.calls.append(notification.call_of(action, self.came, envelope, account.ref))
        if action.fcc is not None:
            staged = await self._made(notification.copy(action, self.came, account.ref, self._origin()))
            filing = await self._fcc(action.fcc, staged)
            if filing is not None:
                self._plan.filings.append(filing)

    # what went wrong

    def _failed(self, why: str) -> None:
        """Note that the user's script could not have what it wanted."""
        script = self._account.scripts.active()
        if script is not None:
            self._failures.append(Failure(script.entry.name, script.entry.modseq, why))

    async def _tell(self, failure: Failure) -> None:
        account = self._account
        log.info("a script failed", extra={"account": account.ref.login, "script": failure.script})
        note = told.note_of(failure)
        if account.is_noted(note.kind, note.key):
            return
        staged = await self._made(told.report(failure, self.came, account.ref, self._origin()))
        date = InternalDate(int(self._arrived.now.timestamp()))
        self._plan.filings.append(Filing(NewMessage(staged, (), date), INBOX, unless=note))
