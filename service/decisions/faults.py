"""What a verification of the log can find."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class FaultKind(Enum):
    """In what way the log is not as it was written."""

    CHANGED = "changed"
    """A record, or what finds it, says something else than when it was chained."""
    REMOVED = "removed"
    """Records of a chain are not there."""
    BROKEN = "broken"
    """A link does not follow from the one before: records were moved, put in between or chained again."""
    INSERTED = "inserted"
    """A record is in no chain, or behind the end of one."""
    TRUNCATED = "truncated"
    """A chain ends before a place that it had."""
    REPLACED = "replaced"
    """A chain agrees with itself and not with a checkpoint: it was computed anew."""
    DROPPED = "dropped"
    """A whole chain is not there."""
    CHECKPOINT = "checkpoint"
    """A checkpoint is missing, changed, not signed as it must be, or not one."""
    NOTE = "note"
    """A note is missing, changed, of another chain, not signed as it must be, or not one."""
    EXPORT = "export"
    """An export is not what its manifest tells, or has no manifest that counts."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One finding: at `sequence` of the chain of `replica`, about the record `id`, as far as there are such."""

    kind: FaultKind
    text: str
    replica: str | None = None
    sequence: int | None = None
    id: str | None = None


KEPT: Final = 100


class Faults:
    """The first findings of many, and how many there were; memory stays bounded whatever the log holds."""

    def __init__(self) -> None:
        self.first: list[Fault] = []
        self.count = 0

    def add(self, fault: Fault) -> None:
        """Counts a finding, and keeps it if it is among the first."""
        self.count += 1
        if len(self.first) < KEPT:
            self.first.append(fault)
