"""Certificates: load the configured pair, or make a self-signed one in the data folder.

TLS 1.2 and up with the library's safe ciphers; no renegotiation, no compression. A client certificate is
asked for only where ``tls.client_ca`` says whose are believed; it serves EXTERNAL, nobody needs one.
"""

import hashlib
import ipaddress
import os
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from verbena.app.config import Config, ConfigError, Tls
from verbena.model.secret import Secret
from verbena.net.tls import TlsSetting

_VALID_DAYS: Final = 825
_USAGE: Final = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
"""It signs for itself and for handshakes; strict clients want both said."""
_WEAK_HASHES: Final = ("md5", "sha1")


def configured_tls(config: Config) -> TlsSetting:
    """The setting that ``config`` says. Raises ``ConfigError`` as ``load_tls``."""
    tls = config.tls
    given = {name: getattr(tls, name) for name in ("certificate", "key", "client_ca")}
    beside = {name: str(config.beside(file)) for name, file in given.items() if file is not None}
    return load_tls(replace(tls, **beside), config.data_path, config.hostname, config.limits.handshake_s)


def load_tls(tls: Tls, folder: Path, hostname: str, handshake_s: float) -> TlsSetting:
    """The setting for the certificate of ``tls``, else for the self-signed one in ``folder``, made when missing.

    Raises ``ConfigError`` when a file is missing or damaged.
    """
    if tls.certificate is None or tls.key is None:
        certificate, key = self_signed_pair(folder, hostname)
    else:
        certificate, key = Path(tls.certificate), Path(tls.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        context.load_cert_chain(certificate, key)
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_OPTIONAL
        end_point = end_point_binding(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"the TLS certificate {certificate} with key {key} can not be used: {error}") from error
    return TlsSetting(context, end_point, handshake_s)


def end_point_binding(chain: bytes) -> Secret | None:
    """RFC 5929 §4.1: the hash of the server's certificate (the first of the PEM ``chain``) under its signature's
    hash, SHA-256 in place of MD5 and SHA-1; None when the signature algorithm names none."""
    certificate = x509.load_pem_x509_certificate(chain)
    try:
        algorithm = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    if algorithm is None:
        return None
    name = "sha256" if algorithm.name in _WEAK_HASHES else algorithm.name
    return Secret(hashlib.new(name, certificate.public_bytes(serialization.Encoding.DER)).digest())


def self_signed_pair(folder: Path, hostname: str) -> tuple[Path, Path]:
    """(certificate, key) files under ``folder``, made for ``hostname`` and loopback when they are not there."""
    certificate_path, key_path = folder / "tls" / "cert.pem", folder / "tls" / "key.pem"
    if certificate_path.exists() and key_path.exists():
        return certificate_path, key_path
    key = ec.generate_private_key(ec.SECP256R1())
    key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_private(key_path, _pem_of_key(key))
    certificate = _certificate(key, hostname, datetime.now(UTC))
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_path, key_path


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_private(path: Path, octets: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(octets)


def _certificate(key: ec.EllipticCurvePrivateKey, hostname: str, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    names: list[x509.GeneralName] = [x509.DNSName(n) for n in dict.fromkeys((hostname, "localhost"))]
    names += [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1")]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
