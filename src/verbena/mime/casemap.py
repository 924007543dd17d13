"""Text made comparable without case: the collation i;unicode-casemap (RFC 5051 §2): full.

Each character is mapped to its titlecase, by Unicode's simple mapping, and decomposed. Two texts are
equal, or one is a substring of the other, when that holds for what ``casemap`` makes of them.
"""

import unicodedata
from typing import Final

_TITLECASE: Final[dict[int, int]] = {}
"""Simple titlecase mappings met so far; Unicode bounds it."""


def casemap(text: str) -> str:
    """``text`` for comparison."""
    if text.isascii():
        return text.upper()
    for character in set(text):
        code = ord(character)
        if code not in _TITLECASE:
            title = character.title()
            _TITLECASE[code] = ord(title) if len(title) == 1 else code
    return unicodedata.normalize("NFKD", text.translate(_TITLECASE))
