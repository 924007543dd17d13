"""Commands are counted cheaply and published whole."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import generate_latest

from verbena.app.meter import FILE_OCTETS, MAX_SERIES, PrometheusMeter, forget_worker


def _lines(meter: PrometheusMeter) -> set[str]:
    meter.publish()
    return set(generate_latest(meter.registry).decode().splitlines())


def test_commands_are_counted_with_their_times() -> None:
    meter = PrometheusMeter()
    for duration_s in (0.00005, 0.0001, 0.02, 100.0):
        meter.command("imap", "FETCH", "ok", duration_s)
    meter.command("imap", "FETCH", "no", 0.2)
    lines = _lines(meter)
    assert 'verbena_commands_total{name="FETCH",protocol="imap",result="ok"} 4.0' in lines
    assert 'verbena_command_seconds_bucket{le="0.0001",name="FETCH",protocol="imap"} 2.0' in lines
    assert 'verbena_command_seconds_bucket{le="0.05",name="FETCH",protocol="imap"} 3.0' in lines
    assert 'verbena_command_seconds_bucket{le="+Inf",name="FETCH",protocol="imap"} 5.0' in lines


def test_publishing_twice_counts_once() -> None:
    meter = PrometheusMeter()
    meter.command("imap", "NOOP", "ok", 0.001)
    assert _lines(meter) == _lines(meter)
    meter.command("imap", "NOOP", "ok", 0.001)
    assert 'verbena_commands_total{name="NOOP",protocol="imap",result="ok"} 2.0' in _lines(meter)


def test_kinds_of_commands_are_bounded() -> None:
    meter = PrometheusMeter()
    for number in range(MAX_SERIES + 100):
        meter.command("imap", f"X{number}", "bad", 0.0)
    assert 'verbena_commands_total{name="other",protocol="imap",result="bad"} 100.0' in _lines(meter)


def test_connections_logins_and_deliveries() -> None:
    meter = PrometheusMeter()
    meter.opened("imap")
    meter.opened("imap")
    meter.closed("imap", 10, 20)
    meter.refused("imap")
    meter.login("imap", "PLAIN", "ok")
    meter.delivery("lmtp", "ok")
    meter.queue_depth(7)
    assert {
        'verbena_connections_open{service="imap"} 1.0',
        'verbena_connections_total{service="imap"} 2.0',
        'verbena_connections_refused_total{service="imap"} 1.0',
        'verbena_octets_total{direction="in",service="imap"} 10.0',
        'verbena_octets_total{direction="out",service="imap"} 20.0',
        'verbena_logins_total{mechanism="PLAIN",protocol="imap",result="ok"} 1.0',
        'verbena_deliveries_total{protocol="lmtp",result="ok"} 1.0',
        "verbena_queue_depth 7.0",
    } <= _lines(meter)


WORKER = """
import sys
from pathlib import Path
from verbena.app import meter

folder = Path(sys.argv[1])
assert meter.share_metrics(folder, 3)
counted = meter.PrometheusMeter()
counted.opened("imap")
counted.command("imap", "NOOP", "ok", 0.001)
counted.publish()
sys.stdout.buffer.write(meter.scrape())
"""


def test_a_worker_that_replaces_another_counts_on(tmp_path: Path) -> None:
    """And its files have their room on the disk from the start."""
    run = [sys.executable, "-c", WORKER, str(tmp_path)]
    first = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert 'verbena_commands_total{name="NOOP",protocol="imap",result="ok"} 1.0' in first
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{kind}_3.db" for kind in FILE_OCTETS)
    for kind, size_octets in FILE_OCTETS.items():
        assert os.stat(tmp_path / f"{kind}_3.db").st_blocks * 512 >= size_octets
    forget_worker(tmp_path, 3)
    second = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert 'verbena_commands_total{name="NOOP",protocol="imap",result="ok"} 2.0' in second
    assert 'verbena_connections_open{service="imap"} 1.0' in second
