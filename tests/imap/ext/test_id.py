"""What a client says of itself is cut short and made printable before it is logged (RFC 2971 §4)."""

from verbena.imap.ext.id import MAX_LOGGED, printable


def test_fields_are_made_safe_for_a_log() -> None:
    assert printable(((b"name", b"A\r\nb\x1b[0m\xff"), (b"os", None))) == "name=A??b?[0m?; os="
    assert len(printable(tuple((b"n", b"v" * 1024) for _ in range(30)))) == MAX_LOGGED
