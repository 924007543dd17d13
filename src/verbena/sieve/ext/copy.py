"""``:copy``: fileinto and redirect beside the implicit keep (RFC 3894).

*full*.
"""

from typing import Final

from verbena.sieve.arguments import Arguments
from verbena.sieve.check import Checker
from verbena.sieve.program import Modifier
from verbena.sieve.registry import AddedTags, Extension, Tag


def modify(checker: Checker, arguments: Arguments) -> Modifier:
    return Modifier(arguments.place, leaves_keep=True)


EXTENSION: Final[Extension] = Extension(
    rfc=3894,
    capabilities=(b"copy",),
    added=(AddedTags((b"fileinto", b"redirect"), (Tag(b"copy"),), modify),),
)
