"""P4: BatchCheck of 50, everything on, beside Cerbos, as a burst and sustained; P11: batches of 1,000 beside those."""

import time
from dataclasses import replace
from statistics import median
from typing import Final

from benchmarks.numbers.finding import Finding, Line, Target, cpu_ratio, line_of, rate_ratio
from benchmarks.numbers.sides import NO_CERBOS, OURS, batches, find_cerbos_side
from benchmarks.sides.dialect import BATCH
from benchmarks.sides.side import REPEATED, Side
from benchmarks.stage import Service, Stage

SIZE: Final = 50
LARGE: Final = 1_000
_TARGET: Final = Target(2.0, "× Cerbos")
_BURST: Final = "BatchCheck of 50, a burst"
_SUSTAINED: Final = "BatchCheck of 50, as fast as its record is shipped"
_LINEAR: Final = Target(1.2, "× at 50", is_most=True)


def measure(stage: Stage) -> list[Finding]:
    """P4, with as many workers as cores, for Cerbos uses all of them too."""
    groups, service = stage.groups(SIZE), stage.all_workers
    ours, peer = service.side(OURS, BATCH, batches(stage, groups), SIZE), find_cerbos_side(stage, groups)
    taken = stage.in_turn([ours, peer] if peer else [ours], stage.scale.rounds, stage.scale.burst)
    sustained = _sustained(stage, service, ours)
    lines = [*map(line_of, taken), Line("ours, sustained", {"checks/s": sustained})]
    if not peer:
        return [
            Finding("P4", _BURST, _TARGET, None, lines, NO_CERBOS),
            Finding("P4", _SUSTAINED, _TARGET, None, remark=NO_CERBOS),
        ]
    own, other = taken
    remark = f"{cpu_ratio(own, other):.2f} by CPU time of the servers"
    return [
        Finding("P4", _BURST, _TARGET, rate_ratio(own, other), lines, remark),
        Finding("P4", _SUSTAINED, _TARGET, sustained / other.rate),
    ]


def measure_linearity(stage: Stage) -> list[Finding]:
    """P11, with one worker."""
    service, many = stage.one_worker, stage.scale.world.groups(REPEATED, LARGE)
    sides = [
        service.side("batches of 50", BATCH, batches(stage, stage.groups(SIZE)), SIZE),
        replace(service.side("batches of 1,000", BATCH, batches(stage, many), LARGE), repeats=4, in_flight=1),
    ]
    small, large = stage.in_turn(sides, stage.scale.rounds, stage.scale.burst)
    by_cpu = median(big.cpu / few.cpu for few, big in zip(small.each, large.each, strict=True))
    remark = f"{rate_ratio(small, large):.2f} by time"
    what = "the CPU time of a check in batches of 1,000"
    return [Finding("P11", what, _LINEAR, by_cpu, [line_of(small), line_of(large)], remark)]


def _sustained(stage: Stage, service: Service, ours: Side) -> float:
    """Checks a second over bursts, each of which waits until the one before is shipped."""
    ours.settle()
    before, began = service.recorded(), time.monotonic()
    while time.monotonic() - began < stage.scale.sustained:
        stage.in_turn([ours], 1, stage.scale.burst)  # which settles at its end
    return (service.recorded() - before) / (time.monotonic() - began)
