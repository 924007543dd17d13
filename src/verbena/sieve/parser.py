"""Sieve's grammar: tokens to a tree of commands, tests and arguments (RFC 5228 §8.2).

The tree knows nothing of what the names mean; ``check`` does. Limits are ``Limits``: nesting of blocks and tests,
commands, and strings in one list.
"""

from dataclasses import dataclass
from typing import Final

from verbena.sieve.errors import Place, refuse
from verbena.sieve.lexer import Kind, Lexer, Token


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on a script; each is a count."""

    script_octets: int = 1 << 20
    nesting: int = 32
    commands: int = 10_000
    list_strings: int = 10_000


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class StringArgument:
    """A string, or a list of them in brackets; ``bracketed`` tells a list of one from a string."""

    strings: tuple[bytes, ...]
    bracketed: bool
    place: Place


@dataclass(frozen=True, slots=True)
class NumberArgument:
    number: int
    place: Place


@dataclass(frozen=True, slots=True)
class TagArgument:
    """``name`` without the colon, lower case."""

    name: bytes
    place: Place


Argument = StringArgument | NumberArgument | TagArgument


@dataclass(frozen=True, slots=True)
class TestNode:
    """``tests`` are the one test or the list of tests that follow the arguments; ``listed`` when in parentheses."""

    name: bytes
    arguments: tuple[Argument, ...]
    tests: tuple["TestNode", ...]
    listed: bool
    place: Place


@dataclass(frozen=True, slots=True)
class CommandNode:
    """``block`` is None for a command that ends with a semicolon."""

    name: bytes
    arguments: tuple[Argument, ...]
    tests: tuple[TestNode, ...]
    listed: bool
    block: tuple["CommandNode", ...] | None
    place: Place


def parse(script: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[CommandNode, ...]:
    """The script's commands. Raises ``ScriptError`` at the first place where it is no Sieve."""
    if len(script) > limits.script_octets:
        raise refuse(Place(1, 1), f"the script is longer than {limits.script_octets} octets")
    if script[:3] == b"\xef\xbb\xbf":
        script = script[3:]
    try:
        script.decode("utf-8")
    except UnicodeDecodeError as error:
        before = script[: error.start]
        place = Place(before.count(b"\n") + 1, error.start - before.rfind(b"\n"))
        raise refuse(place, "this octet is not UTF-8") from None
    parser = _Parser(Lexer(script), limits)
    commands = parser.commands(0)
    parser.expect_end()
    return commands


class _Parser:
    """Recursive descent with one token of look-ahead."""

    def __init__(self, lexer: Lexer, limits: Limits) -> None:
        self._lexer = lexer
        self._limits = limits
        self._token: Token = lexer.next()
        self._commands = 0

    def _is(self, separator: bytes) -> bool:
        return self._token.kind == Kind.SEPARATOR and self._token.text == separator

    def _advance(self) -> Token:
        token = self._token
        self._token = self._lexer.next()
        return token

    def _found(self) -> str:
        if self._token.kind == Kind.STRING:
            return "a string"
        text = self._token.text.decode("utf-8", "replace")
        return text if self._token.kind == Kind.END else f"“{':' if self._token.kind == Kind.TAG else ''}{text}”"

    def _expect(self, separator: bytes, after: str) -> None:
        if not self._is(separator):
            raise refuse(self._token.place, f"expected “{separator.decode()}” {after}, found {self._found()}")
        self._advance()

    def expect_end(self) -> None:
        if self._token.kind != Kind.END:
            raise refuse(self._token.place, f"expected a command, found {self._found()}")

    def commands(self, depth: int) -> tuple[CommandNode, ...]:
        if depth > self._limits.nesting:
            raise refuse(self._token.place, f"blocks are nested more than {self._limits.nesting} deep")
        result: list[CommandNode] = []
        while self._token.kind == Kind.IDENTIFIER:
            result.append(self._command(depth))
        return tuple(result)

    def _command(self, depth: int) -> CommandNode:
        self._commands += 1
        if self._commands > self._limits.commands:
            raise refuse(self._token.place, f"the script has more than {self._limits.commands} commands")
        token = self._advance()
        arguments = self._arguments()
        tests, listed = self._tests(depth)
        name = token.text.decode()
        block: tuple[CommandNode, ...] | None = None
        if self._is(b"{"):
            self._advance()
            block = self.commands(depth + 1)
            self._expect(b"}", f"at the end of the block of “{name}”")
        elif self._is(b";"):
            self._advance()
        else:
            raise refuse(self._token.place, f"expected “;” or a block after “{name}”, found {self._found()}")
        return CommandNode(token.text, arguments, tests, listed, block, token.place)

    def _arguments(self) -> tuple[Argument, ...]:
        result: list[Argument] = []
        while True:
            token = self._token
            if token.kind == Kind.TAG:
                result.append(TagArgument(self._advance().text, token.place))
            elif token.kind == Kind.NUMBER:
                result.append(NumberArgument(self._advance().number, token.place))
            elif token.kind == Kind.STRING:
                result.append(StringArgument((self._advance().text,), False, token.place))
            elif self._is(b"["):
                result.append(self._string_list())
            else:
                return tuple(result)
            if len(result) > self._limits.list_strings:
                raise refuse(token.place, "too many arguments")

    def _string_list(self) -> StringArgument:
        place = self._advance().place
        strings: list[bytes] = []
        while True:
            if self._token.kind != Kind.STRING:
                raise refuse(self._token.place, f"expected a string in the list, found {self._found()}")
            strings.append(self._advance().text)
            if len(strings) > self._limits.list_strings:
                raise refuse(place, f"the list has more than {self._limits.list_strings} strings")
            if not self._is(b","):
                break
            self._advance()
        self._expect(b"]", "at the end of the list")
        return StringArgument(tuple(strings), True, place)

    def _tests(self, depth: int) -> tuple[tuple[TestNode, ...], bool]:
        if self._token.kind == Kind.IDENTIFIER:
            return (self._test(depth),), False
        if not self._is(b"("):
            return (), False
        self._advance()
        tests = [self._test(depth)]
        while self._is(b","):
            self._advance()
            tests.append(self._test(depth))
            if len(tests) > self._limits.list_strings:
                raise refuse(self._token.place, "too many tests")
        self._expect(b")", "at the end of the tests")
        return tuple(tests), True

    def _test(self, depth: int) -> TestNode:
        if self._token.kind != Kind.IDENTIFIER:
            raise refuse(self._token.place, f"expected a test, found {self._found()}")
        if depth > self._limits.nesting:
            raise refuse(self._token.place, f"tests are nested more than {self._limits.nesting} deep")
        token = self._advance()
        arguments = self._arguments()
        tests, listed = self._tests(depth + 1)
        return TestNode(token.text, arguments, tests, listed, token.place)
