"""SASLprep and the strict base64 layer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.model.errors import PeerError
from verbena.wire.sasl.coding import decode_base64, decode_initial, decode_response, encode_base64, encode_initial
from verbena.wire.sasl.prep import prepare_octets, saslprep

PREPARED = [
    ("I\u00adX", "IX"),
    ("user", "user"),
    ("USER", "USER"),
    ("\u00aa", "a"),
    ("\u2168", "IX"),
    ("a\u00a0b", "a b"),
    ("J\u00fcrgen", "J\u00fcrgen"),
    ("Ju\u0308rgen", "J\u00fcrgen"),
]


@pytest.mark.rfc("4013 §3")
@pytest.mark.parametrize(("text", "prepared"), PREPARED)
def test_saslprep_examples(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared
    assert saslprep(prepared) == prepared


@pytest.mark.rfc("4013 §3")
@pytest.mark.parametrize("text", ["\u0007", "\u06271", "a\u06271\u0627", "\ue000", "x" * 1025])
def test_saslprep_prohibits(text: str) -> None:
    with pytest.raises(PeerError):
        saslprep(text)


@pytest.mark.rfc("4013 §2.5")
def test_unassigned_only_in_queries() -> None:
    assert saslprep("\u0221") == "\u0221"
    with pytest.raises(PeerError):
        saslprep("\u0221", stored=True)


def test_octets_must_be_utf8() -> None:
    assert prepare_octets("Jürgen".encode()) == "Jürgen"
    with pytest.raises(PeerError):
        prepare_octets(b"J\xfcrgen")


@pytest.mark.rfc("4648 §4")
@pytest.mark.parametrize("encoded", [b"=", b"YQ", b"YQ=", b"YR==", b"YQ==YQ==", b"Y Q=", b"YQ==\n", b"Y-_=", b"YQ==="])
def test_base64_is_strict(encoded: bytes) -> None:
    with pytest.raises(PeerError):
        decode_base64(encoded)


def test_base64_is_bounded() -> None:
    with pytest.raises(PeerError):
        decode_base64(b"A" * 12_292)


@pytest.mark.rfc("4959 §3")
def test_empty_initial_response() -> None:
    assert decode_initial(b"=") == b""
    assert encode_initial(b"") == b"="
    assert decode_response(b"*") is None
    assert decode_response(b"") == b""


@settings(max_examples=100)
@given(st.binary(max_size=100))
def test_base64_inverse(octets: bytes) -> None:
    assert decode_base64(encode_base64(octets)) == octets
    assert decode_initial(encode_initial(octets)) == octets


@settings(max_examples=200)
@given(st.binary(max_size=50))
def test_any_octets_give_a_value_or_peer_error(octets: bytes) -> None:
    for parse in (decode_base64, prepare_octets):
        try:
            parse(octets)
        except PeerError:
            pass


@settings(max_examples=200)
@given(st.text(max_size=20))
def test_saslprep_is_idempotent_for_stored(text: str) -> None:
    try:
        prepared = saslprep(text, stored=True)
    except PeerError:
        return
    assert saslprep(prepared, stored=True) == prepared
