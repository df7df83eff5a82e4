"""What one number came to, beside what it should come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.sides.side import Rounds


@dataclass(frozen=True, slots=True)
class Target:
    """A bound: `measured` is to be so much at least, or, with `is_most`, at most."""

    bound: float
    unit: str
    is_most: bool = False

    def is_met_by(self, measured: float) -> bool:
        """Whether that is within the bound."""
        return measured <= self.bound if self.is_most else measured >= self.bound

    def __str__(self) -> str:
        return f"{'≤' if self.is_most else '≥'} {self.bound:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Line:
    """One side with what was measured of it, by name, such as `checks/s`."""

    side: str
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Finding:
    """One number: what it is, its target, what was measured, both sides of it; None and a remark where nothing was."""

    number: str
    what: str
    target: Target
    measured: float | None
    sides: Sequence[Line] = ()
    remark: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where nothing was measured."""
        return None if self.measured is None else self.target.is_met_by(self.measured)


def line_of(rounds: Rounds) -> Line:
    """A side under load."""
    return Line(rounds.name, {"checks/s": rounds.rate, "CPU µs a check": rounds.cpu})


def rate_ratio(ours: Rounds, theirs: Rounds) -> float:
    """Checks a second of the one for one of the other, the median of the rounds taken side by side."""
    return median(own.rate / other.rate for own, other in zip(ours.each, theirs.each, strict=True))


def cpu_ratio(ours: Rounds, theirs: Rounds) -> float:
    """CPU time a check of the other for one of the one, in the same way."""
    return median(other.cpu / own.cpu for own, other in zip(ours.each, theirs.each, strict=True))
