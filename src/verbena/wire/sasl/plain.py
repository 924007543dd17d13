"""The mechanisms that prove nothing by themselves: PLAIN (RFC 4616), LOGIN and EXTERNAL (RFC 4422 Appendix A).

Full. LOGIN was never more than a draft (draft-murchison-sasl-login-00); old clients know nothing else. Its prompts are
those that they expect, and a name sent as initial response is taken. Passwords travel as they are: offer PLAIN and
LOGIN under TLS.
"""

from typing import Final

from verbena.model.errors import PeerError
from verbena.model.secret import Secret
from verbena.wire.sasl.machine import (
    MAX_MESSAGE_OCTETS,
    ClientMachine,
    NeedIdentity,
    NeedPasswordCheck,
    SendChallenge,
    ServerMachine,
    ServerStep,
)
from verbena.wire.sasl.prep import prepare_octets, saslprep

ASK_NAME: Final = b"Username:"
ASK_PASSWORD: Final = b"Password:"


def parse_plain(octets: bytes) -> NeedPasswordCheck:
    """The one message of PLAIN. Raises ``PeerError``."""
    # message = [authzid] UTF8NUL authcid UTF8NUL passwd
    if len(octets) > MAX_MESSAGE_OCTETS:
        raise PeerError("SASL message too long")
    fields = octets.split(b"\0")
    if len(fields) != 3:
        raise PeerError("a PLAIN message has three fields")
    user = prepare_octets(fields[1])
    password = prepare_octets(fields[2])
    if not user or not password:
        raise PeerError("empty name or password")
    return NeedPasswordCheck(user, Secret(password.encode("utf-8")), prepare_octets(fields[0]))


def format_plain(check: NeedPasswordCheck) -> bytes:
    """The inverse of ``parse_plain``."""
    return check.authzid.encode("utf-8") + b"\0" + check.user.encode("utf-8") + b"\0" + check.password.reveal()


class PlainServer(ServerMachine):
    def receive(self, octets: bytes | None) -> ServerStep:
        return SendChallenge(b"") if octets is None else parse_plain(octets)


class LoginServer(ServerMachine):
    def __init__(self) -> None:
        self._user: str | None = None

    def receive(self, octets: bytes | None) -> ServerStep:
        if octets is None:
            return SendChallenge(ASK_NAME)
        if len(octets) > MAX_MESSAGE_OCTETS:
            raise PeerError("SASL message too long")
        text = prepare_octets(octets)
        if not text or "\0" in text:
            raise PeerError("empty name or password")
        if self._user is None:
            self._user = text
            return SendChallenge(ASK_PASSWORD)
        return NeedPasswordCheck(self._user, Secret(text.encode("utf-8")), "")


class ExternalServer(ServerMachine):
    """An empty response asks for the identity of the client certificate (RFC 4422 Appendix A.1)."""

    def receive(self, octets: bytes | None) -> ServerStep:
        if octets is None:
            return SendChallenge(b"")
        if len(octets) > MAX_MESSAGE_OCTETS or b"\0" in octets:
            raise PeerError("not an authorization identity")
        return NeedIdentity(prepare_octets(octets))


class PlainClient(ClientMachine):
    """``user`` and ``password`` are prepared with SASLprep here. Raises ``PeerError`` for what it prohibits."""

    def __init__(self, user: str, password: Secret, authzid: str = "") -> None:
        prepared = prepare_octets(password.reveal()).encode("utf-8")
        self._check: Final = NeedPasswordCheck(saslprep(user), Secret(prepared), saslprep(authzid))

    def initial(self) -> bytes | None:
        return format_plain(self._check)

    def answer(self, challenge: bytes) -> bytes:
        raise PeerError("PLAIN has no challenge")


class LoginClient(ClientMachine):
    def __init__(self, user: str, password: Secret) -> None:
        self._answers: Final = [saslprep(user).encode("utf-8"), prepare_octets(password.reveal()).encode("utf-8")]
        self._next = 0

    def initial(self) -> bytes | None:
        return None

    def answer(self, challenge: bytes) -> bytes:
        if self._next >= len(self._answers):
            raise PeerError("LOGIN has two challenges")
        self._next += 1
        return self._answers[self._next - 1]


class ExternalClient(ClientMachine):
    def __init__(self, authzid: str = "") -> None:
        self._authzid: Final = saslprep(authzid).encode("utf-8")

    def initial(self) -> bytes | None:
        return self._authzid

    def answer(self, challenge: bytes) -> bytes:
        raise PeerError("EXTERNAL has no challenge")
