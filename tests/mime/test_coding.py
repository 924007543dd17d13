"""Transfer encodings in pieces and in damage; charsets."""

import binascii
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.mime.coding import (
    Base64Decoder,
    Base64Encoder,
    Coder,
    QuotedPrintableDecoder,
    QuotedPrintableEncoder,
    UuDecoder,
    decode_octets,
    decode_text,
    decoder,
    find_codec,
)
from verbena.model.errors import Refused
from verbena.model.part import Encoding
from verbena.model.reason import Reason


def run(coder: Coder, data: bytes, piece: int = 0) -> bytes:
    size = piece or len(data) or 1
    pieces = [coder.feed(data[at : at + size]) for at in range(0, len(data), size)]
    return b"".join(pieces) + coder.finish()


BASE64 = [
    (b"", b"", False),
    (b"aGVsbG8=", b"hello", False),
    (b"aGVs\r\nbG8=\r\n", b"hello", False),
    (b"aGVsbG8", b"hello", True),
    (b"aGVsb", b"hel", True),
    (b"aGVs!bG8=", b"hello", True),
    (b"aA==aQ==", b"hi", False),
    (b"aGk=\r\nYQ==", b"hia", False),
    (b"====", b"", False),
    (b"a===", b"", True),
]


@pytest.mark.rfc("2045 §6.8")
@pytest.mark.parametrize("piece", [0, 1, 3])
@pytest.mark.parametrize(("coded", "plain", "damaged"), BASE64)
def test_base64(coded: bytes, plain: bytes, damaged: bool, piece: int) -> None:
    coder = Base64Decoder()
    assert run(coder, coded, piece) == plain
    assert coder.damaged is damaged


QUOTED = [
    (b"", b"", False),
    (b"plain\r\ntext", b"plain\r\ntext", False),
    (b"a=20b=3D\r\n", b"a b=\r\n", False),
    (b"soft=\r\nbreak", b"softbreak", False),
    (b"soft= \t\r\nbreak", b"softbreak", False),
    (b"soft=\nbreak", b"softbreak", False),
    (b"space \t\r\nx \n", b"space\r\nx\n", False),
    (b"end ", b"end", False),
    (b"low=c3=a9", b"low\xc3\xa9", False),
    (b"bad=ZZ=x", b"bad=ZZ=x", True),
    (b"ends=", b"ends", False),
    (b"8\xe9bit", b"8\xe9bit", False),
]


@pytest.mark.rfc("2045 §6.7")
@pytest.mark.parametrize("piece", [0, 1, 2, 3])
@pytest.mark.parametrize(("coded", "plain", "damaged"), QUOTED)
def test_quoted_printable(coded: bytes, plain: bytes, damaged: bool, piece: int) -> None:
    coder = QuotedPrintableDecoder()
    assert run(coder, coded, piece) == plain
    assert coder.damaged is damaged


def test_endless_quoted_line() -> None:
    coder = QuotedPrintableDecoder()
    plain = coder.feed(b"=41" * 50_000)
    assert len(plain) > 30_000
    assert plain + coder.finish() == b"A" * 50_000


UU = b"begin 644 file.txt\r\n%b`\r\nend\r\ntrailing\r\n"


@pytest.mark.parametrize("piece", [0, 1, 7])
def test_uuencode(piece: int) -> None:
    plain = bytes(range(256))
    lines = b"".join(binascii.b2a_uu(plain[at : at + 45]) for at in range(0, 256, 45))
    coder = UuDecoder()
    assert run(coder, b"text before\r\n" + UU % lines, piece) == plain
    assert not coder.damaged


def test_uuencode_damage() -> None:
    coder = UuDecoder()
    assert run(coder, b"begin 644 x\n#0V%T\n\x7f\xff\xff\n") == b"Cat"
    assert coder.damaged


@pytest.mark.parametrize(
    ("encoding", "coded"),
    [
        (Encoding.BASE64, b"a*b="),
        (Encoding.QUOTED_PRINTABLE, b"=ZZ\r\n"),
        (Encoding.UUENCODE, b"begin 644 x\n\x7f\xff\n"),
    ],
)
def test_strict(encoding: Encoding, coded: bytes) -> None:
    with pytest.raises(Refused) as caught:
        run(decoder(encoding, strict=True), coded)
    assert caught.value.reason is Reason.CORRUPTION


def test_unknown_encoding() -> None:
    with pytest.raises(Refused) as caught:
        decoder(Encoding.UNKNOWN)
    assert caught.value.reason is Reason.UNKNOWN_CTE
    assert decode_octets(b"=41", Encoding.UNKNOWN) == b"=41"
    assert decode_octets(b"=41", Encoding.QUOTED_PRINTABLE) == b"A"
    assert run(decoder(Encoding.IDENTITY), b"=41") == b"=41"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 100))
def test_base64_there_and_back(plain: bytes, piece: int) -> None:
    coded = run(Base64Encoder(), plain, piece)
    assert all(len(line) <= 76 for line in coded.split(b"\r\n"))
    assert coded.endswith(b"\r\n") or not coded
    decoding = Base64Decoder(strict=True)
    assert run(decoding, coded, piece) == plain


TEXT = st.lists(st.sampled_from([b"-", b".", b"From ", b" ", b"\t", b"\r\n", b"\r", b"\n", b"=", b"x" * 70, b"\xe9"]))


@pytest.mark.rfc("2045 §6.7")
@settings(max_examples=200, deadline=None)
@given(TEXT.map(b"".join) | st.binary(max_size=300), st.integers(1, 100))
def test_quoted_printable_there_and_back(plain: bytes, piece: int) -> None:
    coded = run(QuotedPrintableEncoder(), plain, piece)
    for line in coded.split(b"\r\n"):
        assert len(line) <= 76
        assert b"\r" not in line
        assert b"\n" not in line
        assert not line.startswith((b"-", b".", b"From "))
        assert not line.endswith((b" ", b"\t"))
        assert not line.translate(None, bytes(range(32, 127)) + b"\t")
    assert run(QuotedPrintableDecoder(strict=True), coded, piece) == plain
    assert quopri.decodestring(coded) == plain


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200),
    st.integers(1, 20),
    st.sampled_from([Encoding.BASE64, Encoding.QUOTED_PRINTABLE, Encoding.UUENCODE]),
)
def test_any_octets_in_any_pieces(coded: bytes, piece: int, encoding: Encoding) -> None:
    assert run(decoder(encoding), coded, piece) == run(decoder(encoding), coded)
    run(decoder(Encoding.UUENCODE), b"begin 644 x\n" + coded, piece)


@pytest.mark.rfc("2046 §4.1.2")
@pytest.mark.parametrize(
    ("data", "charset", "wanted"),
    [
        (b"caf\xc3\xa9", b"utf-8", "caf\u00e9"),
        (b"caf\xe9", b"ISO-8859-1", "caf\u00e9"),
        (b"\x93q\x94", b"iso-8859-1", "\u201cq\u201d"),
        (b"caf\xc3\xa9", b"us-ascii", "caf\u00e9"),
        (b"caf\xe9", b"us-ascii", "caf\u00e9"),
        (b"caf\xe9", None, "caf\u00e9"),
        (b"caf\xe9", b"x-no-such", "caf\u00e9"),
        (b"\xc4\xe3", b"gb2312", "\u4f60"),
        (b"\x82\xa0", b"Shift_JIS", "\u3042"),
        (b"+AOk-", b"utf-7", "\u00e9"),
        (b"\xff", b"utf-8", "\ufffd"),
        (b"\xe9\x00", b"utf-16le", "\u00e9"),
        (b"a", b'"utf-8"', "a"),
        (b"61", b"hex", "61"),
        (b"\x1b$B\xff", b"iso-2022-jp", "\ufffd"),
    ],
)
def test_decode_text(data: bytes, charset: bytes | None, wanted: str) -> None:
    assert decode_text(data, charset) == wanted


@pytest.mark.parametrize(
    "name", [b"hex", b"base64", b"rot13", b"idna", b"unicode_escape", b"", b"x" * 65, b"a b", b"../x", b"\xff", b"zlib"]
)
def test_no_charsets(name: bytes) -> None:
    assert find_codec(name) is None


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"utf-7", b"iso-2022-kr", b"hz-gb-2312", b"utf-16", b"big5", b"cp037"]))
def test_decoding_never_fails(data: bytes, charset: bytes) -> None:
    decode_text(data, charset)
