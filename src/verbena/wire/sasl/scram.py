"""SCRAM-SHA-1 and SCRAM-SHA-256, plain and ``-PLUS``, as machines for both sides (RFC 5802, RFC 7677).

Full, but for the error attribute: a server that refuses sends no ``e=`` (RFC 5802 §5.1 leaves that to it), so that
nobody learns why. A ``y`` flag where the server has a channel binding is a downgrade and refused (RFC 5802 §6).
The bindings are (type, octets) pairs as TLS gives them; ``tls-exporter`` (RFC 9266) works too for a caller that has it.
"""

import hmac
from typing import Final

from verbena.model.errors import InternalError, PeerError, Refused
from verbena.model.reason import Reason
from verbena.model.secret import Secret
from verbena.wire.sasl.machine import (
    ClientMachine,
    NeedScramKeys,
    ScramVerifier,
    SendChallenge,
    ServerMachine,
    ServerStep,
    Verified,
)
from verbena.wire.sasl.prep import prepare_octets, saslprep
from verbena.wire.sasl.scram_message import (
    ClientFirst,
    ServerFirst,
    client_key,
    exclusive_or,
    format_client_final,
    format_client_first,
    format_server_final,
    format_server_first,
    format_without_proof,
    hash_octets,
    hash_of,
    hmac_of,
    parse_client_final,
    parse_client_first,
    parse_server_final,
    parse_server_first,
    salted_password,
    server_key,
)

Bindings = tuple[tuple[str, Secret], ...]


def _refused() -> Refused:
    return Refused(Reason.AUTHENTICATION_FAILED, "Authentication failed")


class ScramServer(ServerMachine):
    """``nonce`` is the server's part, printable ASCII without a comma, fresh for every exchange.

    ``plus`` says that the client chose the ``-PLUS`` name; ``bindings`` are all that the channel has.
    """

    def __init__(self, hash_name: str, plus: bool, bindings: Bindings, nonce: bytes) -> None:
        self._hash_name: Final = hash_name
        self._plus: Final = plus
        self._bindings: Final = bindings
        self._server_nonce: Final = nonce
        self._started = False
        self._first: ClientFirst | None = None
        self._keys: ScramVerifier | None = None
        self._server_first = b""
        self._channel = b""

    def receive(self, octets: bytes | None) -> ServerStep:
        if octets is None:
            if self._started:
                raise InternalError("no octets given to a SCRAM exchange")
            self._started = True
            return SendChallenge(b"")
        if self._first is None:
            return self._client_first(octets)
        return self._client_final(octets)

    def keys_found(self, keys: ScramVerifier) -> SendChallenge:
        first = self._first
        if first is None or self._keys is not None:
            raise InternalError("SCRAM keys given out of turn")
        self._keys = keys
        self._server_first = format_server_first(
            ServerFirst(first.nonce + self._server_nonce, keys.salt, keys.iterations)
        )
        return SendChallenge(self._server_first)

    def _client_first(self, octets: bytes) -> ServerStep:
        first = parse_client_first(octets)
        if self._plus != (first.flag == "p"):
            raise PeerError("the channel binding flag does not fit the mechanism")
        if first.flag == "y" and self._bindings:
            raise Refused(Reason.AUTHENTICATION_FAILED, "This server does support channel binding")
        self._channel = first.header + self._binding_octets(first.binding)
        self._first = first
        return NeedScramKeys(first.user, self._hash_name)

    def _binding_octets(self, name: str) -> bytes:
        if not name:
            return b""
        for kind, octets in self._bindings:
            if kind == name:
                return octets.reveal()
        raise Refused(Reason.AUTHENTICATION_FAILED, "Unsupported channel binding type")

    def _client_final(self, octets: bytes) -> ServerStep:
        first = self._first
        keys = self._keys
        if first is None or keys is None:
            raise InternalError("a SCRAM proof before the keys")
        final = parse_client_final(octets)
        if len(final.proof) != hash_octets(self._hash_name):
            raise PeerError("bad length of a SCRAM proof")
        signed = first.bare + b"," + self._server_first + b"," + final.without_proof
        signature = hmac_of(self._hash_name, keys.stored_key.reveal(), signed)
        proved = hash_of(self._hash_name, exclusive_or(final.proof, signature))
        good = hmac.compare_digest(proved, keys.stored_key.reveal())
        good &= hmac.compare_digest(final.nonce, first.nonce + self._server_nonce)
        good &= hmac.compare_digest(final.channel, self._channel)
        if not good:
            raise _refused()
        answer = hmac_of(self._hash_name, keys.server_key.reveal(), signed)
        return Verified(first.user, first.authzid, format_server_final(answer))


class ScramClient(ClientMachine):
    """``nonce`` as the server's. With ``binding`` the exchange is the ``-PLUS`` one.

    ``could_bind``: the channel has a binding, but the server offered no ``-PLUS``; told with the ``y`` flag.
    """

    def __init__(
        self,
        hash_name: str,
        user: str,
        password: Secret,
        nonce: bytes,
        authzid: str = "",
        binding: tuple[str, Secret] | None = None,
        could_bind: bool = False,
    ) -> None:
        self._hash_name: Final = hash_name
        self._password: Final = Secret(prepare_octets(password.reveal()).encode("utf-8"))
        self._nonce: Final = nonce
        self._proved = False
        self._signature: bytes | None = None
        kind, secret = binding if binding is not None else ("", Secret(b""))
        flag = "p" if binding is not None else "y" if could_bind else "n"
        self._message: Final = format_client_first(flag, kind, saslprep(authzid), saslprep(user), nonce)
        self._first: Final = parse_client_first(self._message)
        self._channel: Final = self._first.header + secret.reveal()

    def initial(self) -> bytes | None:
        return self._message

    def answer(self, challenge: bytes) -> bytes:
        if self._signature is None:
            return self._prove(challenge)
        if self._proved:
            raise PeerError("a SCRAM challenge too many")
        if not hmac.compare_digest(parse_server_final(challenge), self._signature):
            raise PeerError("the server does not know the password", fatal=True)
        self._proved = True
        return b""

    def complete(self) -> None:
        if not self._proved:
            raise PeerError("the server has not proved that it knows the password", fatal=True)

    def _prove(self, challenge: bytes) -> bytes:
        server = parse_server_first(challenge)
        if not server.nonce.startswith(self._nonce) or len(server.nonce) == len(self._nonce):
            raise PeerError("the server's SCRAM nonce does not extend ours", fatal=True)
        salted = salted_password(self._hash_name, self._password, server.salt, server.iterations)
        key = client_key(self._hash_name, salted)
        without_proof = format_without_proof(self._channel, server.nonce)
        signed = self._first.bare + b"," + challenge + b"," + without_proof
        signature = hmac_of(self._hash_name, hash_of(self._hash_name, key), signed)
        self._signature = hmac_of(self._hash_name, server_key(self._hash_name, salted), signed)
        return format_client_final(without_proof, exclusive_or(key, signature))
