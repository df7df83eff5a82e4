"""One side of a ratio while it is measured, and what a round of load made of it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.sides.body import Body
from benchmarks.sides.dialect import Dialect

REPEATED: Final = 16
IN_FLIGHT: Final = 2


@dataclass(frozen=True, slots=True)
class Side:
    """A server under load: where it is, how it is asked, and whose CPU time is its own."""

    name: str
    address: str
    dialect: Dialect
    bodies: Sequence[Body]
    """All that is asked, in turn."""
    servers: Sequence[int]
    """The processes that answer."""
    checks: int = 1
    """Questions in one body."""
    repeats: int = REPEATED
    """How many of the bodies are repeated."""
    in_flight: int = IN_FLIGHT
    """Calls under way of each body that is repeated."""
    settle: Callable[[], None] = lambda: None
    """Returns when nothing is left to do of the rounds before."""

    @property
    def repeated(self) -> Sequence[Body]:
        """Those of the bodies that h2load sends over and over, each over connections of its own."""
        return self.bodies[: self.repeats]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to: checks a second, and the CPU time that the answering processes took for one, in µs."""

    rate: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Rounds:
    """All rounds of a side."""

    name: str
    each: tuple[Round, ...]

    @property
    def rate(self) -> float:
        """Checks a second, the median."""
        return median(taken.rate for taken in self.each)

    @property
    def cpu(self) -> float:
        """µs of CPU a check, the median."""
        return median(taken.cpu for taken in self.each)


def cpu_seconds(processes: Sequence[int]) -> float:
    """CPU time that the processes have taken so far."""
    return sum(map(_cpu_seconds, processes))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
