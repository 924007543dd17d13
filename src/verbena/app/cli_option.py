"""What every command of the command line shares: ``--config``, and errors told in one sentence."""

import asyncio
import errno
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final, TypeVar

import click
from rich.console import Console
from rich.table import Table

from verbena.app.config import Config, load_config
from verbena.model.errors import PeerError, Refused, Unavailable, VerbenaError

T = TypeVar("T")

ADVICE: Final = {
    errno.EACCES: "run this as the user who owns the data folder and the configuration",
    errno.EPERM: "run this as the user who owns the data folder and the configuration",
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room on the disk, or raise the quota",
    errno.EROFS: "the data folder must be on a disk that can be written",
}
"""What to do about what the operating system refuses."""
PIPE_COLUMNS: Final = 1000
"""Width of a table that no terminal limits: other programs want whole values."""

CONFIG_OPTION: Final = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=Path("verbena.toml"),
    show_default="./verbena.toml",
    help="The configuration.",
)


def loaded(path: Path) -> Config:
    """The configuration, or an end with what is wrong with it."""
    return settled(lambda: load_config(path))


def settled(work: Coroutine[None, None, T] | Callable[[], T]) -> T:
    """What ``work`` returns; its errors end the command with their sentence."""
    try:
        return work() if callable(work) else asyncio.run(work)
    except Unavailable as error:
        cause = "" if error.__cause__ is None else f" ({error.__cause__})"
        raise click.ClickException(error.told + cause) from error
    except (Refused, PeerError) as error:
        raise click.ClickException(error.told) from error
    except VerbenaError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(_told(error)) from error


def _told(error: OSError) -> str:
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    advice = ADVICE.get(error.errno or 0)
    return f"{where}{error.strerror or error}" + (f"; {advice}" if advice is not None else "")


def show(table: Table) -> None:
    """Print ``table``, as wide as the terminal allows, or as its values need where there is none."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_COLUMNS)
    console.print(table)
