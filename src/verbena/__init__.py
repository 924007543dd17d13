"""Verbena: a mail server for the whole Lemonade profile (RFC 5550)."""

from verbena import compiled

__version__ = "0.1.0"

compiled.use()
