"""What every command of the command line shares: ``--config``, and errors told in one sentence."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Final, TypeVar

import click

from verbena.app.config import Config, load_config
from verbena.model.errors import PeerError, Refused, Unavailable, VerbenaError

T = TypeVar("T")

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
    except (Refused, PeerError, Unavailable) as error:
        raise click.ClickException(error.told) from error
    except VerbenaError as error:
        raise click.ClickException(str(error)) from error
