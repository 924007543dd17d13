"""What is made of the configuration where it is more than a value handed on."""

import ssl

import pytest

from verbena.app.config import parse_config
from verbena.app.wiring import hop_context, own_imap


@pytest.mark.rfc("4468 §3.3")
@pytest.mark.parametrize(
    ("listen", "told"),
    [
        ("", "mail.example.org"),
        ('imap = "0.0.0.0:143"', "mail.example.org"),
        ('imap = "127.0.0.1:1143"', "mail.example.org:1143"),
        ('imap = ["127.0.0.1:1143", "[::]:143"]', "mail.example.org"),
        ('imap = "unix:/run/imap"', "mail.example.org"),
    ],
)
def test_burl_is_offered_for_this_server_only(listen: str, told: str) -> None:
    trusted = '[submission]\ntrusted_imap = ["imap.example.com"]\n[submission.trusted."imap.example.com"]\n'
    config = parse_config(f'hostname = "mail.example.org"\n[listen]\n{listen}\n{trusted}user = "s"\npassword = "p"\n')
    assert own_imap(config) == told


@pytest.mark.rfc("8314 §3")
@pytest.mark.parametrize(
    ("tls", "login", "verified"),
    [("may", False, False), ("may", True, True), ("require", False, True), ("require", True, True)],
)
def test_a_password_is_given_to_a_named_smarthost_only(tls: str, login: bool, verified: bool) -> None:
    context = hop_context(tls, login)
    assert context is not None
    assert (context.verify_mode is ssl.CERT_REQUIRED, context.check_hostname) == (verified, verified)
    assert hop_context("none", login) is None
