"""What a process counts and measures, as it is told to the supervisor, which shows all processes' together."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypedDict

Labels = tuple[tuple[str, str], ...]
"""Label names and values, sorted by name."""
Series = tuple[str, Labels]

BUCKETS: Final = (
    0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
    2.5, 10.0,
)  # fmt: skip
"""Upper bounds of the buckets in which durations are counted, in seconds; the last bucket has none."""


class Written(TypedDict):
    """Samples as JSON has them."""

    counters: Sequence[tuple[str, Labels, float]]
    gauges: Mapping[str, float]
    states: Sequence[tuple[str, Labels, float]]
    histograms: Sequence[tuple[str, Labels, Sequence[int], float]]


@dataclass(slots=True)
class Histogram:
    """Durations: how many fell into each bucket, and their sum in seconds."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def observe(self, seconds: float) -> None:
        """Counts one."""
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def add(self, other: "Histogram") -> None:
        """Counts all of another."""
        self.buckets = [ours + theirs for ours, theirs in zip(self.buckets, other.buckets, strict=True)]
        self.total += other.total


@dataclass(slots=True)
class Samples:
    """Counters, which only rise; gauges, which stand for now; histograms.

    It belongs to one thread, which tells what is counted; what another thread counts, that one alone counts.
    `states` are gauges of several things each, told apart by labels.
    """

    counters: dict[Series, float] = field(default_factory=dict)
    gauges: dict[str, float] = field(default_factory=dict)
    states: dict[Series, float] = field(default_factory=dict)
    histograms: dict[Series, Histogram] = field(default_factory=dict)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Adds to a counter."""
        series = (name, tuple(sorted(labels.items())))
        self.counters[series] = self.counters.get(series, 0) + amount

    def histogram(self, name: str, **labels: str) -> Histogram:
        """The histogram of these labels, for who observes often."""
        return self.histograms.setdefault((name, tuple(sorted(labels.items()))), Histogram())

    def add(self, other: "Samples") -> None:
        """Adds what another process has counted; gauges are its own."""
        for series, value in other.counters.items():
            self.counters[series] = self.counters.get(series, 0) + value
        for series, histogram in other.histograms.items():
            self.histograms.setdefault(series, Histogram()).add(histogram)

    def as_json(self) -> Written:
        """As it travels between processes."""
        return {
            # Of copies: a thread that records may count something for the first time meanwhile. `copy` is one step; a
            # tuple of the items is not, for the collector may run among them, and give way to the other thread.
            "counters": [(name, labels, value) for (name, labels), value in self.counters.copy().items()],
            "gauges": self.gauges.copy(),
            "states": [(name, labels, value) for (name, labels), value in self.states.copy().items()],
            "histograms": [
                (name, labels, each.buckets, each.total) for (name, labels), each in self.histograms.copy().items()
            ],
        }

    @classmethod
    def from_json(cls, written: Written) -> "Samples":
        """As it came."""
        counters, states = _series(written["counters"]), _series(written["states"])
        histograms = {
            (name, _labels(labels)): Histogram(list(buckets), total)
            for name, labels, buckets, total in written["histograms"]
        }
        return cls(counters, dict(written["gauges"]), states, histograms)


def _series(written: Sequence[tuple[str, Labels, float]]) -> dict[Series, float]:
    return {(name, _labels(labels)): value for name, labels, value in written}


def _labels(written: Labels) -> Labels:
    return tuple((key, text) for key, text in written)
