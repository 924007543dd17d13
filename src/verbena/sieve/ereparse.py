"""The grammar of extended regular expressions, as a tree (POSIX.2 §2.8, ERE; see ``ere`` for what is refused).

ere = branch *("|" branch) ; branch = 1*piece ; piece = atom [quantifier]
quantifier = "*" / "+" / "?" / "{" n ["," [m]] "}"
atom = "(" ere ")" / bracket / "." / "^" / "$" / "\\" special / any other character
"""

from typing import Final

MAX_PATTERN: Final = 4096
MAX_NESTING: Final = 30
MAX_COUNT: Final = 255
CLASSES: Final = frozenset(
    ["alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"]
)


class PatternError(Exception):
    """The pattern is no regular expression; the text says why, for its author."""


class CharSet:
    """A set of characters: ranges and named classes, perhaps all others."""

    def __init__(self) -> None:
        self.ranges: list[tuple[int, int]] = []
        self.classes: list[str] = []
        self.negated = False
        self._ascii: list[bool] = []

    def seal(self, fold: bool) -> None:
        """Make the set ready; with ``fold`` ASCII letters stand for both cases."""
        table = [self._among(code) for code in range(128)]
        if fold:
            for upper in range(65, 91):
                either = table[upper] or table[upper + 32]
                table[upper] = table[upper + 32] = either
        if self.negated:
            table = [not each for each in table]
            table[10] = False
        self._ascii = table

    def has(self, code: int) -> bool:
        if code < 128:
            return self._ascii[code]
        return self._among(code) != self.negated

    def _among(self, code: int) -> bool:
        for low, high in self.ranges:
            if low <= code <= high:
                return True
        return any(_in_class(code, each) for each in self.classes)


def _in_class(code: int, name: str) -> bool:
    character = chr(code)
    if code > 127 and name in ("digit", "xdigit", "blank", "cntrl"):
        return False
    match name:
        case "alpha":
            return character.isalpha()
        case "digit":
            return character.isdigit()
        case "alnum":
            return character.isalnum()
        case "upper":
            return character.isupper()
        case "lower":
            return character.islower()
        case "space":
            return code in (32, 9, 10, 11, 12, 13) if code < 128 else character.isspace()
        case "blank":
            return code in (32, 9)
        case "cntrl":
            return code < 32 or code == 127
        case "xdigit":
            return character in "0123456789abcdefABCDEF"
        case "punct":
            return character.isprintable() and not character.isalnum() and not character.isspace()
        case "print":
            return character.isprintable()
        case _:
            return character.isprintable() and not character.isspace()


class Node:
    """A piece of the tree."""


class Single(Node):
    """One character out of a set."""

    def __init__(self, chars: CharSet) -> None:
        self.chars = chars


class Anchor(Node):
    """A line's start or end."""

    def __init__(self, start: bool) -> None:
        self.start = start


class Group(Node):
    def __init__(self, inner: Node, number: int) -> None:
        self.inner = inner
        self.number = number


class Chain(Node):
    """One after the other."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes


class Alternation(Node):
    def __init__(self, branches: list[Node]) -> None:
        self.branches = branches


class Repeat(Node):
    """``most`` is negative for any number."""

    def __init__(self, inner: Node, least: int, most: int) -> None:
        self.inner = inner
        self.least = least
        self.most = most


def parse_ere(pattern: str, fold: bool) -> Node:
    """The tree of a pattern. Raises ``PatternError``."""
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"the pattern is longer than {MAX_PATTERN} characters")
    parser = _Parser(pattern, fold)
    node = parser.alternation(0)
    if parser.at < len(pattern):
        raise PatternError("a “)” without “(”; a parenthesis itself is written “\\)”")
    return node


class _Parser:
    def __init__(self, pattern: str, fold: bool) -> None:
        self.at = 0
        self._pattern = pattern
        self._fold = fold
        self._groups = 0

    def _peek(self) -> str:
        return self._pattern[self.at] if self.at < len(self._pattern) else ""

    def alternation(self, depth: int) -> Node:
        if depth > MAX_NESTING:
            raise PatternError(f"groups are nested more than {MAX_NESTING} deep")
        branches = [self._branch(depth)]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._branch(depth))
        return branches[0] if len(branches) == 1 else Alternation(branches)

    def _branch(self, depth: int) -> Node:
        nodes: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            nodes.append(self._piece(depth))
        if not nodes:
            raise PatternError("an empty pattern, group or alternative; what may be missing is written “(…)?”")
        return nodes[0] if len(nodes) == 1 else Chain(nodes)

    def _piece(self, depth: int) -> Node:
        atom = self._atom(depth)
        quantifier = self._peek()
        if quantifier == "" or quantifier not in "*+?{":
            return atom
        if isinstance(atom, Anchor):
            raise PatternError("“^” and “$” can not be repeated")
        self.at += 1
        least, most = 0, -1
        if quantifier == "+":
            least = 1
        elif quantifier == "?":
            most = 1
        elif quantifier == "{":
            least, most = self._interval()
        following = self._peek()
        if following != "" and following in "*+?{":
            raise PatternError(f"“{following}” right after another quantifier")
        return Repeat(atom, least, most)

    def _interval(self) -> tuple[int, int]:
        least = self._count()
        most = least
        if self._peek() == ",":
            self.at += 1
            most = -1 if self._peek() == "}" else self._count()
        if self._peek() != "}" or (0 <= most < least):
            raise PatternError("braces hold “{n}”, “{n,}” or “{n,m}”; a brace itself is written “\\{”")
        self.at += 1
        return least, most

    def _count(self) -> int:
        start = self.at
        while self._peek() != "" and self._peek() in "0123456789":
            self.at += 1
        digits = self._pattern[start : self.at]
        if not digits or len(digits) > 3 or int(digits) > MAX_COUNT:
            raise PatternError(f"a count in braces is a number up to {MAX_COUNT}; a brace itself is written “\\{{”")
        return int(digits)

    def _atom(self, depth: int) -> Node:
        character = self._peek()
        self.at += 1
        match character:
            case "(":
                return self._group(depth)
            case "[":
                return Single(self._bracket())
            case "^" | "$":
                return Anchor(character == "^")
            case ".":
                return Single(self._sealed([], True))
            case "*" | "+" | "?" | "{":
                raise PatternError(f"“{character}” with nothing before it; the character is written “\\{character}”")
            case "\\":
                return self._escaped()
            case _:
                return Single(self._sealed([(ord(character), ord(character))], False))

    def _group(self, depth: int) -> Node:
        self._groups += 1
        number = self._groups
        inner = self.alternation(depth + 1)
        if self._peek() != ")":
            raise PatternError("a “(” without “)”; a parenthesis itself is written “\\(”")
        self.at += 1
        return Group(inner, number)

    def _escaped(self) -> Node:
        character = self._peek()
        self.at += 1
        if character == "":
            raise PatternError("a backslash at the end; in a script each is written twice")
        if character.isalnum():
            raise PatternError(f"“\\{character}” is no POSIX expression; use brackets such as “[[:digit:]]”")
        return Single(self._sealed([(ord(character), ord(character))], False))

    def _sealed(self, ranges: list[tuple[int, int]], negated: bool) -> CharSet:
        chars = CharSet()
        chars.ranges = ranges
        chars.negated = negated
        chars.seal(self._fold)
        return chars

    def _bracket(self) -> CharSet:
        chars = CharSet()
        if self._peek() == "^":
            chars.negated = True
            self.at += 1
        first = True
        while first or self._peek() != "]":
            first = False
            if self._peek() == "":
                raise PatternError("a “[” without “]”; a bracket itself is written “\\[”")
            self._member(chars)
        self.at += 1
        chars.seal(self._fold)
        return chars

    def _member(self, chars: CharSet) -> None:
        if self._pattern.startswith("[:", self.at):
            name = self._named(":")
            if name not in CLASSES:
                raise PatternError(f"there is no character class “{name}”")
            chars.classes.append(name)
            return
        low = self._end_of_range()
        high = low
        if self._peek() == "-" and self._pattern[self.at + 1 : self.at + 2] not in ("]", ""):
            self.at += 1
            high = self._end_of_range()
            if high < low:
                raise PatternError(f"the range “{chr(low)}-{chr(high)}” is empty")
        chars.ranges.append((low, high))

    def _end_of_range(self) -> int:
        for kind in ("=", "."):
            if self._pattern.startswith("[" + kind, self.at):
                name = self._named(kind)
                if len(name) != 1:
                    raise PatternError(f"“[{kind}{name}{kind}]”: one character is supported here")
                return ord(name)
        code = ord(self._peek())
        self.at += 1
        return code

    def _named(self, kind: str) -> str:
        end = self._pattern.find(kind + "]", self.at + 2)
        if end < 0:
            raise PatternError(f"a “[{kind}” without “{kind}]”")
        name = self._pattern[self.at + 2 : end]
        self.at = end + 2
        return name
