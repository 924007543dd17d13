"""MULTIAPPEND (RFC 3502): full. APPEND takes any number of messages, within ``session.Limits``, all or none."""

from verbena.imap.registry import Extension

EXTENSION = Extension(rfc=3502, capability="MULTIAPPEND")
