"""Transcripts: protocol dialogues that read like an RFC's examples, run against a live server.

::

    # RFC 6851 §3.3                    the section it proves; more lines of comment may follow
    # mailbox: three                   fixture to start from
    # needs: MOVE                      capabilities that must be on offer
    # login: alice                     connection n is greeted and logged in before it is used; "no" for neither
    C: a1 UID MOVE 42:69 foo           sent with CRLF
    S: * OK [COPYUID $v 42:69 $new] $  untagged replies come in any order before the tagged one
    S: a1 OK
    S! * 1 FETCH                       no reply within this command may begin like this
    [2] C: b1 NOOP                     another connection
    C: a2 APPEND INBOX {{{             a literal; the runner counts it and waits for "+"
    Subject: hi
    }}}                                what follows }}} goes on with the line

``$name`` binds one word at first sight and holds it after; ``$`` alone matches anything up to what follows it.
Words match without case. A reply may be longer than its pattern for tagged and ``* OK/NO/BAD/BYE`` lines.
``{{{+`` writes a non-synchronizing literal, ``~{{{`` a literal8.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

LITERAL_END = re.compile(rb"\{(\d+)\+?\}$")


class Wire(Protocol):
    """A client's connection: ``support.link.FarEnd`` or a socket."""

    async def send(self, data: bytes) -> None: ...

    async def receive(self, timeout_s: float = 10.0) -> bytes: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a transcript: ``kind`` is ``C``, ``S`` or ``S!``."""

    line_number: int
    connection: int
    kind: str
    text: bytes


@dataclass(slots=True)
class Script:
    path: Path
    head: dict[str, str] = field(default_factory=dict)
    rfcs: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


LINE = re.compile(r"^(?:\[(\d+)\] )?(C|S!|S):? ?(.*)$")


def read_script(path: Path) -> Script:
    """Parse a transcript file. Raises ``ValueError`` that names the line which is no transcript line."""
    script = Script(path)
    lines = path.read_text(encoding="utf-8").split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("#"):
            _read_head(script, line[1:].strip())
            continue
        if not line.strip():
            continue
        found = LINE.match(line)
        if found is None:
            raise ValueError(f"{path.name}:{at}: no transcript line: {line!r}")
        number, text = at, found[3].encode()
        while text.endswith((b"{{{", b"{{{+")):
            block: list[str] = []
            while at < len(lines) and not lines[at].startswith("}}}"):
                block.append(lines[at])
                at += 1
            if at == len(lines):
                raise ValueError(f"{path.name}:{number}: literal without }}}}}}")
            octets = "".join(each + "\r\n" for each in block).encode()
            text = _with_literal(text, octets, found[2]) + lines[at][3:].encode()
            at += 1
        script.steps.append(Step(number, int(found[1] or 1), found[2], text))
    return script


def _read_head(script: Script, text: str) -> None:
    for section in re.findall(r"RFC (\d+(?: §[\d.]+)?)", text):
        script.rfcs.append(section)
    name, colon, value = text.partition(":")
    if colon and name.isidentifier():
        script.head[name] = value.strip()


def _with_literal(text: bytes, octets: bytes, kind: str) -> bytes:
    plus = b"+" if text.endswith(b"+") else b""
    opening = text[: -3 - len(plus)]
    if opening.endswith(b"-"):  # "-{{{": the block's last line end is not part of the literal
        opening, octets = opening[:-1], octets[:-2]
    return opening + b"{" + str(len(octets)).encode() + plus + b"}\r\n" + octets


class Mismatch(AssertionError):
    """The server did not say what the transcript expects."""


class Connection:
    """Reads whole replies (a line with its literals) from a wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._buffer = b""

    async def send(self, data: bytes) -> None:
        await self._wire.send(data)

    async def close(self) -> None:
        await self._wire.close()

    async def until(self, tag: bytes) -> list[bytes]:
        """The replies up to the tagged one, with it."""
        replies: list[bytes] = []
        while not replies or not replies[-1].startswith(tag + b" "):
            reply = await self.reply()
            assert reply, replies
            replies.append(reply)
        return replies

    async def reply(self, timeout_s: float = 10.0) -> bytes:
        """The next reply without its CRLF; empty at the end of the stream."""
        reply = b""
        while True:
            end = self._buffer.find(b"\r\n")
            while end < 0:
                more = await self._wire.receive(timeout_s)
                if not more:
                    return b""
                self._buffer += more
                end = self._buffer.find(b"\r\n")
            line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
            reply += line
            found = LITERAL_END.search(line)
            if found is None:
                return reply
            length = int(found[1])
            while len(self._buffer) < length:
                more = await self._wire.receive(timeout_s)
                if not more:
                    return b""
                self._buffer += more
            reply += b"\r\n" + self._buffer[:length]
            self._buffer = self._buffer[length:]


WORD = re.compile(rb"\$[a-z_][a-z0-9_]*|\$(?![A-Za-z])", re.ASCII)
OPEN_ENDED = re.compile(rb"^(\S+ (OK|NO|BAD|PREAUTH)|\* (OK|NO|BAD|BYE|PREAUTH)|\+|\d{3}[ -])", re.I)


class Expectation:
    """Patterns with the names bound so far in one run of a script."""

    def __init__(self) -> None:
        self.bound: dict[bytes, bytes] = {}

    def fill(self, text: bytes) -> bytes:
        """What a client line means: ``$name`` replaced by what it was bound to."""
        return WORD.sub(lambda found: self.bound.get(found[0], found[0]), text)

    def begins(self, pattern: bytes, reply: bytes) -> bool:
        """Whether ``reply`` begins as ``pattern`` says; binds nothing."""
        parts: list[bytes] = []
        at = 0
        for found in WORD.finditer(pattern):
            parts.append(re.escape(pattern[at : found.start()]))
            at = found.end()
            bound = self.bound.get(found[0])
            parts.append(rb"[\s\S]*?" if bound is None else re.escape(bound))
        parts.append(re.escape(pattern[at:]))
        return re.match(b"".join(parts), reply, re.IGNORECASE) is not None

    def matches(self, pattern: bytes, reply: bytes) -> bool:
        """Whether ``reply`` fits; binds the names met for the first time when it does."""
        parts: list[bytes] = []
        names: list[bytes] = []
        at = 0
        for found in WORD.finditer(pattern):
            parts.append(re.escape(pattern[at : found.start()]))
            at = found.end()
            word = found[0]
            if word == b"$":
                parts.append(rb"[\s\S]*?")
            elif word in self.bound:
                parts.append(re.escape(self.bound[word]))
            elif word in names:
                parts.append(b"(?P=" + word[1:] + b")")
            else:
                names.append(word)
                parts.append(b"(?P<" + word[1:] + rb">[^\s()\[\]\"]+)")
        parts.append(re.escape(pattern[at:]))
        tail = rb"(?:[\s\S]*)" if OPEN_ENDED.match(pattern) else b""
        found_all = re.fullmatch(b"".join(parts) + tail, reply, re.IGNORECASE)
        if found_all is None:
            return False
        for word in names:
            self.bound[word] = found_all[word[1:].decode()]
        return True


class Runner:
    """Runs one script; ``connect`` opens connection n and returns it greeted and logged in as the head says."""

    def __init__(self, script: Script, connections: dict[int, Connection]) -> None:
        self._script = script
        self._connections = connections
        self._expect = Expectation()

    async def run(self) -> None:
        at = 0
        steps = self._script.steps
        while at < len(steps):
            step = steps[at]
            if step.kind == "C":
                await self._send(step)
                at += 1
                continue
            block: list[Step] = []
            while at < len(steps) and steps[at].kind != "C" and steps[at].connection == step.connection:
                block.append(steps[at])
                at += 1
            await self._expect_block(block)

    async def _send(self, step: Step) -> None:
        connection = self._connections[step.connection]
        rest = self._expect.fill(step.text)
        while True:
            found = re.search(rb"\{(\d+)(\+?)\}\r\n", rest)
            if found is None:
                break
            end = found.end() + int(found[1])
            if found[2]:
                await connection.send(rest[:end])
            else:
                await connection.send(rest[: found.end()])
                while not (reply := await connection.reply()).startswith(b"+"):
                    if not reply.startswith(b"*"):
                        raise Mismatch(f"{self._where(step)}: no continuation but {reply!r}")
                await connection.send(rest[found.end() : end])
            rest = rest[end:]
        await connection.send(rest + b"\r\n")

    async def _expect_block(self, block: list[Step]) -> None:
        wanted = [step for step in block if step.kind == "S"]
        banned = [step for step in block if step.kind == "S!"]
        connection = self._connections[block[0].connection]
        seen: list[bytes] = []
        while wanted:
            try:
                reply = await connection.reply()
            except TimeoutError:
                raise Mismatch(f"{self._where(wanted[0])}: {wanted[0].text!r} did not come; seen {seen!r}") from None
            if not reply:
                raise Mismatch(f"{self._where(wanted[0])}: closed before {wanted[0].text!r}; seen {seen!r}")
            seen.append(reply)
            for step in banned:
                if self._expect.begins(step.text, reply):
                    raise Mismatch(f"{self._where(step)}: must not come: {reply!r}")
            self._settle(wanted, reply, seen)

    def _settle(self, wanted: list[Step], reply: bytes, seen: list[bytes]) -> None:
        """Strike the pattern that ``reply`` fits; a reply that ends a command must fit, and be the last."""
        for step in wanted:
            if self._expect.matches(step.text, reply):
                wanted.remove(step)
                if self._ends_command(reply) and wanted and not self._ends_command(wanted[-1].text):
                    raise Mismatch(f"{self._where(wanted[0])}: {wanted[0].text!r} did not come; seen {seen!r}")
                return
        if self._ends_command(reply):
            raise Mismatch(f"{self._where(wanted[0])}: wanted {wanted[0].text!r}, seen {seen!r}")

    @staticmethod
    def _ends_command(reply: bytes) -> bool:
        return not reply.startswith((b"* ", b"+")) and re.match(rb"\d{3}-", reply) is None

    def _where(self, step: Step) -> str:
        return f"{self._script.path.name}:{step.line_number}"
