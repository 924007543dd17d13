"""Patterns of LIST against names."""

import pytest

from verbena.imap.cmd.list import matches


@pytest.mark.rfc("3501 §6.3.8")
@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "a/b/c", True),
        ("*", "", True),
        ("%", "a", True),
        ("%", "a/b", False),
        ("a/%", "a/b", True),
        ("a/%", "a/b/c", False),
        ("%/%", "a/b", True),
        ("a*", "a", True),
        ("a*c", "a/b/c", True),
        ("a%c", "a/b/c", False),
        ("a%c", "abbc", True),
        ("*b*", "a/b/c", True),
        ("%b", "b", True),
        ("a", "A", False),
        ("a", "ab", False),
        ("ab", "a", False),
        ("", "a", False),
        ("*%", "a/b", True),
        ("%*", "a/b", True),
        ("*a*a*a*a*a*a*a*a*b", "a" * 200, False),
    ],
)
def test_matches(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits
