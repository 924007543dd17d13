"""SASL exchanges as pure state machines, for servers and clients (RFC 4422), shared by IMAP, SMTP and ManageSieve.

PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), EXTERNAL (RFC 4422 Appendix A), SCRAM-SHA-1 (RFC 5802) and
SCRAM-SHA-256 (RFC 7677), both also with channel binding (``-PLUS``; the types are what TLS gives the caller:
``tls-server-end-point`` and, up to TLS 1.2, ``tls-unique`` of RFC 5929).

DIGEST-MD5 and CRAM-MD5 are left out on purpose: RFC 6331 moved DIGEST-MD5 to historic, both rest on MD5 and make the
server keep what is as good as the password; SCRAM takes their place.

Machines take and give the octets of the mechanism, before base64; ``coding`` has the base64 layer. A server machine
knows no account: it asks by a value (``NeedScramKeys``, ``NeedPasswordCheck``, ``NeedIdentity``). Randomness is an
argument.
"""
