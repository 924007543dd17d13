"""How long the wire layer takes for one command and one response: prints a table of microseconds each.

.venv/bin/python bench/micro_wire.py
"""

import time
from collections.abc import Callable

from verbena.model.flags import SEEN_BIT, Flag
from verbena.wire.imap import grammar
from verbena.wire.imap.command import parse_bare, parse_head
from verbena.wire.imap.condstore import FETCH_ATTS, FETCH_MODIFIERS, STORE_MODIFIERS
from verbena.wire.imap.fetch import CORE_FETCH_ATTS, parse_fetch
from verbena.wire.imap.frame import Frame, FrameReader
from verbena.wire.imap.grammar import Cursor, cursor_of
from verbena.wire.imap.reply import UID_ATT, FlagText, format_fetch, format_fetch_lines
from verbena.wire.imap.response import parse_response
from verbena.wire.imap.store import parse_store

ROUNDS = 20_000
LINES = 1_000
ATTS = {**CORE_FETCH_ATTS, **FETCH_ATTS}
NOOP = b"a0017 NOOP\r\n"
FETCH = b"a0017 UID FETCH 1:* (FLAGS)\r\n"
LONG_FETCH = (
    b"a0018 UID FETCH 1:100,205,300:* (UID FLAGS INTERNALDATE RFC822.SIZE "
    b"BODY.PEEK[HEADER.FIELDS (DATE FROM TO SUBJECT)]) (CHANGEDSINCE 12345)\r\n"
)
STORE = b"a0019 UID STORE 17 (UNCHANGEDSINCE 320172338) +FLAGS.SILENT (\\Seen $Forwarded)\r\n"

READER = FrameReader()


class Mailbox:
    keywords: tuple[Flag, ...] = ()


FLAGS = FlagText(Mailbox())


def head(line: bytes) -> Cursor:
    """Frame one line, and read tag and name."""
    READER.feed(line)
    frame = READER.next_event()
    assert isinstance(frame, Frame)
    cursor = cursor_of(frame)
    parse_head(cursor)
    return cursor


def noop() -> None:
    parse_bare(head(NOOP), "NOOP")


def fetch() -> None:
    parse_fetch(head(FETCH), True, ATTS, FETCH_MODIFIERS)


def long_fetch() -> None:
    parse_fetch(head(LONG_FETCH), True, ATTS, FETCH_MODIFIERS)


def store() -> None:
    parse_store(head(STORE), True, STORE_MODIFIERS)


def one_reply() -> None:
    format_fetch(1234, [b"UID %d" % 56789, FLAGS.plain(SEEN_BIT)])


SEQS = list(range(1, LINES + 1))
BITS = [SEEN_BIT if seq % 3 else 0 for seq in SEQS]
LINE = Frame(b"* 1234 FETCH (UID 56789 FLAGS (\\Seen) MODSEQ (320172338))")


def many_replies() -> None:
    texts = {bits: FLAGS.plain(bits) for bits in set(BITS)}
    format_fetch_lines(SEQS, [(UID_ATT, SEQS), (b"%b", [texts[bits] for bits in BITS])])


def read_reply() -> None:
    parse_response(LINE)


def measure_us(run: Callable[[], None], rounds: int) -> float:
    """The best of five, a round."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(rounds):
            run()
        best = min(best, time.perf_counter() - start)
    return best / rounds * 1e6


def main() -> None:
    compiled = not grammar.__file__.endswith(".py")
    print(f"wire layer, {'compiled' if compiled else 'plain Python'}; µs each")
    rows: list[tuple[str, Callable[[], None], int, int]] = [
        ("frame + parse NOOP", noop, ROUNDS, 1),
        ("frame + parse UID FETCH 1:* (FLAGS)", fetch, ROUNDS, 1),
        ("frame + parse a long UID FETCH", long_fetch, ROUNDS // 4, 1),
        ("frame + parse UID STORE", store, ROUNDS // 4, 1),
        ("format one FETCH reply", one_reply, ROUNDS, 1),
        (f"format {LINES} FETCH replies, each", many_replies, 50, LINES),
        ("client: parse one FETCH reply", read_reply, ROUNDS // 4, 1),
    ]
    for name, run, rounds, parts in rows:
        print(f"  {name:<40} {measure_us(run, rounds) / parts:8.2f}")


if __name__ == "__main__":
    main()
