"""What input made to be slow costs: each kind at four lengths, each twice the one before, up to 1 MB.

Run it as ``python -m bench.pathological``. The ratio is of the two longest: 2 is in proportion; what comes near 4 grows
with the square and is marked. Times are not judged, only growth, so that the machine does not matter.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from verbena.mime.address import parse_addresses
from verbena.mime.body import format_body, format_envelope, pack_parts
from verbena.mime.coding import decode_text
from verbena.mime.downgrade import downgrade
from verbena.mime.envelope import parse_envelope
from verbena.mime.header import decode_words, parse_content_type, split_fields, strip_comments, unfold
from verbena.mime.scan import Scanner
from verbena.mime.subject import base_subject
from verbena.model.errors import VerbenaError
from verbena.submission.policy import rewrite_header
from verbena.wire.imap.frame import FrameReader
from verbena.wire.imap.url import parse_url
from verbena.wire.smtp.frame import SmtpFrame

LONGEST_OCTETS = 1_000_000
STEPS = 4
MARKED_RATIO = 3.0

Run = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Case:
    """``unit`` is repeated between ``head`` and ``tail``; a ``%d`` in it counts."""

    title: str
    unit: bytes
    run: Run
    head: bytes = b""
    tail: bytes = b""
    longest_octets: int = LONGEST_OCTETS

    def octets(self, size: int) -> bytes:
        count = max(1, size // len(self.unit))
        if b"%d" in self.unit:
            body = b"".join(self.unit.replace(b"%d", b"%d" % number) for number in range(count))
        else:
            body = self.unit * count
        return self.head + body + self.tail


def scan(octets: bytes, piece_octets: int = 65_536) -> object:
    """As ingest does it: structure, ENVELOPE and what is packed of the parts."""
    scanner = Scanner()
    for at in range(0, len(octets), piece_octets):
        scanner.feed(octets[at : at + piece_octets])
    scanned = scanner.finish()
    format_body(scanned.root, True)
    pack_parts(scanned.root)
    for _ in downgrade(scanned.root, lambda start, length: octets[start : start + length], False):
        pass
    return format_envelope(parse_envelope(scanned.header))


def scan_octets(octets: bytes) -> object:
    return scan(octets, 1)


def rewrite(piece_octets: int) -> Run:
    def run(octets: bytes) -> None:
        async def source() -> AsyncIterator[bytes]:
            for at in range(0, len(octets), piece_octets):
                yield octets[at : at + piece_octets]

        async def whole() -> None:
            async for _ in rewrite_header(source(), lambda header: header):
                pass

        asyncio.run(whole())

    return run


def smtp_lines(octets: bytes) -> None:
    frame = SmtpFrame()
    for at in range(len(octets)):
        frame.feed(octets[at : at + 1])
        try:
            frame.line()
        except VerbenaError:
            pass


def smtp_data(piece_octets: int) -> Run:
    def run(octets: bytes) -> None:
        frame = SmtpFrame()
        frame.begin_data()
        for at in range(0, len(octets), piece_octets):
            frame.feed(octets[at : at + piece_octets])
            frame.data()

    return run


def imap_frames(piece_octets: int) -> Run:
    def run(octets: bytes) -> None:
        reader = FrameReader()
        for at in range(0, len(octets), piece_octets):
            try:
                reader.feed(octets[at : at + piece_octets])
                while reader.next_event() is not None:
                    pass
            except VerbenaError:
                return

    return run


def url(octets: bytes) -> None:
    try:
        parse_url(octets)
    except VerbenaError:
        pass


ADDRESSES = [
    Case(f"addresses: {unit.decode()}", unit, parse_addresses)
    for unit in (
        b",",
        b"(",
        b"()",
        b"<",
        b'"',
        b"a@b,",
        b"a:",
        b"a:;",
        b"\\",
        b"a ",
        b"@",
        b"<a@b",
        b"a.",
        b"<@a:",
        b"[",
    )
]
FIELDS = [
    Case(f"{name}: {unit!r}", unit, run)
    for name, run in (
        ("unfold", unfold),
        ("words", decode_words),
        ("subject", base_subject),
        ("comments", strip_comments),
        ("content type", parse_content_type),
    )
    for unit in (
        b"\r\n ", b" ", b"(", b"(\\", b"=?", b"=?utf-8?q?a?= ", b"=?utf-8?b?", b"=?utf-8?q?=41", b"re: ", b"[x]",
            b"[fwd: ",
        b"(fwd)", b'"', b"\\", b";a=b", b"; a*%d=x", b"; a*%d*=%41", b"\xff",
    )
]  # fmt: skip
HEADERS = [
    Case("fields: a:", b"a:\r\n", split_fields),
    Case("fields: no colon", b"aaaa\r\n", split_fields),
    Case("text: utf-7", b"+", lambda octets: decode_text(octets, b"utf-7")),
    Case("text: iso-2022-jp", b"\x1b$B", lambda octets: decode_text(octets, b"iso-2022-jp")),
    Case("url: path", b"/", url, b"imap://a"),
    Case("url: percent", b"%41", url, b"imap://a/"),
    Case("url: semicolons", b";", url, b"imap://a/"),
]
MESSAGES = [
    Case("message: " + title, unit, run, head, tail, longest)
    for title, head, unit, tail, run, longest in (
        ("short fields", b"", b"a:\r\n", b"\r\n", scan, LONGEST_OCTETS),
        ("one field", b"To: ", b"a@b,", b"\r\n\r\n", scan, LONGEST_OCTETS),
        ("many To", b"", b"To: a@b\r\n", b"\r\n", scan, LONGEST_OCTETS),
        ("folds", b"Subject: ", b"x\r\n ", b"\r\n\r\n", scan, LONGEST_OCTETS),
        ("references", b"References: ", b"<a@b>\r\n ", b"\r\n\r\n", scan, LONGEST_OCTETS),
        ("parts", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b"--b\r\n\r\n", b"", scan, LONGEST_OCTETS),
        ("no boundary", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n", b"--\r\n", b"", scan, LONGEST_OCTETS),
        ("depth", b"", b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", b"", scan, LONGEST_OCTETS),
        ("messages in messages", b"", b"Content-Type: message/rfc822\r\n\r\n", b"", scan, LONGEST_OCTETS),
        ("base64", b"Content-Transfer-Encoding: base64\r\n\r\n", b"=", b"", scan, LONGEST_OCTETS),
        ("QP", b"Content-Transfer-Encoding: quoted-printable\r\n\r\n", b"=\r\n", b"", scan, LONGEST_OCTETS),
        ("long line", b"\r\n", b"\xff", b"", scan, LONGEST_OCTETS),
        ("octet by octet", b"", b"a: b\r\n", b"\r\n", scan_octets, 200_000),
        ("octet by octet, one line", b"a: ", b"b", b"\r\n\r\n", scan_octets, 200_000),
    )
]  # fmt: skip
STREAMS = [
    Case("submitted header", b"a: b\r\n", rewrite(65_536), b"", b"\r\n"),
    Case("submitted header, octet by octet", b"b", rewrite(1), b"a: ", b"\r\nb: c\r\n\r\n", 200_000),
    Case("submitted header, long name", b"b: c\r\n", rewrite(1), b"a" * 20_000 + b":\r\n", b"\r\n", 200_000),
    Case("SMTP line, octet by octet", b"x", smtp_lines, longest_octets=200_000),
    Case("SMTP lines", b"x\r\n", smtp_lines, longest_octets=200_000),
    Case("DATA: dots", b".\r\n..", smtp_data(65_536)),
    Case("DATA: dots, octet by octet", b"..\r\n", smtp_data(1), longest_octets=200_000),
    Case("DATA: CR", b"\r", smtp_data(65_536)),
    Case("IMAP lines", b"a b\r\n", imap_frames(65_536)),
    Case("IMAP line, octet by octet", b"x", imap_frames(1), longest_octets=200_000),
    Case("IMAP empty literals", b"{0+}\r\n", imap_frames(65_536)),
    Case("IMAP braces", b"{", imap_frames(65_536)),
]


def time_s(run: Run, octets: bytes) -> float:
    """The least of three."""
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        run(octets)
        best = min(best, time.perf_counter() - started)
    return best


def main() -> None:
    """Print the table."""
    table = Table(
        "input", *(f"1/{2 ** (STEPS - 1 - step)}" for step in range(STEPS)), "ratio", title="ms at growing length"
    )
    for case in (*ADDRESSES, *FIELDS, *HEADERS, *MESSAGES, *STREAMS):
        sizes = [case.longest_octets // 2 ** (STEPS - 1 - step) for step in range(STEPS)]
        times = [time_s(case.run, case.octets(size)) for size in sizes]
        ratio = times[-1] / times[-2]
        mark = " [red]square[/red]" if ratio > MARKED_RATIO and times[-1] > 0.01 else ""
        table.add_row(case.title.replace("[", "\\["), *(f"{1000 * each:.1f}" for each in times), f"{ratio:.1f}{mark}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
