"""What is measured, a function for each row of the table: it gets a server and says how fast it was.

Counts are bounded, so that the whole table takes a few minutes; ``scale`` 1.0 is the full size, the quick one less.
"""

import asyncio
import base64
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final

from bench.giant import giant
from bench.link import PASSWORD, USER, BenchError, Imap, Peer, connect, imap_peer, run_all
from bench.servers import Server

KIB: Final = 1024
BIG: Final = b"Big"
LETTERS: Final = b"Letters"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything."""

    logins: int = 400
    writes_one: int = 400
    writes_many: int = 2000
    big: int = 100_000
    letters: int = 10_000
    stores: int = 400
    noops_one: int = 4000
    noops_many: int = 20_000
    burls: int = 20
    idle: int = 500
    rounds: int = 5
    giant_mib: int = 1060


FULL: Final = Sizes()
QUICK: Final = Sizes(100, 100, 400, 20_000, 2_000, 100, 1000, 4000, 5, 100, 3, 100)


@dataclass(frozen=True, slots=True)
class Row:
    """``unit`` says what a figure is; ``more_is_better`` for rates. ``group`` orders what must run after what."""

    title: str
    unit: str
    more_is_better: bool
    measure: Callable[[Server, Sizes], float]
    durable_too: bool = False
    """also against Dovecot with ``mail_fsync = always``"""


def letter(number: int, size_octets: int = 4 * KIB) -> bytes:
    """A message of about ``size_octets``, another one for each ``number``."""
    head = (
        b"Return-Path: <carol@example.net>\r\nReceived: from mx.example.net ([192.0.2.1])\r\n"
        b"\tby mail.example.org; Mon, 5 Jan 2026 10:00:00 +0000\r\nFrom: Carol Example <carol@example.net>\r\n"
        b"To: Bench <bench@example.org>\r\nCc: Dave <dave@example.com>, Eve <eve@example.com>\r\n"
        b"Subject: Letter number %d about the garden\r\nDate: Mon, 5 Jan 2026 10:00:00 +0000\r\n"
        b"Message-ID: <bench.%d@example.net>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/alternative; boundary="=_b"\r\n\r\n'
        b"--=_b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        % (number, number)
    )
    middle = b"\r\n--=_b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Letter %d</p>\r\n--=_b--\r\n" % number
    line = b"Sage, thyme and verbena grow well beside each other, number %06d says.\r\n" % number
    return head + line * max(1, (size_octets - len(head) - len(middle)) // len(line)) + middle


def rate(count: int, work: Callable[[], None]) -> float:
    """``count`` over the seconds that ``work`` takes."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def timed_ms(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


# logins, round trips, memory


def logins(server: Server, sizes: Sizes) -> float:
    each = sizes.logins // 10

    async def session() -> None:
        for _ in range(each):
            peer = await imap_peer(server.imap)
            await peer.ask(b"b LOGOUT\r\n", b"b ", b"OK")
            peer.close()

    return rate(each * 10, lambda: run_all([session] * 10))


def noops(connections: int) -> Callable[[Server, Sizes], float]:
    def measure(server: Server, sizes: Sizes) -> float:
        each = sizes.noops_one if connections == 1 else sizes.noops_many // connections
        took: list[float] = []

        async def play() -> None:
            peers = [await imap_peer(server.imap) for _ in range(connections)]
            for peer in peers:
                await peer.ask(b"s SELECT INBOX\r\n", b"s ", b"OK")
            started = time.perf_counter()
            await asyncio.gather(*(_noop(peer, each) for peer in peers))
            took.append(time.perf_counter() - started)
            for peer in peers:
                peer.close()

        run_all([play])
        return each * connections / took[0]

    return measure


async def _noop(peer: Peer, count: int) -> None:
    for _ in range(count):
        await peer.ask(b"n NOOP\r\n", b"n ", b"OK")


def idle_memory(server: Server, sizes: Sizes) -> float:
    """KiB for each connection that is logged in, has selected a mailbox and waits in IDLE.

    What the first fifth of them costs is not counted: it is what a process needs to have any.
    """
    grown: list[float] = []

    async def play() -> None:
        peers: list[Peer] = []
        figures: list[int] = []
        for target in (sizes.idle // 5, sizes.idle):
            while len(peers) < target:
                peers.extend(await asyncio.gather(*(_idle(server) for _ in range(20))))
            await asyncio.sleep(0.5)
            figures += [server.memory_octets(), len(peers)]
        grown.append((figures[2] - figures[0]) / (figures[3] - figures[1]) / KIB)
        for peer in peers:
            peer.close()

    run_all([play])
    return grown[0]


async def _idle(server: Server) -> Peer:
    peer = await imap_peer(server.imap)
    await peer.ask(b"s SELECT INBOX\r\n", b"s ", b"OK")
    await peer.ask(b"i IDLE\r\n", b"+")
    return peer


# writing mail


def appends(connections: int) -> Callable[[Server, Sizes], float]:
    def measure(server: Server, sizes: Sizes) -> float:
        each = sizes.writes_one if connections == 1 else sizes.writes_many // connections

        async def session() -> None:
            peer = await imap_peer(server.imap)
            for number in range(each):
                message = letter(number)
                octets = b"p APPEND INBOX {%d+}\r\n%b\r\n" % (len(message), message)
                await peer.ask(octets, b"p ", b"OK")
            peer.close()

        return rate(each * connections, lambda: run_all([session] * connections))

    return measure


def deliveries(connections: int) -> Callable[[Server, Sizes], float]:
    def measure(server: Server, sizes: Sizes) -> float:
        each = sizes.writes_one if connections == 1 else sizes.writes_many // connections

        async def session() -> None:
            peer = await connect(server.lmtp)
            await peer.ask(b"", b"220 ")
            await peer.ask(b"LHLO bench.example.net\r\n", b"250 ")
            for number in range(each):
                envelope = b"MAIL FROM:<carol@example.net>\r\nRCPT TO:<%b>\r\nDATA\r\n" % USER.encode()
                await peer.ask(envelope, b"354")
                await peer.ask(letter(number) + b".\r\n", b"250 ")
            peer.close()

        return rate(each * connections, lambda: run_all([session] * connections))

    return measure


def filtered(connections: int) -> Callable[[Server, Sizes], float]:
    """As ``deliveries``, through a script of thirty rules of which only the last files something."""

    def measure(server: Server, sizes: Sizes) -> float:
        activate(server.managesieve, thirty_rules())
        try:
            return deliveries(connections)(server, sizes)
        finally:
            activate(server.managesieve, None)

    return measure


def activate(port: int, script: bytes | None) -> None:
    """Make a script the user's active one, or none, by ManageSieve."""
    login = base64.b64encode(b"\0%b\0%b" % (USER.encode(), PASSWORD.encode()))
    commands = [b'AUTHENTICATE "PLAIN" "%b"' % login]
    if script is not None:
        commands.append(b'PUTSCRIPT "bench" {%d+}\r\n%b' % (len(script), script))
    commands.append(b'SETACTIVE "%b"' % (b"bench" if script is not None else b""))

    async def session() -> None:
        peer = await connect(port)
        await peer.ask(b"", b"OK")
        for command in commands:
            await peer.ask(command + b"\r\n", b"OK")
        peer.close()

    run_all([session])


def thirty_rules() -> bytes:
    rules = ['require ["fileinto", "variables", "envelope", "imap4flags"];']
    for at in range(7):
        rules += [
            f'if header :contains "list-id" "list{at}.example.net" {{ fileinto "list{at}"; stop; }}',
            f'if address :is ["from", "sender"] "person{at}@example.net" {{ addflag "\\\\Flagged"; }}',
            f'if header :matches "subject" ["*[project{at}]*", "*offer {at}*"] {{ fileinto "P.${{1}}"; stop; }}',
            f'if anyof (address :domain "to" "d{at}.example.com", header "x-spam" "YES") {{ discard; stop; }}',
        ]
    rules.append('if allof (size :over 1M, not envelope "from" "boss@example.com") { fileinto "Large"; stop; }')
    rules.append('if header :contains "subject" "garden" { fileinto "Archive"; }')
    return "\r\n".join(rules).encode()


def burl(server: Server, sizes: Sizes) -> float:
    """Messages of 1 MB a second, submitted by BURL to an account of the same server."""
    imap = Imap(server.imap)
    message = letter(1, 1_000_000)
    answer = imap.ask(b"APPEND INBOX {%d+}\r\n%b" % (len(message), message), keep=True)
    found = re.search(rb"APPENDUID (\d+) (\d+)", answer)
    if found is None:
        raise BenchError("no APPENDUID")
    rump = b"imap://bench@mail.example.org/INBOX;UIDVALIDITY=%b/;UID=%b;URLAUTH=submit+bench" % found.groups()
    answer = imap.ask(b'GENURLAUTH "%b" INTERNAL' % rump, keep=True)
    signed = re.search(rb'GENURLAUTH "?(imap:[^" \r]+)', answer)
    if signed is None:
        raise BenchError("no URL")
    url = signed[1]
    imap.close()
    login = b"AUTH PLAIN AGJlbmNoQGV4YW1wbGUub3JnAGJlbmNoLTBwZW4=\r\n"

    async def session() -> None:
        peer = await connect(server.submission)
        await peer.ask(b"", b"220 ")
        await peer.ask(b"EHLO bench.example.net\r\n", b"250 ")
        await peer.ask(login, b"235 ")
        for _ in range(sizes.burls):
            await peer.ask(b"MAIL FROM:<bench@example.org>\r\n", b"250 ")
            await peer.ask(b"RCPT TO:<bench@example.org>\r\n", b"250 ")
            await peer.ask(b"BURL %b LAST\r\n" % url, b"250 ")
        peer.close()

    return rate(sizes.burls, lambda: run_all([session]))


# filling


def fill(server: Server, sizes: Sizes) -> None:
    """The mailboxes that the rows below read: ``Big`` (copies of a few, doubled), ``Letters``, one of 20 MB."""
    imap = Imap(server.imap)
    imap.ask(b"CREATE " + LETTERS)
    for start in range(0, sizes.letters, 50):
        _append_many(imap, LETTERS, [letter(number) for number in range(start, start + 50)])
    imap.ask(b"CREATE " + BIG)
    imap.ask(b"SELECT " + LETTERS)
    seed = sizes.big // 32
    imap.ask(b"COPY 1:%d " % min(seed, sizes.letters) + BIG)
    have = min(seed, sizes.letters)
    imap.ask(b"SELECT " + BIG)
    while have < sizes.big:
        more = min(have, sizes.big - have)
        imap.ask(b"COPY 1:%d " % more + BIG)
        have += more
    imap.ask(b"CREATE Film")
    film = letter(7, 20_000_000)
    imap.ask(b"APPEND Film {%d+}\r\n%b" % (len(film), film))
    for mailbox, messages in ((BIG, sizes.big), (LETTERS, sizes.letters), (b"Film", 1)):
        if b"* %d EXISTS" % messages not in imap.ask(b"SELECT " + mailbox, keep=True):
            raise BenchError(f"{mailbox!r} has not {messages} messages")
    imap.close()


def _append_many(imap: Imap, mailbox: bytes, messages: list[bytes]) -> None:
    """By MULTIAPPEND."""
    imap.ask(b"APPEND " + mailbox + b"".join(b" {%d+}\r\n%b" % (len(message), message) for message in messages))


# reading


def _in(
    mailbox: bytes, command: bytes, least: Callable[[Sizes], int], rounds: bool = True
) -> Callable[[Server, Sizes], float]:
    """Milliseconds of a command in a selected mailbox: the median of several rounds, or the first time only.

    An answer of fewer octets than ``least`` is no answer.
    """

    def measure(server: Server, sizes: Sizes) -> float:
        imap = Imap(server.imap)
        imap.ask(b"SELECT " + mailbox)
        before = imap.received_octets
        count = sizes.rounds if rounds else 1
        took = [timed_ms(lambda: imap.ask(command)) for _ in range(count)]
        imap.close()
        if imap.received_octets - before < least(sizes) * count:
            raise BenchError(f"{command!r} was answered by too little")
        return median(took)

    return measure


def select_big(server: Server, sizes: Sizes) -> float:
    """By connections of their own, so that nothing is remembered in the session."""
    took: list[float] = []
    for _ in range(sizes.rounds):
        imap = Imap(server.imap)
        took.append(timed_ms(lambda: imap.ask(b"SELECT " + BIG)))  # noqa: B023 - called at once
        imap.close()
    return median(took)


def resync(server: Server, sizes: Sizes) -> float:
    """SELECT with QRESYNC by a client that missed 100 flag changes."""
    writer = Imap(server.imap)
    took: list[float] = []
    writer.ask(b"ENABLE QRESYNC")
    for place in range(sizes.rounds):
        answer = writer.ask(b"SELECT " + BIG, keep=True)
        validity = _figure(rb"UIDVALIDITY (\d+)", answer)
        modseq = _figure(rb"HIGHESTMODSEQ (\d+)", answer)
        step = sizes.big // 100
        numbers = b",".join(b"%d" % (number * step + 1 + place) for number in range(100))
        writer.ask(b"STORE %b +FLAGS.SILENT ($Bench%d)" % (numbers, place))
        reader = Imap(server.imap)
        reader.ask(b"ENABLE QRESYNC")
        command = b"SELECT %b (QRESYNC (%b %b))" % (BIG, validity, modseq)
        took.append(timed_ms(lambda: reader.ask(command)))  # noqa: B023 - called at once
        reader.close()
    writer.close()
    return median(took)


def _figure(pattern: bytes, answer: bytes) -> bytes:
    found = re.search(pattern, answer)
    if found is None:
        raise BenchError(f"no {pattern!r} in an answer")
    return found[1]


def store_all(server: Server, sizes: Sizes) -> float:
    """Milliseconds to set a flag on every letter in one command, and to take it away, on average."""
    imap = Imap(server.imap)
    imap.ask(b"SELECT " + LETTERS)
    took: list[float] = []
    for place in range(sizes.rounds * 2):
        op = b"-" if place % 2 else b"+"
        took.append(timed_ms(lambda: imap.ask(b"STORE 1:* %bFLAGS.SILENT (\\Flagged)" % op)))  # noqa: B023
    imap.close()
    return median(took)


def store_one_by_one(server: Server, sizes: Sizes) -> float:
    imap = Imap(server.imap)
    imap.ask(b"SELECT " + LETTERS)

    def work() -> None:
        for number in range(1, sizes.stores + 1):
            imap.ask(b"STORE %d +FLAGS.SILENT (\\Answered)" % number)

    speed = rate(sizes.stores, work)
    imap.close()
    return speed


_LIST: Final = b"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)"


def _list_octets(sizes: Sizes) -> int:
    return sizes.letters * 300


BEFORE_FILL: Final = (
    Row("memory of an idle connection", "KiB", False, idle_memory),
    Row("login and logout, 10 at once", "/s", True, logins),
    Row("NOOP, 1 connection", "/s", True, noops(1)),
    Row("NOOP, 50 connections", "/s", True, noops(50)),
    Row("APPEND 4 KB, 1 connection", "/s", True, appends(1), durable_too=True),
    Row("APPEND 4 KB, 20 connections", "/s", True, appends(20), durable_too=True),
    Row("LMTP 4 KB, 1 connection", "/s", True, deliveries(1), durable_too=True),
    Row("LMTP 4 KB, 20 connections", "/s", True, deliveries(20), durable_too=True),
    Row("LMTP 4 KB, Sieve, 1 connection", "/s", True, filtered(1)),
    Row("LMTP 4 KB, Sieve, 20 connections", "/s", True, filtered(20)),
    Row("BURL of 1 MB", "/s", True, burl),
)
AFTER_FILL: Final = (
    Row("SELECT of 100,000", "ms", False, select_big),
    Row(
        "UID FETCH 1:* (FLAGS) of 100,000",
        "ms",
        False,
        _in(BIG, b"UID FETCH 1:* (FLAGS)", lambda sizes: sizes.big * 30),
    ),
    Row("FETCH list of 10,000, first time", "ms", False, _in(LETTERS, _LIST, _list_octets, rounds=False)),
    Row("FETCH list of 10,000, again", "ms", False, _in(LETTERS, _LIST, _list_octets)),
    Row(
        "FETCH 10,000 bodies of 4 KB",
        "ms",
        False,
        _in(LETTERS, b"FETCH 1:* (BODY.PEEK[])", lambda sizes: sizes.letters * 4000),
    ),
    Row("FETCH one body of 20 MB", "ms", False, _in(b"Film", b"FETCH 1 (BODY.PEEK[])", lambda sizes: 19_900_000)),
    Row("STORE a flag on 10,000", "ms", False, store_all, durable_too=True),
    Row("STORE one at a time", "/s", True, store_one_by_one, durable_too=True),
    Row("QRESYNC, 100 changes in 100,000", "ms", False, resync),
    Row("growth of a process by a message of 1 GB", "MiB", False, lambda server, sizes: giant(server, sizes.giant_mib)),
)
