"""Web Push: a message encrypted for one browser or phone, and who it is from (RFC 8030, RFC 8291, RFC 8188, RFC 8292).

A subscription is what ``PushSubscription.toJSON()`` gives; the user keeps it as an annotation of the server below
``ENTRY``, under a name of their own. The server signs with one key for good, which the client must know to subscribe:
it is the shared annotation ``KEY_ENTRY``.
"""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from verbena.model.secret import Secret

ENTRY: Final = "/private/vendor/verbena/webpush/"
KEY_ENTRY: Final = "/shared/vendor/verbena/webpush-key"
MAX_PAYLOAD_OCTETS: Final = 3800
"""so that the record fits the 4,096 octets that a push service must take (RFC 8030 §7.2)"""
RECORD_OCTETS: Final = 4096
TOKEN_S: Final = 6 * 3600
TTL_S: Final = 86_400
_CURVE: Final = ec.SECP256R1()
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class Subscription:
    """``public_key`` is an uncompressed point of P-256, 65 octets; ``auth`` 16 octets."""

    endpoint: str
    public_key: bytes
    auth: Secret


def parse_subscription(octets: bytes) -> Subscription | None:
    """None for what is none."""
    try:
        found = json.loads(octets)
        endpoint, keys = found["endpoint"], found["keys"]
        public_key, auth = _unbase64(keys["p256dh"]), _unbase64(keys["auth"])
        ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, public_key)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(endpoint, str) or not endpoint.startswith("https://") or len(auth) != 16:
        return None
    return Subscription(endpoint, public_key, Secret(auth))


def private_key(secret: Secret) -> ec.EllipticCurvePrivateKey:
    """The server's key, from a secret of 32 octets."""
    return ec.derive_private_key(int.from_bytes(secret.reveal()) % (_ORDER - 1) + 1, _CURVE)


def public_octets(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encrypt(subscription: Subscription, payload: bytes, key: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body (RFC 8291 §3.4, RFC 8188 §2). ``key`` and ``salt`` (16 octets) are for this message alone.

    Raises ``ValueError`` for a point that is not on the curve.
    """
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, subscription.public_key)
    ours = public_octets(key)
    about = b"WebPush: info\0" + subscription.public_key + ours
    shared = _hkdf(subscription.auth.reveal(), key.exchange(ec.ECDH(), theirs), about, 32)
    content_key = _hkdf(salt, shared, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, shared, b"Content-Encoding: nonce\0", 12)
    sealed = AESGCM(content_key).encrypt(nonce, payload[:MAX_PAYLOAD_OCTETS] + b"\x02", None)
    return salt + RECORD_OCTETS.to_bytes(4) + bytes((len(ours),)) + ours + sealed


def authorization(endpoint: str, key: ec.EllipticCurvePrivateKey, contact: str, now_epoch_s: int) -> str:
    """The value of Authorization (RFC 8292 §2, §3). ``contact`` is a URI."""
    parts = urlsplit(endpoint)
    claims = {"aud": f"https://{parts.netloc}", "exp": now_epoch_s + TOKEN_S, "sub": contact}
    head = base64url(b'{"typ":"JWT","alg":"ES256"}')
    signed = f"{head}.{base64url(json.dumps(claims, separators=(',', ':')).encode())}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    token = f"{signed}.{base64url(r.to_bytes(32) + s.to_bytes(32))}"
    return f"vapid t={token}, k={base64url(public_octets(key))}"


def _hkdf(salt: bytes, material: bytes, about: bytes, length_octets: int) -> bytes:
    return HKDF(hashes.SHA256(), length_octets, salt, about).derive(material)


def base64url(octets: bytes) -> str:
    """Without padding, as JWT and Web Push write it."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def _unbase64(text: str) -> bytes:
    """Raises ``ValueError``, ``TypeError``."""
    octets = text.rstrip("=").encode("ascii")
    try:
        return base64.urlsafe_b64decode(octets + b"=" * (-len(octets) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
