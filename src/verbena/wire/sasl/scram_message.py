"""The messages of SCRAM as values, parsed and formatted (RFC 5802 §7), and the keys derived from a password (§3).

Full. Limits: a message of ``MAX_MESSAGE_OCTETS``, a nonce of 256 octets, a salt of 128 octets; as a client, an
iteration count from 4,096 to 1,000,000, so that a false server can neither weaken the hash nor keep us busy.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from verbena.model.errors import PeerError
from verbena.model.secret import Secret
from verbena.wire.sasl.coding import decode_base64, encode_base64
from verbena.wire.sasl.machine import MAX_MESSAGE_OCTETS, ScramVerifier
from verbena.wire.sasl.prep import prepare_octets

MIN_ITERATIONS: Final = 4096
MAX_ITERATIONS: Final = 1_000_000
MAX_NONCE_OCTETS: Final = 256
MAX_SALT_OCTETS: Final = 128
_COMMA: Final = 0x2C
_DIGESTS: Final = {"SHA-1": "sha1", "SHA-256": "sha256"}


def hash_octets(hash_name: str) -> int:
    """Length of the hash's result."""
    return 20 if hash_name == "SHA-1" else 32


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """``flag`` is ``n``, ``y`` or ``p``; ``binding`` names the channel binding type with ``p``. ``header`` is the GS2
    header as written, ``bare`` the rest: both go into the proof as they are."""

    flag: str
    binding: str
    authzid: str
    user: str
    nonce: bytes
    header: bytes
    bare: bytes


@dataclass(frozen=True, slots=True)
class ServerFirst:
    nonce: bytes
    salt: bytes
    iterations: int


@dataclass(frozen=True, slots=True)
class ClientFinal:
    """``without_proof`` is the message as written up to the proof."""

    channel: bytes
    nonce: bytes
    proof: bytes
    without_proof: bytes


def parse_client_first(octets: bytes) -> ClientFirst:
    """Raises ``PeerError``."""
    # client-first-message = gs2-cbind-flag "," [authzid] "," [reserved-mext ","] username "," nonce ["," extensions]
    fields = _fields(octets)
    if len(fields) < 4:
        raise PeerError("SCRAM message too short")
    flag, binding = _parse_flag(fields[0])
    authzid = ""
    if fields[1]:
        authzid = _parse_name(_attribute(fields[1], b"a="))
    user = _parse_name(_attribute(fields[2], b"n="))
    nonce = _attribute(fields[3], b"r=")
    _check_nonce(nonce)
    _check_extensions(fields[4:])
    header_length = len(fields[0]) + len(fields[1]) + 2
    return ClientFirst(flag, binding, authzid, user, nonce, octets[:header_length], octets[header_length:])


def format_client_first(flag: str, binding: str, authzid: str, user: str, nonce: bytes) -> bytes:
    """Names already prepared with SASLprep."""
    cbind_flag = flag.encode("ascii") if flag != "p" else b"p=" + binding.encode("ascii")
    identity = b"a=" + _format_name(authzid) if authzid else b""
    return cbind_flag + b"," + identity + b",n=" + _format_name(user) + b",r=" + nonce


def parse_server_first(octets: bytes) -> ServerFirst:
    """Raises ``PeerError``."""
    # server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]
    fields = _fields(octets)
    if len(fields) < 3:
        raise PeerError("SCRAM message too short")
    nonce = _attribute(fields[0], b"r=")
    _check_nonce(nonce)
    salt = decode_base64(_attribute(fields[1], b"s="))
    count = _attribute(fields[2], b"i=")
    if not count.isdigit() or count[:1] == b"0" or len(count) > 7:
        raise PeerError("bad SCRAM iteration count")
    iterations = int(count)
    if iterations < MIN_ITERATIONS or iterations > MAX_ITERATIONS:
        raise PeerError("SCRAM iteration count out of range")
    if not salt or len(salt) > MAX_SALT_OCTETS:
        raise PeerError("bad SCRAM salt")
    _check_extensions(fields[3:])
    return ServerFirst(nonce, salt, iterations)


def format_server_first(first: ServerFirst) -> bytes:
    return b"r=" + first.nonce + b",s=" + encode_base64(first.salt) + b",i=%d" % first.iterations


def parse_client_final(octets: bytes) -> ClientFinal:
    """Raises ``PeerError``."""
    # client-final-message = channel-binding "," nonce ["," extensions] "," proof
    fields = _fields(octets)
    if len(fields) < 3:
        raise PeerError("SCRAM message too short")
    channel = decode_base64(_attribute(fields[0], b"c="))
    nonce = _attribute(fields[1], b"r=")
    _check_nonce(nonce)
    proof = decode_base64(_attribute(fields[-1], b"p="))
    _check_extensions(fields[2:-1])
    return ClientFinal(channel, nonce, proof, octets[: len(octets) - len(fields[-1]) - 1])


def format_client_final(without_proof: bytes, proof: bytes) -> bytes:
    return without_proof + b",p=" + encode_base64(proof)


def format_without_proof(channel: bytes, nonce: bytes) -> bytes:
    return b"c=" + encode_base64(channel) + b",r=" + nonce


def parse_server_final(octets: bytes) -> bytes:
    """The server's signature. Raises ``PeerError``, also for the server's own error message."""
    # server-final-message = (server-error / verifier) ["," extensions]
    fields = _fields(octets)
    if fields[0].startswith(b"e="):
        raise PeerError("the server refused the SCRAM proof")
    _check_extensions(fields[1:])
    return decode_base64(_attribute(fields[0], b"v="))


def format_server_final(signature: bytes) -> bytes:
    return b"v=" + encode_base64(signature)


def derive_verifier(hash_name: str, password: Secret, salt: bytes, iterations: int) -> ScramVerifier:
    """What a server keeps. ``password`` prepared with SASLprep as a stored string. CPU: some ms per 10,000
    iterations.
    """
    salted = salted_password(hash_name, password, salt, iterations)
    stored = hash_of(hash_name, client_key(hash_name, salted))
    return ScramVerifier(hash_name, salt, iterations, Secret(stored), Secret(server_key(hash_name, salted)))


def salted_password(hash_name: str, password: Secret, salt: bytes, iterations: int) -> bytes:
    """``Hi(Normalize(password), salt, i)``."""
    return hashlib.pbkdf2_hmac(_DIGESTS[hash_name], password.reveal(), salt, iterations)


def client_key(hash_name: str, salted: bytes) -> bytes:
    return hmac_of(hash_name, salted, b"Client Key")


def server_key(hash_name: str, salted: bytes) -> bytes:
    return hmac_of(hash_name, salted, b"Server Key")


def hmac_of(hash_name: str, key: bytes, octets: bytes) -> bytes:
    return hmac.digest(key, octets, _DIGESTS[hash_name])


def hash_of(hash_name: str, octets: bytes) -> bytes:
    return hashlib.new(_DIGESTS[hash_name], octets).digest()


def exclusive_or(left: bytes, right: bytes) -> bytes:
    """Of two strings of one length."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")


def _fields(octets: bytes) -> list[bytes]:
    if len(octets) > MAX_MESSAGE_OCTETS or b"\0" in octets:
        raise PeerError("bad SCRAM message")
    return octets.split(b",")


def _attribute(field: bytes, name: bytes) -> bytes:
    """The value of an attribute that must stand here; an ``m=`` in its place is an unknown mandatory extension."""
    if not field.startswith(name) or len(field) == len(name):
        raise PeerError("unexpected SCRAM attribute")
    return field[len(name) :]


def _parse_flag(field: bytes) -> tuple[str, str]:
    # gs2-cbind-flag = ("p=" cb-name) / "n" / "y"
    if field == b"n":
        return "n", ""
    if field == b"y":
        return "y", ""
    name = _attribute(field, b"p=")
    for octet in name:
        if not (0x30 <= octet <= 0x39 or 0x41 <= octet <= 0x5A or 0x61 <= octet <= 0x7A or octet in (0x2D, 0x2E)):
            raise PeerError("bad channel binding name")
    return "p", name.decode("ascii")


def _parse_name(encoded: bytes) -> str:
    # saslname = 1*(value-safe-char / "=2C" / "=3D")
    rest = encoded.replace(b"=2C", b"").replace(b"=3D", b"")
    if b"=" in rest:
        raise PeerError("bad name in a SCRAM message")
    name = prepare_octets(encoded.replace(b"=2C", b",").replace(b"=3D", b"="))
    if not name:
        raise PeerError("empty name")
    return name


def _format_name(name: str) -> bytes:
    return name.replace("=", "=3D").replace(",", "=2C").encode("utf-8")


def _check_nonce(nonce: bytes) -> None:
    # printable = %x21-2B / %x2D-7E
    if len(nonce) > MAX_NONCE_OCTETS:
        raise PeerError("SCRAM nonce too long")
    for octet in nonce:
        if octet < 0x21 or octet > 0x7E or octet == _COMMA:
            raise PeerError("bad SCRAM nonce")


def _check_extensions(fields: list[bytes]) -> None:
    """Optional extensions are passed over, a mandatory one is not understood (RFC 5802 §5.1)."""
    for field in fields:
        if len(field) < 3 or field[1:2] != b"=" or not field[:1].isalpha() or field[:1] == b"m":
            raise PeerError("bad SCRAM extension")
