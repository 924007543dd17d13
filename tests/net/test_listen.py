"""Listening sockets: addresses, paths, sharing, and what is told when it can not be."""

import asyncio
import socket
import stat
from pathlib import Path

import pytest

from net.echo import Echo, Seen, on_uvloop
from verbena.net.limits import UNIX, Gate
from verbena.net.listen import Door, Host, ListenError, open_sockets


def close(sets: list[list[socket.socket]]) -> None:
    for sock in {sock for sockets in sets for sock in sockets}:
        sock.close()


def test_copies_share_a_port() -> None:
    sets = open_sockets("127.0.0.1", 0, copies=3)
    assert len(sets) == 3
    assert len({sock.getsockname() for sockets in sets for sock in sockets}) == 1
    close(sets)


def test_a_port_in_use_is_refused_even_to_one_of_us() -> None:
    sets = open_sockets("127.0.0.1", 0)
    port = sets[0][0].getsockname()[1]
    with pytest.raises(ListenError, match=f"can not listen on 127.0.0.1:{port}: Address already in use"):
        open_sockets("127.0.0.1", port)
    more = open_sockets("127.0.0.1", port, exclusive=False)
    close(sets + more)


@pytest.mark.parametrize("host", ["no such host.invalid", "203.0.113.77"])
def test_addresses_that_are_not_ours(host: str) -> None:
    with pytest.raises(ListenError, match="can not listen on"):
        open_sockets(host, 0)


def test_a_path_is_one_socket_and_takes_the_place_of_a_stale_one(tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    close(open_sockets(str(path), 0))
    sets = open_sockets(str(path), 0, copies=2)
    assert sets[0][0] is sets[1][0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    close(sets)


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    with pytest.raises(ListenError):
        open_sockets(str(tmp_path / "x"), 0)
    assert (tmp_path / "x").read_text() == "mine"


@pytest.mark.parametrize("kind", ["unix", "ipv6"])
def test_serves_paths_and_ipv6(tmp_path: Path, kind: str) -> None:
    async def main() -> None:
        address = str(tmp_path / "s") if kind == "unix" else "::1"
        ((sock,),) = open_sockets(address, 0)
        service = Echo()
        host = Host(Gate(10, 1), None, Seen(), 10.0)
        await host.open(Door(service, sock, False, b"no: %s\r\n"))
        for _ in range(2):  # a path has no limit per address
            if kind == "unix":
                reader, writer = await asyncio.open_unix_connection(address)
            else:
                reader, writer = await asyncio.open_connection("::1", sock.getsockname()[1])
            greeting = await reader.readline()
            writer.close()
        peer = service.links[0].peer
        if kind == "unix":
            assert (greeting, peer.address) == (b"hello\r\n", UNIX)
        else:
            assert peer.address == "::1"
        await host.stop(0.0)
        sock.close()

    on_uvloop(main)
