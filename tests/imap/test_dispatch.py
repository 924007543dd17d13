"""Errors become replies in one place: what the client is told of each kind, and what it is not."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.house import House, houses
from support.transcript import Connection
from verbena.imap.core import CORE
from verbena.imap.fetching import Message
from verbena.imap.outcome import No, RefusedWith, Reply
from verbena.imap.registry import ANY_STATE, Extension, FetchItemRow, Prepared, build_registry, command
from verbena.imap.server import ImapService
from verbena.imap.session import Session
from verbena.model.errors import InternalError, PeerError, Refused, Unavailable
from verbena.model.reason import Reason
from verbena.wire.imap.command import Bare, parse_bare
from verbena.wire.imap.fetch import FetchAtt
from verbena.wire.imap.grammar import Cursor

ERRORS: dict[str, Exception] = {
    "PEER": PeerError("two\r\nlines, and ä"),
    "REFUSED": Refused(Reason.OVER_QUOTA, "Over quota"),
    "PLAIN": Refused(Reason.ROUTING_LOOP, "It goes round"),
    "URL": RefusedWith(Reason.BAD_URL, "No such part", b'BADURL "/x"'),
    "LATER": Unavailable("Disk full"),
    "BUG": InternalError("password=hunter2"),
    "CRASH": ZeroDivisionError("hunter2"),
}

REPLIES = {
    "PEER": b"BAD two lines, and ?",
    "REFUSED": b"NO [OVERQUOTA] Over quota",
    "PLAIN": b"NO It goes round",
    "URL": b'NO [BADURL "/x"] No such part',
    "LATER": b"NO [UNAVAILABLE] Disk full",
    "BUG": b"NO [SERVERBUG] Internal error, it has been logged",
    "CRASH": b"NO [SERVERBUG] Internal error, it has been logged",
    "PARTLY": b"NO [MODIFIED 2] Some",
}


def _parse(cursor: Cursor) -> Bare:
    return parse_bare(cursor, "")


def _raising(name: str) -> Extension:
    async def handle(session: Session, arguments: Bare) -> AsyncIterator[Reply]:
        yield b"* OK begun\r\n"
        raise ERRORS[name]

    return Extension(rfc=0, commands=(command(name, _parse, handle, ANY_STATE),))


async def _partly(session: Session, arguments: Bare) -> AsyncIterator[Reply]:
    yield No(b"Some", b"MODIFIED 2")


async def _breaks_off() -> AsyncIterator[bytes]:
    yield b"BROKEN {100}\r\nonly so much"
    raise Refused(Reason.EXPUNGE_ISSUED, "gone")


def _parse_broken(cursor: Cursor) -> FetchAtt:
    return FetchAtt("BROKEN")


def _broken(session: Session, att: FetchAtt) -> Prepared:
    def answer(message: Message) -> AsyncIterator[bytes]:
        return _breaks_off()

    return Prepared(answer)


PARTLY = Extension(
    rfc=0,
    commands=(command("PARTLY", _parse, _partly, ANY_STATE),),
    fetch_atts={"BROKEN": _parse_broken},
    fetch_items=(FetchItemRow("BROKEN", _broken),),
)


def connect(house: House) -> Connection:
    registry = build_registry([CORE, PARTLY, *(_raising(name) for name in ERRORS)])
    return house.connect(
        ImapService(house.store, house.authenticator, house.bus, house.meter, "h", registry, lambda: 0)
    )


@pytest.mark.rfc("5530 §3")
async def test_each_error_has_its_reply(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with houses(tmp_path) as (house,):
        for name, reply in REPLIES.items():
            connection = connect(house)
            await connection.reply()
            await connection.send(b"t " + name.encode() + b"\r\nu NOOP\r\n")
            told = await connection.reply()
            if name != "PARTLY":
                assert told == b"* OK begun"
                told = await connection.reply()
            assert told == b"t " + reply
            assert (await connection.reply()).startswith(b"u OK")
    logged = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert logged == ["IMAP command BUG failed", "IMAP command CRASH failed"]


async def test_a_response_that_breaks_off_ends_the_session(tmp_path: Path) -> None:
    """Its length was announced: whatever came next would be read as part of it."""
    async with houses(tmp_path) as (house,):
        await house.put(b"Subject: x\r\n\r\n")
        connection = connect(house)
        await connection.reply()
        await connection.send(b"a LOGIN alice secret\r\nb SELECT INBOX\r\n")
        while not (await connection.reply()).startswith(b"b OK"):
            pass
        await connection.send(b"c FETCH 1 (UID BROKEN)\r\nd NOOP\r\n")
        assert await connection.reply() == b""


async def test_results_are_counted(tmp_path: Path) -> None:
    async with houses(tmp_path) as (house,):
        connection = connect(house)
        await connection.reply()
        await connection.send(b"a NOOP\r\nb REFUSED\r\nc PEER\r\nd NOSUCH\r\ne LOGOUT\r\n")
        while await connection.reply():
            pass
        assert house.meter.commands == [
            ("imap", "NOOP", "ok"),
            ("imap", "REFUSED", "no"),
            ("imap", "PEER", "bad"),
            ("imap", "?", "bad"),
            ("imap", "LOGOUT", "ok"),
        ]
