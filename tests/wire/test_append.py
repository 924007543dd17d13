"""APPEND while it streams: the RFCs' dialogues give the right steps, and errors come where they are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.date import InternalDate
from verbena.model.errors import PeerError
from verbena.model.flags import SEEN, Flag
from verbena.wire.imap.append import (
    AppendMessage,
    AppendParser,
    AppendStep,
    Begin,
    Finish,
    LiteralUse,
    Text,
    Url,
    format_append,
)
from verbena.wire.imap.frame import Frame
from verbena.wire.imap.grammar import Cursor

Seen = AppendStep | tuple[LiteralUse, bytes]


def walk(frame: Frame) -> tuple[str | None, list[Seen]]:
    """The steps of a whole command, with what each literal was for, as a session would go through it."""
    cursor = Cursor(frame.text)
    assert cursor.keyword() == "APPEND"
    parser = AppendParser(cursor)
    seen: list[Seen] = []
    text: bytes | None = None
    for place, literal in enumerate(frame.literals):
        seen.extend(parser.text(text, more=True))
        use = parser.use
        assert use is not LiteralUse.NONE
        if use is LiteralUse.STRING:
            seen.extend(parser.string(literal.octets))
        else:
            seen.append((use, literal.octets))
        text = frame.texts[place]
    seen.extend(parser.text(text, more=False))
    return parser.mailbox, seen


DATE = InternalDate(837596665, -420)
COMMANDS: list[tuple[Frame, str, list[Seen]]] = [
    (
        format_append("saved", [AppendMessage((Text(b"one"),), (SEEN,), DATE)]),
        "saved",
        [Begin((SEEN,), DATE, False), (LiteralUse.MESSAGE, b"one"), Finish()],
    ),
    (
        format_append(
            "日\n本" + "x" * 2000, [AppendMessage((Text(b"a"),)), AppendMessage((Text(b"\0", True),), (), DATE)]
        ),
        "日\n本" + "x" * 2000,
        [
            Begin((), None, False),
            (LiteralUse.MESSAGE, b"a"),
            Finish(),
            Begin((), DATE, False),
            (LiteralUse.MESSAGE, b"\0"),
            Finish(),
        ],
    ),
    (
        format_append(
            "Drafts",
            [
                AppendMessage(
                    (Url(b"/Drafts/;UID=20"), Text(b"\r\n--b"), Url(b"x" * 1500)),
                    (SEEN, Flag("$MDNSent")),
                    None,
                    True,
                ),
                AppendMessage((Text(b"plain"),)),
            ],
        ),
        "Drafts",
        [
            Begin((SEEN, Flag("$MDNSent")), None, True),
            Url(b"/Drafts/;UID=20"),
            (LiteralUse.TEXT, b"\r\n--b"),
            Url(b"x" * 1500),
            Finish(),
            Begin((), None, False),
            (LiteralUse.MESSAGE, b"plain"),
            Finish(),
        ],
    ),
    (
        Frame(b"APPEND x CATENATE (URL imap://a/b)"),
        "x",
        [Begin((), None, True), Url(b"imap://a/b"), Finish()],
    ),
]


@pytest.mark.rfc("3502, 4469 §5")
@pytest.mark.parametrize(("frame", "mailbox", "steps"), COMMANDS)
def test_steps(frame: Frame, mailbox: str, steps: list[Seen]) -> None:
    if "\n" in mailbox:
        with pytest.raises(PeerError):
            walk(frame)
        return
    assert walk(frame) == (mailbox, steps)


BROKEN: list[list[bytes]] = [
    [b""],
    [b" INBOX"],
    [b" INBOX "],
    [b" INBOX (\\Seen)"],
    [b" INBOX(\\Seen) ", b""],
    [b" INBOX", b""],
    [b" INBOX  ", b""],
    [b" INBOX (\\Recent) ", b""],
    [b' INBOX "1-Jan-2000" ', b""],
    [b" INBOX ", b"x"],
    [b" INBOX ", b" "],
    [b" INBOX ", b"", b""],
    [b" INBOX CATENATE"],
    [b" INBOX CATENATE ()"],
    [b" INBOX CATENATE (FOO)"],
    [b" INBOX CATENATE (URL x"],
    [b" INBOX CATENATE (URL x) ", b" y"],
    [b" INBOX CATENATE (TEXT x)"],
    [b" INBOX CATENATE (TEXT ", b""],
    [b" INBOX CATENATE (TEXT ", b" )"],
    [b" INBOX CATENATE (TEXT ", b")", b""],
    [b" INBOX CATENATE ", b")"],
]


@pytest.mark.parametrize("texts", BROKEN)
def test_broken(texts: list[bytes]) -> None:
    with pytest.raises(PeerError):
        feed(texts)


def feed(texts: list[bytes]) -> list[AppendStep]:
    """Texts with a literal between each two, whatever for."""
    parser = AppendParser(Cursor(texts[0]))
    steps: list[AppendStep] = []
    for place, text in enumerate(texts):
        more = place + 1 < len(texts)
        steps.extend(parser.text(text if place else None, more))
        if more and parser.use is LiteralUse.STRING:
            steps.extend(parser.string(b"INBOX"))
    return steps


_WORDS = st.lists(
    st.sampled_from(
        [
            b" ",
            b" ",
            b"INBOX",
            b"(",
            b")",
            b"\\Seen",
            b"CATENATE",
            b"TEXT",
            b"URL",
            b"x",
            b'"',
            b"CATENATE (",
            b"TEXT ",
            b'"17-Jul-1996 02:44:25 -0700"',
            b"\x80",
            b" CATENATE (TEXT ",
            b" URL ",
        ]
    ),
    max_size=6,
).map(b"".join)


@settings(max_examples=200)
@given(st.lists(_WORDS, min_size=1, max_size=4))
def test_any_texts_give_steps_or_an_error(texts: list[bytes]) -> None:
    try:
        steps = feed([b" INBOX " + texts[0], *texts[1:]])
    except PeerError:
        return
    begins = [step for step in steps if isinstance(step, Begin)]
    assert len(begins) == len([step for step in steps if isinstance(step, Finish)]) > 0
