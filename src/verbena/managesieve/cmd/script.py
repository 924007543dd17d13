"""HAVESPACE, PUTSCRIPT, LISTSCRIPTS, SETACTIVE, GETSCRIPT, DELETESCRIPT, RENAMESCRIPT, CHECKSCRIPT (RFC 5804 §2.5 to
§2.12): full.

A script is compiled as the delivery agent would; all that is wrong with it is told, a line each, with line and
column. One of more than ``INLINE_OCTETS`` is compiled in a thread, so that it holds up nobody.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from verbena.managesieve.registry import Answer, command
from verbena.managesieve.session import Session
from verbena.model.errors import Refused
from verbena.model.reason import Reason
from verbena.sieve.check import compile_script
from verbena.sieve.errors import Complaint, ScriptError
from verbena.wire.managesieve.command import (
    HaveSpace,
    PutScript,
    RenameScript,
    parse_have_space,
    parse_name,
    parse_nothing,
    parse_put,
    parse_rename,
    parse_script,
)
from verbena.wire.managesieve.reply import Code, Listed, Reply, Status, format_listed, format_script
from verbena.wire.managesieve.states import LOGGED_IN

INLINE_OCTETS: Final = 8192


async def have_space(session: Session, arguments: HaveSpace) -> Answer:
    session.scripts.check_space(arguments.name, arguments.size_octets)
    return Answer()


async def put_script(session: Session, arguments: PutScript) -> Answer:
    session.scripts.check_space(arguments.name, len(arguments.octets))
    reply = await _check(session, arguments.octets)
    if reply.status is Status.OK:
        await session.scripts.put(arguments.name, arguments.octets)
    return Answer(reply=reply)


async def check_script(session: Session, octets: bytes) -> Answer:
    return Answer(reply=await _check(session, octets))


async def _check(session: Session, octets: bytes) -> Reply:
    """What is told of a script: NO with its errors, or OK with what its author is warned of."""
    language = session.services.language
    try:
        if len(octets) <= INLINE_OCTETS:
            _, warnings = compile_script(octets, language.registry, language.limits)
        else:
            _, warnings = await asyncio.to_thread(compile_script, octets, language.registry, language.limits)
    except ScriptError as error:
        return Reply(Status.NO, _lines(error.complaints))
    if warnings:
        return Reply(Status.OK, _lines(warnings), Code(b"WARNINGS"))
    return Reply(Status.OK)


def _lines(complaints: Sequence[Complaint]) -> str:
    return "\r\n".join(str(complaint) for complaint in complaints)


async def list_scripts(session: Session, _: None) -> Answer:
    return Answer(b"".join(format_listed(Listed(entry.name, entry.active)) for entry in session.scripts.all()))


async def set_active(session: Session, name: str) -> Answer:
    """The empty name: have no active script (RFC 5804 §2.8)."""
    await session.scripts.activate(name or None)
    return Answer()


async def get_script(session: Session, name: str) -> Answer:
    script = session.scripts.get(name)
    if script is None:
        raise Refused(Reason.NONEXISTENT, "There is no script of this name")
    return Answer(format_script(script.octets))


async def delete_script(session: Session, name: str) -> Answer:
    await session.scripts.delete(name)
    return Answer()


async def rename_script(session: Session, arguments: RenameScript) -> Answer:
    await session.scripts.rename(arguments.old_name, arguments.name)
    return Answer()


ROWS = (
    command("HAVESPACE", parse_have_space, have_space, LOGGED_IN),
    command("PUTSCRIPT", parse_put, put_script, LOGGED_IN),
    command("CHECKSCRIPT", parse_script, check_script, LOGGED_IN),
    command("LISTSCRIPTS", parse_nothing, list_scripts, LOGGED_IN),
    command("SETACTIVE", parse_name, set_active, LOGGED_IN),
    command("GETSCRIPT", parse_name, get_script, LOGGED_IN),
    command("DELETESCRIPT", parse_name, delete_script, LOGGED_IN),
    command("RENAMESCRIPT", parse_rename, rename_script, LOGGED_IN),
)
