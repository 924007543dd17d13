"""Checked programs at hand: a user's script is compiled once for each time it was written, a global one for each file.

Bounded by number and by octets of script; what was not used for longest goes first. A script that can not be compiled
any more is remembered as such, so that it costs as little.
"""

import logging
from collections import OrderedDict
from pathlib import Path
from typing import Final

from verbena.model.errors import Refused
from verbena.model.ids import AccountId, ModSeq
from verbena.sieve.check import compile_script
from verbena.sieve.errors import ScriptError
from verbena.sieve.parser import DEFAULT_LIMITS, Limits
from verbena.sieve.program import Program
from verbena.sieve.registry import Registry
from verbena.store.api import Account
from verbena.store.script_api import Script

log = logging.getLogger(__name__)

MAX_PROGRAMS: Final = 2000
MAX_SCRIPT_OCTETS: Final = 16 * 1024 * 1024
"""of the scripts of all programs that are kept"""
SUFFIX: Final = ".sieve"

_Key = tuple[AccountId, ModSeq] | tuple[Path, int]


class Programs:
    """``folder`` has the global scripts for ``include :global``, as ``NAME.sieve``; None: there are none."""

    def __init__(self, registry: Registry, folder: Path | None = None, limits: Limits = DEFAULT_LIMITS) -> None:
        self._registry = registry
        self._folder = folder
        self._limits = limits
        self._kept: OrderedDict[_Key, tuple[Program | ScriptError, int]] = OrderedDict()
        self._octets = 0

    def of_script(self, account: Account, script: Script) -> Program:
        """Raises ``ScriptError``."""
        key = (account.ref.account_id, script.entry.modseq)
        return self._program(key, script.octets)

    def included(self, account: Account, name: bytes, is_global: bool) -> Program | None:
        """The script that ``include`` names (RFC 6609 §3.1); None where there is none, or none that is right."""
        text = name.decode("utf-8", "replace")
        try:
            if is_global:
                return self._global(text)
            script = account.scripts.get(text)
            return None if script is None else self.of_script(account, script)
        except (ScriptError, Refused, OSError):
            return None

    def _global(self, name: str) -> Program | None:
        """Raises ``ScriptError``, ``OSError``."""
        if self._folder is None or "/" in name or name.startswith("."):
            return None
        path = self._folder / (name + SUFFIX)
        return self.of_file(path) if path.is_file() else None

    def of_file(self, path: Path) -> Program:
        """Raises ``ScriptError``, ``OSError``."""
        key = (path, path.stat().st_mtime_ns)
        found = self._find(key)
        return found if found is not None else self._program(key, path.read_bytes())

    def _find(self, key: _Key) -> Program | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        if isinstance(found[0], ScriptError):
            raise found[0]
        return found[0]

    def _program(self, key: _Key, octets: bytes) -> Program:
        found = self._find(key)
        if found is not None:
            return found
        made: Program | ScriptError
        try:
            made, _ = compile_script(octets, self._registry, self._limits)
        except ScriptError as error:
            made = error
        self._kept[key] = (made, len(octets))
        self._octets += len(octets)
        while len(self._kept) > MAX_PROGRAMS or (self._octets > MAX_SCRIPT_OCTETS and len(self._kept) > 1):
            _, (_, size_octets) = self._kept.popitem(last=False)
            self._octets -= size_octets
        if isinstance(made, ScriptError):
            raise made
        return made
