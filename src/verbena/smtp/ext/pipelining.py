"""PIPELINING (RFC 2920). Full: ``smtp.session`` gathers the replies of a group."""

from verbena.smtp.registry import Extension, always

EXTENSION = Extension(rfc=2920, keyword=always(b"PIPELINING"))
