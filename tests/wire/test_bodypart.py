"""Parts are cut out of a BODYSTRUCTURE by their numbers (RFC 5524 §3.2, RFC 3501 §6.4.5)."""

import pytest

from verbena.wire.imap.bodypart import decoded_structure, find_structure

TEXT = b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 1152 23 NIL NIL NIL NIL)'
IMAGE = b'("IMAGE" "PNG" ("NAME" {5}\r\n)"a(b) NIL "a \\"b" "BASE64" 164 NIL ("ATTACHMENT" ("FILENAME" "a)b")) NIL NIL)'
INNER = b"(" + TEXT + IMAGE + b' "ALTERNATIVE" ("BOUNDARY" "x") NIL NIL NIL)'
ENVELOPE = b'("Thu" "(" ((NIL NIL "a" "b")) NIL NIL NIL NIL NIL NIL "<x>")'
MESSAGE = b'("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 9000 ' + ENVELOPE + b" " + INNER + b" 99 NIL NIL NIL NIL)"
ROOT = b"(" + TEXT + IMAGE + MESSAGE + b' "MIXED" ("BOUNDARY" "y") NIL NIL NIL)'


@pytest.mark.rfc("3501 §6.4.5")
@pytest.mark.parametrize(
    ("path", "structure"),
    [
        ((), ROOT),
        ((1,), TEXT),
        ((2,), IMAGE),
        ((3,), MESSAGE),
        ((3, 1), TEXT),
        ((3, 2), IMAGE),
        ((3, 3), None),
        ((4,), None),
        ((5,), None),
        ((1, 1), None),
    ],
)
def test_parts_by_number(path: tuple[int, ...], structure: bytes | None) -> None:
    assert find_structure(ROOT, path) == structure


def test_the_only_part_is_number_one() -> None:
    assert find_structure(TEXT, (1,)) == TEXT
    assert find_structure(TEXT, (2,)) is None
    assert find_structure(TEXT, (1, 1)) is None


@pytest.mark.rfc("5524 §3.2")
def test_a_decoded_part_shows_an_identity_encoding() -> None:
    assert decoded_structure(IMAGE, 123, 1, True) == IMAGE.replace(b'"BASE64" 164', b'"BINARY" 123')
    assert decoded_structure(TEXT, 10, 2, False) == TEXT.replace(b"1152 23", b"10 2")
    assert decoded_structure(ROOT, 1, 1, True) == ROOT
