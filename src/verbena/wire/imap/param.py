"""Lists of named parameters: those of SELECT and CREATE, the modifiers of FETCH and STORE (RFC 4466 §2 and §3).

They are open: a mapping from a name in capitals to a parser says which are known. A parser takes the cursor behind the
name and reads the value, if there is one.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from verbena.wire.imap.grammar import LPAREN, RPAREN, Cursor

MAX_PARAMS: Final = 16

P = TypeVar("P")


# "(" name [SP value] *(SP name [SP value]) ")"
def parse_params(cursor: Cursor, parsers: Mapping[str, Callable[[Cursor], P]]) -> tuple[tuple[str, P], ...]:
    """Names in capitals, with what their parsers gave, in the order written.

    Raises ``PeerError`` for a name that ``parsers`` has not, for one that comes twice, and what a parser raises.
    """
    cursor.expect(LPAREN)
    names: list[str] = []
    found: list[tuple[str, P]] = []
    while True:
        name = cursor.keyword()
        parse = parsers.get(name)
        if parse is None:
            raise cursor.error("this parameter is unknown")
        if len(names) >= MAX_PARAMS or name in names:
            raise cursor.error("this parameter comes twice")
        names.append(name)
        found.append((name, parse(cursor)))
        if cursor.skip(RPAREN):
            return tuple(found)
        cursor.sp()
