"""The command line, in process."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from verbena.app.cli import main


class Shell:
    """Runs commands on one configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._runner = CliRunner()

    def run(self, *arguments: str, stdin: str = "") -> Result:
        return self._runner.invoke(main, [*arguments, "--config", str(self.folder / "verbena.toml")], input=stdin)

    def ok(self, *arguments: str, stdin: str = "") -> str:
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.output

    def fails(self, *arguments: str, stdin: str = "") -> str:
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code in (1, 2), result.output
        return result.output


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.ok("init", str(tmp_path / "data"), "--domain", "example.org", "--hostname", "mail.example.org")
    return shell


def test_init_writes_a_configuration_and_may_be_repeated(shell: Shell) -> None:
    text = (shell.folder / "verbena.toml").read_text()
    assert 'data = "data"' in text
    shell.ok("init", str(shell.folder / "data"))
    assert (shell.folder / "verbena.toml").read_text() == text
    assert "make them agree" in shell.fails("init", str(shell.folder / "elsewhere"))


def test_domains_of_the_configuration_are_there(shell: Shell) -> None:
    assert shell.ok("domain", "list") == "example.org\n"
    shell.ok("domain", "add", "example.net")
    assert shell.ok("domain", "list") == "example.org\nexample.net\n"


def test_users(shell: Shell) -> None:
    assert "alice@example.org added" in shell.ok("user", "add", "alice@example.org", "--password-stdin", stdin="pw\n")
    assert "alice@example.org" in shell.ok("user", "list")
    shell.ok("user", "password", "alice@example.org", "--password-stdin", stdin="other\n")
    shell.ok("user", "disable", "alice@example.org")
    assert "disabled" in shell.ok("user", "list")
    shell.ok("user", "enable", "alice@example.org")
    shell.ok("user", "remove", "alice@example.org", "--yes")
    assert "alice" not in shell.ok("user", "list")


def test_user_errors(shell: Shell) -> None:
    shell.ok("user", "add", "alice@example.org", "--password-stdin", stdin="pw\n")
    assert "Error: " in shell.fails("user", "add", "alice@example.org", "--password-stdin", stdin="pw\n")
    assert "the password is empty" in shell.fails("user", "add", "bob@example.org", "--password-stdin", stdin="\n")
    assert "--password-stdin" in shell.fails("user", "add", "bob@example.org", stdin="pw\n")
    assert "verbena user list" in shell.fails("user", "password", "x@example.org", "--password-stdin", stdin="pw\n")


def test_aliases(shell: Shell) -> None:
    shell.ok("user", "add", "alice@example.org", "--password-stdin", stdin="pw\n")
    shell.ok("alias", "add", "info@example.org", "alice@example.org")
    assert "info@example.org" in shell.ok("alias", "list")
    shell.ok("alias", "remove", "info@example.org")
    assert "info@example.org" not in shell.ok("alias", "list")


def test_check_and_queue(shell: Shell) -> None:
    assert shell.ok("check") == "all is well\n"
    assert shell.ok("queue", "list") == "nothing waits\n"


def test_config_may_stand_anywhere_after_the_name(shell: Shell) -> None:
    arguments = ["alias", "add", "--config", str(shell.folder / "verbena.toml"), "a@example.org", "nobody@example.org"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "there is no account" in result.output


def test_without_a_configuration(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert "verbena init DIR" in shell.fails("user", "list")
    (tmp_path / "verbena.toml").write_text('hostnam = "x"')
    assert "did you mean 'hostname'?" in shell.fails("serve")
    (tmp_path / "verbena.toml").write_text('data = "nothing"')
    assert "verbena init" in shell.fails("serve")


def test_version_and_help() -> None:
    runner = CliRunner()
    assert "compiled layers: " in runner.invoke(main, ["--version"]).output
    for command in ("serve", "init", "user", "alias", "domain", "check", "config", "queue"):
        assert command in runner.invoke(main, ["--help"]).output
