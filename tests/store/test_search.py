"""Searches against a real store: every key, decoding, and turns for others."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from contract.opening import Opened, opened, pieces
from verbena.model.date import InternalDate
from verbena.model.errors import InternalError
from verbena.model.flags import DELETED, SEEN, Flag
from verbena.model.ids import ModSeq
from verbena.model.query import (
    EVERYTHING,
    NOTHING,
    Among,
    And,
    BodyHas,
    DateField,
    DateIs,
    DateTest,
    EnvelopeField,
    EnvelopeHas,
    HasFlag,
    HeaderHas,
    IsRecent,
    ModSeqFrom,
    Not,
    Or,
    Query,
    SizeAbove,
    SizeBelow,
    TextHas,
)
from verbena.model.uidset import number_set
from verbena.store.api import NewMessage
from verbena.store.search import search

LIMIT = 1 << 31

ONE = (
    b"From: Joe Smith <joe@example.com>\r\nTo: ann@example.org\r\nSubject: =?iso-8859-1?Q?Caf=E9_um?=\r\n"
    b" =?utf-8?B?MTI=?=\r\nDate: Mon, 7 Feb 1994 23:52:25 -0800\r\nX-Empty:\r\nMessage-ID: <one@example.com>\r\n\r\n"
    b"Hello Mooch, needle one.\r\n"
)
TWO = (
    b'From: "Fred, F." <fred@blurdy.example>\r\nCc: Dan: dan@example.net, ann@example.org;\r\nSubject: meeting\r\n'
    b"Date: nonsense\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Gr=C3=BC=C3=9Fe and a long li=\r\nne\r\n"
    b"--b\r\nContent-Type: text/html; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes("<b>привет</b>".encode("koi8-r"))
    + b"\r\n--b\r\nContent-Type: image/png; name*=utf-8''%C3%A9tude.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.encodebytes(b"hidden words")
    + b"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: =?utf-8?Q?inner_=C3=A9?=\r\n\r\ninner body\r\n--b--\r\n"
)
THREE = b"Subject: \r\nBcc: secret@example.org\r\nDate: Tue, 8 Feb 1994 00:10:00 +0000\r\n\r\n" + b"x" * 3000 + b"\r\n"
WORK = Flag("Work")


async def fill(world: Opened) -> None:
    """Messages 1, 2 and 3."""
    rows = (
        (ONE, (SEEN,), InternalDate(760_665_600 + 7 * 3600, -8 * 60)),  # 7-Feb-1994 23:00 -0800
        (TWO, (WORK, DELETED), InternalDate(760_665_600, 0)),  # 8-Feb-1994
        (THREE, (), InternalDate(800_000_000, 0)),  # 9-May-1995
    )
    for octets, flags, when in rows:
        async with await world.store.stage(pieces(octets), LIMIT) as staged:
            await world.ann.append(world.inbox, [NewMessage(staged, flags, when)])


async def found(world: Opened, query: Query, last_uid: int | None = None) -> list[int]:
    columns = await world.ann.open(world.inbox)
    return list((await search(world.ann, columns, query, last_uid)).uids)


def _date(field: DateField, test: DateTest, day: int) -> Query:
    return DateIs(field, test, date(1994, 2, day))


INTERNAL, SENT = DateField.INTERNAL, DateField.SENT
E = EnvelopeField

TABLE: list[tuple[Query, list[int]]] = [
    (EVERYTHING, [1, 2, 3]),
    (NOTHING, []),
    (HasFlag(SEEN), [1]),
    (Not(HasFlag(SEEN)), [2, 3]),
    (HasFlag(Flag("work")), [2]),
    (HasFlag(Flag("unheard-of")), []),
    (Not(HasFlag(Flag("unheard-of"))), [1, 2, 3]),
    (Among(number_set([2, 3, 9])), [2, 3]),
    (And((HasFlag(DELETED), Among(number_set([2])))), [2]),
    (Or((HasFlag(DELETED), HasFlag(SEEN))), [1, 2]),
    (SizeAbove(3000), [3]),
    (SizeAbove(len(ONE)), [2, 3]),
    (SizeBelow(len(ONE)), []),
    (SizeBelow(len(ONE) + 1), [1]),
    (_date(INTERNAL, DateTest.ON, 7), [1]),
    (_date(INTERNAL, DateTest.ON, 8), [2]),
    (_date(INTERNAL, DateTest.BEFORE, 8), [1]),
    (_date(INTERNAL, DateTest.SINCE, 8), [2, 3]),
    (_date(SENT, DateTest.ON, 7), [1]),
    (_date(SENT, DateTest.SINCE, 8), [3]),
    (_date(SENT, DateTest.BEFORE, 8), [1]),
    (Not(_date(SENT, DateTest.BEFORE, 8)), [2, 3]),
    (EnvelopeHas(E.FROM, "smith"), [1]),
    (EnvelopeHas(E.FROM, "joe smith <JOE@"), [1]),
    (EnvelopeHas(E.FROM, "fred, f."), [2]),
    (EnvelopeHas(E.FROM, ""), [1, 2]),
    (EnvelopeHas(E.TO, "ann"), [1]),
    (EnvelopeHas(E.CC, "ann@example.org"), [2]),
    (EnvelopeHas(E.CC, "dan:"), [2]),
    (EnvelopeHas(E.BCC, "SECRET"), [3]),
    (EnvelopeHas(E.SUBJECT, "CAF\u00c9 UM12"), [1]),
    (EnvelopeHas(E.SUBJECT, "\u00e9 um"), [1]),
    (EnvelopeHas(E.SUBJECT, "=?iso"), []),
    (EnvelopeHas(E.SUBJECT, ""), [1, 2, 3]),
    (HeaderHas("x-empty", ""), [1]),
    (HeaderHas("x-empty", "x"), []),
    (HeaderHas("message-id", "ONE@"), [1]),
    (HeaderHas("cc", "dan: dan@"), [2]),
    (HeaderHas("x-none", ""), []),
    (BodyHas("NEEDLE"), [1]),
    (BodyHas("gr\u00fc\u00dfe"), [2]),
    (BodyHas("long line"), [2]),
    (BodyHas("\u041f\u0420\u0418\u0412\u0415\u0422"), [2]),
    (BodyHas("hidden"), []),
    (BodyHas("\u00e9tude"), [2]),
    (BodyHas("inner \u00e9"), [2]),
    (BodyHas("inner body"), [2]),
    (BodyHas("meeting"), []),
    (BodyHas("x" * 2500), [3]),
    (TextHas("meeting"), [2]),
    (TextHas("subject: meeting"), [2]),
    (TextHas("example.com"), [1]),
    (TextHas(""), [1, 2, 3]),
    (And((BodyHas("inner"), TextHas("fred"), Not(BodyHas("mooch")))), [2]),
    (Or((EnvelopeHas(E.FROM, "smith"), BodyHas("inner"), SizeAbove(3000))), [1, 2, 3]),
    (Not(TextHas("example")), []),
    (Not(Or((BodyHas("needle"), EnvelopeHas(E.SUBJECT, "meeting")))), [3]),
    (And((Not(HasFlag(SEEN)), Or((BodyHas("needle"), BodyHas("xxx"))))), [3]),
]


@pytest.mark.rfc("3501 §6.4.4")
async def test_table(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        await fill(world)
        for query, wanted in TABLE:
            assert await found(world, query) == wanted, query
            assert await found(world, query, 2) == [uid for uid in wanted if uid <= 2], query


@pytest.mark.rfc("7162 §3.1.5")
async def test_modseq(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        await fill(world)
        columns = await world.ann.open(world.inbox)
        second = ModSeq(columns.modseqs[1])
        result = await search(world.ann, columns, ModSeqFrom(second))
        assert (result.uids, result.modseq) == ([2, 3], columns.modseqs[2])
        result = await search(world.ann, columns, And((ModSeqFrom(ModSeq(0)), HasFlag(SEEN))))
        assert (result.uids, result.modseq) == ([1], columns.modseqs[0])
        assert (await search(world.ann, columns, NOTHING)).modseq == 0


async def test_what_a_session_must_replace(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        await fill(world)
        with pytest.raises(InternalError):
            await found(world, IsRecent())


async def _long_text(marker: bytes) -> AsyncIterator[bytes]:
    yield b"Subject: long\r\n\r\n"
    for _ in range(40):
        yield b"some words of no interest\r\n" * 2500
    yield marker


async def test_long_bodies_give_others_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A needle across the edge of two pieces is found, and another task runs meanwhile."""
    monkeypatch.setattr("verbena.store.search.TURN_S", 0.0)
    marker = b"the needle"
    async with opened(tmp_path) as world:
        async with await world.store.stage(_long_text(marker), LIMIT) as staged:
            await world.ann.append(world.inbox, [NewMessage(staged, (), InternalDate(0, 0))])
        edge = b"y" * (65536 - 5) + marker + b"\r\n" + b"z" * 300_000
        async with await world.store.stage(pieces(b"Subject: edge\r\n\r\n" + edge), LIMIT) as staged:
            await world.ann.append(world.inbox, [NewMessage(staged, (), InternalDate(0, 0))])
        turns = 0

        async def count() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(count())
        assert await found(world, BodyHas("THE NEEDLE")) == [1, 2]
        task.cancel()
        assert turns > 40


async def test_expunged_meanwhile(tmp_path: Path) -> None:
    async with opened(tmp_path) as world:
        await fill(world)
        columns = await world.ann.open(world.inbox)
        await world.ann.expunge(world.inbox, None)
        world.ann.refresh(columns)
        assert list((await search(world.ann, columns, TextHas("e"))).uids) == [1, 3]
