"""``verbena.toml`` is read whole or refused with a sentence that helps."""

from pathlib import Path

import pytest

from verbena.app.config import Config, ConfigError, load_config, parse_address, parse_config, parse_size

FULL = """
data = "mail"
hostname = "mail.example.org"
domains = ["example.org", "example.net"]
workers = 2
[listen]
imap = "127.0.0.1:1143"
imaps = ["127.0.0.1:1993", "[::1]:1993", "unix:/run/imaps"]
[auth]
allow_plaintext = true
[limits]
message_octets = "50 MiB"
[submission]
trusted_imap = ["imap.example.net"]
[submission.trusted."imap.example.net"]
user = "submitserver"
password_file = "secret"
[relay]
smarthost = "localhost:25"
"""


def test_full() -> None:
    config = parse_config(FULL, Path("/etc/verbena.toml"))
    assert config.data_path == Path("/etc/mail")
    assert config.domains == ("example.org", "example.net")
    assert config.worker_count == 2
    assert config.listen.imap == ("127.0.0.1:1143",)
    assert len(config.listen.imaps) == 3
    assert config.auth.allow_plaintext
    assert config.limits.message_octets == 50 * 1024 * 1024
    assert config.relay.smarthost == "localhost:25"
    assert config.submission.trusted[0].password_file == "secret"


def test_empty_is_all_defaults() -> None:
    assert parse_config("") == Config()
    assert Config().worker_count >= 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hostnam = 'x'", "has no key 'hostnam': did you mean 'hostname'?"),
        ("[listen]\nimps = 'x:1'", "[listen] has no key 'imps': did you mean 'imaps'?"),
        ("allow_plaintext = true", "has no key 'allow_plaintext': it belongs in [auth]"),
        ("[colour]\na = 1", "has no key 'colour'; known: data"),
        ("tls = 1", "[tls] is a section"),
        ("workers = -1", "workers = -1 is out of bounds: 0 to 256 processes"),
        ("workers = 'two'", "workers is a whole number of processes, not 'two'"),
        ("workers = true", "workers is a whole number"),
        ("hostname = 5", "hostname is a text in quotes, not 5"),
        ("[auth]\nallow_plaintext = 1", "auth.allow_plaintext is true or false, not 1"),
        ("[limits]\nmessage_octets = '5 furlongs'", "limits.message_octets is a whole number of octets"),
        ("[listen]\nimap = '143'", 'listen.imap = "143": write "host:port"'),
        ("[log]\nlevel = 'loud'", "log.level is one of debug, info, warning, error, not 'loud'"),
        ("[tls]\ncertificate = 'a.pem'", "tls.certificate and tls.key come together"),
        ("a = ", "is not TOML"),
        ("[submission]\ntrusted_imap = 'a.example'", "needs user, and password or password_file"),
        ("[submission.trusted.'a.example']\nuser = 'u'", "put 'a.example' into submission.trusted_imap too"),
        ("[submission]\ntrusted = 1", "is a section for each server"),
    ],
)
def test_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert told in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="verbena init"):
        load_config(tmp_path / "verbena.toml")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:1143", ("127.0.0.1", 1143)),
        ("[::1]:993", ("::1", 993)),
        ("*:25", ("*", 25)),
        ("unix:/run/x", ("/run/x", 0)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text, "k") == address


@pytest.mark.parametrize(
    ("text", "octets"), [("5", 5), ("1 KiB", 1024), ("2MiB", 2 << 20), ("1 GiB", 1 << 30), ("1 MB", None), ("x", None)]
)
def test_sizes(text: str, octets: int | None) -> None:
    assert parse_size(text) == octets
