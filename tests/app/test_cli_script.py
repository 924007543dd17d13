"""``verbena sieve put``, ``list``, ``get``, ``activate``, ``rename`` and ``delete``, in process."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from verbena.app.cli import main

ALICE = "alice@example.org"
SCRIPT = b'require "fileinto";\r\nfileinto "Archive";\r\n'


class Shell:
    """Runs ``verbena sieve`` on one configuration; ``file`` holds a good script."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "main.sieve"
        self.file.write_bytes(SCRIPT)
        self._run("init", str(folder / "data"), "--domain", "example.org", "--hostname", "mail.example.org")
        self._run("user", "add", ALICE, "--password-stdin", stdin=b"pw\n")

    def _run(self, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes]:
        config = str(self.folder / "verbena.toml")
        result = CliRunner().invoke(main, [*arguments, "--config", config], input=stdin)
        return result.exit_code, result.output_bytes

    def ok(self, *arguments: str, stdin: bytes = b"") -> bytes:
        status, output = self._run("sieve", *arguments, stdin=stdin)
        assert status == 0, output
        return output

    def fails(self, *arguments: str, stdin: bytes = b"") -> str:
        status, output = self._run("sieve", *arguments, stdin=stdin)
        assert status in (1, 2), output
        return output.decode()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_the_life_of_a_script(shell: Shell) -> None:
    assert shell.ok("list", ALICE) == b"there are no scripts\n"
    assert shell.ok("put", ALICE, str(shell.file), "--activate") == b"alice@example.org: main is kept and active\n"
    shell.ok("put", ALICE, "-", "--name", "other", stdin=b"keep;")
    table = shell.ok("list", ALICE)
    assert table.count(b"active") == 1
    assert b"other" in table
    assert shell.ok("get", ALICE, "main") == SCRIPT
    shell.ok("rename", ALICE, "main", "Ferien im März")
    assert "active" in shell.fails("delete", ALICE, "Ferien im März")
    shell.ok("activate", ALICE, "other")
    shell.ok("delete", ALICE, "Ferien im März")
    assert shell.ok("activate", ALICE, "--none") == b"alice@example.org: no script is active\n"
    shell.ok("delete", ALICE, "other")


def test_errors_are_told_with_their_place_and_the_old_script_stays(shell: Shell) -> None:
    shell.ok("put", ALICE, str(shell.file))
    shell.file.write_bytes(b"keep;\r\nnonsense;\r\nmore nonsense;\r\n")
    told = shell.fails("put", ALICE, str(shell.file))
    assert "main.sieve: line 2, column 1: " in told
    assert "main.sieve: line 3" in told
    assert shell.ok("get", ALICE, "main") == SCRIPT


def test_warnings(shell: Shell) -> None:
    shell.file.write_bytes(b'require ["mime", "extracttext", "foreverypart", "variables"];\nextracttext "x";\n')
    assert b"main.sieve: line 2, column 1: " in shell.ok("put", ALICE, str(shell.file))


def test_what_can_not_be_done(shell: Shell) -> None:
    file = str(shell.file)
    assert "There is no account" in shell.fails("list", "nobody@example.org")
    assert "can not be read" in shell.fails("put", ALICE, str(shell.folder / "missing"))
    assert "--name" in shell.fails("put", ALICE, "-", stdin=b"keep;")
    assert "not allowed" in shell.fails("put", ALICE, file, "--name", "a\nb")
    assert "not empty" in shell.fails("put", ALICE, "-", "--name", "a")
    assert "has no script" in shell.fails("get", ALICE, "x")
    assert "no script of this name" in shell.fails("activate", ALICE, "x")
    assert "--none" in shell.fails("activate", ALICE)
    assert "--none" in shell.fails("activate", ALICE, "x", "--none")
    assert "no script of this name" in shell.fails("delete", ALICE, "x")


def test_filter(shell: Shell) -> None:
    assert "no active script" in shell.fails("filter", ALICE)
    shell.ok("put", ALICE, str(shell.file), "--activate")
    assert b"Nothing was changed" in shell.ok("filter", ALICE)
    assert b"Nothing" not in shell.ok("filter", ALICE, "Archive", "--script", "main", "--apply")
    assert "has no mailbox" in shell.fails("filter", ALICE, "Nowhere")


def test_what_the_server_can_not_keep_is_refused(shell: Shell) -> None:
    shell.file.write_bytes(b'require "redirect-deliverby";\nkeep;\n')
    assert "redirect-deliverby" in shell.fails("put", ALICE, str(shell.file))
