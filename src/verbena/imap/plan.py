"""What a CREATE or STORE is going to do; parameters and modifiers change it before anything is written (RFC 4466)."""

from dataclasses import dataclass

from verbena.model.ids import ModSeq
from verbena.model.mailbox import SpecialUse


@dataclass(slots=True)
class CreatePlan:
    special_use: SpecialUse | None = None


@dataclass(slots=True)
class StorePlan:
    """``unchanged_since``: messages with a higher modseq are left alone and named in MODIFIED (RFC 7162 §3.1.3)."""

    unchanged_since: ModSeq | None = None
