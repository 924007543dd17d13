"""The address parts :user and :detail (RFC 5233)."""

import pytest

from support.script import World, actions, complaints
from support.sieve import holds
from verbena.sieve.run import Envelope

SCRIPT = """require ["envelope", "subaddress", "fileinto"];
      if envelope :user "to" "postmaster" {
          fileinto "inbox.postmaster";
          stop;
      }
      if envelope :detail "to" "mta-filters" {
          fileinto "inbox.ietf-mta-filters";
      }
      if envelope :detail "to" "foo" {
          redirect "ken@example.net";
      }"""


@pytest.mark.rfc("5233 §4")
@pytest.mark.parametrize(
    ("recipient", "does"),
    [
        (b"postmaster@example.com", "fileinto inbox.postmaster"),
        (b"postmaster+x@example.com", "fileinto inbox.postmaster"),
        (b"ken+mta-filters@example.com", "fileinto inbox.ietf-mta-filters"),
        (b"ken+foo@example.com", "redirect ken@example.net"),
        (b"ken@example.com", "implicit keep"),
    ],
)
def test_example(recipient: bytes, does: str) -> None:
    assert actions(SCRIPT, envelope=Envelope(b"a@b", recipient)) == [does]


@pytest.mark.rfc("5233 §4")
@pytest.mark.parametrize(
    ("part", "address", "value"),
    [
        ("user", "ken+sieve@x.example", "ken"),
        ("user", "ken@x.example", "ken"),
        ("detail", "ken+sieve@x.example", "sieve"),
        ("detail", "ken+@x.example", ""),
        ("detail", "ken+a+b@x.example", "a+b"),
        ("detail", "ken@x.example", None),
    ],
)
def test_parts(part: str, address: str, value: str | None) -> None:
    message = f"To: {address}\n\n"
    assert holds(f'address :{part} :matches "to" "*"', message, require='"subaddress"') == (value is not None)
    if value is not None:
        assert holds(f'address :{part} "to" "{value}"', message, require='"subaddress"')


def test_another_separator() -> None:
    world = World(items={b"vnd.verbena.detail-separator": b"--"})
    assert holds('address :detail "to" "b"', "To: a--b@x.example\n\n", world, '"subaddress"')
    assert not holds('address :detail :matches "to" "*"', "To: a+b@x.example\n\n", world, '"subaddress"')


def test_null_path() -> None:
    null = Envelope(b"", b"a@b")
    assert holds('envelope :user "from" ""', "\n", require='"subaddress", "envelope"', envelope=null)


def test_refused() -> None:
    assert complaints('if address :user "to" "a" { keep; }')
    assert complaints('require "subaddress"; if address :user :domain "to" "a" { keep; }')
