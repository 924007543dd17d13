"""How long a script takes over a message: prints a table of microseconds each, and fails over the goal when compiled.

.venv/bin/python bench/micro_sieve.py

The script has 30 rules such as people write, none of which matches but the last; the message has 4 KB and a header of
real length. "prepare" is what is done for each message before a script sees it, from the part tree that delivery has.
"""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from verbena import compiled

compiled.use()

from verbena.mime.scan import Scanner  # noqa: E402
from verbena.sieve.check import compile_script  # noqa: E402
from verbena.sieve.extensions import REGISTRY  # noqa: E402
from verbena.sieve.message import Message  # noqa: E402
from verbena.sieve.program import Program  # noqa: E402
from verbena.sieve.run import Envelope, run  # noqa: E402

ROUNDS = 2_000
GOAL_US = 100.0
HEADER = b"""Return-Path: <ann@example.org>
Delivered-To: user@example.com
Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.example.com with ESMTPS id 4711
 for <user@example.com>; Tue, 24 Nov 2026 09:00:00 +0000
Received: from [192.0.2.7] by mail.example.org with ESMTPSA id 4712; Tue, 24 Nov 2026 08:59:59 +0000
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=k1; h=from:to:subject:date;
 bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=dGhpcyBpcyBubyBzaWduYXR1cmUgYnV0IGxvbmcgZW5vdWdo
Message-ID: <20261124.4711@example.org>
Date: Tue, 24 Nov 2026 08:59:58 +0000
From: Ann Example <ann@example.org>
To: Some User <user@example.com>, "Other, One" <other@example.net>
Cc: third@example.net
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= from the mountains, and what we do next week
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
X-Mailer: none

"""
BODY = b"What a body is for, one line of seventy octets, so that there are lines.\r\n" * 40
MESSAGE = HEADER.replace(b"\n", b"\r\n") + BODY


def thirty_rules() -> bytes:
    rules = ['require ["fileinto", "imap4flags", "variables", "envelope", "copy", "relational"];']
    for at in range(7):
        rules.append(f'if header :contains "list-id" "list{at}.example.net" {{ fileinto "lists.list{at}"; stop; }}')
        rules.append(f'if address :is ["from", "sender"] "person{at}@example.net" {{ addflag "\\\\Flagged"; }}')
        rules.append(
            f'if header :matches "subject" ["*[project{at}]*", "*offer {at}*"] {{ fileinto "Projects.${{1}}"; stop; }}'
        )
        rules.append(
            f'if anyof (address :domain "to" "d{at}.example.com", header "x-spam-flag" "YES") {{ discard; stop; }}'
        )
    rules.append('if allof (size :over 1M, not envelope "from" "boss@example.com") { fileinto "Large"; stop; }')
    rules.append('if address :localpart "to" "user" { fileinto :copy "Personal"; }')
    return "\n".join(rules).encode()


class World:
    """The least that a script may ask of: this one asks for nothing."""

    now = datetime(2026, 11, 24, tzinfo=UTC)

    def environment(self, name: bytes) -> bytes | None:
        return None

    def mailbox_exists(self, name: bytes) -> bool:
        return False

    def special_use_exists(self, mailbox: bytes | None, attribute: bytes) -> bool:
        return False

    def mailbox_id_exists(self, mailbox_id: bytes) -> bool:
        return False

    def metadata(self, mailbox: bytes | None, entry: bytes) -> bytes | None:
        return None

    def seen(self, unique: bytes, seconds: int, last: bool) -> bool:
        return False

    def script(self, name: bytes, is_global: bool) -> Program | None:
        return None

    def notify_capability(self, method: bytes, capability: bytes) -> bytes | None:
        return None

    def has_list(self, name: bytes) -> bool:
        return False

    def in_list(self, name: bytes, value: bytes) -> bool:
        return False


SCRIPT = thirty_rules()
PROGRAM = compile_script(SCRIPT, REGISTRY)[0]
WORLD = World()
ENVELOPE = Envelope(b"ann@example.org", b"user@example.com")


def read(start: int, length: int) -> bytes:
    return MESSAGE[start : start + length]


def scan() -> tuple[bytes, Message]:
    scanner = Scanner()
    scanner.feed(MESSAGE)
    scanned = scanner.finish()
    return scanned.header, Message(scanned.header, len(MESSAGE), scanned.root, read)


HEADER_BLOCK, SCANNED = scan()


def prepare() -> None:
    Message(HEADER_BLOCK, len(MESSAGE), SCANNED.root, read)


def run_fresh() -> None:
    """With all that is found out about the header on the way."""
    outcome = run(PROGRAM, Message(HEADER_BLOCK, len(MESSAGE), SCANNED.root, read), ENVELOPE, WORLD)
    assert outcome.failed is None
    assert len(outcome.actions) == 2


def check() -> None:
    compile_script(SCRIPT, REGISTRY)


def measure_us(work: Callable[[], None], rounds: int) -> float:
    """The best of five, a round."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        for _ in range(rounds):
            work()
        best = min(best, (time.perf_counter() - begun) / rounds)
    return best * 1e6


def main() -> int:
    fast = "sieve" in compiled.layers()
    print(f"30 rules, {len(SCRIPT)} octets, over {len(MESSAGE)} octets of message; {'compiled' if fast else 'plain'}")
    taken = 0.0
    for told, work, rounds in (
        ("prepare the message", prepare, ROUNDS),
        ("prepare and run", run_fresh, ROUNDS),
        ("parse and check the script", check, ROUNDS // 20),
    ):
        us = measure_us(work, rounds)
        taken = us if work is run_fresh else taken
        print(f"{told:30}{us:10.1f} µs")
    return 1 if fast and taken > GOAL_US else 0


if __name__ == "__main__":
    sys.exit(main())
