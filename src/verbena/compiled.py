"""The pure layers in their compiled form, where there is one.

``tools/compile_layers.py`` writes extension modules and a manifest to ``build/compiled/TAG``. ``use`` puts
them before the sources on the import path, all of them or none: they are linked to each other. They are
passed over when a source is newer than its extension, so what runs is always what is written, and when
``VERBENA_COMPILE=0``.
"""

import json
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final, cast

LAYERS: Final = ("model", "wire", "mime", "sieve")
ROOT: Final = Path(__file__).resolve().parent.parent.parent
FOLDER: Final = ROOT / "build" / "compiled" / sys.implementation.cache_tag


class CompiledFinder:
    """Finds extension modules by full name; ``modules`` maps names to files."""

    def __init__(self, modules: dict[str, str]) -> None:
        self.modules = modules

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As ``importlib.abc.MetaPathFinder``."""
        file = self.modules.get(name)
        if file is None:
            return None
        return spec_from_file_location(name, file, loader=ExtensionFileLoader(name, file))


def use() -> None:
    """Run compiled what can be. Does nothing the second time."""
    if os.environ.get("VERBENA_COMPILE") == "0" or layers():
        return
    modules = _fresh_modules()
    if modules:
        sys.meta_path.insert(0, CompiledFinder(modules))


def layers() -> tuple[str, ...]:
    """The pure layers that run compiled in this process."""
    for finder in sys.meta_path:
        if isinstance(finder, CompiledFinder):
            packages = {name.split(".")[1] for name in finder.modules if name.startswith("verbena.")}
            return tuple(layer for layer in LAYERS if layer in packages)
    return ()


def _fresh_modules() -> dict[str, str]:
    try:
        manifest = cast("dict[str, list[object]]", json.loads((FOLDER / "manifest.json").read_text("utf-8"))["modules"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    modules: dict[str, str] = {}
    for name, (file, source, mtime_ns, size_octets) in manifest.items():
        modules[name] = str(FOLDER / str(file))
        if source:
            try:
                found = os.stat(ROOT / str(source))
            except OSError:
                return {}
            if found.st_mtime_ns != mtime_ns or found.st_size != size_octets:
                return {}
    return modules
