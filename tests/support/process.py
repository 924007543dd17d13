"""A whole Verbena as its users run it: own data folder, supervisor, two workers, real sockets."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "sesame-0pen"
READY_WITHIN_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Server:
    """A running server. ``ports`` by listener name as in verbena.toml."""

    folder: Path
    ports: dict[str, int]
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """SIGKILL to the supervisor and all workers, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def write_config(folder: Path, ports: dict[str, int], extra: str = "", hostname: str = "mail.example.org") -> Path:
    listen = "\n".join(f'{name} = "127.0.0.1:{port}"' for name, port in ports.items())
    config = folder / "verbena.toml"
    top, _, sections = extra.partition("\n[")
    config.write_text(
        f'data = "{folder / "data"}"\nhostname = "{hostname}"\ndomains = ["example.org"]\nworkers = 2\n{top}\n'
        f"[listen]\n{listen}\n" + ("[" + sections if sections else ""),
        encoding="utf-8",
    )
    return config


def verbena(folder: Path, *arguments: str, stdin: str = "") -> str:
    """Run one command of the command line; its output. Raises on a non-zero exit."""
    done = subprocess.run(
        [sys.executable, "-m", "verbena.app.cli", *arguments, "--config", str(folder / "verbena.toml")],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"verbena {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def start(folder: Path, ports: dict[str, int]) -> Server:
    """Start the server and wait for its ready line. Raises ``AssertionError`` with its log when none comes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "verbena.app.cli", "serve", "--config", str(folder / "verbena.toml")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    ready = threading.Event()
    log = (folder / "server.log").open("a", encoding="utf-8")

    def follow() -> None:
        assert process.stdout is not None
        with log, process.stdout:
            for line in process.stdout:
                log.write(line)
                log.flush()
                if "ready" in line:
                    ready.set()
        ready.set()

    threading.Thread(target=follow, daemon=True).start()
    if not ready.wait(READY_WITHIN_S) or process.poll() is not None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        raise AssertionError("the server did not get ready:\n" + (folder / "server.log").read_text(encoding="utf-8"))
    return Server(folder, ports, process)


@contextmanager
def running(folder: Path, extra: str = "", hostname: str = "mail.example.org") -> Iterator[Server]:
    """A fresh server with the accounts alice, bob and submitserver @example.org; checked at the end."""
    names = ("imap", "imaps", "submission", "submissions", "lmtp", "managesieve", "http")
    ports = {name: free_port() for name in names}
    write_config(folder, ports, extra, hostname)
    verbena(folder, "init", str(folder / "data"))
    for name in ("alice", "bob", "submitserver"):
        verbena(folder, "user", "add", f"{name}@example.org", "--password-stdin", stdin=PASSWORD + "\n")
    server = start(folder, ports)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
    verbena(folder, "check")
