"""SASL machines against the RFCs' own dialogues, against each other, and against nonsense."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError, Refused
from verbena.model.secret import Secret
from verbena.wire.sasl.coding import decode_base64
from verbena.wire.sasl.machine import (
    ClientMachine,
    NeedIdentity,
    NeedPasswordCheck,
    NeedScramKeys,
    ScramVerifier,
    SendChallenge,
    Verified,
)
from verbena.wire.sasl.mechanism import MECHANISMS, choose_client, find_mechanism, server_machine
from verbena.wire.sasl.plain import (
    ExternalClient,
    ExternalServer,
    LoginClient,
    LoginServer,
    PlainClient,
    PlainServer,
    format_plain,
    parse_plain,
)
from verbena.wire.sasl.scram import Bindings, ScramClient, ScramServer
from verbena.wire.sasl.scram_message import (
    derive_verifier,
    parse_client_final,
    parse_client_first,
    parse_server_final,
    parse_server_first,
)

PENCIL = Secret(b"pencil")
END_POINT = ("tls-server-end-point", Secret(b"\x01" * 32))
UNIQUE = ("tls-unique", Secret(b"\x02" * 12))

RFC_DIALOGUES = [
    (
        "SHA-1",
        b"fyko+d2lbbFgONRv9qkxdawL",
        b"3rfcNHYJY1ZVvWVs7j",
        b"QSXCR+Q6sek8bf92",
        b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    (
        "SHA-256",
        b"rOprNGfwEbeRWgbNEkqO",
        b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        b"W22ZaJ0SNY7soEsUEjb6gQ==",
        b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
]


@pytest.mark.rfc("5802 §5")
@pytest.mark.rfc("7677 §3")
@pytest.mark.parametrize("dialogue", RFC_DIALOGUES, ids=["SHA-1", "SHA-256"])
def test_scram_dialogues_of_the_rfcs(dialogue: tuple[str, bytes, bytes, bytes, bytes, bytes, bytes, bytes]) -> None:
    hash_name, client_nonce, server_nonce, salt, first, server_first, final, server_final = dialogue
    client = ScramClient(hash_name, "user", PENCIL, client_nonce)
    server = ScramServer(hash_name, False, (), server_nonce)
    assert client.initial() == first
    assert server.receive(None) == SendChallenge(b"")
    assert server.receive(first) == NeedScramKeys("user", hash_name)
    keys = derive_verifier(hash_name, PENCIL, decode_base64(salt), 4096)
    assert server.keys_found(keys) == SendChallenge(server_first)
    assert client.answer(server_first) == final
    assert server.receive(final) == Verified("user", "", server_final)
    with pytest.raises(PeerError):
        client.complete()
    assert client.answer(server_final) == b""
    client.complete()


def _keys(hash_name: str = "SHA-256", password: bytes = b"pencil") -> ScramVerifier:
    return derive_verifier(hash_name, Secret(password), b"salt", 4096)


def _play(client: ClientMachine, plus: bool, bindings: Bindings, password: bytes = b"pencil") -> Verified:
    server = ScramServer("SHA-256", plus, bindings, b"server")
    assert isinstance(server.receive(client.initial()), NeedScramKeys)
    challenge = server.keys_found(_keys(password=password)).octets
    verified = server.receive(client.answer(challenge))
    assert isinstance(verified, Verified)
    client.answer(verified.final)
    client.complete()
    return verified


@pytest.mark.rfc("5802 §6")
@pytest.mark.parametrize("binding", [END_POINT, UNIQUE])
def test_scram_plus(binding: tuple[str, Secret]) -> None:
    client = ScramClient("SHA-256", "user", PENCIL, b"client", binding=binding)
    assert _play(client, True, (END_POINT, UNIQUE)).user == "user"


@pytest.mark.rfc("5802 §5.1")
def test_scram_names_are_escaped() -> None:
    client = ScramClient("SHA-256", "a=b,c", PENCIL, b"client", authzid="x,y")
    assert client.initial() == b"n,a=x=2Cy,n=a=3Db=2Cc,r=client"
    verified = _play(client, False, ())
    assert (verified.user, verified.authzid) == ("a=b,c", "x,y")


@pytest.mark.rfc("5802 §6")
def test_scram_refuses_a_downgrade() -> None:
    downgraded = ScramClient("SHA-256", "user", PENCIL, b"client", could_bind=True)
    with pytest.raises(Refused):
        ScramServer("SHA-256", False, (END_POINT,), b"server").receive(downgraded.initial())
    assert _play(ScramClient("SHA-256", "user", PENCIL, b"client", could_bind=True), False, ()).user == "user"


@pytest.mark.rfc("5802 §6")
def test_scram_refuses_a_man_in_the_middle() -> None:
    client = ScramClient("SHA-256", "user", PENCIL, b"client", binding=END_POINT)
    with pytest.raises(Refused):
        _play(client, True, (("tls-server-end-point", Secret(b"other")),))


@pytest.mark.rfc("5802 §6")
@pytest.mark.parametrize(("plus", "flag"), [(True, b"n"), (True, b"y"), (False, b"p=tls-unique")])
def test_scram_flag_must_fit_the_mechanism(plus: bool, flag: bytes) -> None:
    with pytest.raises(PeerError):
        ScramServer("SHA-256", plus, (UNIQUE,), b"server").receive(flag + b",,n=user,r=client")


def test_scram_unknown_binding_type() -> None:
    with pytest.raises(Refused):
        ScramServer("SHA-256", True, (END_POINT,), b"server").receive(b"p=tls-unique,,n=user,r=client")


def test_scram_wrong_password() -> None:
    with pytest.raises(Refused):
        _play(ScramClient("SHA-256", "user", PENCIL, b"client"), False, (), password=b"crayon")


@pytest.mark.parametrize(
    "final",
    [
        b"c=biws,r=clientserver,p=AAAA",
        b"c=biws,r=clientserver",
        b"c=biws,r=clientserver,m=x,p=" + b"A" * 43 + b"=",
        b"",
    ],
)
def test_scram_bad_final(final: bytes) -> None:
    server = ScramServer("SHA-256", False, (), b"server")
    server.receive(b"n,,n=user,r=client")
    server.keys_found(_keys())
    with pytest.raises(PeerError):
        server.receive(final)


@pytest.mark.parametrize("wrong", [b"c=biws,r=clientother,p=", b"c=eSws,r=clientserver,p="])
def test_scram_final_must_repeat_nonce_and_header(wrong: bytes) -> None:
    server = ScramServer("SHA-256", False, (), b"server")
    server.receive(b"n,,n=user,r=client")
    server.keys_found(_keys())
    with pytest.raises(Refused):
        server.receive(wrong + b"A" * 43 + b"=")


CLIENT_FIRSTS = [
    b"",
    b"n",
    b"x,,n=user,r=n",
    b"n,,m=ext,n=user,r=n",
    b"n,,n=,r=n",
    b"n,,n=u=2c,r=n",
    b"n,,n=user,r=",
    b"n,,n=user,r=a b",
    b"n,,n=us\0er,r=n",
    b"n,,n=user,r=n,m=must",
    b"n,b=x,n=user,r=n",
    b"p=,,n=user,r=n",
    b"p=a_b,,n=user,r=n",
    b"n,,n=\xff,r=n",
    b"n,,n=user,r=" + b"x" * 300,
]


@pytest.mark.rfc("5802 §7")
@pytest.mark.parametrize("message", CLIENT_FIRSTS)
def test_scram_bad_client_first(message: bytes) -> None:
    with pytest.raises(PeerError):
        parse_client_first(message)


def test_scram_optional_extensions_are_passed_over() -> None:
    first = parse_client_first(b"n,a=z,n=user,r=nonce,x=1,y=2")
    assert (first.user, first.authzid, first.nonce) == ("user", "z", b"nonce")
    assert (first.header, first.bare) == (b"n,a=z,", b"n=user,r=nonce,x=1,y=2")


@pytest.mark.parametrize(
    "message",
    [
        b"r=x,s=c2FsdA==,i=4096",
        b"r=client,s=c2FsdA==,i=4096",
        b"r=clientx,s=c2FsdA==,i=1",
        b"r=clientx,s=c2FsdA==,i=99999999",
        b"r=clientx,s=c2FsdA==,i=04096",
        b"r=clientx,s=,i=4096",
        b"m=x,r=clientx,s=c2FsdA==,i=4096",
        b"",
    ],
)
def test_scram_client_refuses_a_false_server(message: bytes) -> None:
    client = ScramClient("SHA-256", "user", PENCIL, b"client")
    with pytest.raises(PeerError):
        client.answer(message)


@pytest.mark.parametrize("final", [b"v=AAAA", b"e=other-error", b"", b"v="])
def test_scram_client_wants_the_servers_proof(final: bytes) -> None:
    client = ScramClient("SHA-256", "user", PENCIL, b"client")
    client.answer(b"r=clientserver,s=c2FsdA==,i=4096")
    with pytest.raises(PeerError):
        client.answer(final)


PLAIN_MESSAGES = [
    (b"\0tim\0tanstaaftanstaaf", NeedPasswordCheck("tim", Secret(b"tanstaaftanstaaf"), "")),
    (b"Ursel\0Kurt\0xipj3plmq", NeedPasswordCheck("Kurt", Secret(b"xipj3plmq"), "Ursel")),
]


@pytest.mark.rfc("4616 §4")
@pytest.mark.parametrize(("octets", "value"), PLAIN_MESSAGES)
def test_plain(octets: bytes, value: NeedPasswordCheck) -> None:
    assert parse_plain(octets) == value
    assert format_plain(value) == octets
    client = PlainClient(value.user, value.password, value.authzid)
    assert client.initial() == octets
    assert PlainServer().receive(None) == SendChallenge(b"")
    assert PlainServer().receive(octets) == value
    with pytest.raises(PeerError):
        client.answer(b"")


@pytest.mark.rfc("4616 §2")
@pytest.mark.parametrize("octets", [b"", b"\0", b"\0\0", b"\0u\0", b"\0\0p", b"a\0b\0c\0d", b"\0u\xff\0p", b"x" * 9000])
def test_plain_nonsense(octets: bytes) -> None:
    with pytest.raises(PeerError):
        parse_plain(octets)


def test_plain_prepares_the_password() -> None:
    assert parse_plain("\0u\0pass\u00adword".encode()).password == Secret(b"password")


@pytest.mark.parametrize("initial", [True, False])
def test_login(initial: bool) -> None:
    server = LoginServer()
    client = LoginClient("tim", Secret(b"secret"))
    assert client.initial() is None
    step = SendChallenge(b"")
    if not initial:
        asked = server.receive(None)
        assert asked == SendChallenge(b"Username:")
        step = SendChallenge(b"Username:")
    asked = server.receive(client.answer(step.octets))
    assert asked == SendChallenge(b"Password:")
    assert server.receive(client.answer(b"Password:")) == NeedPasswordCheck("tim", Secret(b"secret"), "")
    with pytest.raises(PeerError):
        client.answer(b"more")


@pytest.mark.rfc("4422 §A")
def test_external() -> None:
    assert ExternalServer().receive(None) == SendChallenge(b"")
    assert ExternalServer().receive(ExternalClient().initial()) == NeedIdentity("")
    assert ExternalServer().receive(ExternalClient("fred@example.com").initial()) == NeedIdentity("fred@example.com")
    with pytest.raises(PeerError):
        ExternalServer().receive(b"a\0b")


def test_every_mechanism_has_a_machine() -> None:
    for mechanism in MECHANISMS:
        assert find_mechanism(mechanism.name.lower()) == mechanism
        assert server_machine(mechanism, (), b"nonce") is not None
    assert find_mechanism("CRAM-MD5") is None


CHOICES: list[tuple[tuple[str, ...], Bindings, bool, str | None, bytes]] = [
    (("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"), (END_POINT,), True, "SCRAM-SHA-256-PLUS", b"p"),
    (("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"), (END_POINT,), True, "SCRAM-SHA-256", b"y"),
    (("PLAIN", "scram-sha-1"), (), False, "SCRAM-SHA-1", b"n"),
    (("PLAIN", "LOGIN"), (), True, "PLAIN", b"\0"),
    (("PLAIN", "LOGIN"), (), False, None, b""),
]


@pytest.mark.parametrize(("offered", "bindings", "encrypted", "chosen", "start"), CHOICES)
def test_client_choice(
    offered: tuple[str, ...], bindings: Bindings, encrypted: bool, chosen: str | None, start: bytes
) -> None:
    choice = choose_client(offered, "user", PENCIL, bindings, b"nonce", encrypted)
    if chosen is None:
        assert choice is None
    else:
        assert choice is not None
        assert choice[0] == chosen
        assert (choice[1].initial() or b"").startswith(start)


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda tail: b"n,,n=user,r=" + tail))
def test_any_octets_give_a_value_or_peer_error(octets: bytes) -> None:
    for parse in (parse_client_first, parse_client_final, parse_server_first, parse_server_final, parse_plain):
        try:
            parse(octets)
        except PeerError:
            pass
