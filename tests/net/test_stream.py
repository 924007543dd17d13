"""Connections over real sockets keep the promises of ``model.link``."""

import asyncio
import hashlib
import socket
import ssl
import zlib
from pathlib import Path

import pytest

from net.echo import Running, echo_server, on_uvloop, turns_until
from verbena.model.link import Link
from verbena.net.limits import Gate
from verbena.net.stream import Stream


def _client_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def test_echo_and_close(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            reader, writer = await running.connect()
            writer.write(b"one\ntwo\nquit\n")
            assert await reader.read() == b"one\r\ntwo\r\n"
            writer.close()
        assert running.seen.events == ["opened echo", "closed echo"]
        assert running.seen.octets == [(13, 17)]

    on_uvloop(main)


def test_peer_facts(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            _, writer = await running.connect()
            peer = running.service.links[0].peer
            assert (peer.address, peer.port) == writer.get_extra_info("sockname")
            assert (peer.local_address, peer.local_port) == ("127.0.0.1", running.port)
            writer.close()

    on_uvloop(main)


def test_half_closed_peer_is_answered(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            reader, writer = await running.connect()
            writer.write(b"last\n")
            writer.write_eof()
            assert await reader.read() == b"last\r\neof\r\n"
            writer.close()

    on_uvloop(main)


@pytest.mark.parametrize("timeout_s", [0.05, 5.0])
def test_silence_times_out(tmp_path: Path, timeout_s: float) -> None:
    async def main() -> None:
        async with echo_server(tmp_path, timeout_s) as running:
            reader, writer = await running.connect()
            if timeout_s >= 5.0:  # the shared clock, told a later time
                _only(running).check_deadline(asyncio.get_running_loop().time() + timeout_s)
            assert await reader.read() == b"timeout\r\n"
            writer.close()

    on_uvloop(main)


def test_cancelled_receive_loses_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            got: list[bytes] = []

            async def serve(link: Link) -> None:
                link.write(b"hello\r\n")
                waiting = asyncio.ensure_future(link.receive(20.0))
                await asyncio.wait([waiting], timeout=0)
                waiting.cancel()
                await asyncio.wait([waiting])
                link.write(b"ready\r\n")
                got.append(await link.receive(20.0))
                got.append(link.received())

            running.service.serve = serve  # type: ignore[method-assign]
            reader, writer = await running.connect()
            assert await reader.readline() == b"ready\r\n"
            writer.write(b"abc")
            assert await reader.read() == b""
            assert got == [b"abc", b""]
            writer.close()

    on_uvloop(main)


def test_input_is_bounded_while_nobody_reads(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            gate = asyncio.Event()
            sizes: list[int] = []

            async def serve(link: Link) -> None:
                running.service.links.append(link)
                link.write(b"hello\r\n")
                await gate.wait()
                while data := await link.receive(20.0):
                    sizes.append(len(data))
                link.write(b"%d" % sum(sizes))

            running.service.serve = serve  # type: ignore[method-assign]
            reader, writer = await running.connect()
            writer.transport.set_write_buffer_limits(0)
            writer.write(b"y" * 20_000_000)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(writer.drain(), 0.2)
            stream = _only(running)
            assert 0 < stream.octets_in <= 65_536 + 262_144
            gate.set()
            writer.write_eof()
            assert await reader.read() == b"20000000"
            assert max(sizes) <= 65_536
            writer.close()

    on_uvloop(main)


def test_slow_reader_is_cut(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path, write_s=10.0) as running:
            _, writer = await running.connect()
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(b"big 1000\n")
            stream = _only(running)
            await turns_until(lambda: stream._writer is not None and stream._unsent() >= 262_144)
            for _ in range(200):  # it may still move into the kernel's buffers
                stream.check_deadline(asyncio.get_running_loop().time() + 20.0)
                await asyncio.sleep(0)
            assert stream._lost
            writer.close()
        assert running.seen.events == ["opened echo", "closed echo"]
        assert running.seen.octets[0][1] < 65_536_000

    on_uvloop(main)


def test_large_output_arrives_whole(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            reader, writer = await running.connect()
            writer.write(b"big 200\nquit\n")
            assert len(await reader.read()) == 200 * 65_536
            writer.close()

    on_uvloop(main)


@pytest.mark.rfc("3501 §11.1")
def test_start_tls(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            reader, writer = await running.connect()
            link = running.service.links[0]
            can = [link.can_start_tls]
            writer.write(b"tls\n")
            assert await reader.readline() == b"go\r\n"
            await writer.start_tls(_client_context())
            writer.write(b"secret\n")
            assert await reader.readline() == b"secret\r\n"
            assert link.tls is not None
            can.append(link.can_start_tls)
            assert can == [True, False]
            assert link.tls.version == "TLSv1.3"
            certificate = writer.get_extra_info("ssl_object").getpeercert(True)
            bindings = {name: data.reveal() for name, data in link.tls.channel_bindings}
            assert bindings == {"tls-server-end-point": hashlib.sha256(certificate).digest()}
            writer.close()

    on_uvloop(main)


@pytest.mark.rfc("5929 §3")
def test_tls_1_2_has_the_unique_binding(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path, implicit_tls=True) as running:
            context = _client_context()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port, ssl=context)
            assert await reader.readline() == b"hello\r\n"
            tls = running.service.links[0].tls
            assert tls is not None
            unique = writer.get_extra_info("ssl_object").get_channel_binding("tls-unique")
            assert dict(tls.channel_bindings)["tls-unique"].reveal() == unique
            writer.write(b"quit\n")
            assert await reader.read() == b""
            writer.close()

    on_uvloop(main)


@pytest.mark.rfc("3207 §6")
def test_plain_text_before_the_handshake_is_dropped(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            got: list[bytes] = []
            arrived = asyncio.Event()

            async def serve(link: Link) -> None:
                link.write(b"hello\r\n")
                assert await link.receive(20.0) == b"tls\n"
                running.service.links.append(link)
                await arrived.wait()
                link.write(b"go\r\n")
                await link.start_tls()
                got.append(await link.receive(20.0))

            running.service.serve = serve  # type: ignore[method-assign]
            reader, writer = await running.connect()
            writer.write(b"tls\n")
            await turns_until(lambda: len(running.service.links) == 1)
            writer.write(b"injected\n")
            stream = _only(running)
            await turns_until(lambda: stream._input == b"injected\n")
            arrived.set()
            assert await reader.readline() == b"go\r\n"
            await writer.start_tls(_client_context())
            writer.write(b"clean\n")
            assert await reader.read() == b""
            assert got == [b"clean\n"]
            writer.close()

    on_uvloop(main)


def test_failed_handshake_ends_the_session_quietly(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path, implicit_tls=True) as running:
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            writer.write(b"a1 NOOP\r\n" * 10)
            await _rest(reader)
            writer.close()
            await turns_until(lambda: running.host.sessions == 0)
        assert running.seen.events == []

    on_uvloop(main)


@pytest.mark.rfc("4978 §3")
@pytest.mark.parametrize("tls", [False, True])
def test_deflate(tmp_path: Path, tls: bool) -> None:
    async def main() -> None:
        async with echo_server(tmp_path, implicit_tls=tls) as running:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", running.port, ssl=_client_context() if tls else None
            )
            assert await reader.readline() == b"hello\r\n"
            writer.write(b"deflate\n")
            assert await reader.readline() == b"go\r\n"
            assert running.service.links[0].compressed
            deflate, inflate = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
            for line in (b"one", b"two" * 100_000):
                writer.write(deflate.compress(line + b"\n") + deflate.flush(zlib.Z_SYNC_FLUSH))
                got = b""
                while not got.endswith(b"\r\n"):
                    got += inflate.decompress(await reader.read(65_536))
                assert got == line + b"\r\n"
            writer.close()

    on_uvloop(main)


@pytest.mark.parametrize("bad", [b"\xff" * 100, b"\x03\x00"])
def test_damaged_deflate_ends_the_session(tmp_path: Path, bad: bytes) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            reader, writer = await running.connect()
            writer.write(b"deflate\n")
            assert await reader.readline() == b"go\r\n"
            writer.write(bad)
            writer.write(bad)
            assert await _rest(reader) == b""
            writer.close()
        assert running.seen.events == ["opened echo", "closed echo"]

    on_uvloop(main)


def _only(running: Running) -> Stream:
    (link,) = running.service.links
    assert isinstance(link, Stream)
    return link


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


def test_inflation_bomb_is_cut(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:

            async def serve(link: Link) -> None:
                link.start_deflate()
                while await link.receive(20.0):
                    pass

            running.service.serve = serve  # type: ignore[method-assign]
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
            writer.write(deflate.compress(b"\0" * 64_000_000) + deflate.flush(zlib.Z_SYNC_FLUSH))
            assert await _rest(reader) == b""
            writer.close()

    on_uvloop(main)


def test_refusals(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path, gate=Gate(10, 2)) as running:
            kept = [await running.connect() for _ in range(2)]
            reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
            assert await reader.read() == b"go away: too many connections from your address\r\n"
            writer.close()
            kept[0][1].write(b"quit\n")
            assert await kept[0][0].read() == b""
            await turns_until(lambda: running.host.sessions == 1)
            kept.append(await running.connect())
            for _, open_writer in kept:
                open_writer.close()

    on_uvloop(main)


def test_gate_counts_all_and_each() -> None:
    gate = Gate(3, 2)
    assert gate.enter("a") is None
    assert gate.enter("a") is None
    assert gate.enter("a") == "too many connections from your address"
    assert gate.enter("unix") is None
    assert gate.enter("b") == "too many connections"
    gate.leave("a")
    gate.leave("unix")
    assert gate.open == 1
    assert gate.enter("b") is None


def test_an_ipv6_network_counts_as_one_address() -> None:
    gate = Gate(10, 2)
    assert gate.enter("2001:db8::1") is None
    assert gate.enter("2001:db8::2") is None
    assert gate.enter("2001:db8::3") == "too many connections from your address"
    assert gate.enter("2001:db8:0:1::1") is None
    gate.leave("2001:db8::2")
    assert gate.enter("2001:db8::3") is None


def test_stop_ends_sessions(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            reader, writer = await running.connect()
            await running.host.stop(0.0)
            assert running.service.stopping.is_set()
            assert await _rest(reader) == b""
            with pytest.raises(OSError):
                await asyncio.open_connection("127.0.0.1", running.port)
            writer.close()

    on_uvloop(main)


def test_bug_in_a_session_is_told_and_others_live(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            await _one_session_with_a_bug(running)
        assert "failed ZeroDivisionError('oops')" in running.seen.events

    on_uvloop(main)


async def _one_session_with_a_bug(running: Running) -> None:
    healthy_reader, healthy_writer = await running.connect()
    serve = running.service.serve

    async def broken(link: Link) -> None:
        raise ZeroDivisionError("oops")

    running.service.serve = broken  # type: ignore[method-assign]
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    assert await reader.read() == b""
    running.service.serve = serve  # type: ignore[method-assign]
    healthy_writer.write(b"still here\n")
    assert await healthy_reader.readline() == b"still here\r\n"
    writer.close()
    healthy_writer.close()


def test_accepted_sockets_do_not_delay(tmp_path: Path) -> None:
    async def main() -> None:
        async with echo_server(tmp_path) as running:
            _, writer = await running.connect()
            stream = _only(running)
            sock = stream._raw.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            writer.close()

    on_uvloop(main)
