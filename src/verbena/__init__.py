"""Verbena: a mail server for the whole Lemonade profile (RFC 5550)."""

__version__ = "0.1.0"
