"""LITERAL+ (RFC 7888): full. ``wire.imap.frame`` reads literals of every kind; before login they are short (§5).

LITERAL- is not named beside it (RFC 7888 §5: a server lists one of the two); its clients are served as well.
"""

from verbena.imap.registry import Extension

EXTENSION = Extension(rfc=7888, capability="LITERAL+")
