"""Every core command: the value that its octets mean, and that formatting the value gives a command of that value."""

from collections.abc import Callable, Mapping
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.model.flags import DELETED, SEEN, Flag, FlagEdit, FlagOp
from verbena.model.ids import ModSeq, UidValidity
from verbena.model.mailbox import SpecialUse
from verbena.model.part import PartialRange, Section, SectionText
from verbena.model.secret import Secret
from verbena.model.uidset import STAR, NumberSet, SequenceSet
from verbena.wire.imap import command, condstore, fetch, folder, qresync, select, store
from verbena.wire.imap.command import Authenticate, Bare, Compress, Copy, Enable, Expunge, Id, Login
from verbena.wire.imap.fetch import Fetch, FetchAtt, FetchBody, FetchModifier
from verbena.wire.imap.folder import Create, Delete, List, Rename, StatusOf, Subscribe
from verbena.wire.imap.frame import Frame, Literal
from verbena.wire.imap.grammar import Cursor, cursor_of
from verbena.wire.imap.select import Select
from verbena.wire.imap.store import Store

FETCH_ATTS: Mapping[str, fetch.AttParser] = {**fetch.CORE_FETCH_ATTS, **condstore.FETCH_ATTS}
FETCH_MODIFIERS: Mapping[str, fetch.ModifierParser] = {**condstore.FETCH_MODIFIERS, **qresync.FETCH_MODIFIERS}
SELECT_PARAMS: Mapping[str, select.ParamParser] = {**condstore.SELECT_PARAMS, **qresync.SELECT_PARAMS}


def parse_use(cursor: Cursor) -> object:
    cursor.sp()
    cursor.expect(0x28)
    cursor.expect(0x5C)
    name = "\\" + cursor.atom().decode().capitalize()
    cursor.expect(0x29)
    if name not in {use.value for use in SpecialUse}:
        raise cursor.error("there is no such use")
    return SpecialUse(name)


PARSERS: dict[str, Callable[[Cursor], object]] = {
    **{
        name: partial(command.parse_bare, name=name)
        for name in ("CAPABILITY", "NOOP", "LOGOUT", "STARTTLS", "CHECK", "CLOSE", "UNSELECT", "IDLE", "NAMESPACE")
    },
    "LOGIN": command.parse_login,
    "AUTHENTICATE": command.parse_authenticate,
    "EXPUNGE": command.parse_expunge,
    "UID EXPUNGE": command.parse_uid_expunge,
    "COPY": command.parse_copy,
    "UID COPY": partial(command.parse_copy, by_uid=True),
    "MOVE": partial(command.parse_copy, move=True),
    "UID MOVE": partial(command.parse_copy, by_uid=True, move=True),
    "ENABLE": command.parse_enable,
    "ID": command.parse_id,
    "COMPRESS": command.parse_compress,
    "SELECT": partial(select.parse_select, read_only=False, params=SELECT_PARAMS),
    "EXAMINE": partial(select.parse_select, read_only=True, params=SELECT_PARAMS),
    "CREATE": partial(folder.parse_create, params={"USE": parse_use}),
    "DELETE": folder.parse_delete,
    "RENAME": folder.parse_rename,
    "SUBSCRIBE": folder.parse_subscribe,
    "UNSUBSCRIBE": partial(folder.parse_subscribe, subscribed=False),
    "LIST": folder.parse_list,
    "LSUB": partial(folder.parse_list, subscribed_only=True),
    "STATUS": folder.parse_status,
    "FETCH": partial(fetch.parse_fetch, by_uid=False, atts=FETCH_ATTS, modifiers=FETCH_MODIFIERS),
    "UID FETCH": partial(fetch.parse_fetch, by_uid=True, atts=FETCH_ATTS, modifiers=FETCH_MODIFIERS),
    "STORE": partial(store.parse_store, by_uid=False, modifiers=condstore.STORE_MODIFIERS),
    "UID STORE": partial(store.parse_store, by_uid=True, modifiers=condstore.STORE_MODIFIERS),
}


def parse(frame: Frame) -> object:
    cursor = cursor_of(frame)
    _tag, name = command.parse_head(cursor)
    if name not in PARSERS:
        raise PeerError("There is no such command")
    return PARSERS[name](cursor)


def show(value: object) -> Frame:
    """Format any command's value, with a tag."""
    match value:
        case Bare():
            frame = command.format_bare(value)
        case Login():
            frame = command.format_login(value)
        case Authenticate():
            frame = command.format_authenticate(value)
        case Expunge():
            frame = command.format_expunge(value)
        case Copy():
            frame = command.format_copy(value)
        case Enable():
            frame = command.format_enable(value)
        case Id():
            frame = command.format_id(value)
        case Compress():
            frame = command.format_compress(value)
        case Select():
            frame = select.format_select(value, qresync.format_select_param)
        case Create():
            use = value.params[0][1] if value.params else None
            frame = folder.format_create(value.mailbox, use if isinstance(use, SpecialUse) else None)
        case Delete():
            frame = folder.format_delete(value)
        case Rename():
            frame = folder.format_rename(value)
        case Subscribe():
            frame = folder.format_subscribe(value)
        case List():
            frame = folder.format_list(value)
        case StatusOf():
            frame = folder.format_status_of(value)
        case Fetch():
            frame = fetch.format_fetch_command(value, fetch.write_fetch_att, condstore.format_fetch_modifier)
        case Store():
            frame = store.format_store(value, condstore.format_store_modifier)
        case _:
            raise AssertionError(value)
    return command.with_tag(b"t", frame)


ONE = SequenceSet(((1, 1),))
SOME = SequenceSet(((2, 4), (9, STAR)))

COMMANDS: list[tuple[bytes, object]] = [
    (b"NOOP", Bare("NOOP")),
    (b"noop ", Bare("NOOP")),
    (b'LOGIN joe "s p"', Login("joe", Secret(b"s p"))),
    (b"AUTHENTICATE plain", Authenticate("PLAIN", None)),
    (b"AUTHENTICATE SCRAM-SHA-256 biws", Authenticate("SCRAM-SHA-256", Secret(b"n,,"))),
    (b"AUTHENTICATE EXTERNAL =", Authenticate("EXTERNAL", Secret(b""))),
    (b"EXPUNGE", Expunge(None)),
    (b"UID EXPUNGE 2:4,9:*", Expunge(SOME)),
    (b"COPY 1 Sent", Copy(ONE, "Sent", False, False)),
    (b"uid move 2:4,9:* inbox", Copy(SOME, "INBOX", True, True)),
    (b"ENABLE condstore X-Y=Z", Enable(("CONDSTORE", "X-Y=Z"))),
    (b"ID NIL", Id(None)),
    (b"ID ()", Id(())),
    (b'ID ("name" "x" "os" NIL)', Id(((b"name", b"x"), (b"os", None)))),
    (b"COMPRESS deflate", Compress("DEFLATE")),
    (b"SELECT INBOX", Select("INBOX", False)),
    (b'EXAMINE "a b" (condstore)', Select("a b", True, (condstore.CONDSTORE,))),
    (
        b"SELECT x (QRESYNC (67890007 20050715194045000 41,43:211 (1,3:4 41,50,60)))",
        Select(
            "x",
            False,
            (
                qresync.Qresync(
                    "QRESYNC",
                    UidValidity(67890007),
                    ModSeq(20050715194045000),
                    NumberSet(((41, 41), (43, 211))),
                    ((1, 41), (3, 50), (4, 60)),
                ),
            ),
        ),
    ),
    (
        b"SELECT x (QRESYNC (1 2) CONDSTORE)",
        Select("x", False, (qresync.Qresync("QRESYNC", UidValidity(1), ModSeq(2)), condstore.CONDSTORE)),
    ),
    (
        b"SELECT x (QRESYNC (1 2 (5 6)))",
        Select("x", False, (qresync.Qresync("QRESYNC", UidValidity(1), ModSeq(2), None, ((5, 6),)),)),
    ),
    (b"CREATE a/b", Create("a/b")),
    (b"CREATE d (USE (\\Drafts))", Create("d", (("USE", SpecialUse.DRAFTS),))),
    (b"DELETE &ZeVnLIqe-", Delete("日本語")),
    (b"RENAME a b", Rename("a", "b")),
    (b"SUBSCRIBE a", Subscribe("a", True)),
    (b"UNSUBSCRIBE a", Subscribe("a", False)),
    (b'LIST "" %', List("", "%")),
    (b'LSUB "x/" "*"', List("x/", "*", True)),
    (b"STATUS a (messages UIDNEXT)", StatusOf("a", ("MESSAGES", "UIDNEXT"))),
    (b"FETCH 1 flags", Fetch(ONE, False, (fetch.FLAGS,))),
    (b"FETCH 1 FAST", Fetch(ONE, False, fetch.MACROS["FAST"])),
    (b"FETCH 1 (UID UID RFC822.SIZE)", Fetch(ONE, False, (fetch.UID, fetch.RFC822_SIZE))),
    (b"FETCH 1 (BODY BODYSTRUCTURE RFC822)", Fetch(ONE, False, (fetch.BODY, fetch.BODYSTRUCTURE, fetch.RFC822))),
    (
        b"FETCH 1 (rfc822.header RFC822.TEXT ENVELOPE)",
        Fetch(ONE, False, (fetch.RFC822_HEADER, fetch.RFC822_TEXT, fetch.ENVELOPE)),
    ),
    (
        b"FETCH 1 (BODY[] BODY.PEEK[1.HEADER.FIELDS (To)]<3.4>)",
        Fetch(
            ONE,
            False,
            (
                FetchBody("BODY[]", Section()),
                FetchBody("BODY[]", Section((1,), SectionText.HEADER_FIELDS, (b"To",)), PartialRange(3, 4), True),
            ),
        ),
    ),
    (
        b"UID FETCH 2:4,9:* (FLAGS MODSEQ) (CHANGEDSINCE 12345 VANISHED)",
        Fetch(
            SOME,
            True,
            (fetch.FLAGS, condstore.MODSEQ),
            (condstore.ChangedSince("CHANGEDSINCE", ModSeq(12345)), qresync.VANISHED),
        ),
    ),
    (b"STORE 1 +FLAGS (\\Deleted)", Store(ONE, False, FlagEdit(FlagOp.ADD, (DELETED,)), False)),
    (b"UID STORE 1 flags.silent \\Seen x", Store(ONE, True, FlagEdit(FlagOp.REPLACE, (SEEN, Flag("x"))), True)),
    (
        b"STORE 1 (UNCHANGEDSINCE 0) -FLAGS ()",
        Store(
            ONE,
            False,
            FlagEdit(FlagOp.REMOVE, ()),
            False,
            (condstore.UnchangedSince("UNCHANGEDSINCE", ModSeq(0)),),
        ),
    ),
]


@pytest.mark.rfc("3501 §9")
@pytest.mark.parametrize(("octets", "value"), COMMANDS)
def test_commands(octets: bytes, value: object) -> None:
    assert parse(Frame(b"a1 " + octets)) == value
    assert parse(show(value)) == value


REFUSED = [
    b"",
    b"a",
    b"a ",
    b" NOOP",
    b"a  NOOP",
    b"a NOOP x",
    b"a UID",
    b"a UID ",
    b"x" * 300 + b" NOOP",
    b"a LOGIN joe",
    b"a LOGIN joe x y",
    b'a LOGIN "\xff" x',
    b"a AUTHENTICATE PLAIN ?",
    b"a AUTHENTICATE PLAIN ",
    b"a COPY 1",
    b"a COPY * ",
    b"a ENABLE",
    b"a ENABLE " + b" x" * 100,
    b'a ID ("x")',
    b"a ID (x y)",
    b'a ID ("' + b"x" * 31 + b'" NIL)',
    b"a ID (" + b" ".join([b'"x" NIL'] * 31) + b")",
    b"a COMPRESS",
    b"a SELECT",
    b"a SELECT x ()",
    b"a SELECT x (FOO)",
    b"a SELECT x (CONDSTORE CONDSTORE)",
    b"a SELECT x (QRESYNC (1))",
    b"a SELECT x (QRESYNC (1 0))",
    b"a SELECT x (QRESYNC (1 2 1:*))",
    b"a SELECT x (QRESYNC (1 2 1:3 (1:2 5)))",
    b"a SELECT x (QRESYNC (1 2 1:3 (2,1 5:6)))",
    b"a SELECT x (QRESYNC (1 2 1:3 (1:4294967295 1:4294967295)))",
    b"a CREATE x (FOO)",
    b"a CREATE x (USE (\\Sent) USE (\\Sent))",
    b'a LIST ""',
    b"a STATUS x",
    b"a STATUS x ()",
    b"a FETCH 1",
    b"a FETCH 1 ()",
    b"a FETCH 1 (FOO)",
    b"a FETCH 1 FLAGS UID",
    b"a FETCH 1 BODY.PEEK",
    b"a FETCH 1 BODY[1",
    b"a FETCH 1 FLAGS (CHANGEDSINCE)",
    b"a FETCH 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 1)",
    b"a FETCH 1 (" + b" ".join(b"BODY[%d]" % n for n in range(1, 600)) + b")",
    b"a STORE 1 FLAGS",
    b"a STORE 1 +FLAG x",
    b"a STORE 1 FLAGS (\\Recent)",
    b"a STORE 1 (FOO) FLAGS x",
]


@pytest.mark.parametrize("octets", REFUSED)
def test_refused(octets: bytes) -> None:
    with pytest.raises(PeerError) as caught:
        parse(Frame(octets))
    assert not caught.value.fatal


def test_arguments_as_literals() -> None:
    frame = Frame(b"a LOGIN ", (Literal(b"joe"), Literal("pässword".encode())), (b" ", b""))
    assert parse(frame) == Login("joe", Secret("pässword".encode()))
    assert parse(Frame(b"a COPY 1 ", (Literal(b"in box"),), (b"",))) == Copy(ONE, "in box", False, False)
    with pytest.raises(PeerError):
        parse(Frame(b"a NOOP ", (Literal(b""),), (b"",)))


def test_secrets_stay_out_of_reprs() -> None:
    value = parse(Frame(b"a LOGIN joe hunter2"))
    assert "hunter2" not in repr(value)


def test_extension_items_are_taken_from_the_mapping() -> None:
    def parse_size(cursor: Cursor) -> FetchAtt:
        cursor.sp()
        return FetchBody("X.SIZE", Section((cursor.number(),)))

    cursor = Cursor(b" 1 (X.SIZE 7 UID)")
    value = fetch.parse_fetch(cursor, False, {**FETCH_ATTS, "X.SIZE": parse_size}, {})
    assert value.atts == (FetchBody("X.SIZE", Section((7,))), fetch.UID)
    assert FetchModifier("X") == FetchModifier("X")


def test_known_sets() -> None:
    assert command.known_set(NumberSet(((1, 3),))) == SequenceSet(((1, 3),))
    with pytest.raises(AssertionError):
        command.known_set(NumberSet())


_SOUP = st.lists(
    st.sampled_from(
        [name.encode() for name in PARSERS]
        + [b" ", b" ", b" ", b"(", b")", b"[", b"]", b"1:*", b"2", b"x", b'"', b"\\", b"\\Seen", b"FLAGS", b"BODY["]
        + [b"CHANGEDSINCE", b"QRESYNC", b"NIL", b"<0.5>", b"HEADER.FIELDS", b"&", b"%", b"*", b"\x80", b"{", b"+"]
    ),
    max_size=12,
).map(b"".join)


@settings(max_examples=200)
@given(st.sampled_from([b"a " + octets for octets, _value in COMMANDS]), _SOUP, st.integers(0, 80), st.integers(0, 5))
def test_any_octets_give_a_value_or_an_error(octets: bytes, soup: bytes, place: int, cut: int) -> None:
    mangled = octets[:place] + soup + octets[place + cut :]
    try:
        value = parse(Frame(mangled))
    except PeerError:
        return
    assert parse(show(value)) == value
