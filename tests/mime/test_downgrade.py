"""Messages for hops without BINARYMIME or 8BITMIME."""

import email
import email.message
from email import policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.mime.downgrade import downgrade, needs_downgrade
from verbena.mime.scan import Scanner
from verbena.model.errors import Refused
from verbena.model.part import Part
from verbena.model.reason import Reason


def scan(message: bytes) -> Part:
    scanner = Scanner()
    scanner.feed(message)
    return scanner.finish().root


def convert(message: bytes, eight_bit: bool) -> bytes:
    root = scan(message)

    def read(start: int, length: int) -> bytes:
        return message[start : start + min(length, 1000)]

    result = b"".join(downgrade(root, read, eight_bit))
    assert needs_downgrade(root, read, eight_bit) == (result != message)
    return result


def leaves(message: bytes) -> list[bytes]:
    """Decoded contents, as the standard library reads them."""
    found = []
    for part in email.message_from_bytes(message, policy=policy.compat32).walk():
        if not part.is_multipart():
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            found.append(content)
    return found


BINARY = bytes(range(256)) * 20
MIXED = (
    b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
    b"Content-Transfer-Encoding: binary\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\ncaf\xc3\xa9\r\n--not\r\n--b\r\nContent-Type: image/png\r\n"
    b"Content-transfer-encoding: BINARY\r\nX-After: kept\r\n\r\n" + BINARY + b"\r\n--b--\r\n"
)


@pytest.mark.rfc("3030 §3")
def test_binary_to_eight_bit() -> None:
    result = convert(MIXED, True)
    assert b"boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n" in result
    assert b"\r\ncaf\xc3\xa9\r\n--not\r\n" in result
    assert b"Content-Transfer-Encoding: base64\r\nX-After: kept\r\n\r\nAAEC" in result
    assert b"\0" not in result
    assert leaves(result) == leaves(MIXED)
    assert leaves(result)[1] == BINARY


@pytest.mark.rfc("6152 §3")
def test_binary_to_seven_bit() -> None:
    result = convert(MIXED, False)
    assert result.isascii()
    assert b"boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n" in result
    assert b"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=C3=A9\r\n=2D-not" in result
    assert leaves(result)[1] == BINARY
    assert scan(result).children[1].subtype == b"png"


def test_what_is_fit_passes_untouched() -> None:
    message = b"Subject: x\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    assert convert(message, False) == message
    eight = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\r\ncaf\xe9\r\n"
    assert convert(eight, True) == eight


def test_labels_are_put_right() -> None:
    message = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\nA: b\r\n\r\nplain\r\n"
    assert convert(message, False) == message.replace(b"8bit", b"7bit")


def test_bare_eight_bit_text_is_described() -> None:
    result = convert(b"Subject: x\r\n\r\ncaf\xe9\r\n", False)
    assert result == (
        b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n"
    )


def test_long_lines_are_encoded() -> None:
    result = convert(b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" + b"x" * 3000 + b"\r\n", True)
    assert max(map(len, result.split(b"\r\n"))) <= 76
    assert leaves(result) == [b"x" * 3000 + b"\r\n"]


def test_preamble_and_epilogue() -> None:
    result = convert(MIXED.replace(b"\r\n\r\n--b", b"\r\n\r\ncaf\xe9\r\n--b", 1) + b"caf\xe9", False)
    assert result.isascii()
    assert b"\r\n\r\ncaf?\r\n--b" in result
    assert result.endswith(b"--b--\r\ncaf?")


def test_inner_message() -> None:
    message = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: message/rfc822\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\n" + MIXED + b"\r\n--o--\r\n"
    )
    result = convert(message, False)
    assert b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n" in result
    assert leaves(result)[1] == BINARY


def test_damaged_encodings_are_made_again() -> None:
    message = b"MIME-Version: 1.0\r\nContent-Type: x/y\r\nContent-Transfer-Encoding: base64\r\n\r\naGVs\xffbG8=\r\n"
    assert leaves(convert(message, False)) == [b"hello"]


@pytest.mark.rfc("1847 §2.1")
@pytest.mark.parametrize(
    "message",
    [
        MIXED.replace(b"multipart/mixed", b"multipart/signed"),
        MIXED.replace(b"multipart/mixed", b"multipart/encrypted"),
        MIXED.replace(b"BINARY", b"x-strange").replace(b"image/png", b"x/y"),
        b"Content-Type: message/partial\r\n\r\ncaf\xe9\r\n",
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\ncaf\xe9\r\n",
        b"Content-Type: multipart/mixed\r\n\r\ncaf\xe9\r\n",
    ],
)
def test_what_can_not_be_done_is_refused(message: bytes) -> None:
    with pytest.raises(Refused) as caught:
        downgrade(scan(message), lambda start, length: message[start : start + length], False)
    assert caught.value.reason is Reason.CONVERSION_REQUIRED


def test_signed_text_that_is_fit_passes() -> None:
    message = MIXED.replace(b"multipart/mixed", b"multipart/signed").replace(BINARY, b"x").replace(b"BINARY", b"7bit")
    message = message.replace(b"caf\xc3\xa9", b"cafe")
    assert b"Content-Transfer-Encoding: 8bit\r\n\r\ncafe" in convert(message, False)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([b"--b", b"--b--", b"\r\n", b"x" * 76, b"\xe9", b"\0", b"-", b"="]), max_size=30))
def test_no_boundary_arises(pieces: list[bytes]) -> None:
    """Whatever a binary leaf holds, the parts stay as they were."""
    body = b"".join(pieces)
    head = b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n"
    message = head + b"Content-Transfer-Encoding: binary\r\n\r\n" + body + b"\r\n--b--\r\n"
    result = convert(message, False)
    parts = scan(result).children
    assert len(parts) == len(scan(message).children)
    assert not any(part.has_nul_or_8bit for part in parts)
