"""Measures what each stage of the calls that ask takes in this process.

Law: what is measured on the way of one check takes less than two millionths of a second for all stages together.
"""

from bisect import bisect_left
from collections.abc import Callable
from time import perf_counter
from typing import Final

from service.metrics import STAGES
from service.samples import BUCKETS, Histogram, Samples
from service.traces import TRACE

Ended = Callable[[float], float]
"""Takes note that a stage that began at that reading of `perf_counter` has ended; gives the reading now."""


def _measured(stage: str, durations: Histogram) -> Ended:
    # `Histogram.observe` written out: a call and its look-ups would be a third of what this costs.
    buckets, bounds, find, clock, traced = durations.buckets, BUCKETS, bisect_left, perf_counter, TRACE.get

    def ended(began: float) -> float:
        now = clock()
        took = now - began
        buckets[find(bounds, took)] += 1
        durations.total += took
        trace = traced()
        if trace is not None:
            trace.stage(stage, began, now)
        return now

    return ended


_DURATIONS: Final = tuple(Histogram() for _ in STAGES)

verify_ended, fetch_ended, decide_ended, record_ended, write_ended = map(_measured, STAGES, _DURATIONS)


def tell_stages(samples: Samples) -> None:
    """Says what the stages took."""
    for stage, durations in zip(STAGES, _DURATIONS, strict=True):
        samples.histograms["magistrate_stage_seconds", (("stage", stage),)] = durations
