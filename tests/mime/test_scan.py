"""The scanner: trees, offsets, damage, limits; any octets in any pieces give one answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verbena.mime.body import PartIndex, format_body, format_envelope, locate, pack_parts
from verbena.mime.scan import ScanLimits, Scanned, Scanner
from verbena.model.part import Encoding, Part, PartKind, Section, SectionText


def scan(message: bytes, piece: int = 0, limits: ScanLimits | None = None) -> Scanned:
    scanner = Scanner(limits) if limits else Scanner()
    size = piece or len(message) or 1
    for at in range(0, len(message), size):
        scanner.feed(message[at : at + size])
    return scanner.finish()


def outline(message: bytes, part: Part) -> object:
    """A tree one can read: type, and for leaves the body."""
    name = b"%b/%b" % (part.media_type, part.subtype)
    if part.kind == PartKind.LEAF:
        return name, message[part.body_start : part.end]
    return name, [outline(message, child) for child in part.children]


def crlf(text: bytes) -> bytes:
    return text.replace(b"\n", b"\r\n")


MIXED = b"Content-Type: multipart/mixed; boundary=b\n\n"
TEXT = b"text/plain"

SAMPLES: list[tuple[str, bytes, object]] = [
    ("empty", b"", (TEXT, b"")),
    ("header only, no empty line", b"Subject: x\n", (TEXT, b"")),
    ("header without any line end", b"Subject: x", (TEXT, b"")),
    ("no header", b"\nbody\n", (TEXT, b"body\n")),
    ("one text", b"Subject: x\n\na\nb\n", (TEXT, b"a\nb\n")),
    ("line that is no field", b"Subject: x\njunk\nTo: y\n\nbody", (TEXT, b"body")),
    (
        "two parts, preamble, epilogue",
        MIXED + b"pre\n--b\n\none\n--b\nContent-Type: image/png\n\ntwo\n\n--b--\nepi\n",
        (b"multipart/mixed", [(TEXT, b"one"), (b"image/png", b"two\n")]),
    ),
    ("no preamble", MIXED + b"--b\n\none\n--b--\n", (b"multipart/mixed", [(TEXT, b"one")])),
    ("no closing boundary", MIXED + b"--b\n\none\n", (b"multipart/mixed", [(TEXT, b"one\n")])),
    ("boundary at the very end", MIXED + b"--b\n\none\n--b", (b"multipart/mixed", [(TEXT, b"one")])),
    ("closing boundary without line end", MIXED + b"--b\n\none\n--b--", (b"multipart/mixed", [(TEXT, b"one")])),
    ("empty part", MIXED + b"--b\n\n--b\n\n\n--b--\n", (b"multipart/mixed", [(TEXT, b""), (TEXT, b"")])),
    ("part without empty line", MIXED + b"--b\nX: y\n--b--\n", (b"multipart/mixed", [(TEXT, b"")])),
    ("boundary behind boundary", MIXED + b"--b\n--b\n--b--\n", (b"multipart/mixed", [(TEXT, b""), (TEXT, b"")])),
    ("no parts", MIXED + b"nothing here\n", (b"multipart/mixed", [])),
    ("no body", MIXED, (b"multipart/mixed", [])),
    ("space after a boundary", MIXED + b"--b \t\n\none\n--b-- \n", (b"multipart/mixed", [(TEXT, b"one")])),
    ("boundary text goes on", MIXED + b"--bcd\n\none\n--b--cd\n", (b"multipart/mixed", [(TEXT, b"one")])),
    ("not at a line's beginning", MIXED + b"--b\n\nx --b\n --b\n--b--", (b"multipart/mixed", [(TEXT, b"x --b\n --b")])),
    (
        "dashes that are no boundary",
        MIXED + b"--b\n\n--\n--c\n---b\n--b--",
        (b"multipart/mixed", [(TEXT, b"--\n--c\n---b")]),
    ),
    (
        "after the close nothing counts",
        MIXED + b"--b\n\n1\n--b--\n--b\n\n2\n--b--\n",
        (b"multipart/mixed", [(TEXT, b"1")]),
    ),
    ("no boundary parameter", b"Content-Type: multipart/mixed\n\n--b\n\none\n", (TEXT, b"--b\n\none\n")),
    ("empty boundary", b'Content-Type: multipart/mixed; boundary=""\n\n--\n\none\n', (TEXT, b"--\n\none\n")),
    (
        "continued boundary parameter",
        b'Content-Type: multipart/mixed; boundary*0=a; boundary*1="b c"\n\n--ab c\n\none\n--ab c--\n',
        (b"multipart/mixed", [(TEXT, b"one")]),
    ),
    (
        "inner boundary begins with the outer",
        MIXED
        + b"--b\nContent-Type: multipart/alternative; boundary=b2\n\n--b2\n\n1\n--b2\n\n2\n--b2--\nx\n--b\n\n3\n--b--",
        (b"multipart/mixed", [(b"multipart/alternative", [(TEXT, b"1"), (TEXT, b"2")]), (TEXT, b"3")]),
    ),
    (
        "outer boundary begins with the inner, inner never closed",
        b"Content-Type: multipart/mixed; boundary=b2\n\n--b2\n" + MIXED + b"--b\n\n1\n--b2\n\n2\n--b2--",
        (b"multipart/mixed", [(b"multipart/mixed", [(TEXT, b"1")]), (TEXT, b"2")]),
    ),
    (
        "closed inner boundary in the epilogue",
        MIXED + b"--b\nContent-Type: multipart/mixed; boundary=b2\n\n--b2\n\n1\n--b2--\n--b2\nx\n--b\n\n3\n--b--",
        (b"multipart/mixed", [(b"multipart/mixed", [(TEXT, b"1")]), (TEXT, b"3")]),
    ),
    (
        "the same boundary twice",
        MIXED + b"--b\n" + MIXED + b"--b\n\n1\n--b--\n--b\n\n2\n--b--\n",
        (b"multipart/mixed", [(b"multipart/mixed", [(TEXT, b"1")]), (TEXT, b"2")]),
    ),
    (
        "message",
        MIXED + b"--b\nContent-Type: message/rfc822\n\nSubject: in\n\nhi\n--b--",
        (b"multipart/mixed", [(b"message/rfc822", [(TEXT, b"hi")])]),
    ),
    (
        "message whose header is cut by the boundary",
        MIXED + b"--b\nContent-Type: message/rfc822\n\nSubject: in\n--b--",
        (b"multipart/mixed", [(b"message/rfc822", [(TEXT, b"")])]),
    ),
    (
        "message without anything",
        MIXED + b"--b\nContent-Type: message/rfc822\n--b--",
        (b"multipart/mixed", [(b"message/rfc822", [(TEXT, b"")])]),
    ),
    ("message at the top", b"Content-Type: message/rfc822\n\nTo: x\n\nhi", (b"message/rfc822", [(TEXT, b"hi")])),
    ("top message of nothing", b"Content-Type: message/rfc822\n", (b"message/rfc822", [(TEXT, b"")])),
    (
        "message in base64 is opaque",
        b"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nVG86IHgKCmhp",
        (b"application/octet-stream", b"VG86IHgKCmhp"),
    ),
    (
        "digest",
        b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nTo: x\n\nhi\n--b\nContent-Type: text/plain\n\nt\n--b--",
        (b"multipart/digest", [(b"message/rfc822", [(TEXT, b"hi")]), (TEXT, b"t")]),
    ),
    ("NULs and 8 bit", b"Subject: \0\xff\n\n\0\xff\n", (TEXT, b"\0\xff\n")),
    ("bare CR ends nothing", b"A: b\r\rC: d\n\nx\r--b", (TEXT, b"x\r--b")),
]


@pytest.mark.rfc("2046 §5.1")
@pytest.mark.parametrize(("message", "wanted"), [row[1:] for row in SAMPLES], ids=[row[0] for row in SAMPLES])
def test_tree(message: bytes, wanted: object) -> None:
    assert outline(message, scan(message).root) == wanted


def _with_crlf(wanted: object) -> object:
    if isinstance(wanted, bytes):
        return crlf(wanted)
    if isinstance(wanted, list):
        return [_with_crlf(item) for item in wanted]
    assert isinstance(wanted, tuple)
    return tuple(_with_crlf(item) for item in wanted)


@pytest.mark.rfc("2046 §5.1")
@pytest.mark.parametrize(("message", "wanted"), [row[1:] for row in SAMPLES], ids=[row[0] for row in SAMPLES])
def test_tree_with_crlf(message: bytes, wanted: object) -> None:
    assert outline(crlf(message), scan(crlf(message)).root) == _with_crlf(wanted)


def test_figures() -> None:
    message = crlf(MIXED + b"--b\n\none\ntwo\n--b--\n")
    found = scan(message)
    assert found.size_octets == len(message) == found.root.end
    assert found.header == message[: found.header_octets] == crlf(MIXED)
    assert found.line_count == 7
    assert found.root.body_lines == 5
    assert found.root.children[0].body_lines == 1


def test_fields_of_a_part() -> None:
    header = crlf(
        b"Content-Type: text/html; charset=utf-8 (comment)\nContent-Transfer-Encoding: Quoted-Printable (x)\n"
        b"Content-ID: <a@b>\nContent-Description: some\n words\nContent-MD5: abc\n"
        b'Content-Disposition: attachment; filename="a b.html"\nContent-Language: en, de (German)\n'
        b"Content-Location: http://example.com/\n a\nContent-Type: image/png\n\n"
    )
    part = scan(header).root
    assert (part.media_type, part.subtype, part.params) == (b"text", b"html", ((b"charset", b"utf-8"),))
    assert (part.encoding, part.encoding_name) == (Encoding.QUOTED_PRINTABLE, b"quoted-printable")
    assert (part.content_id, part.description, part.md5) == (b"<a@b>", b"some words", b"abc")
    assert part.disposition is not None
    assert (part.disposition.kind, part.disposition.params) == (b"attachment", ((b"filename", b"a b.html"),))
    assert (part.language, part.location) == ((b"en", b"de"), b"http://example.com/a")


@pytest.mark.parametrize(
    ("body", "odd"),
    [
        (b"plain\r\n", False),
        (b"\0", True),
        (b"caf\xc3\xa9", True),
        (b"x" * 998 + b"\r\n" + b"x" * 998 + b"\r\n", False),
        (b"x" * 998 + b"\n" + b"x" * 998, False),
        (b"x" * 998 + b"\r", False),
        (b"x" * 999 + b"\r\n", True),
        (b"x" * 999, True),
        (b"x" * 998 + b"\ry", True),
        (b"a\r\n" * 500 + b"x" * 999 + b"\r\n" + b"a\r\n" * 500, True),
        (b"a\r\n" * 5000, False),
    ],
)
@pytest.mark.parametrize("piece", [0, 1, 7, 4096, 4097])
def test_odd_octets(body: bytes, odd: bool, piece: int) -> None:
    assert scan(b"\r\n" + body, piece).root.has_nul_or_8bit is odd


def test_depth_is_limited() -> None:
    message = b"".join(b"Content-Type: multipart/mixed; boundary=b%03d\n\n--b%03d\n" % (n, n) for n in range(100))
    part = scan(message).root
    depth = 1
    while part.children:
        part = part.children[0]
        depth += 1
    assert depth == 64
    assert (part.media_type, part.subtype) == (b"application", b"octet-stream")
    assert part.end == len(message)


def test_part_count_is_limited() -> None:
    message = MIXED + b"--b\n\nx\n" * 20_000 + b"--b--\n"
    root = scan(message).root
    assert len(root.children) == 9_999
    assert message[root.children[-1].body_start :].startswith(b"x\n--b\n\nx")
    assert root.end == len(message)


@pytest.mark.parametrize("piece", [0, 1000, 70_000])
def test_long_header_is_counted_but_not_kept(piece: int) -> None:
    limits = ScanLimits(header_octets=5000)
    message = b"Subject: first\n" + b"X-Fill: yes\n" * 10_000 + b"Y: " + b"y" * 50_000 + b"\nTo: late\n\nbody\n"
    found = scan(message, piece, limits)
    assert found.envelope.subject == b"first"
    assert found.envelope.to == ()
    assert found.header == message[:5000]
    assert message[found.root.body_start :] == b"body\n"
    assert found.line_count == 10_005


def test_memory_is_bounded() -> None:
    """No body is held: the scanner's buffer stays small whatever passes."""
    scanner = Scanner()
    scanner.feed(crlf(MIXED + b"--b\n\n"))
    for _ in range(100):
        scanner.feed(b"x" * 60_000 + b"\r\n-")
        assert len(scanner._buf) <= 131_072
    assert scanner.finish().root.children[0].end > 6_000_000


def check_offsets(part: Part, start: int, end: int) -> None:
    assert start <= part.header_start <= part.body_start <= part.end <= end
    at = part.body_start
    for child in part.children:
        check_offsets(child, at, part.end)
        at = child.end


LINES = st.sampled_from(
    [
        b"--b", b"--b--", b"--bb", b"--bb--", b"--c", b"--c--", b"--", b"-", b"", b"", b"text", b"\0\xff", b" folded",
        b"Content-Type: multipart/mixed; boundary=b", b"Content-Type: multipart/digest; boundary=bb",
        b"Content-Type: multipart/alternative;\n boundary=\"c\"", b"Content-Type: message/rfc822",
        b"Content-Transfer-Encoding: base64", b"Subject: s", b"From: \"a\" <b@c>", b"x" * 1000,
    ]
)  # fmt: skip
MESSAGES = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r\n", b"\r", b""])), max_size=40).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@settings(max_examples=200, deadline=None)
@given(MESSAGES | st.binary(max_size=200), st.integers(1, 50))
def test_any_octets_in_any_pieces(message: bytes, piece: int) -> None:
    whole = scan(message)
    limits = ScanLimits()
    scanner = Scanner(limits)
    for at in range(0, len(message), piece):
        scanner.feed(message[at : at + piece])
        scanner._run(False)  # as if the pieces were large
    assert scanner.finish() == whole == scan(message, piece)
    check_offsets(whole.root, 0, len(message))
    assert whole.root.header_start == 0
    assert whole.root.end == whole.size_octets == len(message)
    assert whole.line_count == message.count(b"\n")
    check_lines(message, whole.root)
    format_envelope(whole.envelope)
    format_body(whole.root, True)
    check_index(whole.root)


def check_lines(message: bytes, part: Part) -> None:
    body = message[part.body_start : part.end]
    assert part.body_lines == body.count(b"\n")
    if part.kind == PartKind.LEAF:
        lines = body.split(b"\n")
        tops = [line.removesuffix(b"\r") for line in lines]
        assert part.has_nul_or_8bit == (b"\0" in body or not body.isascii() or max(map(len, tops)) > 998)
    for child in part.children:
        check_lines(message, child)


def check_index(root: Part) -> None:
    index = PartIndex(pack_parts(root))
    assert locate(index, Section()) == (0, root.end)
    assert locate(index, Section((), SectionText.TEXT)) == (root.body_start, root.end)
    check_paths(index, root, ())


def check_paths(index: PartIndex, part: Part, path: tuple[int, ...]) -> None:
    """``part`` is what ``path`` leads to; its own parts are found below it."""
    found = index.find(path)
    assert found is not None
    assert (found.kind, found.encoding, found.header_start) == (part.kind, part.encoding, part.header_start)
    assert (found.body_start, found.end, found.has_nul_or_8bit) == (part.body_start, part.end, part.has_nul_or_8bit)
    container = part.children[0] if path and part.kind == PartKind.MESSAGE else part
    if container.kind == PartKind.MULTIPART:
        for number, child in enumerate(container.children, 1):
            check_paths(index, child, (*path, number))
        assert index.find((*path, len(container.children) + 1)) is None
