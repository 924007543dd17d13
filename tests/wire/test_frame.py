"""The frame reader: a command is cut out whole, and a bad one never swallows the next."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError, Refused, VerbenaError
from verbena.model.reason import Reason
from verbena.wire.imap.frame import (
    LIMITS_BEFORE_LOGIN,
    Event,
    Frame,
    FrameLimits,
    FrameReader,
    Literal,
    LiteralPiece,
    LiteralStart,
    Rejected,
    encode_frame,
)

DEFAULT = FrameLimits()
SMALL = FrameLimits(line_octets=100, literal_octets=50, literals=3, command_octets=200, skip_octets=1000)


class Driver:
    """Feeds a reader and decides on literals: up to ``accept_octets`` in memory, else streamed or refused."""

    def __init__(self, reader: FrameReader, stream: bool = False, refuse_from: int | None = None) -> None:
        self.reader = reader
        self.stream = stream
        self.refuse_from = refuse_from
        self.frames: list[Frame] = []
        self.rejected: list[tuple[bytes, VerbenaError]] = []
        self.streamed: list[bytes] = []
        self.continuations = 0
        self._streaming = False

    def feed(self, data: bytes) -> None:
        self.reader.feed(data)
        while (event := self.reader.next_event()) is not None:
            self._take(event)

    def _take(self, event: Event) -> None:
        if isinstance(event, Frame):
            self.frames.append(event)
        elif isinstance(event, Rejected):
            self.rejected.append((event.text, event.error))
        elif isinstance(event, LiteralPiece):
            if not self._streaming:
                self.streamed.append(b"")
            self.streamed[-1] += event.octets
            self._streaming = not event.last
        elif self.refuse_from is not None and event.size_octets >= self.refuse_from:
            self.reader.refuse(Refused(Reason.TOO_BIG, "too big"))
        elif self.stream:
            self.reader.stream()
            self.continuations += event.synchronizing
        elif self.reader.accept():
            self.continuations += event.synchronizing


def run(data: bytes, step: int = 0, limits: FrameLimits = DEFAULT, stream: bool = False) -> Driver:
    driver = Driver(FrameReader(limits), stream)
    for piece in [data[at : at + step] for at in range(0, len(data), step)] if step else [data]:
        driver.feed(piece)
    return driver


FRAMES: list[tuple[bytes, list[Frame]]] = [
    (b"a1 NOOP\r\n", [Frame(b"a1 NOOP")]),
    (b"a1 NOOP\na2 NOOP\r\n", [Frame(b"a1 NOOP"), Frame(b"a2 NOOP")]),
    (b"\r\n\n", [Frame(b""), Frame(b"")]),
    (
        b"a LOGIN {3}\r\njoe {6+}\r\nsecret\r\nb NOOP\r\n",
        [Frame(b"a LOGIN ", (Literal(b"joe"), Literal(b"secret")), (b" ", b"")), Frame(b"b NOOP")],
    ),
    (b"a X ~{2+}\r\n\0\n\r\n", [Frame(b"a X ", (Literal(b"\0\n", True),), (b"",))]),
    (b"a X {0}\r\n\r\n", [Frame(b"a X ", (Literal(b""),), (b"",))]),
    (b"a X {4}\r\n{9}\n y {1}\r\nz\r\n", [Frame(b"a X ", (Literal(b"{9}\n"), Literal(b"z")), (b" y ", b""))]),
    (b"a X {}\r\n", [Frame(b"a X {}")]),
    (b"a X {a}\r\n", [Frame(b"a X {a}")]),
    (b"a X {-1}\r\n", [Frame(b"a X {-1}")]),
    (b"}\r\n+}\r\n1}\r\n", [Frame(b"}"), Frame(b"+}"), Frame(b"1}")]),
]


@pytest.mark.rfc("3501 §4.3")
@pytest.mark.parametrize(("data", "frames"), FRAMES)
@pytest.mark.parametrize("step", [0, 1, 2, 7])
def test_frames(data: bytes, frames: list[Frame], step: int) -> None:
    driver = run(data, step)
    assert driver.frames == frames
    assert driver.rejected == []


@pytest.mark.rfc("7888 §3")
def test_only_synchronizing_literals_are_answered() -> None:
    assert run(b"a LOGIN {3}\r\njoe {6+}\r\nsecret\r\n").continuations == 1


@pytest.mark.parametrize("step", [0, 1, 3])
def test_streamed_literals(step: int) -> None:
    driver = run(b"a APPEND x {5+}\r\nhello {0+}\r\n (\\Seen) {3+}\r\nyou\r\nb NOOP\r\n", step, stream=True)
    assert driver.streamed == [b"hello", b"", b"you"]
    assert driver.frames[0].text == b"a APPEND x "
    assert driver.frames[0].texts == (b" ", b" (\\Seen) ", b"")
    assert [literal.octets for literal in driver.frames[0].literals] == [b"", b"", b""]
    assert driver.frames[1] == Frame(b"b NOOP")


def test_a_long_streamed_literal_costs_no_memory() -> None:
    driver = Driver(FrameReader(), stream=True)
    driver.feed(b"a APPEND x {10000000+}\r\n")
    total = 0
    piece = b"x" * 65536
    while total < 10_000_000:
        now = piece[: 10_000_000 - total]
        driver.reader.feed(now)
        event = driver.reader.next_event()
        assert isinstance(event, LiteralPiece)
        assert event.octets is now or len(now) < 65536
        total += len(event.octets)
        assert event.last == (total == 10_000_000)
    driver.feed(b"\r\n")
    assert driver.frames[0].text == b"a APPEND x "


@pytest.mark.rfc("7888 §4")
@pytest.mark.parametrize("step", [0, 1])
def test_a_long_nonsynchronizing_literal_is_skipped(step: int) -> None:
    driver = run(b"a LOGIN {60+}\r\n" + b"\n" * 60 + b" {2+}\r\nhi\r\nb NOOP\r\n", step, SMALL)
    assert driver.frames == [Frame(b"b NOOP")]
    [(text, error)] = driver.rejected
    assert text == b"a LOGIN "
    assert isinstance(error, Refused)
    assert error.reason is Reason.TOO_BIG


def test_a_long_synchronizing_literal_is_refused_at_once() -> None:
    driver = run(b"a LOGIN {60}\r\nb NOOP\r\n", 0, SMALL)
    assert driver.continuations == 0
    assert driver.frames == [Frame(b"b NOOP")]
    assert driver.rejected[0][0] == b"a LOGIN "


def test_a_skipped_command_may_end_with_a_synchronizing_literal() -> None:
    driver = run(b"a X {60+}\r\n" + b"x" * 60 + b" {5}\r\nb NOOP\r\n", 0, SMALL)
    assert driver.frames == [Frame(b"b NOOP")]
    assert len(driver.rejected) == 1


def test_refusing_keeps_the_first_error() -> None:
    driver = Driver(FrameReader(), refuse_from=3)
    driver.feed(b"a X {1+}\r\nx {3+}\r\nyyy\r\nb X {3}\r\nc NOOP\r\n")
    assert [text for text, _error in driver.rejected] == [b"a X ", b"b X "]
    assert driver.frames == [Frame(b"c NOOP")]


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 102,
        b"x" * 5000,
        b"a X {2000+}\r\n",
        b"a X {600+}\r\n" + b"x" * 600 + b"{600+}\r\n",
        b"a X {1234567890123456789+}\r\n",
    ],
)
def test_what_can_not_be_followed_is_fatal(data: bytes) -> None:
    reader = FrameReader(SMALL)
    driver = Driver(reader)
    with pytest.raises(PeerError) as caught:
        driver.feed(data)
    assert caught.value.fatal
    with pytest.raises(PeerError) as again:
        reader.next_event()
    assert again.value.fatal


@pytest.mark.parametrize(
    "data",
    [
        b"a X \0\r\n",
        b"a X {1+}\r\n\0\r\n",
        b"a X {3+}\r\nxxx\0{2+}\r\nyy\r\n",
        b"a X" + b" {1+}\r\nx" * 4 + b"\r\n",
        b"a X" + b" {50+}\r\n" + b"x" * 50 + b"x" * 90 + b" {1+}\r\nx" + b"x" * 90 + b"\r\n",
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_bad_commands_are_answered_and_left_behind(data: bytes, step: int) -> None:
    driver = run(data + b"b NOOP\r\n", step, SMALL)
    assert len(driver.rejected) == 1
    assert isinstance(driver.rejected[0][1], PeerError)
    assert driver.rejected[0][0].startswith(b"a X")
    assert driver.frames == [Frame(b"b NOOP")]


def test_nul_in_a_streamed_literal() -> None:
    assert len(run(b"a APPEND x {2+}\r\n\0x\r\n", 0, stream=True).rejected) == 1
    assert run(b"a APPEND x ~{2+}\r\n\0x\r\n", 0, stream=True).streamed == [b"\0x"]


def test_bare_lf_can_be_switched_off() -> None:
    driver = Driver(FrameReader(accept_bare_lf=False))
    driver.feed(b"a NOOP\nb NOOP\r\n")
    assert [text for text, _error in driver.rejected] == [b"a NOOP"]
    assert driver.frames == [Frame(b"b NOOP")]


def test_lines_outside_commands_and_unread_octets() -> None:
    driver = Driver(FrameReader())
    driver.feed(b"a IDLE\r\n")
    driver.reader.feed(b"DONE\r\nb STARTTLS\r\nc LOGIN")
    assert driver.reader.between_commands
    assert driver.reader.next_line() == b"DONE"
    event = driver.reader.next_event()
    assert event == Frame(b"b STARTTLS")
    assert driver.reader.unread_octets == 7
    assert driver.reader.next_line() is None
    assert driver.reader.take_unread() == b"c LOGIN"
    assert driver.reader.unread_octets == 0


def test_limits_can_be_raised() -> None:
    reader = FrameReader(LIMITS_BEFORE_LOGIN)
    driver = Driver(reader)
    driver.feed(b"a LOGIN {5000}\r\n")
    assert len(driver.rejected) == 1
    reader.set_limits(FrameLimits())
    driver.feed(b"a LOGIN {5000}\r\n")
    assert driver.continuations == 1
    assert not reader.between_commands


def test_responses_are_never_refused_a_continuation() -> None:
    driver = Driver(FrameReader(responses=True))
    driver.feed(b"* OK text {3}\r\n* 1 FETCH (BODY[] {3}\r\nabc)\r\n+ {3}\r\na1 BAD {5}\r\n")
    assert driver.continuations == 0
    assert driver.frames == [
        Frame(b"* OK text {3}"),
        Frame(b"* 1 FETCH (BODY[] ", (Literal(b"abc"),), (b")",)),
        Frame(b"+ {3}"),
        Frame(b"a1 BAD {5}"),
    ]


def test_encoding_waits_where_it_must() -> None:
    frame = Frame(b"a LOGIN ", (Literal(b"joe"), Literal(b"\0", True)), (b" ", b""))
    assert encode_frame(frame, True) == [b"a LOGIN {3+}\r\njoe ~{1+}\r\n\0\r\n"]
    assert encode_frame(frame, False) == [b"a LOGIN {3}\r\n", b"joe ~{1}\r\n", b"\0\r\n"]


_TEXT = st.text(st.sampled_from("ab {}+~19"), max_size=12).map(lambda text: text.encode() + b"x")
_FRAME = st.builds(
    lambda text, pairs: Frame(text, tuple(Literal(lit, True) for lit, _ in pairs), tuple(after for _, after in pairs)),
    _TEXT,
    st.lists(st.tuples(st.binary(max_size=30), _TEXT), max_size=4),
)


@settings(max_examples=150)
@given(st.lists(_FRAME, max_size=5), st.booleans(), st.integers(1, 40))
def test_encoded_frames_are_read_back(frames: list[Frame], literal_plus: bool, step: int) -> None:
    data = b"".join([b"".join(encode_frame(frame, literal_plus)) for frame in frames])
    assert run(data, step).frames == frames


_PIECES = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.sampled_from(
            [b"a NOOP\r\n", b"{3+}\r\n", b"{3}\r\n", b"~{2+}\r\n", b"{0}\r\n", b"\r\n", b"\n", b"{99+}\r\n", b"\0"]
        ),
    ),
    max_size=12,
).map(b"".join)


def _outcome(data: bytes, step: int, stream: bool) -> tuple[object, ...]:
    driver = Driver(FrameReader(SMALL), stream)
    fatal: bool | None = None
    try:
        for at in range(0, len(data), step):
            driver.feed(data[at : at + step])
    except PeerError as error:
        fatal = error.fatal
    rejected = [(text, str(error)) for text, error in driver.rejected]
    return driver.frames, rejected, driver.streamed, driver.continuations, fatal


@settings(max_examples=200)
@given(_PIECES, st.integers(1, 50), st.booleans())
def test_any_octets_in_any_cuts_give_the_same(data: bytes, step: int, stream: bool) -> None:
    outcome = _outcome(data, step, stream)
    assert outcome == _outcome(data, len(data) + 1, stream)
    assert outcome[-1] is not False


@settings(max_examples=100)
@given(_PIECES)
def test_the_next_command_is_always_found(data: bytes) -> None:
    """After any octets and the end of any literal, a fresh line is a command again."""
    driver = Driver(FrameReader())
    driver.feed(data)
    # No literal that the pieces announce is longer than this, and fewer than 20 can be open.
    for _ in range(20):
        driver.feed(b"x" * 100 + b"\r\n")
    driver.feed(b"last NOOP\r\n")
    assert driver.frames[-1] == Frame(b"last NOOP")


def test_repr_shows_no_octets() -> None:
    assert "secret" not in repr(Frame(b"a LOGIN joe secret", (Literal(b"secret"),), (b"",)))
    assert "secret" not in repr(Literal(b"secret"))
    assert hash(Frame(b"a")) == hash(Frame(b"a"))
    start = LiteralStart(b"", 0, 1, True, False)
    assert start.size_octets == 1
