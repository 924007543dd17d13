"""Tokens of the INTERNAL mechanism (RFC 4467 §2.5, §6)."""

import pytest

from verbena.model.secret import Secret
from verbena.urlauth.keys import make_token, verify_token

KEY = Secret(bytes(range(32)))
RUMP = b"imap://joe@example.com/INBOX/;uid=20;urlauth=submit+fred"


@pytest.mark.rfc("4467 §2.5")
def test_a_token_is_deterministic_hexadecimal_of_at_least_128_bits() -> None:
    token = make_token(KEY, RUMP)
    assert token == make_token(KEY, RUMP)
    assert len(token.reveal()) == 66
    assert set(token.reveal()) <= set(b"0123456789abcdef")
    assert token.reveal().startswith(b"01")


@pytest.mark.rfc("4467 §6")
def test_only_the_same_key_and_rump_verify() -> None:
    token = make_token(KEY, RUMP)
    assert verify_token(KEY, RUMP, token)
    assert verify_token(KEY, RUMP, Secret(token.reveal().upper()))
    assert not verify_token(Secret(bytes(32)), RUMP, token)
    assert not verify_token(KEY, RUMP.replace(b"example.com", b"EXAMPLE.com"), token)
    assert not verify_token(None, RUMP, token)


@pytest.mark.parametrize("octets", [b"", b"zz", b"0", b"02" + b"0" * 64, b"01", b"01" + b"0" * 62, b"0" * 500])
def test_other_tokens_never_verify(octets: bytes) -> None:
    assert not verify_token(KEY, RUMP, Secret(octets))
