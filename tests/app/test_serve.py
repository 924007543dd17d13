"""The supervisor and its workers as processes: start, crash, reload, stop."""

import contextlib
import os
import signal
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.process import PASSWORD, Server, free_port, start, verbena, write_config


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serve")
    write_config(folder, {name: free_port() for name in ("imap", "imaps", "http")})
    verbena(folder, "init", str(folder / "data"))
    verbena(folder, "user", "add", "alice@example.org", "--password-stdin", stdin=PASSWORD + "\n")
    return folder


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    ports = {name: free_port() for name in ("imap", "imaps", "http")}
    write_config(folder, ports)
    server = start(folder, ports)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            assert server.stop() == 0


def get(server: Server, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.ports['http']}{path}", timeout=10) as answer:
        assert answer.status == 200
        return str(answer.read().decode())


def greeting(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        return sock.recv(4096)


def certificate(server: Server) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", server.ports["imaps"]), 10) as sock,
        context.wrap_socket(sock) as tls,
    ):
        return tls.getpeercert(binary_form=True) or b""


def workers(server: Server) -> list[int]:
    return [
        int(pid) for pid in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    ]


def log_lines(server: Server, event: str) -> list[str]:
    return [line for line in (server.folder / "server.log").read_text().splitlines() if f'"{event}"' in line]


def wait_until(server: Server, true: Callable[[], bool]) -> None:
    """Ask the server for its health until ``true`` holds, at most half a minute."""
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until, (server.folder / "server.log").read_text()
        with contextlib.suppress(OSError):
            get(server, "/healthz")


def test_serves_and_tells_its_state(server: Server) -> None:
    assert greeting(server.ports["imap"]).startswith(b"* OK")
    assert get(server, "/healthz") == "ok\n"
    assert get(server, "/readyz") == "ok\n"
    metrics = get(server, "/metrics")
    assert 'verbena_connections_total{service="imap"}' in metrics
    assert "verbena_queue_depth" in metrics


def test_crashed_worker_is_replaced(server: Server) -> None:
    first = workers(server)
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    wait_until(server, lambda: len(set(workers(server)) - {first[0]}) == 2)
    assert len(log_lines(server, "worker ended, another takes its place")) == 1
    assert greeting(server.ports["imap"]).startswith(b"* OK")


def test_certificate_is_loaded_again(server: Server) -> None:
    before = certificate(server)
    for name in ("cert.pem", "key.pem"):
        (server.folder / "data" / "tls" / name).unlink()
    verbena(server.folder, "init", str(server.folder / "data"))
    assert certificate(server) == before
    seen = len(log_lines(server, "certificate loaded again"))
    server.process.send_signal(signal.SIGHUP)
    wait_until(server, lambda: len(log_lines(server, "certificate loaded again")) == seen + 2)
    assert certificate(server) != before


def test_stop_says_goodbye(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.ports["imap"]), 10) as sock:
        assert sock.recv(4096).startswith(b"* OK")
        assert server.stop() == 0
        assert sock.recv(4096).startswith(b"* BYE")
    with pytest.raises(OSError):
        greeting(server.ports["imap"])


def test_one_server_per_folder(server: Server) -> None:
    with pytest.raises(AssertionError, match="another server runs"):
        verbena(server.folder, "serve")


def test_address_in_use_is_told(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        write_config(folder, {"imap": port})
        with pytest.raises(AssertionError, match=rf"listen.imap: can not listen on 127.0.0.1:{port}"):
            verbena(folder, "serve")


def test_orphaned_workers_stop(server: Server) -> None:
    left = workers(server)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(10)
    gone = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in left):
        assert time.monotonic() < gone
