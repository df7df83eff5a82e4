"""What the calls of one door came to: how long each took, those that failed, those that were answered wrong."""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Summary:
    """Calls of one door; times are milliseconds since a call was due."""

    calls: int
    checks: int
    p50: float
    p99: float
    p999: float
    most: float
    failed: Mapping[str, int]
    wrong: int


@dataclass(slots=True)
class Tally:
    """The calls of one door as they end, each of so many checks."""

    checks: int
    taken: "array[float]" = field(default_factory=lambda: array("d"))
    failed: Counter[str] = field(default_factory=Counter)
    wrong: int = 0

    def summary(self) -> Summary:
        """All so far."""
        taken = sorted(self.taken)
        p50, p99, p999 = (taken[int(len(taken) * share)] * 1e3 if taken else 0.0 for share in (0.5, 0.99, 0.999))
        most = taken[-1] * 1e3 if taken else 0.0
        return Summary(len(taken), len(taken) * self.checks, p50, p99, p999, most, dict(self.failed), self.wrong)
