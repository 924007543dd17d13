"""Notifications: the mail of mailto, web hooks, Web Push; their limits, their loops, where they may not go."""

import asyncio
import base64
import hashlib
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lmtp.scene import MESSAGE, activate, counts, lmtp, mailbox, queued
from smtp.setting import setting
from verbena.app.tls import self_signed_pair
from verbena.lmtp import webpush
from verbena.lmtp.calls import Caller, PushIdentity
from verbena.lmtp.https import HttpsPoster, Reach, is_public
from verbena.lmtp.notification import Call
from verbena.lmtp.settings import FilterSettings
from verbena.lmtp.xmpp import Component, Told, send, stanza
from verbena.model.errors import Refused, Unavailable
from verbena.model.secret import Secret
from verbena.sieve.ext.xmpp import parse_xmpp

HOST = "hooks.example.com"
NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)


@pytest.mark.rfc("5436 §2.7")
async def test_mailto(tmp_path: Path) -> None:
    script = """require ["enotify", "variables", "fcc"];
    set "s" "Neue Post von Çarol";
    notify :importance "1" :message "${s}" :fcc "Sent"
        "mailto:pager@example.com?cc=b@example.com&subject=no&body=Come%20here&x-urgent=yes&bcc=v@example.com";
    """
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here, MESSAGE, "alice+news@example.org")
        await lmtp(here, MESSAGE, sender="")
        (item, octets), (bounce, _) = queued(here)
        assert item.envelope.sender == "alice+news@example.org"
        assert bounce.envelope.sender == ""
        assert [each.address for each in item.envelope.recipients] == ["pager@example.com", "b@example.com"]
        assert octets.startswith(b'Auto-Submitted: auto-notified; owner-email="alice@example.org"\r\n')
        found = message_from_bytes(octets, policy=policy.default)
        assert found["Subject"] == "Neue Post von Çarol"
        assert (found["To"], found["Cc"], found["Bcc"]) == ("pager@example.com", "b@example.com", None)
        assert (found["X-Urgent"], found["Importance"], found["References"]) == ("yes", "high", "<1@example.net>")
        assert octets.endswith(b"\r\n\r\nCome here\r\n")
        assert await counts(here, "INBOX") == [2]
        assert (await mailbox(here, "Sent"))[0].octets == octets


async def test_no_notification_of_a_notification(tmp_path: Path) -> None:
    async with setting(tmp_path) as here:
        await activate(here, 'require "enotify"; notify "mailto:bob@example.org";', "alice")
        await activate(here, 'require "enotify"; notify "mailto:alice@example.org";', "bob")
        await lmtp(here)
        ((item, octets),) = queued(here)
        await lmtp(here, octets, "bob@example.org", sender=item.envelope.sender)
        assert len(queued(here)) == 1
        assert await counts(here, "INBOX", account="bob") == [1]


async def test_a_message_can_not_make_a_field(tmp_path: Path) -> None:
    script = """require ["enotify", "variables"];
    if header :matches "subject" "*" { set "s" "${1}"; }
    set :encodeurl "u" "${s}";
    notify :message "${s}" "mailto:p@example.com?x-subject=${u}";
    """
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here, MESSAGE.replace(b"hello", b"=?UTF-8?Q?a=0D=0ABcc:_victim@example.com?="))
        for _, octets in queued(here):
            assert b"\nBcc" not in octets
        assert await counts(here, "INBOX") >= [1]


async def test_limit_of_an_hour(tmp_path: Path) -> None:
    async with setting(tmp_path, filters=FilterSettings(notifications_an_hour=2)) as here:
        await activate(here, 'require "enotify"; notify "mailto:p@example.com"; notify "mailto:p@example.com";')
        for _ in range(4):
            await lmtp(here)
        assert len(queued(here)) == 2
        assert await counts(here, "INBOX") == [4]


async def test_methods_that_are_not_here(tmp_path: Path) -> None:
    script = """require ["enotify", "fileinto"];
    if valid_notify_method "mailto:a@example.com" { fileinto "Archive"; }
    if notify_method_capability "https://hooks.example.com/" "online" ["yes", "no", "maybe"] { fileinto "Trash"; }
    """
    async with setting(tmp_path) as here:
        await activate(here, script)
        await lmtp(here)
        assert await counts(here, "Archive", "Trash", "INBOX") == [1, 0, 0]
        await activate(here, 'require "enotify"; notify "https://hooks.example.com/";')
        await lmtp(here)
        assert await counts(here, "INBOX") == [2]


# hosts


@dataclass
class HookServer:
    """Remembers what was posted."""

    port: int = 0
    status: bytes = b"204 No Content"
    requests: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        self.requests.append(head + await reader.readexactly(length))
        writer.write(b"HTTP/1.1 " + self.status + b"\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def hooks(folder: Path) -> AsyncIterator[tuple[HookServer, ssl.SSLContext]]:
    certificate, key = self_signed_pair(folder, HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    told = HookServer()
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0, ssl=context)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told, ssl.create_default_context(cafile=str(certificate))
    finally:
        server.close()
        await server.wait_closed()


async def loopback(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_a_web_hook_and_web_push(tmp_path: Path) -> None:
    async with hooks(tmp_path) as (told, trust), setting(tmp_path) as plain:
        store = plain.house.store
        identity = PushIdentity(Secret(b"s" * 32), "mailto:postmaster@example.org")
        caller = Caller(store, HttpsPoster(Reach(private=True), trust, loopback), identity, lambda: NOW)
        ua = ec.generate_private_key(ec.SECP256R1())
        subscription = {
            "endpoint": f"https://{HOST}:{told.port}/push/1",
            "keys": {"p256dh": webpush.base64url(webpush.public_octets(ua)), "auth": webpush.base64url(b"a" * 16)},
        }
        entry = webpush.ENTRY + "phone"
        await plain.house.account().set_annotations(None, {entry: json.dumps(subscription).encode()})
        call = Call(plain.ref("alice"), b"", 1, "", "Mail!", "hello", "Carol", "alice@example.org")
        for uri in (f"https://{HOST}:{told.port}/a/b?c=d".encode(), b"webpush:*", b"webpush:Phone", b"webpush:other"):
            caller.put(Call(call.account, uri, 1, "", "Mail!", "hello", "Carol", "alice@example.org"))
        await caller.drain()
        hook = next(each for each in told.requests if each.startswith(b"POST /a/b?c=d HTTP/1.1\r\n"))
        sent = json.loads(hook.partition(b"\r\n\r\n")[2])
        assert (sent["message"], sent["account"], sent["importance"]) == ("Mail!", "alice@example.org", 1)
        pushes = [each for each in told.requests if each.startswith(b"POST /push/1 ")]
        assert len(pushes) == 2
        assert b"Urgency: high\r\n" in pushes[0]
        assert b"Authorization: vapid t=" in pushes[0]
        told.status = b"410 Gone"
        caller.put(Call(call.account, b"webpush:phone", 1, "", "", "", "", ""))
        await caller.drain()
        assert plain.house.account().annotation(None, entry) is None
        caller.close()


async def test_a_hook_from_a_script(tmp_path: Path) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.calls: list[Call] = []

        @property
        def schemes(self) -> frozenset[bytes]:
            return frozenset((b"https",))

        def put(self, call: Call) -> None:
            self.calls.append(call)

    recorder = Recorder()
    async with setting(tmp_path, notifier=recorder) as here:
        await activate(here, 'require "enotify"; notify :message "Hi" :importance "3" "https://hooks.example.com/x";')
        await lmtp(here)
        (call,) = recorder.calls
        assert (call.message, call.subject, call.importance) == ("Hi", "hello", 3)
        inbox = here.house.account().find("INBOX")
        assert inbox is not None
        place = f"INBOX;UIDVALIDITY={inbox.uidvalidity}/;UID=1"
        assert call.url == f"imap://alice%40example.org@mail.example.org/{place}"
        assert call.mail_from == "Carol <carol@example.net>"
        assert queued(here) == []


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "2002:7f00:1::"),
        *("64:ff9b::7f00:1", "ff02::1", "2001::1", "192.0.2.1", "198.18.0.1"),
    ],
)
async def test_addresses_that_are_not_called(address: str) -> None:
    async def lookup(host: str, port: int) -> list[str]:
        return [address]

    assert not is_public(ipaddress.ip_address(address))
    with pytest.raises(Refused):
        await HttpsPoster(Reach(), lookup=lookup).post("https://a.example.com/", {}, b"")


def test_addresses_that_are() -> None:
    assert is_public(ipaddress.ip_address("8.8.8.8"))
    assert is_public(ipaddress.ip_address("2606:4700::1111"))


@pytest.mark.parametrize(
    "url", ["http://a.example.com/", "https://u:p@a.example.com/", "https://b.example.com/", "https://xa.example.com/"]
)
async def test_urls_that_are_not_called(url: str) -> None:
    with pytest.raises(Refused):
        await HttpsPoster(Reach(("a.example.com",)), lookup=loopback).post(url, {}, b"")


async def test_a_host_that_can_not_be_trusted_or_reached(tmp_path: Path) -> None:
    async with hooks(tmp_path) as (told, trust):
        poster = HttpsPoster(Reach(private=True), lookup=loopback)
        with pytest.raises(Unavailable):
            await poster.post(f"https://{HOST}:{told.port}/", {}, b"")
        with pytest.raises(Unavailable):
            await HttpsPoster(Reach(private=True), trust, loopback).post(f"https://x.example.com:{told.port}/", {}, b"")
        assert told.requests == []
        told.status = b"302 Found\r\nLocation: https://127.0.0.1/"
        status = await HttpsPoster(Reach(private=True), trust, loopback).post(f"https://{HOST}:{told.port}/", {}, b"")
        assert (status, len(told.requests)) == (302, 1)


@pytest.mark.rfc("8291 §5")
def test_the_example_of_web_push() -> None:
    def octets(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    subscription = webpush.parse_subscription(
        b'{"endpoint": "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV", "keys": {"auth":'
        b' "BTBZMqHH6r4Tts7J_aSIgg", "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8p'
        b'ZGH6SRpkNtoIAiw4"}}'
    )
    assert subscription is not None
    key = ec.derive_private_key(int.from_bytes(octets("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")), ec.SECP256R1())
    sealed = webpush.encrypt(
        subscription, b"When I grow up, I want to be a watermelon", key, octets("DGv6ra1nlYgDCS1FRnbzlw")
    )
    assert webpush.base64url(sealed) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
        "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.mark.parametrize(
    "octets", [b"", b"[]", b"{}", b'{"endpoint": 1, "keys": {"p256dh": "", "auth": ""}}', b"\xff", b'"x"', b"[" * 5000]
)
def test_what_is_no_subscription(octets: bytes) -> None:
    assert webpush.parse_subscription(octets) is None


# xmpp


class XmppServer:
    """Lets a component in, and remembers what it says."""

    def __init__(self, answer: bytes = b"") -> None:
        self.heard = b""
        self.answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b'to="notify.example.com">')
        writer.write(
            b"<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'"
            b" xmlns='jabber:component:accept' from='notify.example.com' id='3BF96D32'>"
        )
        proof = await reader.readuntil(b"</handshake>")
        expected = hashlib.sha1(b"3BF96D32s3cret", usedforsecurity=False).hexdigest()
        if self.answer == b"wrong" or proof != b"<handshake>%b</handshake>" % expected.encode():
            writer.write(b"<stream:error><not-authorized/></stream:error></stream:stream>")
            writer.close()
            return
        writer.write(b"<handshake/>")
        self.heard = await reader.readuntil(b"</stream:stream>")
        writer.write(self.answer + b"</stream:stream>")
        writer.close()


@asynccontextmanager
async def xmpp(answer: bytes = b"") -> AsyncIterator[tuple[XmppServer, Component]]:
    told = XmppServer(answer)
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield told, Component("notify.example.com", "127.0.0.1", port, Secret(b"s3cret"), 5)
    finally:
        server.close()
        await server.wait_closed()


@pytest.mark.rfc("5437 §3.4")
async def test_an_instant_message(tmp_path: Path) -> None:
    async with xmpp() as (told, component), setting(tmp_path) as plain:
        caller = Caller(plain.house.store, None, None, lambda: NOW, component)
        assert caller.schemes == frozenset((b"xmpp",))
        call = Call(
            plain.ref("alice"),
            b"xmpp:romeo@im.example.com?message;body=x;subject=ALERT%21",
            1,
            "romeo.my.romeo@example.com",
            "Contact <Juliet> immediately!\x00\x1b",
            "hello",
            "",
            "",
            "imap://romeo@example.com/INBOX;UIDVALIDITY=385759045/;UID=21",
        )
        caller.put(call)
        await caller.drain()
        assert told.heard == (
            b'<message from="notify.example.com" to="romeo@im.example.com" type=\'headline\'><subject>ALERT!</subject>'
            b"<body>Contact &lt;Juliet&gt; immediately!</body><headers xmlns='http://jabber.org/protocol/shim'>"
            b"<header name='Resent-From'>romeo.my.romeo@example.com</header><header name='Urgency'>high</header>"
            b"</headers><x xmlns='jabber:x:oob'><url>imap://romeo@example.com/INBOX;UIDVALIDITY=385759045/;UID=21</url></x>"
            b"</message></stream:stream>"
        )
        caller.close()


@pytest.mark.parametrize(
    "answer", [b"wrong", b"<message type='error'/>", b"<stream:error><x/></stream:error>", b"<<<", b"<a/>" * 20_000]
)
async def test_an_xmpp_server_that_refuses(answer: bytes) -> None:
    async with xmpp(answer) as (_, component):
        with pytest.raises(Unavailable):
            await send(component, b"<message/>")


@pytest.mark.rfc("5437 §3.1")
def test_what_an_instant_message_says_by_itself() -> None:
    uri = parse_xmpp(b"xmpp:romeo@im.example.com")
    assert not isinstance(uri, str)
    octets = stanza("notify.example.com", uri, Told(2, "romeo@example.com", None, ""))
    assert b"<body>You got mail.</body>" in octets
    assert b"oob" not in octets
