"""Compiled modules run only while they are what is written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from verbena import compiled


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source with a manifest that fits it."""
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    monkeypatch.setattr(compiled, "FOLDER", tmp_path)
    source = tmp_path / "a.py"
    source.write_text("A = 1\n")
    found = source.stat()
    modules = {"verbena.model.a": ["a.so", "a.py", found.st_mtime_ns, found.st_size], "shared": ["shared.so", "", 0, 0]}
    (tmp_path / "manifest.json").write_text(json.dumps({"modules": modules}))
    return source


def test_fresh_modules_are_used(source: Path) -> None:
    folder = source.parent
    assert compiled._fresh_modules() == {
        "verbena.model.a": str(folder / "a.so"),
        "shared": str(folder / "shared.so"),
    }


def test_one_changed_source_turns_all_off(source: Path) -> None:
    source.write_text("A = 22\n")
    assert compiled._fresh_modules() == {}


def test_a_source_that_is_gone_turns_all_off(source: Path) -> None:
    source.unlink()
    assert compiled._fresh_modules() == {}


@pytest.mark.parametrize("text", ["", "[]", '{"digest": 1}'])
def test_a_damaged_manifest_is_none(source: Path, text: str) -> None:
    (source.parent / "manifest.json").write_text(text)
    assert compiled._fresh_modules() == {}


def test_it_can_be_turned_off() -> None:
    code = "import verbena.wire.imap.frame as f; from verbena import compiled; print(compiled.layers(), f.__file__)"
    environment = {**os.environ, "VERBENA_COMPILE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("() ")
    assert done.stdout.endswith("frame.py\n")
