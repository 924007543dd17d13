"""Micro-benchmark of the MIME scanner: prints a table of octets, time and rate.

Run it as ``python bench/micro_mime.py``; it measures whichever form of the layer is installed.
"""

import base64
import random
import time
from collections.abc import Callable

from verbena.mime import scan
from verbena.mime.address import parse_addresses
from verbena.mime.body import PartIndex, format_body, format_envelope, pack_parts

HEADER = b"""Return-Path: <alice@example.com>
Received: from mx.example.net (mx.example.net [192.0.2.1]) by mail.example.org; Mon, 1 Jan 2024 00:00:01 +0000
Received: from out.example.com (out.example.com [192.0.2.2]) by mx.example.net; Mon, 1 Jan 2024 00:00:00 +0000
DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=one; h=from:to:subject;
 bh=abcdefghijklmnopqrstuvwxyz; b=abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz
From: Alice Example <alice@example.com>
To: "Bob, the Builder" <bob@example.org>, Carol <carol@example.org>
Subject: A letter about this and that
Date: Mon, 1 Jan 2024 00:00:00 +0000
Message-ID: <one@example.com>
In-Reply-To: <two@example.com>
References: <zero@example.com> <two@example.com>
MIME-Version: 1.0
""".replace(b"\n", b"\r\n")
TEXT = (
    HEADER
    + b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
    + b"A line of some sixty characters of text, as letters have.\r\n" * 50
)
PARTS = HEADER + b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n" + (
    b"--outer\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n"
    b"--outer\r\nContent-Type: application/pdf; name=x.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"%b\r\n--outer--\r\n"
)  # fmt: skip


def attachment(size: int) -> bytes:
    coded = base64.encodebytes(random.Random(1).randbytes(size)).replace(b"\n", b"\r\n")
    return PARTS % coded


def scanned(message: bytes, piece: int = 65536) -> scan.Scanned:
    scanner = scan.Scanner()
    for at in range(0, len(message), piece):
        scanner.feed(message[at : at + piece])
    return scanner.finish()


def row(name: str, octets: int, run: Callable[[], object]) -> None:
    """Time ``run`` until 0.3 seconds have passed; print the best of the rounds."""
    best = 1e9
    end = time.perf_counter() + 0.3
    while time.perf_counter() < end:
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    print(f"{name:34}{octets:>12,}{best * 1e6:>14,.1f}{octets / best / 1e6:>12,.0f}")


def main() -> None:
    print(f"{scan.__file__}\n{'':34}{'octets':>12}{'microseconds':>14}{'MB/s':>12}")
    small, large = attachment(3000), attachment(15_000_000)
    row("scan text 4 KB", len(TEXT), lambda: scanned(TEXT))
    row("scan two parts 5 KB", len(small), lambda: scanned(small))
    row("scan two parts 20 MB", len(large), lambda: scanned(large))
    found = scanned(small)
    packed = pack_parts(found.root)
    row("envelope octets", len(format_envelope(found.envelope)), lambda: format_envelope(found.envelope))
    row("bodystructure octets", len(format_body(found.root, True)), lambda: format_body(found.root, True))
    row("open index, find part", len(packed), lambda: PartIndex(packed).find((2,)))
    addresses = b'"Bob, the Builder" <bob@example.org>, Carol <carol@example.org>, dave@example.org (Dave)'
    row("address list", len(addresses), lambda: parse_addresses(addresses))


if __name__ == "__main__":
    main()
