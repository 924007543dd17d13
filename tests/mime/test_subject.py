"""Base subjects."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.mime.subject import base_subject


@pytest.mark.rfc("5256 §2.1")
@pytest.mark.parametrize(
    ("subject", "base", "was_reply"),
    [
        (b"", "", False),
        (b"Hello", "Hello", False),
        (b"  Hello   World ", "Hello World", False),
        (b"a\tb", "a b", False),
        (b"Re: Hello", "Hello", True),
        (b"RE : Hello", "Hello", True),
        (b"re:re: fw: Fwd: Hello", "Hello", True),
        (b"Re [list]: Hello", "Hello", True),
        (b"Re: [list] Hello", "Hello", True),
        (b"[list] Re: Hello", "Hello", True),
        (b"[list] [other] Hello", "Hello", False),
        (b"[list]", "[list]", False),
        (b"[list] [other]", "[other]", False),
        (b"Re: [list]", "[list]", True),
        (b"Re:", "", True),
        (b"Hello (fwd)", "Hello", True),
        (b"Hello (fwd) (FWD) ", "Hello", True),
        (b"[fwd: Hello]", "Hello", True),
        (b"[Fwd: [fwd: Re: Hello (fwd)]]", "Hello", True),
        (b"[a[b] c", "[a[b] c", False),
        (b"Reply: Hello", "Reply: Hello", False),
        (b"Re Hello", "Re Hello", False),
        (b"=?utf-8?Q?Re=3A_caf=C3=A9?=", "caf\u00e9", True),
    ],
)
def test_base_subject(subject: bytes, base: str, was_reply: bool) -> None:
    assert base_subject(subject) == (base, was_reply)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(["re", ":", " ", "[", "]", "[x]", "fwd", "[fwd:", "(fwd)", "a"]), max_size=20))
def test_base_of_a_base_is_itself(pieces: list[str]) -> None:
    base, _ = base_subject("".join(pieces).encode())
    assert base_subject(base.encode())[0] == base


def test_long_subject() -> None:
    assert base_subject(b"re:" * 100_000 + b"x")[0] == "x"
    assert base_subject(b"[a]" * 100_000)[0] == "[a]"
    assert base_subject(b"[" * 200_000)[0] == "[" * 200_000


def test_trailers_without_end() -> None:
    assert base_subject(b"Hello" + b" (fwd)" * 50_000) == ("Hello", True)
    assert base_subject(b"(fwd)" * 50_000) == ("", True)
    assert base_subject(b" (FWD)   ") == ("", True)
