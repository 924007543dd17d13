"""URL-PARTIAL: ``;PARTIAL=`` in the URLs of CATENATE and URLAUTH (RFC 5550 §5.7.1): full.

The range is cut in ``urlauth.resolve``, for every user of URLs alike.
"""

from verbena.imap.registry import Extension

EXTENSION = Extension(rfc=5550, capability="URL-PARTIAL")
