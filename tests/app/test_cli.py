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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("user", "add", "alice", "--password-stdin"), "alice is no address: write NAME@DOMAIN"),
        (("user", "add", "a lice@example.org", "--password-stdin"), "a lice is no name of a mailbox"),
        (("alias", "add", "foo@-", "alice@example.org"), "- is no domain name"),
        (("alias", "add", "alice@example.org", "alice@example.org"), "is the name of an account"),
        (("alias", "remove", "x@example.org"), "There is no alias x@example.org"),
        (("domain", "add", "not a domain"), "not a domain is no domain name: write one such as example.org"),
        (("sieve", "list", "nobody@example.org"), "see `verbena user list`"),
        (("demo",), "`make run` makes some"),
    ],
)
def test_an_error_says_what_to_do(shell: Shell, arguments: tuple[str, ...], told: str) -> None:
    shell.ok("user", "add", "alice@example.org", "--password-stdin", stdin="pw\n")
    assert told in shell.fails(*arguments, stdin="pw\n")


def test_mail_for_a_domain_that_is_not_served_is_warned_of(shell: Shell) -> None:
    told = shell.ok("user", "add", "alice@example.net", "--password-stdin", stdin="pw\n")
    assert "`verbena domain add example.net`" in told
    shell.ok("domain", "add", "example.net")
    assert "domain add" not in shell.ok("alias", "add", "info@example.net", "alice@example.net")


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


def test_init_refuses_before_it_writes(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert "is no name of a host" in shell.fails("init", str(tmp_path / "data"), "--hostname", "bad host!")
    assert "is no name of a host" in shell.fails("init", str(tmp_path / "data"), "--domain", "ex ample")
    assert list(tmp_path.iterdir()) == []


def test_init_says_that_it_leaves_a_configuration_alone(shell: Shell) -> None:
    assert "--domain change nothing" in shell.ok("init", str(shell.folder / "data"), "--domain", "example.net")


def test_what_the_system_refuses_is_told(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    (tmp_path / "file").write_text("")
    assert f"{tmp_path}/file: File exists" in shell.fails("init", str(tmp_path / "file"))
    missing = CliRunner().invoke(main, ["init", str(tmp_path / "data"), "--config", str(tmp_path / "no" / "x.toml")])
    assert "No such file or directory" in missing.output
    assert isinstance(missing.exception, SystemExit)


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ('[tls]\ncertificate = "no.pem"\nkey = "no.key"', "no.pem"),
        ('[delivery]\nbefore = "no.sieve"', "delivery.before: there is no file or folder"),
        ('[delivery]\nglobal_scripts = "none"', "delivery.global_scripts: there is no folder"),
        ('[delivery]\ntimezone = "Mars/Olympus"', "there is no time zone"),
        ('[relay]\nsmarthost = "a b"', "relay.smarthost"),
        ('[relay]\nsmarthost_login = "a"', "come together"),
        ('[relay]\nsmarthost_login = "a"\nsmarthost_password_file = "none"', "can not be read"),
    ],
)
def test_config_check_reads_what_is_named(shell: Shell, section: str, told: str) -> None:
    assert "is fine" in shell.ok("config", "check")
    (shell.folder / "verbena.toml").write_text('data = "data"\n' + section)
    assert told in shell.fails("config", "check")


def test_files_are_beside_the_configuration(tmp_path: Path) -> None:
    """Wherever the data folder is."""
    etc = Shell(tmp_path)
    etc.ok("init", str(tmp_path / "srv" / "mail"))
    for name in ("cert.pem", "key.pem"):
        (tmp_path / "srv" / "mail" / "tls" / name).rename(tmp_path / name)
    text = 'data = "srv/mail"\n[tls]\ncertificate = "cert.pem"\nkey = "key.pem"\n'
    (tmp_path / "verbena.toml").write_text(text)
    etc.ok("config", "check")


def test_version_and_help() -> None:
    runner = CliRunner()
    assert "compiled layers: " in runner.invoke(main, ["--version"]).output
    for command in ("serve", "init", "user", "alias", "domain", "check", "config", "queue"):
        assert command in runner.invoke(main, ["--help"]).output
