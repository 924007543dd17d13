"""The plan of a STORE, which its modifiers change before anything is written (RFC 3501 §6.4.6, RFC 4466 §2.5)."""

from dataclasses import dataclass

from verbena.model.ids import ModSeq


@dataclass(slots=True)
class StorePlan:
    """``unchanged_since``: messages with a higher modseq are left alone and named in MODIFIED (RFC 7162 §3.1.3)."""

    unchanged_since: ModSeq | None = None
