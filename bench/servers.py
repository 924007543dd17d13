"""The servers that are measured, each started for itself in a folder of its own, on loopback, without TLS.

Dovecot as its distribution ships it (Maildir, one process a session), but for the limits that 500 connections need.
Its passwords are in plain text, so that a login costs it no hash; ours are argon2id, remembered for a while after the
first login.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.link import PASSWORD, USER, BenchError

READY_WITHIN_S = 60
DOVECOT = shutil.which("dovecot") or "/usr/sbin/dovecot"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. A port is 0 where it has no such service."""

    name: str
    pid: int
    imap: int
    lmtp: int
    submission: int
    managesieve: int = 0

    def memory_octets(self) -> int:
        """Proportional set size of all its processes."""
        return sum(_pss_octets(pid) for pid in family(self.pid))


def family(pid: int) -> list[int]:
    """``pid`` and all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def _pss_octets(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise BenchError("the server did not start:\n" + log.read_text("utf-8", "replace")[-3000:])


def _run(command: list[str], given: bytes = b"") -> None:
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)}:\n{done.stdout.decode('utf-8', 'replace')}")


@contextmanager
def _running(command: list[str], log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def verbena(folder: Path, workers: int) -> Iterator[Server]:
    """Verbena with its embedded store; all it says is on disk."""
    ports = {name: free_port() for name in ("imap", "submission", "lmtp", "managesieve")}
    listen = "".join(f'{name} = "127.0.0.1:{port}"\n' for name, port in ports.items())
    config = folder / "verbena.toml"
    config.write_text(
        f'data = "{folder / "data"}"\nhostname = "mail.example.org"\ndomains = ["example.org"]\nworkers = {workers}\n'
        f"[listen]\n{listen}[auth]\nallow_plaintext = true\n[log]\nlevel = 'warning'\n"
        "[limits]\nmessage_octets = '2 GiB'\n",
        encoding="utf-8",
    )
    base = [sys.executable, "-m", "verbena.app.cli"]
    end = ["--config", str(config)]
    _run([*base, "init", str(folder / "data"), *end])
    _run([*base, "user", "add", USER, "--password-stdin", *end], PASSWORD.encode() + b"\n")
    log = folder / "verbena.log"
    with _running([*base, "serve", *end], log) as process:
        for port in ports.values():
            _wait_for(port, process, log)
        yield Server("verbena", process.pid, ports["imap"], ports["lmtp"], ports["submission"], ports["managesieve"])


def has_dovecot() -> bool:
    return os.access(DOVECOT, os.X_OK)


@contextmanager
def dovecot(folder: Path, fsync: str) -> Iterator[Server]:
    """A Dovecot of its own; ``fsync`` is its ``mail_fsync``: ``optimized`` (the default) or ``always``."""
    imap, lmtp = free_port(), free_port()
    root = os.getuid() == 0
    mail_user = "nobody" if root else pwd.getpwuid(os.getuid()).pw_name
    entry = pwd.getpwnam(mail_user)
    for name in ("run", "state", "mail"):
        (folder / name).mkdir()
    if root:
        os.chown(folder / "mail", entry.pw_uid, entry.pw_gid)
        for part in (folder, *folder.parents):
            if part.stat().st_uid == os.getuid() and part.name.startswith("verbena-bench"):
                part.chmod(0o755)
    config = folder / "dovecot.conf"
    config.write_text(
        _DOVECOT.format(
            folder=folder,
            imap=imap,
            lmtp=lmtp,
            user=mail_user,
            uid=entry.pw_uid,
            gid=entry.pw_gid,
            fsync=fsync,
            password=PASSWORD,
            internal="" if root else _UNPRIVILEGED.format(user=mail_user),
        ),
        encoding="utf-8",
    )
    log = folder / "dovecot.log"
    with _running([DOVECOT, "-F", "-c", str(config)], log) as process:
        _wait_for(imap, process, log)
        _wait_for(lmtp, process, log)
        yield Server("dovecot", process.pid, imap, lmtp, 0)


_UNPRIVILEGED = """
default_internal_user = {user}
default_login_user = {user}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
}}
"""

_DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%u
mail_fsync = {fsync}
mail_max_userip_connections = 2000
first_valid_uid = 1
default_process_limit = 1200
default_client_limit = 5000
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service imap {{
  process_limit = 1200
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
  unix_listener lmtp {{
    mode = 0600
  }}
}}
service stats {{
  client_limit = 5000
}}
{internal}
"""
