"""``verbena sieve check | test | extensions``: what an author sees."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from support.script import outcome
from verbena.app import sieve_trace
from verbena.app.cli import main

SCRIPT = """require ["fileinto", "variables", "editheader", "include", "date", "extlists", "environment", "mailbox"];
if anyof (header :contains "subject" ["[bug", "issue"],
          not address :domain "from" "example.org") {
  set "folder" "Bugs";
  addheader "X-Filed" "yes";
  fileinto "${folder}";
} elsif false {
  discard;
}
include :optional "more";
"""
MESSAGE = "From: a@example.net\nTo: me+x@example.org\nSubject: hello\n\nbody\n"


class Desk:
    """A folder with a script, a message, and commands run on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.put("filter.sieve", SCRIPT)
        self.put("message.eml", MESSAGE)

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, "utf-8")

    def run(self, *arguments: str, status: int = 0, stdin: str | bytes = "") -> str:
        files = [str(self.folder / each) if (self.folder / each).is_file() else each for each in arguments]
        result = CliRunner().invoke(main, ["sieve", *files, "--config", str(self.folder / "none")], input=stdin)
        assert result.exit_code == status, result.output
        return result.output.replace(f"{self.folder}/", "")

    def test(self, script: str, *options: str, status: int = 0) -> str:
        """What comes after the trace."""
        self.put("it.sieve", script)
        return self.run("test", "it.sieve", "message.eml", *options, status=status).split("\n\n", 1)[-1]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_check(desk: Desk) -> None:
    assert desk.run("check", "filter.sieve") == "filter.sieve: a valid Sieve script\n"
    assert desk.run("check", "-", stdin="keep;") == "-: a valid Sieve script\n"


def test_check_tells_every_error_and_where(desk: Desk) -> None:
    desk.put("bad.sieve", 'fileinto "x";\nif heade :is "a" "b" { keep; }\n\tredirect "ä" "x";\n')
    told = desk.run("check", "bad.sieve", "filter.sieve", status=1)
    assert "bad.sieve:1:1: “fileinto” needs: require “fileinto”;" in told
    assert "bad.sieve:2:4: there is no test “heade”" in told
    assert '    if heade :is "a" "b" { keep; }\n       ^\n' in told
    assert '        redirect "ä" "x";\n        ^\n' in told
    assert "filter.sieve: a valid Sieve script" in told


def test_check_warns(desk: Desk) -> None:
    desk.put("warned.sieve", 'require ["extracttext", "variables"]; extracttext "x";')
    assert "outside of “foreverypart”" in desk.run("check", "warned.sieve")


def test_missing_file(desk: Desk) -> None:
    assert "can not be read" in desk.run("check", "nothing.sieve", status=1)


def test_extensions(desk: Desk) -> None:
    result = CliRunner().invoke(main, ["sieve", "extensions"])
    assert "regex                        a draft\n" in result.output
    assert "editheader                   RFC 5293\n" in result.output


def test_short_trace(desk: Desk) -> None:
    assert desk.run("test", "filter.sieve", "message.eml") == (
        '   2  if anyof (header :contains "subject" ["[bug", "issue"],\n'
        "      ✓ anyof is true\n"
        '   5  addheader "X-Filed" "yes";\n'
        "      → the header has “X-Filed: yes” now\n"
        '   6  fileinto "${folder}";\n'
        "      → file into “Bugs”\n"
        "\n"
        "What happens to the message:\n"
        "  1. file into “Bugs”  (line 6), as the script has edited it\n"
        "The message was edited:\n"
        "  + X-Filed: yes\n"
    )


def test_full_trace(desk: Desk) -> None:
    desk.put("more.sieve", 'if header :matches "subject" "h*o" { keep; }\n')
    assert desk.run("test", "filter.sieve", "message.eml", "--trace").partition("\n\n")[0] == (
        '   2  if anyof (header :contains "subject" ["[bug", "issue"],\n'
        "      ✓ anyof is true\n"
        "         ✗ header: “hello” contains “[bug”, “issue”? no\n"
        '   3  not address :domain "from" "example.org") {\n'
        "         ✓ not is true\n"
        "            ✗ address: “example.net” is “example.org”? no\n"
        '   4  set "folder" "Bugs";\n'
        "      · folder = “Bugs”\n"
        '   5  addheader "X-Filed" "yes";\n'
        "      → the header has “X-Filed: yes” now\n"
        '   6  fileinto "${folder}";\n'
        "      → file into “Bugs”\n"
        '  10  include :optional "more";\n'
        "      · include “more”\n"
        'more:1  if header :matches "subject" "h*o" { keep; }\n'
        "      ✓ header: “hello” matches “h*o”? yes\n"
        "      → keep in the inbox"
    )


def test_rows_of_ifs_are_told_apart() -> None:
    script = """if true { if true { keep; } }
        if allof (true, not false) { if false { stop; } }"""
    told = [(note.line.told, note.indent) for note in sieve_trace.notes(outcome(script, tracing=True).trace)]
    assert told == [
        ("true is true", 0),
        ("true is true", 0),
        ("keep in the inbox", 0),
        ("allof is true", 0),
        ("true is true", 1),
        ("not is true", 1),
        ("false is false", 2),
        ("false is false", 0),
    ]


def test_results(desk: Desk) -> None:
    assert "implicit keep" in desk.test("stop;")
    assert desk.test("discard;") == "The message is discarded: no action keeps it.\n"
    failed = desk.test('require "variables";\nredirect "${x}";', status=1)
    assert failed.startswith("The script failed at line 2, column 1: ")
    assert "stays in the inbox" in failed
    edited = desk.test('require ["editheader", "replace"]; deleteheader "subject"; replace "x";')
    assert "  - Subject: hello\n" in edited
    assert "The content was changed too." in edited


def test_wrong_script(desk: Desk) -> None:
    desk.put("bad.sieve", "kep;")
    assert "there is no command “kep”" in desk.run("test", "bad.sieve", "message.eml", status=1)


@pytest.mark.parametrize(
    ("test", "options", "answer"),
    [
        ('envelope "to" "me+x@example.org"', (), True),
        ('envelope "from" "a@example.net"', (), True),
        ('envelope "from" ""', ("--envelope-from", ""), True),
        ('envelope "to" "b@c.example"', ("--envelope-to", "<b@c.example>"), True),
        ('currentdate :zone "+0000" "hour" "23"', ("--now", "2026-01-01T00:30:00+01:00"), True),
        ('mailboxexists "Work"', ("--mailbox", "Work"), True),
        ('mailboxexists "Work"', (), False),
        ('environment "phase" "post"', ("--item", "phase=post"), True),
        ('header :list "from" "tag:x=y"', ("--list", "tag:x=y=members"), True),
        ('address :list "from" ":addrbook:default"', ("--list", ":addrbook:default=members"), True),
        ('spamtest :is "10"', ("--item", "vnd.verbena.spamtest=Subject text hello=100"), True),
    ],
)
def test_answers(desk: Desk, test: str, options: tuple[str, ...], answer: bool) -> None:
    desk.put("members", "A@example.net\n\n")
    options = tuple(each.replace("=members", f"={desk.folder}/members") for each in options)
    require = '["envelope", "date", "mailbox", "environment", "extlists", "spamtest"]'
    told = desk.test(f"require {require}; if {test} {{ discard; }}", *options)
    assert ("discarded" in told) == answer


@pytest.mark.parametrize("option", [("--now", "soon"), ("--item", "x"), ("--list", "x=y"), ("--list", "tag:a:b")])
def test_wrong_options(desk: Desk, option: tuple[str, str]) -> None:
    assert "Error: " in desk.run("test", "filter.sieve", "message.eml", *option, status=2)


def test_included_scripts_stay_in_the_folder(desk: Desk) -> None:
    assert "can not be the name of a script" in desk.test('require "include"; include "../it";', status=1)
    desk.put(".hidden", "stop;")
    assert "there is no script “.hidden”" in desk.test('require "include"; include ".hidden";', status=1)


def test_colours_on_a_terminal_only() -> None:
    texts = list(sieve_trace.Teller("x", ["keep;"], lambda name: [], True).trace(outcome("keep;", tracing=True).trace))
    console = Console(force_terminal=True, color_system="standard")
    with console.capture() as captured:
        console.print(texts[-1])
    assert "\x1b[" in captured.get()
