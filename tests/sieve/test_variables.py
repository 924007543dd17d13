"""RFC 5229 and RFC 6609: variables, what wildcards matched, scripts in scripts; every example of both."""

import pytest

from support.script import ENVELOPE, World, actions, complaints, in_words, outcome
from support.sieve import compiled, crlf, message_of
from verbena.sieve.run import RunLimits, run

VARIABLES = 'require ["variables", "fileinto", "envelope"];\n'


def value_of(commands: str, text: str, message: str = "Subject: x\n\n") -> str:
    """What ``text`` expands to after ``commands``."""
    done = actions(VARIABLES + commands + f'\nfileinto "[{text}]";', message)
    assert done[0].startswith("fileinto [")
    return done[0][len("fileinto [") : -1]


@pytest.mark.rfc("5229 §3")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("&%${}!", "&%${}!"),
        ("${doh!}", "${doh!}"),
        ("${company}", "ACME"),
        ("${BAD${Company}", "${BADACME"),
        ("${President, ${Company} Inc.}", "${President, ACME Inc.}"),
        ("${COMPANY}${company}", "ACMEACME"),
        ("${unset}", ""),
        ("${", "${"),
        ("${company", "${company"),
        ("$${company}", "$ACME"),
        ("${0}${1}", ""),
        ("${1x}", "${1x}"),
        ("${a..b}", "${a..b}"),
        (r"${comp\any}", "ACME"),
        (r"${comp\\any}", r"${comp\any}"),
        (r"\${company}", "ACME"),
        (r"\\${company}", r"\ACME"),
    ],
)
def test_references(text: str, expected: str) -> None:
    assert value_of('set "company" "ACME";', text) == expected


@pytest.mark.rfc("5229 §3.1")
def test_dollar() -> None:
    commands = 'set "dollar" "$"; set "text" "regarding ${dollar}{beep}";'
    assert value_of(commands, "${text}") == "regarding ${beep}"


@pytest.mark.rfc("5229 §4.1")
@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ('set "b" "${a}";', "juMBlEd lETteRS"),
        ('set :length "b" "${a}";', "15"),
        ('set :lower "b" "${a}";', "jumbled letters"),
        ('set :upper "b" "${a}";', "JUMBLED LETTERS"),
        ('set :upperfirst "b" "${a}";', "JuMBlEd lETteRS"),
        ('set :upperfirst :lower "b" "${a}";', "Jumbled letters"),
        ('set :lowerfirst :upper "b" "${a}";', "jUMBLED LETTERS"),
        ('set :quotewildcard "b" "Rock*";', "Rock\\*"),
        ('set :quotewildcard "b" "a?b";', "a\\?b"),
        ('set :length :quotewildcard "b" "Rock*";', "6"),
        ('set :length "b" "äöü";', "3"),
        ('set :upper "b" "straße";', "STRAßE"),
        ('set :lowerfirst "b" "";', ""),
    ],
)
def test_modifiers(command: str, expected: str) -> None:
    assert value_of('set "a" "juMBlEd lETteRS";' + command, "${b}") == expected


@pytest.mark.rfc("5229 §3.2")
@pytest.mark.parametrize(
    ("script", "message", "expected"),
    [
        (
            'if header :matches "List-ID" "*<*@*" { fileinto "INBOX.lists.${2}"; stop; }',
            "List-ID: Knit <knit@example.com>\n\n",
            "fileinto INBOX.lists.knit",
        ),
        (
            'if header :matches "Subject" "[*] *" { fileinto "INBOX.lists.${1}:${2}"; stop; }',
            "Subject: [acme-users] [fwd] version 1.0 is out\n\n",
            "fileinto INBOX.lists.acme-users:[fwd] version 1.0 is out",
        ),
        (
            'if address :matches ["To", "Cc"] ["coyote@**.com", "wile@**.com"]'
            ' { fileinto "INBOX.business.${2}|${1}|${0}"; stop; } else { fileinto "none${1}"; }',
            "To: coyote@ACME.Example.COM\n\n",
            "fileinto INBOX.business.ACME.Example||coyote@ACME.Example.COM",
        ),
        (
            'if anyof (true, address :domain :matches "To" "*.com") { fileinto "x${0}${1}"; stop; }',
            "To: a@b.com\n\n",
            "fileinto x",
        ),
        ('if header :matches "subject" "a?b*" { fileinto "${001}${02}"; }', "Subject: axbyz\n\n", "fileinto xyz"),
        (
            'if header :matches "subject" "*" {} if header :matches "subject" "no*" {} fileinto "${1}";',
            "Subject: kept\n\n",
            "fileinto kept",
        ),
        ('if header :is "subject" "X" { fileinto "a${0}"; }', "Subject: x\n\n", "fileinto a"),
        (
            'if header :matches :comparator "i;ascii-casemap" "subject" "*é?" { fileinto "${1}-${2}"; }',
            "Subject: =?utf-8?q?caf=C3=A9s?=\n\n",
            "fileinto caf-s",
        ),
    ],
)
def test_match_variables(script: str, message: str, expected: str) -> None:
    assert actions(VARIABLES + script, message) == [expected]


@pytest.mark.rfc("5229 §4")
def test_set_example() -> None:
    script = (
        'require ["variables", "vacation"];\n'
        'set "honorific"  "Mr";\nset "first_name" "Wile";\nset "last_name"  "Coyote";\n'
        'set "vacation" text:\nDear ${HONORIFIC} ${last_name},\n'
        "I'm out, please leave a message after the meep.\n.\n;\n"
        'vacation "${vacation}";'
    )
    told = "Dear Mr Coyote,\r\nI'm out, please leave a message after the meep.\r\n"
    assert actions(script) == [f"vacation 604800 s: {told}", "implicit keep"]


@pytest.mark.rfc("5229 §5")
@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('string :matches " ${state} " "* pending *"', True),
        ('string "${state}" "pending"', False),
        ('string " a" "a"', False),
        ('string :contains ["x", "${state}"] ["new", "pend"]', True),
        ('string :count "eq" ["", "a", "${unset}", "b"] "2"', True),
        ('string :value "gt" "b" "a"', True),
    ],
)
def test_string(test: str, expected: bool) -> None:
    script = (
        'require ["variables", "relational"]; set "state" "old"; set "state" "${state} pending";'
        f"if {test} {{ discard; }}"
    )
    assert actions(script) == ([] if expected else ["implicit keep"])


@pytest.mark.rfc("5229 §4")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('set "1" "x";', "line 2, column 5: match variables can not be used here"),
        ('set "a b" "x";', "line 2, column 5: “a b” can not be the name of a variable"),
        ('set "" "x";', "line 2, column 5: “” can not be the name of a variable"),
        ('set "${a}" "x";', "line 2, column 5: “set” takes a string without variables here"),
        ('set "a.b" "x";', "line 2, column 5: there are no variables “a.…”"),
        ('set "a" "${x.y}";', "line 2, column 9: there are no variables “x.…”"),
        ('set "a" "${global.y}";', "line 2, column 9: variables “global.…” need: require “include”;"),
        ('set "a" "${100}";', "line 2, column 9: match variables go up to ${99}"),
        ('set :lower :upper "a" "x";', "line 2, column 12: “:upper” and “:lower” exclude each other"),
        ('set :foo "a" "x";', "line 2, column 5: “set” takes no “:foo”"),
        ('set :encodeurl "a" "x";', "line 2, column 5: “:encodeurl” needs: require “enotify”;"),
        (
            'if header :comparator "${a}" "b" "c" {}',
            "line 2, column 23: “:comparator” takes a string without variables here",
        ),
    ],
)
def test_what_can_not_be_set(script: str, expected: str) -> None:
    assert complaints(VARIABLES + script) == [expected]


@pytest.mark.rfc("5229 §6")
def test_limits_cut_and_count() -> None:
    script = VARIABLES + 'set "a" "äää"; fileinto "${a}${a}${a}";'
    result = outcome(script, limits=RunLimits(variable_octets=5, string_octets=7))
    assert [each.mailbox.decode() for each in result.actions] == ["ääää"[:3]]  # type: ignore[union-attr]
    many = VARIABLES + "".join(f'set "v{at}" "x";' for at in range(129))
    assert outcome(many).failed == "the script sets more than 128 variables"
    doubling = VARIABLES + 'set "a" "0123456789";' + 'set "a" "${a}${a}${a}${a}";' * 40
    assert outcome(doubling).failed is None


def test_without_require_strings_are_plain() -> None:
    assert actions('require "fileinto"; fileinto "${a}";') == ["fileinto ${a}"]


# --- include ---------------------------------------------------------------------------------

DEFAULT = """require ["include"];
include :personal "always_allow";
include :global "spam_tests";
include :personal "spam_tests";
include :personal "mailing_lists";
"""
SCRIPTS = {
    (b"always_allow", False): b"""if address :is "from" "boss@example.com"
      {
          keep;
      }
      elsif address :is "from" "ceo@example.com"
      {
          keep;
      }""",
    (b"spam_tests", False): b"""require ["reject"];
      if header :contains "Subject" "XXXX"
      {
          reject "Subject XXXX is unacceptable.";
      }
      elsif address :is "from" "money@example.com"
      {
          reject "Mail from this sender is unwelcome.";
      }""",
    (b"mailing_lists", False): b"""require ["fileinto"];
      if header :is "List-ID" "sieve.ietf.org"
      {
          fileinto "lists.sieve";
      }
      elsif header :is "List-ID" "ietf-imapext.imc.org"
      {
          fileinto "lists.imapext";
      }""",
    (b"spam_tests", True): b"""require ["reject"];
      if anyof (header :contains "Subject" "$$",
                header :contains "Subject" "Make money")
      {
          reject "No thank you.";
      }""",
}


@pytest.mark.rfc("6609 §3.2")
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("From: boss@example.com\n\n", ["keep"]),
        ("From: ceo@example.com\n\n", ["keep"]),
        ("Subject: Make money\n\n", ["reject No thank you."]),
        ("Subject: XXXX\n\n", ["reject Subject XXXX is unacceptable."]),
        ("From: money@example.com\n\n", ["reject Mail from this sender is unwelcome."]),
        ("List-ID: sieve.ietf.org\n\n", ["fileinto lists.sieve"]),
        ("List-ID: ietf-imapext.imc.org\n\n", ["fileinto lists.imapext"]),
        ("Subject: hello\n\n", ["implicit keep"]),
        (
            "From: boss@example.com\nSubject: $$\n\n",
            [
                "failed: in “spam_tests”, line 5, column 11: a message can not be rejected and delivered",
                "implicit keep",
            ],
        ),
    ],
)
def test_include_example(message: str, expected: list[str]) -> None:
    assert actions(DEFAULT, message, world=World(scripts=SCRIPTS)) == expected


ACTIVE = """require ["fileinto", "include", "variables", "relational"];
      global "test";
      global "test_mailbox";
      set "test" "$$";
      include "subject_tests";
      set "test" "Make money";
      include "subject_tests";
      if string :count "eq" "${test_mailbox}" "1"
      {
          fileinto "${test_mailbox}";
          stop;
      }"""
SUBJECT_TESTS = b"""require ["include", "variables"];
      global ["test", "test_mailbox"];
      if header :contains "Subject" "${test}"
      {
          set "test_mailbox" "spam-${test}";
      }"""


@pytest.mark.rfc("6609 §3.4.1")
@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("$$", "fileinto spam-$$"),
        ("Make money", "fileinto spam-Make money"),
        ("$$ Make money", "fileinto spam-Make money"),
        ("hello", "implicit keep"),
    ],
)
def test_global_example(subject: str, expected: str) -> None:
    world = World(scripts={(b"subject_tests", False): SUBJECT_TESTS})
    assert actions(ACTIVE, f"Subject: {subject}\n\n", world=world) == [expected]


@pytest.mark.rfc("6609 §3.4.2")
def test_global_namespace_examples() -> None:
    assert complaints('require ["variables", "include"]; set "global.i_am_on_vacation" "1";') == []
    script = (
        'require ["variables", "include", "vacation"]; global "i_am_on_vacation"; set "global.i_am_on_vacation" "1";'
        'if string :is "${i_am_on_vacation}" "1" { vacation "It\'s true, I am on vacation."; }'
    )
    assert actions(script)[0] == "vacation 604800 s: It's true, I am on vacation."


@pytest.mark.rfc("6609 §3")
@pytest.mark.parametrize(
    ("main", "scripts", "expected"),
    [
        ('include "a";', {}, ["failed: there is no script “a” that could be included", "implicit keep"]),
        ('include :optional "a"; discard;', {}, []),
        ('include "a"; discard;', {"a": 'require "include"; return; keep;'}, []),
        ('include "a"; discard;', {"a": "stop;"}, ["implicit keep"]),
        ("return; discard;", {}, ["implicit keep"]),
        ('include "a";', {"a": 'require "include"; include "a";'}, None),
        ('include "a";', {"a": 'require "include"; include "b";', "b": 'require "include"; include "a";'}, None),
        ('include "a";', {"a": 'require "include"; include :once "a"; discard;'}, []),
        ('include "main"; discard;', {"main": "keep;"}, ["failed: the script “main” includes itself", "implicit keep"]),
        ('include :once "main"; discard;', {"main": "keep;"}, []),
        (
            'include :once "a"; include :once "a";',
            {"a": 'require ["fileinto", "variables", "include"]; global "n"; set "n" "${n}x"; fileinto "${n}";'},
            ["fileinto x"],
        ),
        (
            'include "a"; include "a";',
            {"a": 'require ["fileinto", "variables", "include"]; global "n"; set "n" "${n}x"; fileinto "${n}";'},
            ["fileinto x", "fileinto xx"],
        ),
        (
            'set "v" "outer"; include "a"; fileinto "${v}";',
            {"a": 'require ["fileinto", "variables"]; fileinto "in:${v}${1}"; set "v" "inner";'},
            ["fileinto in:", "fileinto outer"],
        ),
        (
            'if header :matches "subject" "*" { include "a"; } fileinto "${1}";',
            {"a": 'require ["variables"]; if header :matches "subject" "*y*" {}'},
            ["fileinto xyz"],
        ),
        ('if true { include "a"; } else { discard; } keep;', {"a": "if false {}"}, ["keep"]),
    ],
)
def test_include(main: str, scripts: dict[str, str], expected: list[str] | None) -> None:
    world = World(scripts={(name.encode(), False): text.encode() for name, text in scripts.items()})
    script = 'require ["include", "variables", "fileinto"];\n' + main
    result = run(compiled(script), message_of(crlf("Subject: xyz\n\n")), ENVELOPE, world, name=b"main")
    if expected is None:
        assert result.failed is not None
        assert "includes itself" in result.failed
        return
    told = [in_words(each) for each in result.actions]
    assert (told if result.failed is None else [f"failed: {result.failed}", *told]) == expected


@pytest.mark.rfc("6609 §3.1")
def test_depth_and_number_are_limited() -> None:
    chain = {(b"s%d" % at, False): b'require "include"; include "s%d";' % (at + 1) for at in range(20)}
    assert "deep" in (outcome('require "include"; include "s0";', world=World(scripts=chain)).failed or "")
    world = World(scripts={(b"a", False): b""})
    many = 'require "include";' + 'include "a";' * 101
    assert outcome(many, world=world).failed == "more than 100 scripts are included"


@pytest.mark.rfc("6609 §4")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('include "./../..//etc/passwd";', "line 2, column 9: this can not be the name of a script"),
        ('include "a\nb";', "line 2, column 9: this can not be the name of a script"),
        ('include "";', "line 2, column 9: this can not be the name of a script"),
        ('include "${a}";', "line 2, column 9: “include” takes a string without variables here"),
        ('include :personal :global "a";', "line 2, column 19: “:global” and “:personal” exclude each other"),
        ('set "a" "x"; global "a";', "line 2, column 21: “a” was set before it was declared global"),
        ('global "a.b";', "line 2, column 8: “a.b” can not be the name of a global variable"),
        ('global "1";', "line 2, column 8: “1” can not be the name of a global variable"),
        ('set "global.data.from" "x";', "line 2, column 5: there is no variable “global.data.from”"),
        ('set "global.12" "x";', "line 2, column 5: there is no variable “global.12”"),
    ],
)
def test_include_errors(script: str, expected: str) -> None:
    assert complaints('require ["include", "variables"];\n' + script) == [expected]


def test_global_needs_both() -> None:
    assert complaints('require "include"; global "a";') == ["line 1, column 20: “global” needs: require “variables”;"]
    assert complaints('require "variables"; global "a";') == ["line 1, column 22: “global” needs: require “include”;"]
