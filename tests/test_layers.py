"""The tree keeps its layers: who may import whom, what pure layers may not touch, how long things may get."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "verbena"

ALLOWED = {
    "model": "",
    "wire": "model",
    "mime": "model",
    "sieve": "model mime",
    "store": "model mime",
    "net": "model",
    "client": "model wire net",
    "auth": "model wire store",
    "urlauth": "model wire mime store",
    "notify": "model store",
    "convert": "model mime",
    "smtp": "model wire auth",
    "imap": "model wire mime store auth urlauth notify convert",
    "submission": "model wire mime store auth urlauth smtp client",
    "lmtp": "model wire mime sieve store smtp",
    "managesieve": "model wire sieve store auth",
}
"""What a package may import besides itself; ``app`` may import everything."""

PURE = ("model", "wire", "mime", "sieve")
IMPURE_MODULES = frozenset(
    {"asyncio", "socket", "ssl", "os", "time", "select", "selectors", "signal", "threading", "subprocess"}
    | {"multiprocessing", "random", "secrets", "sqlite3", "apsw", "asyncpg", "pathlib", "tempfile", "io", "uvloop"}
)
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60

MODULES = sorted(SOURCE.rglob("*.py"))
TESTS = sorted(Path(__file__).resolve().parent.rglob("*.py"))


def _name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def _package(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0]


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: a relative import"
            assert node.module is not None
            if node.module == "verbena":
                yield from ((node.lineno, f"verbena.{alias.name}") for alias in node.names)
            else:
                yield node.lineno, node.module


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_imports_follow_the_table(path: Path) -> None:
    package = _package(path)
    if package == "app" or path.parent == SOURCE:
        return
    allowed = {package, *ALLOWED[package].split()}
    for line, module in _imports(ast.parse(path.read_text("utf-8"))):
        if module.startswith("verbena.") and module != "verbena.__version__":
            imported = module.split(".")[1]
            assert imported in allowed, f"{_name(path)}:{line}: {package} imports {imported}"
        elif package in PURE:
            assert module.split(".")[0] not in IMPURE_MODULES, f"{_name(path)}:{line}: a pure layer imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_nothing_is_too_long(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= FILE_LINES_MAX, f"{_name(path)} is over {FILE_LINES_MAX} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{_name(path)}:{node.lineno}: {node.name} has {lines} lines"


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree) or not tree.body, f"{_name(path)} has no docstring"


def test_only_the_store_has_sql() -> None:
    for path in MODULES:
        if _package(path) == "store":
            continue
        for _, module in _imports(ast.parse(path.read_text("utf-8"))):
            assert module.split(".")[0] not in ("apsw", "sqlite3", "asyncpg"), f"{_name(path)} imports {module}"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_tests_do_not_sleep(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
            seconds = node.args[0] if node.args else None
            turn = isinstance(seconds, ast.Constant) and seconds.value == 0
            assert turn or not isinstance(node.func.value, ast.Name), f"{path.name}:{node.lineno} sleeps"
