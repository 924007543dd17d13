"""Tokens and trees: what is read as what, and where a script stops being Sieve."""

import pytest

from support.script import complaints
from verbena.sieve import parser
from verbena.sieve.check import compile_script
from verbena.sieve.errors import Place, ScriptError
from verbena.sieve.extensions import REGISTRY
from verbena.sieve.lexer import Kind, Lexer


def tokens(script: bytes) -> list[tuple[str, bytes, int]]:
    lexer = Lexer(script)
    result: list[tuple[str, bytes, int]] = []
    while True:
        token = lexer.next()
        if token.kind == Kind.END:
            return result
        result.append((token.kind.name.lower(), token.text, token.number))


@pytest.mark.rfc("5228 §8.1")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (b"keep;", [("identifier", b"keep", 0), ("separator", b";", 0)]),
        (b"KEEP", [("identifier", b"keep", 0)]),
        (b":Contains", [("tag", b"contains", 0)]),
        (b"0", [("number", b"0", 0)]),
        (b"100K", [("number", b"100K", 102_400)]),
        (b"2m", [("number", b"2m", 2 << 20)]),
        (b"3G", [("number", b"3G", 3 << 30)]),
        (b"2147483647", [("number", b"2147483647", 2**31 - 1)]),
        (b'"a b"', [("string", b"a b", 0)]),
        (rb'"a\"b\\c\d"', [("string", rb'a"b\cd', 0)]),
        (b'"two\nlines"', [("string", b"two\r\nlines", 0)]),
        (b'"two\r\nlines"', [("string", b"two\r\nlines", 0)]),
        ('"ä"'.encode(), [("string", "ä".encode(), 0)]),
        (b"text:\nHello\n.\n", [("string", b"Hello\r\n", 0)]),
        (
            b"text:  # why\r\n..dot\r\n.not\r\n\r\n.\r\n;",
            [("string", b".dot\r\n.not\r\n\r\n", 0), ("separator", b";", 0)],
        ),
        (b"text:\n.\n", [("string", b"", 0)]),
        (b"text", [("identifier", b"text", 0)]),
        (b"text_1", [("identifier", b"text_1", 0)]),
        (b"# all this\nkeep", [("identifier", b"keep", 0)]),
        (b"# at the end", []),
        (b"/* one\n * two */keep", [("identifier", b"keep", 0)]),
        (b"/**/", []),
        (b"[,]{}()", [("separator", each.to_bytes(1, "big"), 0) for each in b"[,]{}()"]),
    ],
)
def test_tokens(script: bytes, expected: list[tuple[str, bytes, int]]) -> None:
    assert tokens(script) == expected


BROKEN = [
    (b"keep", "line 1, column 5: expected “;” or a block after “keep”, found end of script"),
    (b"keep;\n  keep\n}", "line 3, column 1: expected “;” or a block after “keep”, found “}”"),
    (b"keep; }", "line 1, column 7: expected a command, found “}”"),
    (b"if true {\n keep;\n", "line 3, column 1: expected “}” at the end of the block of “if”, found end of script"),
    (b'keep "a', "line 1, column 6: this string has no closing quote"),
    (b'keep\n\n   "a', "line 3, column 4: this string has no closing quote"),
    (b"/* x", "line 1, column 1: this comment has no “*/”"),
    (b"keep text:\nabc\n", "line 1, column 6: this text has no line of a single dot to end it"),
    (b"keep text: x\n.\n", "line 1, column 12: “text:” must be followed by a line end"),
    (b"100X;", "line 1, column 1: a number may be followed by K, M or G only"),
    (b"size 99999999999999999999", "line 1, column 6: the number is too large"),
    (b"size 9223372036854775807G", "line 1, column 6: the number is too large"),
    (b"a\rb", "line 1, column 2: a CR without LF"),
    (b"keep; # a\0b", "line 1, column 7: a NUL in a comment"),
    (b'keep "a\0b";', "line 1, column 8: a NUL in a string; write it as ${hex:00} with “encoded-character”"),
    (b"keep :;", "line 1, column 6: expected a tag's name after “:”, found ';'"),
    (b"keep @;", "line 1, column 6: expected a command, test, tag, string or number, found '@'"),
    (b'keep [ "a" "b" ];', "line 1, column 12: expected “]” at the end of the list, found a string"),
    (b'keep ["a",];', "line 1, column 11: expected a string in the list, found “]”"),
    (b"keep [];", "line 1, column 7: expected a string in the list, found “]”"),
    (b"if anyof (true,) {}", "line 1, column 16: expected a test, found “)”"),
    (b"if anyof (true {}", "line 1, column 16: expected “)” at the end of the tests, found “{”"),
    (b'"a";', "line 1, column 1: expected a command, found a string"),
    (b"keep;\n\xff", "line 2, column 1: this octet is not UTF-8"),
    (b'\xef\xbb\xbfkeep "\xc3"', "line 1, column 7: this octet is not UTF-8"),
]


@pytest.mark.rfc("5228 §8.2")
@pytest.mark.parametrize(("script", "expected"), BROKEN)
def test_first_fault_is_told_with_its_place(script: bytes, expected: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parser.parse(script)
    assert [str(each) for each in caught.value.complaints] == [expected]


def test_tree_has_places() -> None:
    (first, second) = parser.parse(b'require "a";\nif not\n  header :is ["b", "c"] 5 { keep; }')
    assert (first.name, first.place) == (b"require", Place(1, 1))
    assert second.place == Place(2, 1)
    (negation,) = second.tests
    (header,) = negation.tests
    assert header.place == Place(3, 3)
    tag, strings, number = header.arguments
    assert isinstance(tag, parser.TagArgument)
    assert isinstance(strings, parser.StringArgument)
    assert isinstance(number, parser.NumberArgument)
    assert (tag.name, tag.place) == (b"is", Place(3, 10))
    assert (strings.strings, strings.bracketed, strings.place) == ((b"b", b"c"), True, Place(3, 14))
    assert (number.number, number.place) == (5, Place(3, 25))
    assert second.block is not None
    assert second.block[0].place == Place(3, 29)


def test_byte_order_mark_is_passed_over() -> None:
    assert parser.parse(b"\xef\xbb\xbfkeep;")[0].name == b"keep"


@pytest.mark.parametrize(
    ("script", "limits", "told"),
    [
        (b"keep;" * 3, parser.Limits(script_octets=10), "the script is longer than 10 octets"),
        (b"if true {" * 3, parser.Limits(nesting=2), "blocks are nested more than 2 deep"),
        (b"if not not not true {}", parser.Limits(nesting=2), "tests are nested more than 2 deep"),
        (b"keep;" * 4, parser.Limits(commands=3), "the script has more than 3 commands"),
        (b'keep ["a","a","a"];', parser.Limits(list_strings=2), "the list has more than 2 strings"),
        (b'keep "a" "a" "a";', parser.Limits(list_strings=2), "too many arguments"),
        (b"if anyof (true,true,true) {}", parser.Limits(list_strings=2), "too many tests"),
    ],
)
def test_limits(script: bytes, limits: parser.Limits, told: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parser.parse(script, limits)
    assert caught.value.complaints[0].told == told


@pytest.mark.parametrize("opening", [b"if true {", b"if not ", b"if anyof (", b"[", b"/*", b"("])
def test_depth_never_overflows(opening: bytes) -> None:
    with pytest.raises(ScriptError):
        parser.parse(opening * 20_000)


@pytest.mark.rfc("5228 §2.10.4")
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("foo;", ["line 1, column 1: there is no command “foo”"]),
        ("header;", ["line 1, column 1: there is no command “header”, it is a test"]),
        ("if keep {}", ["line 1, column 4: there is no test “keep”, it is a command"]),
        ('keep;\nfileinto "a";', ["line 2, column 1: “fileinto” needs: require “fileinto”;"]),
        ('require "x-none";', ["line 1, column 9: this server does not know “x-none”"]),
        ('keep; require "fileinto";', ["line 1, column 7: “require” must stand before all other commands"]),
        ('if true { require "fileinto"; }', ["line 1, column 11: “require” must stand before all other commands"]),
        ("else { keep; }", ["line 1, column 1: “else” must follow an “if” or “elsif”"]),
        ("if true {} else {} elsif true {}", ["line 1, column 20: “elsif” must follow an “if” or “elsif”"]),
        ("if true;", ["line 1, column 1: “if” needs a block in braces"]),
        ("keep {}", ["line 1, column 1: “keep” takes no block; end it with “;”"]),
        ("if (true) {}", ["line 1, column 1: “if” takes one test"]),
        ("if {}", ["line 1, column 1: “if” takes one test"]),
        ("if allof true {}", ["line 1, column 4: “allof” takes a list of tests in parentheses"]),
        ("keep true;", ["line 1, column 1: “keep” takes no test"]),
        ('keep "x";', ["line 1, column 1: “keep” takes 0 arguments besides its tags, not 1"]),
        ("redirect;", ["line 1, column 1: “redirect” takes 1 arguments besides its tags, not 0"]),
        ('redirect ["a@b"];', ["line 1, column 10: “redirect” needs a string here"]),
        ('if header 5 "x" {}', ["line 1, column 11: “header” needs a string or a list of strings here"]),
        ('if header :foo "a" "x" {}', ["line 1, column 11: “header” takes no “:foo”"]),
        ('if header :is :is "a" "x" {}', ["line 1, column 15: “:is” stands twice"]),
        ('if header :is :matches "a" "x" {}', ["line 1, column 15: “:matches” and “:is” exclude each other"]),
        ('if header "a" "x" :is {}', ["line 1, column 19: “:is” must stand before the other arguments"]),
        ('if header :comparator 5 "a" "x" {}', ["line 1, column 23: “:comparator” needs a string"]),
        ("if header :comparator {}", ["line 1, column 11: “:comparator” needs a string"]),
        ('if header :value "ge" "a" "x" {}', ["line 1, column 11: “:value” needs: require “relational”;"]),
        ('if header :comparator "i;x" "a" "x" {}', ["line 1, column 23: there is no comparator “i;x”"]),
        (
            'if header :comparator "i;ascii-numeric" "a" "x" {}',
            ["line 1, column 23: this comparator needs: require “comparator-i;ascii-numeric”;"],
        ),
        (
            'require "comparator-i;ascii-numeric";\nif header :contains :comparator "i;ascii-numeric" "a" "1" {}',
            ["line 2, column 33: “i;ascii-numeric” can not be used with “:contains”"],
        ),
        ("if size 5 {}", ["line 1, column 4: “size” takes 0 arguments besides its tags, not 1"]),
        ("if size {}", ["line 1, column 4: “size” needs “:over” or “:under”"]),
        ("if size :over 1 :under 2 {}", ["line 1, column 17: “:under” and “:over” exclude each other"]),
        ('redirect "nobody";', ["line 1, column 10: “nobody” is not one mail address"]),
        ('redirect "a@b, c@d";', ["line 1, column 10: “a@b, c@d” is not one mail address"]),
        ('if address "subject" "x" {}', ["line 1, column 12: “subject” holds no addresses; use “header”"]),
        ('require "envelope"; if envelope "size" "x" {}', ["line 1, column 33: there is no envelope part “size” here"]),
        ('require "fileinto"; fileinto "";', ["line 1, column 30: this can not be the name of a mailbox"]),
        ('require "fileinto"; fileinto "a\nb";', ["line 1, column 30: this can not be the name of a mailbox"]),
        (
            'foo;\nkeep;\nif bar {\n  baz;\n}\nfileinto "x";',
            [
                "line 1, column 1: there is no command “foo”",
                "line 3, column 4: there is no test “bar”",
                "line 6, column 1: “fileinto” needs: require “fileinto”;",
            ],
        ),
    ],
)
def test_check_tells_all_that_is_wrong(script: str, expected: list[str]) -> None:
    assert complaints(script) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("fileinot;", "line 1, column 1: there is no command “fileinot”; did you mean “fileinto”?"),
        ("kepe;", "line 1, column 1: there is no command “kepe”; did you mean “keep”?"),
        ('if adress "from" "a" {}', "line 1, column 4: there is no test “adress”; did you mean “address”?"),
        ('if header :contain "a" "b" {}', "line 1, column 11: “header” takes no “:contain”; did you mean “:contains”?"),
        ('require "vaccation";', "line 1, column 9: this server does not know “vaccation”; did you mean “vacation”?"),
        ("xy;", "line 1, column 1: there is no command “xy”"),
    ],
)
def test_mistyped_words_are_guessed(script: str, expected: str) -> None:
    assert complaints(script) == [expected]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("stop; keep;", ["line 1, column 7: this is never reached, after “stop”"]),
        ("if true { stop; } keep;", []),
        ('require "include"; return; stop;', ["line 1, column 28: this is never reached, after “return”"]),
    ],
)
def test_warnings(script: str, expected: list[str]) -> None:
    assert [str(each) for each in compile_script(script.encode(), REGISTRY)[1]] == expected


def test_complaints_end_somewhere() -> None:
    assert len(complaints("foo;" * 500)) == 50
