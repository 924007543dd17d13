"""Certificates: the self-signed pair, and what a login is bound to."""

import stat
from pathlib import Path

import pytest

from verbena.app.config import ConfigError, Tls
from verbena.app.tls import end_point_binding, load_tls, self_signed_pair


def test_pair_is_made_once_and_private(tmp_path: Path) -> None:
    certificate, key = self_signed_pair(tmp_path / "data", "mail.example.org")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = certificate.read_bytes()
    assert self_signed_pair(tmp_path / "data", "other.example.org")[0].read_bytes() == before


@pytest.mark.rfc("5929 §4.1")
def test_end_point_is_the_certificates_hash(tmp_path: Path) -> None:
    certificate, _ = self_signed_pair(tmp_path, "mail.example.org")
    binding = end_point_binding(certificate.read_bytes())
    assert binding is not None
    assert len(binding.reveal()) == 32
    assert load_tls(Tls(), tmp_path, "mail.example.org", 1.0).end_point == binding


@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_unusable_pair_is_told(tmp_path: Path, damage: str) -> None:
    (tmp_path / "k.pem").write_text("no key")
    (tmp_path / "c.pem").write_text("no certificate")
    tls = Tls(certificate=str(tmp_path / ("none.pem" if damage == "missing" else "c.pem")), key=str(tmp_path / "k.pem"))
    with pytest.raises(ConfigError, match="can not be used"):
        load_tls(tls, tmp_path / "data", "mail.example.org", 1.0)
