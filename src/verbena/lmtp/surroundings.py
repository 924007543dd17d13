"""What a script may ask of the world, answered from the account's store: ``sieve.run.Surroundings``.

Every answer is a read of some microseconds. ``noted`` collects what ``duplicate`` wants remembered once the delivery is
done. External lists are the user's own annotations (RFC 6134 §2.5): one entry or address a line below
``LIST_ENTRY``; the default address book is there even when it is empty.
"""

from datetime import datetime
from typing import Final

from verbena.lmtp.programs import Programs
from verbena.lmtp.settings import FilterSettings
from verbena.model.ids import MailboxId
from verbena.model.mailbox import Mailbox, SpecialUse
from verbena.model.metadata import canonical_entry, is_entry
from verbena.sieve.program import Program
from verbena.sieve.uri import scheme_of
from verbena.store.api import Account, Note, NoteKind

LIST_ENTRY: Final = "/private/vendor/verbena/list/"
LIST_URN: Final = b"urn:ietf:params:sieve:addrbook:"
DEFAULT_LIST: Final = LIST_URN + b"default"


class Methods:
    """Which notification methods can be used now, by scheme; ``capability`` is RFC 5435 §5's ``online``."""

    def __init__(self, schemes: frozenset[bytes]) -> None:
        self._schemes = schemes

    def online(self, uri: bytes) -> bytes | None:
        return b"maybe" if scheme_of(uri) in self._schemes else None


class StoreSurroundings:
    """Of one run for one account."""

    def __init__(
        self,
        account: Account,
        programs: Programs,
        settings: FilterSettings,
        methods: Methods,
        now: datetime,
        noted: dict[bytes, tuple[int, bool]],
        remembers: bool = True,
    ) -> None:
        self._account = account
        self._programs = programs
        self._settings = settings
        self._methods = methods
        self._now = now
        self._remembers = remembers
        self._lists: dict[bytes, frozenset[bytes] | None] = {}
        self._mailboxes: list[Mailbox] | None = None
        self.noted = noted
        """ids that ``duplicate`` asked for: seconds to remember, and whether they are new"""

    @property
    def now(self) -> datetime:
        return self._now

    def environment(self, name: bytes) -> bytes | None:
        hostname = self._settings.hostname
        known = {
            b"domain": hostname.partition(".")[2] or hostname,
            b"host": hostname,
            b"location": "MDA",
            b"name": "Verbena",
            b"phase": "during",
            b"version": self._settings.version,
        }
        value = known.get(name)
        return None if value is None else value.encode()

    # mailboxes

    def mailbox_exists(self, name: bytes) -> bool:
        return self._mailbox(name) is not None

    def _mailbox(self, name: bytes) -> Mailbox | None:
        try:
            found = self._account.find(name.decode("utf-8"))
        except UnicodeDecodeError:
            return None
        return found if found is not None and found.selectable else None

    def special_use_exists(self, mailbox: bytes | None, attribute: bytes) -> bool:
        use = special_use_of(attribute)
        if use is None:
            return False
        if mailbox is not None:
            found = self._mailbox(mailbox)
            return found is not None and found.special_use is use
        return any(each.special_use is use and each.selectable for each in self._all())

    def mailbox_id_exists(self, mailbox_id: bytes) -> bool:
        number = mailbox_number(mailbox_id)
        return any(each.mailbox_id == number and each.selectable for each in self._all())

    def _all(self) -> list[Mailbox]:
        if self._mailboxes is None:
            self._mailboxes = list(self._account.mailboxes())
        return self._mailboxes

    def metadata(self, mailbox: bytes | None, entry: bytes) -> bytes | None:
        name = canonical_entry(entry.decode("utf-8", "replace"))
        if not is_entry(name):
            return None
        if mailbox is None:
            return self._account.annotation(None, name)
        found = self._mailbox(mailbox)
        return None if found is None else self._account.annotation(found.mailbox_id, name)

    # what happened before

    def seen(self, unique: bytes, seconds: int, last: bool) -> bool:
        is_seen = self._remembers and self._account.is_noted(NoteKind.SEEN, unique)
        if not is_seen or last:
            self.noted[unique] = (seconds, not is_seen)
        return is_seen

    # scripts and methods

    def script(self, name: bytes, is_global: bool) -> Program | None:
        return self._programs.included(self._account, name, is_global)

    def notify_capability(self, method: bytes, capability: bytes) -> bytes | None:
        return self._methods.online(method) if capability == b"online" else None

    # lists

    def has_list(self, name: bytes) -> bool:
        return self.entries(name) is not None

    def in_list(self, name: bytes, value: bytes) -> bool:
        entries = self.entries(name)
        return entries is not None and value.lower() in entries

    def entries(self, name: bytes) -> frozenset[bytes] | None:
        """What is in a list, in lower case; None where there is no such list."""
        if name not in self._lists:
            self._lists[name] = self._read_list(name)
        return self._lists[name]

    def _read_list(self, name: bytes) -> frozenset[bytes] | None:
        if not name.startswith(LIST_URN):
            return None
        entry = canonical_entry(LIST_ENTRY + name[len(LIST_URN) :].decode("ascii", "replace"))
        value = self._account.annotation(None, entry) if is_entry(entry) else None
        if value is None:
            return frozenset() if name == DEFAULT_LIST else None
        lines = (line.strip().lower() for line in value.splitlines())
        return frozenset(line for line in lines if line and not line.startswith(b"#"))


def notes_of(noted: dict[bytes, tuple[int, bool]]) -> tuple[tuple[Note, ...], tuple[Note, ...]]:
    """What must not be noted yet, and what is noted anew."""
    first: list[Note] = []
    again: list[Note] = []
    for key, (seconds, is_new) in noted.items():
        (first if is_new else again).append(Note(NoteKind.SEEN, key, seconds))
    return tuple(first), tuple(again)


def special_use_of(attribute: bytes) -> SpecialUse | None:
    """The use that an attribute names, compared without case (RFC 6154 §2)."""
    wanted = attribute.lower()
    for use in SpecialUse:
        if use.value.lower().encode() == wanted:
            return use
    return None


def mailbox_number(mailbox_id: bytes) -> MailboxId | None:
    """The mailbox that an object id means: ``F`` and its number (RFC 8474 §4)."""
    digits = mailbox_id[1:]
    if mailbox_id[:1] != b"F" or not digits.isdigit() or len(digits) > 15:
        return None
    return MailboxId(int(digits))
