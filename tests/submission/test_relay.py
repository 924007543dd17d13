"""The relay on a real store, with next hops in memory: what leaves, in what form, what is retried, who is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp.driver import Inbox
from smtp.setting import HOST, Setting, setting
from submission.hop_link import ALL, BARE, EIGHT_BIT, HopLinkInMemory, NextHop
from submission.test_submission import failing
from support.house import pieces
from verbena.app.tls import self_signed_pair
from verbena.model.errors import LinkClosed, Unavailable
from verbena.model.link import TlsState
from verbena.smtp.ext import dsn
from verbena.smtp.registry import Extension
from verbena.store.api import OutEnvelope, OutRecipient
from verbena.submission import dial
from verbena.submission.hop import Hop, HopFailed, Mail, canonical_lines
from verbena.submission.mx import Host, NoHosts, order_hosts
from verbena.submission.relay import Relay, RelaySettings
from verbena.wire.smtp.eightbitmime import Body

HEADER = b"From: alice@example.org\r\nSubject: s\r\nMIME-Version: 1.0\r\n"
MESSAGE = HEADER + b"\r\n.x\r\n"
EIGHT = (
    HEADER + b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + "grün\r\n".encode()
)
BINARY = HEADER + b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\r\n.\r\n\n\xff"


@asynccontextmanager
async def relaying(
    folder: Path, hop: NextHop, settings: RelaySettings | None = None
) -> AsyncIterator[tuple[Setting, Relay]]:
    async with setting(folder) as here:
        made = settings or RelaySettings(HOST)
        relay = Relay(here.house.store, here.deliverer, hop, hop.dial, here.house.meter, made, lambda: here.now[0])
        yield here, relay
        await hop.close()


async def queue(
    here: Setting,
    octets: bytes,
    *recipients: str | OutRecipient,
    body: str = "7BIT",
    sender: str = "alice@example.org",
    ret: str | None = None,
    smtputf8: bool = False,
) -> None:
    made = tuple(OutRecipient(one) if isinstance(one, str) else one for one in recipients)
    envelope = OutEnvelope(sender, made, body, smtputf8, ret, b"env 1" if ret else None)
    async with await here.house.store.stage(pieces(octets), 1 << 20) as staged:
        await here.house.store.outbox.enqueue(here.ref("alice"), envelope, staged)


async def test_a_message_leaves_once(tmp_path: Path) -> None:
    hop = NextHop()
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, MESSAGE, "a@example.net", "b@example.net", "c@example.com")
        assert await relay.run_once() == 1
        assert await relay.run_once() == 0
        assert here.house.store.outbox.depth() == 0
        taken = [([str(one.mailbox) for one in envelope.recipients], content) for envelope, content in hop.inbox.taken]
        assert sorted(taken) == [(["a@example.net", "b@example.net"], MESSAGE), (["c@example.com"], MESSAGE)]
        assert sorted(hop.dialed) == ["mx1.example.com", "mx1.example.net"]
        assert all(envelope.client.tls is not None for envelope, _ in hop.inbox.taken)
        assert await here.inbox("alice") == []


@pytest.mark.rfc("3030 §3")
@pytest.mark.parametrize(
    ("extensions", "octets", "body", "sent_as", "content"),
    [
        (ALL, BINARY, "BINARYMIME", Body.BINARY, BINARY),
        (ALL, EIGHT, "8BITMIME", Body.EIGHT_BIT, EIGHT),
        (EIGHT_BIT, EIGHT, "8BITMIME", Body.EIGHT_BIT, EIGHT),
        (EIGHT_BIT, BINARY, "BINARYMIME", Body.EIGHT_BIT, b"base64\r\n\r\nAA0KLg0KCv8=\r\n"),
        (BARE, EIGHT, "8BITMIME", Body.SEVEN_BIT, b"quoted-printable\r\n\r\ngr=C3=BCn\r\n"),
        (BARE, BINARY, "BINARYMIME", Body.SEVEN_BIT, b"base64\r\n\r\nAA0KLg0KCv8=\r\n"),
        (BARE, HEADER + b"\r\n.a\nb\rc", "7BIT", Body.SEVEN_BIT, HEADER + b"\r\n.a\r\nb\r\nc\r\n"),
        ((), MESSAGE, "7BIT", Body.SEVEN_BIT, MESSAGE),
    ],
)
async def test_a_message_is_made_fit_for_the_hop(
    tmp_path: Path, extensions: Sequence[Extension], octets: bytes, body: str, sent_as: Body, content: bytes
) -> None:
    hop = NextHop(extensions=extensions)
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, octets, "a@example.net", body=body)
        await relay.run_once()
        ((envelope, got),) = hop.inbox.taken
        assert envelope.options.body is sent_as
        assert got.endswith(content)
        assert here.house.store.outbox.depth() == 0


@pytest.mark.rfc("3461 §5.2.1")
async def test_what_was_asked_goes_along(tmp_path: Path) -> None:
    hop = NextHop()
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, MESSAGE, OutRecipient("a@example.net", ("SUCCESS", "DELAY"), b"rfc822;A+2B@x"), ret="HDRS")
        await relay.run_once()
        ((envelope, _),) = hop.inbox.taken
        assert (envelope.options.ret, envelope.options.envid, envelope.options.size_octets) == (
            "HDRS",
            b"env 1",
            len(MESSAGE),
        )
        assert envelope.recipients[0].options.notify == ("SUCCESS", "DELAY")
        assert envelope.recipients[0].options.orcpt == b"rfc822;A+2B@x"
        assert await here.inbox("alice") == []


@pytest.mark.rfc("3461 §5.2.2")
async def test_a_hop_without_dsn_makes_us_report(tmp_path: Path) -> None:
    hop = NextHop(extensions=EIGHT_BIT)
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, MESSAGE, OutRecipient("a@example.net", ("SUCCESS",)), OutRecipient("b@example.net"))
        await relay.run_once()
        (report,) = await here.inbox("alice")
        assert b"Final-Recipient: rfc822; a@example.net\r\nAction: relayed\r\nStatus: 2.6.0\r\n" in report
        assert b"b@example.net" not in report


@pytest.mark.rfc("3464 §2")
@pytest.mark.rfc("6522 §3")
@pytest.mark.parametrize("ret", [None, "FULL", "HDRS"])
async def test_a_refused_recipient_is_told(tmp_path: Path, ret: str | None) -> None:
    hop = NextHop()
    async with relaying(tmp_path, hop) as (here, relay):
        quiet = OutRecipient("malfoy@example.com", ("NEVER",))
        await queue(here, MESSAGE, "malfoy@example.net", "ron@example.net", quiet, ret=ret)
        await relay.run_once()
        assert [str(one.mailbox) for one in hop.inbox.taken[0][0].recipients] == ["ron@example.net"]
        (report,) = await here.inbox("alice")
        assert b"From: Mail Delivery System <MAILER-DAEMON@mail.example.org>\r\nTo: <alice@example.org>\r\n" in report
        assert (
            b"Final-Recipient: rfc822; malfoy@example.net\r\nAction: failed\r\nStatus: 5.7.1\r\n"
            b"Remote-MTA: dns; mx1.example.net\r\nDiagnostic-Code: smtp; 550 5.7.1 Relaying not allowed\r\n" in report
        )
        assert b"example.com" not in report
        assert b"ron@" not in report
        assert b"Content-Type: multipart/report; report-type=delivery-status;" in report
        assert (b"Content-Type: message/rfc822" in report) == (ret == "FULL")
        assert (b"\r\n.x\r\n" in report) == (ret == "FULL")
        assert b"Subject: s\r\n" in report
        assert here.house.store.outbox.depth() == 0


async def test_a_notification_for_elsewhere_is_queued_and_never_bounces(tmp_path: Path) -> None:
    hop = NextHop()
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, MESSAGE, "malfoy@example.net", sender="malfoy@example.com")
        await relay.run_once()
        (item,) = here.house.store.outbox.items()
        assert item.envelope.sender == ""
        assert item.envelope.recipients == (OutRecipient("malfoy@example.com", ("NEVER",)),)
        await relay.run_once()
        assert here.house.store.outbox.depth() == 0


async def test_later_is_retried_with_growing_waits_then_given_up(tmp_path: Path) -> None:
    hop = NextHop()
    async with relaying(tmp_path, hop, RelaySettings(HOST, lifetime_s=86_400)) as (here, relay):
        await queue(here, MESSAGE, "later@example.net", "ron@example.net")
        waits = []
        for _ in range(40):
            assert await relay.run_once() == 1
            due = here.house.store.outbox.next_due()
            if due is None:
                break
            assert here.house.store.outbox.items()[0].envelope.recipients == (OutRecipient("later@example.net"),)
            assert relay.idle_s() == 5
            waits.append((due - here.now[0]).total_seconds())
            here.now[0] = due
        assert waits[:5] == [60, 120, 240, 480, 960]
        assert max(waits) == 4 * 3600
        assert len(hop.inbox.taken) == 1
        (report,) = await here.inbox("alice")
        assert b"Action: failed\r\nStatus: 4.4.7\r\n" in report


async def test_the_next_host_is_tried(tmp_path: Path) -> None:
    hop = NextHop(unreachable=("mx1.example.net",))
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, MESSAGE, "a@example.net")
        await relay.run_once()
        assert hop.dialed == ["mx1.example.net", "mx2.example.net"]
        assert len(hop.inbox.taken) == 1


async def test_a_broken_handshake_leaves_plain_text_unless_tls_is_required(tmp_path: Path) -> None:
    hop = NextHop(tls_breaks=True)
    async with relaying(tmp_path / "may", hop) as (here, relay):
        await queue(here, MESSAGE, "a@example.net")
        await relay.run_once()
        assert hop.inbox.taken[0][0].client.tls is None
    hop = NextHop(tls_breaks=True)
    async with relaying(tmp_path / "must", hop, RelaySettings(HOST, require_tls=True)) as (here, relay):
        await queue(here, MESSAGE, "a@example.net")
        await relay.run_once()
        assert hop.inbox.taken == []
        assert here.house.store.outbox.items()[0].last_error == "mx2.example.net: TLS handshake failed"


async def test_a_cut_connection_defers(tmp_path: Path) -> None:
    hop = NextHop(cut_after=300, extensions=EIGHT_BIT)
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, MESSAGE + b"x" * 5000, "a@example.net")
        await relay.run_once()
        assert hop.inbox.taken == []
        assert here.house.store.outbox.depth() == 1


async def test_a_message_that_may_have_been_taken_goes_to_no_other_host(tmp_path: Path) -> None:
    hop = NextHop(extensions=EIGHT_BIT)
    async with relaying(tmp_path, hop) as (here, relay):
        octets = HEADER + b"\r\n" + b"x" * 500
        await queue(here, octets, "a@example.net")
        hop.cut_after = len(octets) + 87  # what goes before the content has 85
        await relay.run_once()
        assert hop.dialed == ["mx1.example.net"]
        assert here.house.store.outbox.items()[0].last_error == (
            "mx1.example.net: Connection lost after the message was sent"
        )


async def test_mail_for_here_that_waited_is_delivered(tmp_path: Path) -> None:
    hop = NextHop()
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, MESSAGE, OutRecipient("bob@example.org", ("SUCCESS",)), "nobody@example.org")
        await relay.run_once()
        (kept,) = await here.inbox("bob")
        assert kept == b"Return-Path: <alice@example.org>\r\nDelivered-To: bob@example.org\r\n" + MESSAGE
        (report,) = await here.inbox("alice")
        assert b"Action: delivered" in report
        assert b"Status: 5.1.1" in report
        assert hop.dialed == []


async def test_loops_end(tmp_path: Path) -> None:
    hop = NextHop()
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, b"Received: x\r\n" * 101 + MESSAGE, "a@example.net")
        await relay.run_once()
        assert hop.inbox.taken == []
        (report,) = await here.inbox("alice")
        assert b"Status: 5.4.6" in report


@pytest.mark.rfc("6531 §3.5")
async def test_a_hop_without_smtputf8(tmp_path: Path) -> None:
    hop = NextHop(extensions=EIGHT_BIT)
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, MESSAGE, "ü@example.net", smtputf8=True)
        await queue(here, MESSAGE, "ascii@example.net", smtputf8=True)
        await relay.run_once()
        (report,) = await here.inbox("alice")
        assert b"message/global-delivery-status" in report
        assert "Final-Recipient: utf-8; ü@example.net\r\nAction: failed\r\nStatus: 5.6.7\r\n".encode() in report
        assert [str(envelope.recipients[0].mailbox) for envelope, _ in hop.inbox.taken] == ["ascii@example.net"]


async def test_a_domain_that_takes_no_mail(tmp_path: Path) -> None:
    class Nowhere(NextHop):
        async def find(self, domain: str) -> list[Host]:
            raise NoHosts("5.1.10" if domain == "null.example" else "4.4.3", "No mail here")

    async with relaying(tmp_path, Nowhere()) as (here, relay):
        await queue(here, MESSAGE, "a@null.example", "a@dark.example")
        await relay.run_once()
        (report,) = await here.inbox("alice")
        assert b"Status: 5.1.10" in report
        (item,) = here.house.store.outbox.items()
        assert [one.address for one in item.envelope.recipients] == ["a@dark.example"]


async def test_a_relay_that_died_is_followed(tmp_path: Path) -> None:
    """An entry that was leased and not settled comes back when the lease is over, and is sent."""
    hop = NextHop()
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, MESSAGE, "a@example.net")
        await here.house.store.outbox.claim(here.now[0], 3600, 10)
        assert await relay.run_once() == 0
        here.now[0] += timedelta(seconds=3601)
        assert await relay.run_once() == 1
        assert len(hop.inbox.taken) == 1


async def test_submitted_mail_reaches_the_hop(tmp_path: Path) -> None:
    hop = NextHop(inbox=Inbox())
    async with relaying(tmp_path, hop) as (here, relay):
        lines = await here.submit(
            b"MAIL FROM:<alice@example.org>\r\nRCPT TO:<a@example.net>\r\nDATA\r\n"
            + MESSAGE.replace(b".x", b"..x")
            + b".\r\n"
        )
        assert lines[-1].startswith("250")

        assert await relay.run_once() == 1
        ((envelope, content),) = hop.inbox.taken
        assert content.startswith(b"Received: from c.example.org")
        assert content.endswith(b"\r\n\r\n.x\r\n")
        assert str(envelope.sender) == "alice@example.org"


def test_hosts_are_ordered() -> None:
    assert order_hosts([(20, "b"), (10, "a")]) == [Host("a"), Host("b")]
    with pytest.raises(NoHosts):
        order_hosts([(0, "")])
    assert len(order_hosts([(n, f"h{n}") for n in range(30)])) == 10


@given(st.lists(st.sampled_from([b"\r", b"\n", b"a", b"\r\n", b"."]), max_size=20))
def test_lines_become_canonical(words: list[bytes]) -> None:
    async def run() -> None:
        async def source() -> AsyncIterator[bytes]:
            for word in words:
                yield word

        got = [piece async for piece in canonical_lines(source())]
        whole = b"".join(got)
        expected = b"".join(words).replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
        assert whole == expected
        assert not any(piece.endswith(b"\r") for piece in got)

    asyncio.run(run())


async def test_a_crash_on_the_way_resends_to_no_domain_that_has_the_message(tmp_path: Path) -> None:
    hop = NextHop(extensions=EIGHT_BIT)
    hung = asyncio.Event()

    async def dial(host: Host) -> HopLinkInMemory:
        if host.name.endswith("example.com"):
            hung.set()
            await asyncio.Event().wait()
        return await hop.dial(host)

    async with relaying(tmp_path, hop) as (here, relay):
        store = here.house.store
        await queue(here, MESSAGE, OutRecipient("a@example.net", ("SUCCESS",)), "b@example.com", "bob@example.org")
        stuck = Relay(store, here.deliverer, hop, dial, here.house.meter, RelaySettings(HOST), lambda: here.now[0])
        task = asyncio.create_task(stuck.run_once())
        await hung.wait()
        while len(store.outbox.items()[0].envelope.recipients) > 1:  # noqa: ASYNC110 - the store sets no event
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        (item,) = store.outbox.items()
        assert (item.attempts, item.envelope.recipients) == (0, (OutRecipient("b@example.com"),))
        assert len(await here.inbox("alice")) == 1
        await store.outbox.release()
        assert await relay.run_once() == 1
        sent = [str(one.mailbox) for envelope, _ in hop.inbox.taken for one in envelope.recipients]
        assert sorted(sent) == ["a@example.net", "b@example.com"]
        assert len(await here.inbox("bob")) == 1
        assert store.outbox.depth() == 0


async def test_an_address_of_several_accounts_waits_only_for_those_without_the_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hop = NextHop()
    async with relaying(tmp_path, hop) as (here, relay):
        for name in ("alice", "bob"):
            await here.house.store.directory.add_alias("all@example.org", here.ref(name).account_id)
        await queue(here, MESSAGE, OutRecipient("all@example.org", ("FAILURE",)))
        await failing(here, monkeypatch, "bob", Unavailable("shard busy"))
        await relay.run_once()
        (item,) = here.house.store.outbox.items()
        waiting = OutRecipient("bob@example.org", ("FAILURE",), b"rfc822;all@example.org")
        assert item.envelope.recipients == (waiting,)
        monkeypatch.undo()
        here.now[0] += timedelta(seconds=60)
        await relay.run_once()
        assert (len(await here.inbox("alice")), len(await here.inbox("bob"))) == (1, 1)


class ScriptedHop:
    """Says its lines, one for each write that ends a line of ours, and is then gone."""

    def __init__(self, *lines: bytes) -> None:
        self.lines = [b"220 hop ready\r\n", b"250 hop\r\n", *lines]
        self.sent = bytearray()

    @property
    def tls(self) -> TlsState | None:
        return None

    def write(self, octets: bytes) -> None:
        self.sent += octets

    async def drain(self) -> None:
        if not self.lines:
            raise LinkClosed("gone")

    async def receive(self, timeout_s: float | None = None) -> bytes:
        return self.lines.pop(0)

    async def start_tls(self) -> None:
        raise LinkClosed("no TLS")

    def close(self) -> None: ...


OK = b"250 ok\r\n"


@pytest.mark.rfc("5321 §4.2.1")
@pytest.mark.parametrize(
    ("lines", "address", "codes"),
    [
        # hanging up right after the last reply takes nothing back
        ((OK, OK, b"354 go\r\n", b"250 taken\r\n"), "a@example.net", [250]),
        # a success that is none: nothing was sent
        ((OK, OK, b"250 what?\r\n"), "a@example.net", [451]),
        ((OK, OK, b"354 go\r\n", b"354 go on\r\n"), "a@example.net", [451]),
        ((OK, b"354 go\r\n", b"554 no\r\n"), "a@example.net", [451]),
        # nothing of an address becomes a command, wherever it came from
        ((), "a@example.net>\r\nDATA", [553]),
        ((), "a@example.net> NOTIFY=NEVER", [553]),
    ],
)
async def test_what_a_hop_says_is_taken_for_what_it_is(lines: Sequence[bytes], address: str, codes: list[int]) -> None:
    link = ScriptedHop(*lines, b"221 bye\r\n") if not lines or 250 not in codes else ScriptedHop(*lines)
    envelope = OutEnvelope("alice@example.org", (OutRecipient(address),), "7BIT", False)

    async def converted(eight_bit: bool) -> AsyncIterator[bytes]:
        return pieces(MESSAGE)

    mail = Mail(envelope, len(MESSAGE), True, lambda: pieces(MESSAGE), converted)
    verdicts = await Hop(link, HOST).send(mail, use_tls=False, require_tls=False, login=None)
    assert [verdict.reply.code for verdict in verdicts] == codes
    assert (b"DATA" in link.sent) == (not address.endswith(("DATA", "NEVER")) and lines[0:2] == (OK, OK))


@pytest.mark.rfc("6533 §3")
async def test_an_orcpt_in_utf8_is_made_ascii_for_a_hop_without_smtputf8(tmp_path: Path) -> None:
    hop = NextHop(extensions=(*EIGHT_BIT, dsn.EXTENSION))
    async with relaying(tmp_path, hop) as (here, relay):
        await queue(here, MESSAGE, OutRecipient("a@example.net", (), "utf-8;ü@example.org".encode()), smtputf8=True)
        await relay.run_once()
        ((envelope, _),) = hop.inbox.taken
        assert envelope.recipients[0].options.orcpt == b"utf-8;\\x{FC}@example.org"


@pytest.mark.rfc("3207 §6")
async def test_nothing_may_come_between_starttls_and_tls() -> None:
    link = ScriptedHop()
    link.lines[1:] = [b"250-hop\r\n250 STARTTLS\r\n", b"220 go\r\n250 evil\r\n", b"250 more\r\n"]
    envelope = OutEnvelope("alice@example.org", (OutRecipient("a@example.net"),), "7BIT", False)

    async def converted(eight_bit: bool) -> AsyncIterator[bytes]:
        return pieces(MESSAGE)

    mail = Mail(envelope, len(MESSAGE), True, lambda: pieces(MESSAGE), converted)
    with pytest.raises(HopFailed) as failed:
        await Hop(link, HOST).send(mail, use_tls=True, require_tls=False, login=None)
    assert (failed.value.told, failed.value.plain_may_work) == ("Plain text after STARTTLS", False)
    assert b"MAIL" not in link.sent


@pytest.mark.rfc("8314 §3.3")
async def test_a_smarthost_at_the_port_for_it_gets_tls_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*self_signed_pair(tmp_path, "localhost"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hop ready\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setattr(dial, "SUBMISSIONS_PORT", port)
    connection = await dial.Dialer(dial.opportunistic_context())(Host("127.0.0.1", port))
    assert connection.tls is not None
    assert await connection.receive() == b"220 hop ready\r\n"
    connection.close()
    server.close()
