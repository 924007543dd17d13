"""Compile the pure layers with mypyc into ``build/compiled``; see ``verbena.compiled`` for how they are used.

Never fails: without a C compiler, or for a layer that does not compile, the plain form runs, and one line
says so. Nothing is done when the sources' hash is the one compiled last. ``VERBENA_COMPILE=0`` turns it off.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
FOLDER = ROOT / "build" / "compiled" / sys.implementation.cache_tag
WORK = ROOT / "build" / "mypyc"
LAYERS = ("model", "wire", "mime", "sieve")
PLAIN = ("__init__.py", "errors.py")
"""Modules that stay plain. Exceptions: other packages derive from ours, which compiled classes do not allow, and of a
compiled exception and one derived from it only one can be caught in one statement."""
HOT = ("verbena/imap/view.py",)
"""Modules of other packages that are compiled too, relative to ``src``."""
BUILD = """
import sys
sys.argv = ["setup.py", "-q", "build_ext", "--build-lib", sys.argv[1], "--build-temp", sys.argv[2]]
from concurrent.futures import ThreadPoolExecutor
from setuptools import setup
from setuptools._distutils.unixccompiler import UnixCCompiler
from mypyc.build import mypycify

one = UnixCCompiler._compile
def compile_many(self, sources, output_dir=None, macros=None, include_dirs=None, debug=0, extra_preargs=None,
                 extra_postargs=None, depends=None):
    macros, objects, extra, pp, build = self._setup_compile(
        output_dir, macros, include_dirs, sources, depends, extra_postargs)
    flags = self._get_cc_args(pp, debug, extra_preargs)
    with ThreadPoolExecutor({jobs}) as pool:
        list(pool.map(lambda o: one(self, o, build[o][0], build[o][1], flags, extra, pp), build))
    return objects
UnixCCompiler.compile = compile_many

setup(name="verbena-layers", packages=[], py_modules=[], ext_modules=mypycify(
    ["--config-file", {config!r}, *{packages!r}, *{files!r}], only_compile_paths={files!r}, opt_level="2",
    debug_level="0", multi_file=True, group_name="verbena_layers", target_dir=sys.argv[-1] + "/c"))
"""


def main() -> None:
    if os.environ.get("VERBENA_COMPILE") == "0":
        return
    if not shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]) and not shutil.which("cc"):
        print("compiled layers: none (no C compiler found; plain Python is used)")
        return
    layers, hot = list(LAYERS), list(HOT)
    if _is_current(layers, hot):
        return
    while layers:
        files = _files(layers, hot)
        print(f"compiling {', '.join(layers)} with mypyc: a minute or two ...", flush=True)
        result = _build(files)
        if result.returncode == 0 and _works():
            _write_manifest(files, _digest(LAYERS, HOT))
            print(f"compiled layers: {', '.join(layers)}")
            return
        output = result.stdout + result.stderr
        (WORK / "failed.log").write_text(output)
        faulty = set(re.findall(r"^(verbena/\S+?\.py):.* error: ", output, re.MULTILINE))
        faulty_hot = [name for name in hot if name in faulty]
        faulty_layers = [layer for layer in layers if any(name.split("/")[1] == layer for name in faulty)]
        if not faulty_hot and not faulty_layers:
            faulty_layers = layers[-1:]
        print(f"{', '.join(faulty_hot + faulty_layers)} did not compile (build/mypyc/failed.log)")
        hot = [name for name in hot if name not in faulty_hot]
        layers = [layer for layer in layers if layer not in faulty_layers]
    print("compiled layers: none (plain Python is used)")


def _files(layers: Sequence[str], hot: Sequence[str]) -> list[str]:
    found = [p for layer in layers for p in sorted((SOURCE / "verbena" / layer).rglob("*.py"))]
    found += [SOURCE / name for name in hot]
    return [str(p.relative_to(SOURCE)) for p in found if p.name not in PLAIN]


def _digest(layers: Sequence[str], hot: Sequence[str]) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes() + sys.version.encode())
    for name in _files(layers, hot):
        digest.update(name.encode() + b"\0" + (SOURCE / name).read_bytes())
    return digest.hexdigest()


def _is_current(layers: Sequence[str], hot: Sequence[str]) -> bool:
    """Whether these very sources are compiled; then only the times in the manifest are renewed."""
    try:
        manifest = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    if manifest.get("digest") != _digest(layers, hot):
        return False
    compiled = [name for name in _files(layers, hot) if _module(name) in manifest["modules"]]
    _write_manifest(compiled, manifest["digest"])
    return True


def _build(files: list[str]) -> "subprocess.CompletedProcess[str]":
    shutil.rmtree(FOLDER, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    config = WORK / "mypy.ini"
    config.write_text("[mypy]\nexplicit_package_bases = True\nnamespace_packages = True\nstrict_bytes = True\n")
    # Without the packages themselves, imports of modules from them are not seen in their order.
    packages = sorted(
        {str(p.relative_to(SOURCE)) for name in files for p in (SOURCE / name).parent.glob("__init__.py")}
    )
    script = BUILD.format(jobs=os.cpu_count() or 1, config=str(config), packages=packages, files=files)
    (WORK / "build.py").write_text(script)
    environment = {**os.environ, "VERBENA_COMPILE": "0", "CFLAGS": os.environ.get("CFLAGS", "") + " -g0 -w"}
    return subprocess.run(
        [sys.executable, str(WORK / "build.py"), str(FOLDER), str(WORK)],
        cwd=SOURCE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _module(name: str) -> str:
    return name.removesuffix(".py").replace("/", ".")


def _works() -> bool:
    return any(FOLDER.rglob("*.so"))


def _write_manifest(files: list[str], digest: str) -> None:
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    modules: dict[str, list[object]] = {
        file.name.split(".")[0]: [str(file.relative_to(FOLDER)), "", 0, 0] for file in FOLDER.glob(f"*{suffix}")
    }
    for name in files:
        source = SOURCE / name
        found = source.stat()
        modules[_module(name)] = [
            name.removesuffix(".py") + suffix,
            str(source.relative_to(ROOT)),
            found.st_mtime_ns,
            found.st_size,
        ]
    text = json.dumps({"digest": digest, "modules": modules}, indent=0)
    temporary = FOLDER / "manifest.json.new"
    temporary.write_text(text, "utf-8")
    temporary.rename(FOLDER / "manifest.json")


if __name__ == "__main__":
    main()
