"""How much of everything one run measures."""

from dataclasses import dataclass
from typing import Final

from benchmarks.world import World


@dataclass(frozen=True, slots=True)
class Scale:
    """The world, the questions, rounds and their seconds; `--quick` only shows that it runs."""

    world: World
    questions: int
    """Single questions; of batches and streams there are as many as fit."""
    rounds: int
    seconds: float
    burst: float
    """Seconds of a round of batches: what they record must be shipped before the next side's turn."""
    sustained: float
    """Seconds that batches go on for, shipping counted."""
    stream: int
    """Questions in one stream."""
    warm: float
    """Seconds of calls before latency is taken."""
    latency_rounds: int
    rates: tuple[int, ...]
    """Checks a second at which latency is taken."""
    policies: int
    """Rules at a cold start."""
    starts: int
    most: float
    """Unary checks a second that a soak takes for the capacity at most."""
    is_quick: bool


FULL: Final = Scale(
    World(users=1_000, documents=10_000), questions=4_000, rounds=4, seconds=3.0, burst=1.5, sustained=15.0,
    stream=100, warm=2.0, latency_rounds=3, rates=(1_000, 2_000, 5_000), policies=1_000, starts=5, most=100_000,
    is_quick=False,
)  # fmt: skip
QUICK: Final = Scale(
    World(users=100, documents=200), questions=64, rounds=1, seconds=0.3, burst=0.3, sustained=0.3,
    stream=50, warm=0.0, latency_rounds=1, rates=(200,), policies=50, starts=1, most=200,
    is_quick=True,
)  # fmt: skip
