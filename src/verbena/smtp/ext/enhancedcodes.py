"""ENHANCEDSTATUSCODES (RFC 2034). Full: every reply but the greeting, EHLO's and 3xx has one (RFC 2034 §4)."""

from verbena.smtp.registry import Extension, always

EXTENSION = Extension(rfc=2034, keyword=always(b"ENHANCEDSTATUSCODES"))
