"""``python -m bench``: measure Verbena, and Dovecot where it is installed, and print a table of ratios.

``--quick`` takes a tenth of the messages and a minute. A ratio above 1 says that Verbena is ahead. One server runs at
a time; both in the same folder, given by ``--folder`` (default: a temporary one), so on the same disk.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.link import BenchError
from bench.rows import AFTER_FILL, BEFORE_FILL, FULL, QUICK, Row, Sizes, fill
from bench.servers import Server, dovecot, has_dovecot, verbena

Figures = dict[str, float]


def measure(
    start: Callable[[Path], AbstractContextManager[Server]], folder: Path, sizes: Sizes, durable_only: bool, only: str
) -> Figures:
    """All rows that the server can be measured by."""
    folder.mkdir()
    figures: Figures = {}
    with start(folder) as server:
        for row in BEFORE_FILL:
            _measure_row(row, server, sizes, durable_only, only, figures)
        if any(_is_wanted(row, durable_only, only) for row in AFTER_FILL):
            started = time.perf_counter()
            fill(server, sizes)
            print(f"  {server.name}: filled in {time.perf_counter() - started:.1f} s", file=sys.stderr)
        for row in AFTER_FILL:
            _measure_row(row, server, sizes, durable_only, only, figures)
    shutil.rmtree(folder, ignore_errors=True)
    return figures


def _is_wanted(row: Row, durable_only: bool, only: str) -> bool:
    return (row.durable_too or not durable_only) and only.lower() in row.title.lower()


def _measure_row(row: Row, server: Server, sizes: Sizes, durable_only: bool, only: str, figures: Figures) -> None:
    if not _is_wanted(row, durable_only, only) or ("BURL" in row.title and not server.submission):
        return
    if "Sieve" in row.title and not server.managesieve:
        return
    try:
        figures[row.title] = row.measure(server, sizes)
    except (BenchError, OSError) as error:
        print(f"  {server.name}: {row.title}: {error}", file=sys.stderr)
        return
    print(f"  {server.name}: {row.title}: {figures[row.title]:,.1f} {row.unit}", file=sys.stderr)


def table_of(ours: Figures, theirs: Figures, durable: Figures) -> Table:
    table = Table(title="Verbena against Dovecot (a ratio above 1: Verbena is ahead)")
    table.add_column("row")
    for title in ("verbena", "dovecot", "ratio", "dovecot, mail_fsync=always", "ratio"):
        table.add_column(title, justify="right")
    for row in (*BEFORE_FILL, *AFTER_FILL):
        if row.title not in ours and row.title not in theirs:
            continue
        mine = ours.get(row.title)
        cells = [_figure(mine, row)]
        for figures in (theirs, durable):
            other = figures.get(row.title)
            cells += [_figure(other, row), _ratio(mine, other, row)]
        table.add_row(row.title, *cells)
    return table


def _figure(value: float | None, row: Row) -> str:
    return "" if value is None else f"{value:,.1f} {row.unit}"


def _ratio(mine: float | None, other: float | None, row: Row) -> str:
    if not mine or not other:
        return ""
    ratio = mine / other if row.more_is_better else other / mine
    return f"[{'green' if ratio >= 1 else 'red'}]{ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer messages: about a minute")
    parser.add_argument("--only", default="", help="rows whose title has this word")
    parser.add_argument("--no-dovecot", action="store_true", help="measure Verbena alone")
    parser.add_argument("--folder", type=Path, help="where the servers keep their mail; default: a temporary folder")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="worker processes of Verbena")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    base = Path(tempfile.mkdtemp(prefix="verbena-bench-", dir=options.folder))
    theirs: Figures = {}
    durable: Figures = {}
    started = time.perf_counter()
    try:
        ours = measure(lambda folder: verbena(folder, options.workers), base / "verbena", sizes, False, options.only)
        if has_dovecot() and not options.no_dovecot:
            theirs = measure(lambda folder: dovecot(folder, "optimized"), base / "d1", sizes, False, options.only)
            durable = measure(lambda folder: dovecot(folder, "always"), base / "d2", sizes, True, options.only)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    console = Console(width=max(120, Console().width))
    console.print(table_of(ours, theirs, durable))
    console.print(f"{time.perf_counter() - started:.0f} s in all; {os.cpu_count()} cores, {options.workers} workers")


if __name__ == "__main__":
    main()
