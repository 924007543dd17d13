"""Client certificates: whose are believed, and who they are."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from net.echo import Echo, Seen, on_uvloop
from verbena.app.config import Tls
from verbena.app.tls import load_tls
from verbena.net.limits import Gate
from verbena.net.listen import Door, Host, open_sockets
from verbena.net.tls import TlsKeeper, certificate_identity


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    """Signs client certificates; files under ``folder``."""

    def __init__(self, folder: Path, common: str) -> None:
        self.folder = folder
        self.common = common
        self.key = ec.generate_private_key(ec.SECP256R1())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self.file = self.write(f"{common}.pem", self._build(common, self.key).add_extension(constraints, True))

    def _build(self, common: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder().subject_name(name(common)).issuer_name(name(self.common))
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))

    def write(self, file: str, builder: x509.CertificateBuilder) -> Path:
        certificate = builder.sign(self.key, hashes.SHA256())
        path = self.folder / file
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def client(self, login: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.RFC822Name(login)])
        certificate = self.write(f"{self.common}-client.pem", self._build("Somebody", key).add_extension(names, False))
        key_path = self.folder / f"{self.common}-client.key"
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return certificate, key_path


@pytest.mark.rfc("4422 Appendix A")
@pytest.mark.parametrize("shown", ["ours", "foreign", "none"])
def test_identity_of_the_peer(tmp_path: Path, shown: str) -> None:
    ours, foreign = Authority(tmp_path, "ours"), Authority(tmp_path, "foreign")

    async def main() -> None:
        setting = load_tls(Tls(client_ca=str(ours.file)), tmp_path / "data", "localhost", 10.0)
        ((sock,),) = open_sockets("127.0.0.1", 0)
        service = Echo()
        host = Host(Gate(10, 10), TlsKeeper(setting), Seen(), 10.0)
        await host.open(Door(service, sock, True, b""))
        context = ssl.create_default_context(cafile=str(tmp_path / "data" / "tls" / "cert.pem"))
        if shown != "none":
            context.load_cert_chain(*(ours if shown == "ours" else foreign).client("alice@example.org"))
        greeting = b""
        try:
            port = sock.getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
            greeting = await reader.readline()
            writer.close()
        except (ssl.SSLError, ConnectionError):
            pass
        if shown == "foreign":
            assert (greeting, service.links) == (b"", [])
        else:
            tls = service.links[0].tls
            assert tls is not None
            assert tls.client_identity == ("alice@example.org" if shown == "ours" else None)
        await host.stop(0.0)
        sock.close()

    on_uvloop(main)


@pytest.mark.parametrize(
    ("certificate", "identity"),
    [
        ({}, None),
        ({"subject": ((("commonName", "bob"),),)}, "bob"),
        ({"subject": ((("commonName", "Bob"),), (("emailAddress", "bob@x.example"),))}, "bob@x.example"),
        (
            {"subjectAltName": (("DNS", "x"), ("email", "b@x.example")), "subject": ((("commonName", "B"),),)},
            "b@x.example",
        ),
    ],
)
def test_which_name_is_the_identity(certificate: dict[str, object], identity: str | None) -> None:
    assert certificate_identity(certificate) == identity
