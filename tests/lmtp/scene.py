"""Mail for accounts with scripts, and where it went."""

from dataclasses import dataclass

from smtp.setting import Setting
from verbena.model.flags import flag_names
from verbena.store.api import QueueItem

MESSAGE = (
    b"From: Carol <carol@example.net>\r\nTo: alice@example.org\r\nSubject: hello\r\nMessage-ID: <1@example.net>\r\n"
    b"\r\nHi there\r\n"
)


@dataclass(frozen=True, slots=True)
class Found:
    octets: bytes
    flags: tuple[str, ...]


async def activate(here: Setting, script: str, name: str = "alice", called: str = "main") -> None:
    account = here.house.account(name)
    await account.scripts.put(called, script.replace("\r", "").replace("\n", "\r\n").encode())
    await account.scripts.activate(called)


async def lmtp(
    here: Setting,
    message: bytes = MESSAGE,
    *recipients: str,
    sender: str = "carol@example.net",
    parameters: str = "",
) -> list[str]:
    """The replies to the content: one for each recipient, alice alone by default."""
    to = recipients or ("alice@example.org",)
    octets = f"LHLO mta.example.net\r\nMAIL FROM:<{sender}>{parameters}\r\n".encode()
    octets += b"".join(b"RCPT TO:<%b>\r\n" % address.encode() for address in to)
    lines = await here.talk(here.lmtp, octets + b"BDAT %d LAST\r\n" % len(message) + message)
    finals = [line for line in lines if line[3:4] == " "]
    return finals[-len(to) :]


async def mailbox(here: Setting, called: str, name: str = "alice") -> list[Found]:
    """What is in a mailbox, oldest first; nothing where there is none."""
    account = here.house.account(name)
    found = account.find(called)
    if found is None:
        return []
    columns = await account.open(found.mailbox_id)
    result: list[Found] = []
    for content, bits in zip(account.contents(list(columns.contents)), columns.flags, strict=True):
        assert content is not None
        pieces = [piece async for piece in account.stream(content.content_id, 0, content.size_octets)]
        result.append(Found(b"".join(pieces), tuple(flag_names(bits, columns.keywords))))
    return result


def queued(here: Setting) -> list[tuple[QueueItem, bytes]]:
    """The outbox, oldest first, with the messages."""
    result: list[tuple[QueueItem, bytes]] = []
    for item in here.house.store.outbox.items():
        result.append((item, here.house.store.account(item.account).read(item.content_id, 0, 1 << 20)))
    return result


async def counts(here: Setting, *names: str, account: str = "alice") -> list[int]:
    return [len(await mailbox(here, name, account)) for name in names]
