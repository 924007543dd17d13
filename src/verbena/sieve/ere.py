"""Extended regular expressions in bounded time (POSIX.2 ERE, as draft-murchison-sieve-regex-07 §3 wants them).

*full*, but for collating elements of several characters. A pattern is compiled to a small program that is followed
on all its ways at once, never one after the other, so that a match costs at most text × program, whatever the
pattern; whether there is a match at all is asked of an automaton that is built from the program as texts need it.

- The text is read as characters of UTF-8; an octet that is none stands for itself. CRLF counts as one character, the
  line end, also in the pattern. ``.`` and ``[^…]`` do not match a line end; ``^`` and ``$`` match at one, and at the
  text's ends.
- The match is the leftmost, of those the longest. A group has what its last turn took; where alternatives lead to the
  same match, groups are told by the first of them.
- What POSIX leaves undefined is refused: ``\\d``, ``\\1``, ``a**``, ``(|a)``, a quantifier without anything before it.

Limits: ``MAX_PATTERN`` octets, ``MAX_PROGRAM`` instructions, ``MAX_NESTING`` groups in each other, ``MAX_COUNT`` in
braces, ``MAX_GROUPS`` groups remembered, ``MAX_MOVES`` known moves of the automaton.
"""

from typing import Final

from verbena.sieve.ereparse import (
    Alternation,
    Anchor,
    Chain,
    CharSet,
    Group,
    Node,
    PatternError,
    Repeat,
    Single,
    parse_ere,
)

MAX_PROGRAM: Final = 2000
MAX_GROUPS: Final = 31
MAX_MOVES: Final = 20_000
_MAX_WORK: Final = 20_000

_SET: Final = 0
_SPLIT: Final = 1
_JUMP: Final = 2
_SAVE: Final = 3
_LINE_START: Final = 4
_LINE_END: Final = 5
_MATCH: Final = 6
_END: Final = -1
_LF: Final = 10


class _State:
    """A state of the automaton: the instructions that wait for a character. ``moves`` are filled in as needed."""

    def __init__(self, waiting: tuple[int, ...], at_line_start: bool, accepts: bool) -> None:
        self.waiting = waiting
        self.at_line_start = at_line_start
        self.accepts = accepts
        self.moves: dict[int, _State] = {}


class Ere:
    """A compiled pattern; ``fold`` makes ASCII letters match in either case. Raises ``PatternError``."""

    def __init__(self, pattern: bytes, fold: bool) -> None:
        self._ops: list[int] = []
        self._first: list[int] = []
        self._second: list[int] = []
        self._sets: list[CharSet] = []
        self._work = 0
        self.groups = 0
        node = parse_ere(_characters(pattern), fold)
        self._save(0)
        self._compile(node)
        self._save(1)
        self._put(_MATCH, 0, 0)
        self._marks: list[int] = [0] * len(self._ops)
        self._mark = 0
        self._moves = 0
        self._states: dict[tuple[tuple[int, ...], bool, bool], _State] = {}

    @property
    def size(self) -> int:
        """Instructions; a match costs at most this times the characters of the text."""
        return len(self._ops)

    # Compiling --------------------------------------------------------------------------------

    def _put(self, op: int, first: int, second: int) -> int:
        if len(self._ops) >= MAX_PROGRAM:
            raise PatternError("the pattern is too large")
        self._ops.append(op)
        self._first.append(first)
        self._second.append(second)
        return len(self._ops) - 1

    def _save(self, slot: int) -> None:
        if slot < 2 * (MAX_GROUPS + 1):
            self._put(_SAVE, slot, 0)

    def _compile(self, node: Node) -> None:
        self._work += 1
        if self._work > _MAX_WORK:
            raise PatternError("the pattern is too large")
        if isinstance(node, Single):
            self._sets.append(node.chars)
            self._put(_SET, len(self._sets) - 1, 0)
        elif isinstance(node, Anchor):
            self._put(_LINE_START if node.start else _LINE_END, 0, 0)
        elif isinstance(node, Group):
            self.groups = max(self.groups, min(node.number, MAX_GROUPS))
            self._save(2 * node.number)
            self._compile(node.inner)
            self._save(2 * node.number + 1)
        elif isinstance(node, Chain):
            for each in node.nodes:
                self._compile(each)
        elif isinstance(node, Alternation):
            self._alternation(node)
        elif isinstance(node, Repeat):
            self._repeat(node)

    def _alternation(self, node: Alternation) -> None:
        jumps: list[int] = []
        for branch in node.branches[:-1]:
            split = self._put(_SPLIT, 0, 0)
            self._first[split] = split + 1
            self._compile(branch)
            jumps.append(self._put(_JUMP, 0, 0))
            self._second[split] = len(self._ops)
        self._compile(node.branches[-1])
        for jump in jumps:
            self._first[jump] = len(self._ops)

    def _repeat(self, node: Repeat) -> None:
        for _ in range(node.least):
            self._compile(node.inner)
        if node.most < 0:
            split = self._put(_SPLIT, len(self._ops) + 1, 0)
            self._compile(node.inner)
            self._put(_JUMP, split, 0)
            self._second[split] = len(self._ops)
            return
        splits: list[int] = []
        for _ in range(node.most - node.least):
            splits.append(self._put(_SPLIT, len(self._ops) + 1, 0))
            self._compile(node.inner)
        for split in splits:
            self._second[split] = len(self._ops)

    # Matching ---------------------------------------------------------------------------------

    def search(self, text: bytes) -> list[bytes] | None:
        """The leftmost-longest match and what its groups took, empty for those that took no part; None for none."""
        characters = _characters(text)
        if not self._occurs(characters):
            return None
        slots = self._follow(characters)
        result: list[bytes] = []
        for group in range(self.groups + 1):
            start, end = slots[2 * group], slots[2 * group + 1]
            result.append(_octets(characters[start:end], text) if 0 <= start <= end else b"")
        return result

    def matches(self, text: bytes) -> bool:
        """Whether the pattern occurs in ``text``."""
        return self._occurs(_characters(text))

    def _occurs(self, text: str) -> bool:
        state = self._state([0], True)
        for character in text:
            if state.accepts:
                return True
            code = ord(character)
            following = state.moves.get(code)
            if following is None:
                following = self._move(state, code)
            state = following
        if state.accepts:
            return True
        following = state.moves.get(_END)
        return (following or self._move(state, _END)).accepts

    def _state(self, starts: list[int], at_line_start: bool) -> _State:
        waiting: list[int] = []
        accepts = self._close(starts, at_line_start, False, waiting)
        waiting.sort()
        key = (tuple(waiting), at_line_start, accepts)
        known = self._states.get(key)
        if known is None:
            known = _State(key[0], at_line_start, accepts)
            self._states[key] = known
        return known

    def _move(self, state: _State, code: int) -> _State:
        """The state after one more character, or at the text's end."""
        self._moves += 1
        if self._moves > MAX_MOVES:
            self._states.clear()
            self._moves = 0
        waiting = state.waiting
        accepts = False
        if code == _END or code == _LF:
            opened: list[int] = []
            accepts = self._close(list(waiting), state.at_line_start, True, opened)
            waiting = tuple(opened)
        if accepts or code == _END:
            following = _State((), False, accepts)
        else:
            starts = [each + 1 for each in waiting if self._takes(each, code)]
            starts.append(0)
            following = self._state(starts, code == _LF)
        state.moves[code] = following
        return following

    def _takes(self, at: int, code: int) -> bool:
        return self._ops[at] == _SET and self._sets[self._first[at]].has(code)

    def _close(self, starts: list[int], at_line_start: bool, at_line_end: bool, waiting: list[int]) -> bool:
        """Put the instructions that are reached without a character into ``waiting``; whether a match is reached.

        The end of a line waits too unless ``at_line_end``, since only the next character tells."""
        self._mark += 1
        mark, marks, ops = self._mark, self._marks, self._ops
        accepts = False
        stack = starts
        while stack:
            at = stack.pop()
            if marks[at] == mark:
                continue
            marks[at] = mark
            op = ops[at]
            if op == _SET:
                waiting.append(at)
            elif op == _SPLIT:
                stack.append(self._second[at])
                stack.append(self._first[at])
            elif op == _JUMP:
                stack.append(self._first[at])
            elif op == _SAVE:
                stack.append(at + 1)
            elif op == _LINE_START:
                if at_line_start:
                    stack.append(at + 1)
            elif op == _LINE_END:
                if at_line_end:
                    stack.append(at + 1)
                else:
                    waiting.append(at)
            else:
                accepts = True
        return accepts

    def _follow(self, text: str) -> list[int]:
        """The slots of the match: (start, end) of the whole and of each group, -1 where there is none."""
        slots = [-1] * (2 * (self.groups + 1))
        best = slots
        threads: list[tuple[int, list[int]]] = []
        size = len(text)
        for at in range(size + 1):
            code = ord(text[at]) if at < size else _END
            self._mark += 1
            ready: list[tuple[int, list[int]]] = []
            line_start = at == 0 or text[at - 1] == "\n"
            line_end = code == _END or code == _LF
            if best[0] < 0:
                threads.append((0, slots))
            for start, taken in threads:
                self._advance(start, taken, at, line_start, line_end, ready)
            threads = []
            for place, taken in ready:
                if best[0] >= 0 and taken[0] > best[0]:
                    continue
                if self._ops[place] == _MATCH:
                    if best[0] < 0 or taken[0] < best[0] or taken[1] > best[1]:
                        best = taken
                elif code != _END and self._sets[self._first[place]].has(code):
                    threads.append((place + 1, taken))
            if best[0] >= 0 and not threads:
                break
        return best

    def _advance(
        self,
        start: int,
        taken: list[int],
        at: int,
        line_start: bool,
        line_end: bool,
        ready: list[tuple[int, list[int]]],
    ) -> None:
        """Follow what needs no character from ``start``, the preferred way first; places taken already stay so."""
        mark, marks, ops = self._mark, self._marks, self._ops
        stack = [(start, taken)]
        while stack:
            place, slots = stack.pop()
            if marks[place] == mark:
                continue
            marks[place] = mark
            op = ops[place]
            if op == _SET or op == _MATCH:
                ready.append((place, slots))
            elif op == _SPLIT:
                stack.append((self._second[place], slots))
                stack.append((self._first[place], slots))
            elif op == _JUMP:
                stack.append((self._first[place], slots))
            elif op == _SAVE:
                slots = slots.copy()
                slots[self._first[place]] = at
                stack.append((place + 1, slots))
            elif (op == _LINE_START and line_start) or (op == _LINE_END and line_end):
                stack.append((place + 1, slots))


def _characters(text: bytes) -> str:
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    return text.decode("utf-8", "surrogateescape")


def _octets(characters: str, text: bytes) -> bytes:
    octets = characters.encode("utf-8", "surrogateescape")
    return octets.replace(b"\n", b"\r\n") if b"\r\n" in text else octets
